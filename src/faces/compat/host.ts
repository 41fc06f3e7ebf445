// SPDX-License-Identifier: MIT

import type { Clock, Dialect, ReaderStateReport, ResourceManager } from "../../port/index.ts";

/** Dependencies of a compatibility face. */
export interface CompatHost {
  /** Opens the resource manager, or returns the open one. It is called again after a failure. */
  readonly manager: () => Promise<ResourceManager>;
  /** The time in which pauses are made. */
  readonly clock: Clock;
  /** Whose header the numbers are of: those packages have the numbers of the system that they were compiled on. */
  readonly dialect: Dialect;
}

/** Dependencies of the face of `smartcard`. Its synchronous functions need a synchronous query of the readers. */
export interface SmartcardHost<B extends Uint8Array> extends CompatHost {
  /** Bytes as programs get them: `Buffer` on Node. */
  readonly toBytes: (bytes: Uint8Array) => B;
  /**
   * The current readers, without waiting; undefined where that is not possible.
   *
   * @throws no-service, and other failures of the query
   */
  readonly look: () => readonly ReaderStateReport[] | undefined;
}
