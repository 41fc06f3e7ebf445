// SPDX-License-Identifier: MIT

// What the manager of the system's own library (edge/system) has in common with this one: turns, waits, and reports.
export { checkConnectOptions, checkTerm } from "./arguments.ts";
export { describeDevice } from "./device.ts";
export { defaultPcscdLimits, type PcscdLimits } from "./limits.ts";
export { PcscdManager, type PcscdManagerOptions, type ServiceInfo } from "./manager.ts";
export type { Dial, Pipe, PipeEvents } from "./pipe.ts";
export { ReaderTurns, type TurnOwner } from "./reader-turns.ts";
export { cardState, differs, isPnp, readerKey } from "./reports.ts";
export { checkWait, Wait, type WaitSet } from "./wait.ts";
export type { ReaderEvent, WatchOptions } from "./watch-readers.ts";
