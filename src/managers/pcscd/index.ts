// SPDX-License-Identifier: MIT

export { defaultPcscdLimits, type PcscdLimits } from "./limits.ts";
export { PcscdManager, type PcscdManagerOptions, type ProbeOptions, type ServiceInfo } from "./manager.ts";
export type { Dial, Pipe, PipeEvents } from "./pipe.ts";
