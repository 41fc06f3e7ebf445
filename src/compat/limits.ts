// SPDX-License-Identifier: MIT

/** What watching may cost. Times are in milliseconds. */
export const watchLimits = {
  /** The pause before a service that went, or is not there, is looked for again: the first one, and the longest one. */
  firstTryMs: 50,
  lastTryMs: 5_000,
  /** How often a program that watches readers is kept alive anew; nothing happens then. */
  keepAliveMs: 3_600_000,
} as const;

/** What these packages may ask of memory. */
export const exchangeLimits = {
  /** The largest response that a program of `smartcard` may make room for, in bytes. */
  maxReceiveBytes: 262_144,
} as const;
