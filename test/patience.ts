// SPDX-License-Identifier: MIT

/**
 * How long a test waits for what other programs do, in milliseconds, before it says that it does not happen. It is no
 * measure of anything: a machine may be as busy as it likes.
 */
export const PATIENCE_MS = 120_000;
