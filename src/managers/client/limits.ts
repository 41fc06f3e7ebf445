// SPDX-License-Identifier: MIT

import { type ContextLimits, defaultContextLimits } from "../../port/index.ts";

/** Limits of a client, for any manager. Times are in milliseconds. */
export interface ClientLimits extends ContextLimits {
  /** How long a direct connection that only identifies a reader may wait for others. */
  readonly describeMs: number;
  /** The longest pause before a request is retried that was refused during another program's transaction. */
  readonly retryMs: number;
  /** Readers whose exchanges are counted while no program is connected to them. */
  readonly rememberedReaders: number;
}

/** The limits in force where none are given. */
export const defaultClientLimits: ClientLimits = {
  describeMs: 1_000,
  retryMs: 100,
  ...defaultContextLimits,
  rememberedReaders: 1_024,
};
