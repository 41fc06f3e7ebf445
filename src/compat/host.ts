// SPDX-License-Identifier: MIT

import type { Clock, Dialect, ReaderStateReport, ResourceManager } from "../pcsc/index.ts";

/** What a compatibility face stands on. */
export interface CompatHost {
  /** Opens the resource manager, or hands out the one that is open. It is asked again after it has failed. */
  readonly manager: () => Promise<ResourceManager>;
  /** The time in which pauses are made. */
  readonly clock: Clock;
  /** Whose header the numbers are of: those packages have the numbers of the system that they were compiled on. */
  readonly dialect: Dialect;
}

/** What the face of `smartcard` stands on. Its functions that answer at once need a look at the readers at once. */
export interface SmartcardHost<B extends Uint8Array> extends CompatHost {
  /** Bytes as programs get them: `Buffer` on Node. */
  readonly toBytes: (bytes: Uint8Array) => B;
  /**
   * The readers as they are at this moment, without waiting for anything; undefined where that cannot be had.
   *
   * @throws no-service, and what else keeps one from looking
   */
  readonly look: () => readonly ReaderStateReport[] | undefined;
}
