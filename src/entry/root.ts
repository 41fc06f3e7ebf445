// SPDX-License-Identifier: MIT

/**
 * `scard`: what most programs need. Importing it loads no socket, no database and nothing native: those are loaded when a
 * manager is opened. Everything else has its own subpath.
 *
 * ```ts
 * import { openManager, watchReaders } from "scard";
 *
 * await using opened = await openManager();
 * for await (const event of watchReaders(opened.manager)) {
 *   if (event.kind === "card-inserted") console.log(event.reader, event.atr);
 * }
 * ```
 */

import { nodeRuntime } from "../platform/node/runtime/index.ts";
import {
  managerObject,
  type ReaderWatch,
  type ResourceManager,
  type WatchReadersOptions,
  watchReaders as watchOnClock,
} from "../port/index.ts";
import type { OpenedManager, OpenManagerOptions } from "./machine.ts";

export { encodeHex, hexBytes as decodeHex } from "../base/binary/index.ts";
export type { CardImage, FileSystemCard } from "../cards/file-system/index.ts";
export type { SoftwareCard } from "../cards/software-card/index.ts";
export type { EmbeddedManager, EmbeddedManagerOptions, ManagerClient } from "../managers/embedded/index.ts";
export {
  type CancelTimer,
  type CardState,
  type ClientIdentity,
  type Clock,
  type CommandInit,
  type Connection,
  type ConnectionStatus,
  type ConnectOptions,
  type Context,
  type ContextOptions,
  type Disposition,
  describeHolder,
  type ErrorCode,
  type ErrorDetails,
  type Holder,
  type Initialization,
  PNP_NOTIFICATION,
  type Protocol,
  type Reader,
  type ReaderDevice,
  type ReaderEvent,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ReaderWatch,
  type ReconnectOptions,
  type ResourceManager,
  type ResponseApdu,
  type Runtime,
  type ScheduleOptions,
  type Scope,
  type SendOptions,
  type ShareMode,
  SmartCardError,
  type TransactionOptions,
  type TransmitOptions,
  type WaitOptions,
  type WatchReadersOptions,
} from "../port/index.ts";
export type { VirtualReader, VirtualReaderOptions } from "../readers/virtual/index.ts";
export type {
  OpenedEmbeddedManager,
  OpenedManager,
  OpenedService,
  OpenedSystemManager,
  OpenManagerOptions,
} from "./machine.ts";
export { embeddedManager, softwareCard, virtualReader } from "./software.ts";

/**
 * Opens the resource manager that `spec` describes, or else the one that this machine has; `openManager` of
 * `scard/machine` has the table of specs and of failures.
 */
export async function openManager(spec?: string, options?: OpenManagerOptions): Promise<OpenedManager> {
  const machine = await import("./machine.ts");
  return machine.openManager(spec, options);
}

/**
 * Reports the readers and cards of a manager: `watchReaders` of `scard/pcsc`, on this machine's clock where the manager
 * names none.
 *
 * @throws invalid-parameter; in the iteration errors that waiting cannot cure: security-violation, no-access, no-memory
 */
export function watchReaders(manager: ResourceManager, options: WatchReadersOptions = {}): ReaderWatch {
  managerObject(manager, { operation: "watch readers", path: "manager" });
  const isComplete = manager.clock !== undefined;
  return watchOnClock(isComplete ? manager : onThisClock(manager), options);
}

function onThisClock(manager: ResourceManager): ResourceManager {
  return {
    clock: nodeRuntime().clock,
    get isClosed() {
      return manager.isClosed === true;
    },
    establishContext: (options) => manager.establishContext(options),
  };
}
