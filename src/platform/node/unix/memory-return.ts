// SPDX-License-Identifier: MIT

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadKoffi } from "../koffi/index.ts";

/** M_TRIM_THRESHOLD of malloc.h. */
const TRIM_THRESHOLD = -1;

/** What is freed between two collections of garbage by a client that reads long answers one after the other. */
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Has the C library, where it is glibc and `koffi` is there, keep that much of the memory that was freed, for what is allocated next
 * (mallopt(3)). By itself it returns all but 128 KB to the system after each collection of garbage, and an answer of 64 KB then
 * costs dozens of page faults. What {@link loadMemoryReturn} makes returns it all the same. Never throws.
 *
 * @returns whether it does
 */
export function keepFreedMemory(load: typeof loadKoffi = loadKoffi): boolean {
  try {
    return load().load(null).func("int mallopt(int parameter, int value)")(TRIM_THRESHOLD, KEPT_BYTES) === 1;
  } catch {
    // Not installed, or another C library.
    return false;
  }
}

/**
 * Prepares to return unused memory to the system: V8 collects its garbage, and the C library, where it is
 * glibc and `koffi` is there, gives back the pages that it keeps (malloc_trim(3)). Neither does so by itself
 * in an idle process. It takes some tens of milliseconds, and never throws.
 */
export function loadMemoryReturn(): () => void {
  let trim: (() => unknown) | undefined;
  try {
    const mallocTrim = loadKoffi().load(null).func("int malloc_trim(size_t kept)");
    trim = () => mallocTrim(0);
  } catch {
    // Not installed, or another C library.
  }
  let collect: (() => void) | undefined;
  return () => {
    try {
      // Node shows it only to programs that were started with this option.
      setFlagsFromString("--expose-gc");
      collect ??= runInNewContext("gc") as () => void;
      setFlagsFromString("--no-expose-gc");
      collect();
      trim?.();
    } catch {
      // It only saves memory; nothing depends on it.
    }
  };
}
