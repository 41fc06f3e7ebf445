// SPDX-License-Identifier: MIT

/** Memory limits of these packages. */
export const exchangeLimits = {
  /** The largest response that a program of `smartcard` may make room for, in bytes. */
  maxReceiveBytes: 262_144,
} as const;
