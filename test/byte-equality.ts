// SPDX-License-Identifier: MIT

import { expect } from "vitest";

/**
 * Byte strings are compared as such, and not as objects with a key for each byte: a hundred times as fast. What differs is
 * shown as before.
 */
expect.addEqualityTesters([
  (a: unknown, b: unknown): boolean | undefined => {
    if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array) || a.constructor !== b.constructor) return undefined;
    return Buffer.compare(a, b) === 0;
  },
]);
