// SPDX-License-Identifier: MIT

/** What these packages may ask of memory. */
export const exchangeLimits = {
  /** The largest response that a program of `smartcard` may make room for, in bytes. */
  maxReceiveBytes: 262_144,
} as const;
