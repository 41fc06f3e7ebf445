// SPDX-License-Identifier: MIT

import { type ClientLimits, defaultClientLimits } from "../../../managers/client/index.ts";

/** What the system's library may cost. Times are in milliseconds. */
export interface SystemLimits extends ClientLimits {
  /** How long one SCardGetStatusChange waits before the readers are queried anyway. */
  readonly blockMs: number;
  /** How often the readers are polled where the library cannot wait for every change. */
  readonly pollMs: number;
  /** When their names are looked at again after a wait has begun. */
  readonly lookAgainMs: readonly number[];
  /** How long a release waits for library calls that do not return. */
  readonly partingMs: number;
  /** Contexts of the library that a context keeps for the next `connect`. */
  readonly spareContexts: number;
}

/** The limits in force where none are given. */
export const defaultSystemLimits: SystemLimits = {
  ...defaultClientLimits,
  blockMs: 60_000,
  pollMs: 250,
  lookAgainMs: [100, 1_000],
  partingMs: 2_000,
  spareContexts: 1,
};
