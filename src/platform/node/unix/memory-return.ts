// SPDX-License-Identifier: MIT

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { loadKoffi } from "../koffi/index.ts";

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
