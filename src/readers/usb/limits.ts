// SPDX-License-Identifier: MIT

/** Times and numbers of USB readers, in milliseconds where they are times. */
export const usbLimits = {
  /** How long the start waits for the readers that are plugged in. */
  startMs: 3000,
  /** How long the end waits for a reader that is just being opened. */
  closeMs: 1000,
  /** A reader comes into service after those before it on the bus, unless they take longer than this. */
  orderMs: 1000,
  /** The system may take so long to set a device up; then it is tried as it is. */
  settleMs: 5000,
  /** Pauses between looks at a device that is being set up. */
  shortestLookMs: 25,
  longestLookMs: 400,
  /** The pause for a device that stays without a configuration: USBGuard or a user may admit it at any time. */
  unconfiguredLookMs: 2000,
  /** Pauses before a reader is tried again that could not be opened, or was lost: each twice the one before. */
  shortestRetryMs: 500,
  longestRetryMs: 30_000,
  /** One that was in service for so long has the shortest pause again. */
  steadyMs: 60_000,
} as const;
