// SPDX-License-Identifier: MIT

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SmartCardError } from "../../port/index.ts";

/**
 * Tells when it has begun, and then changes of files, which need not be there yet: the system tells, nothing is asked again and again. Several changes that
 * come while the caller is busy are one.
 *
 * @throws no-access, comm-error (a folder cannot be watched)
 */
export async function* fileChanges(paths: readonly string[], signal: AbortSignal): AsyncGenerator<void> {
  let changed = false;
  let failure: Error | undefined;
  let wake = (): void => {};
  const note = (): void => {
    changed = true;
    wake();
  };
  const watchers = new Map<string, FSWatcher>();
  const look = async (): Promise<void> => {
    for (const path of paths) {
      const folder = await nearestFolder(dirname(path));
      if (watchers.has(folder)) continue;
      const watcher = watch(folder, note);
      watchers.set(folder, watcher);
      watcher.on("error", (error) => {
        failure = error;
        note();
      });
    }
  };
  signal.addEventListener("abort", note, { once: true });
  try {
    await look();
    yield;
    while (!signal.aborted) {
      if (!changed) await new Promise<void>((resolve) => (wake = resolve));
      changed = false;
      if (signal.aborted) return;
      if (failure !== undefined) throw failure;
      // A folder that was missing may be there now.
      await look();
      yield;
    }
  } catch (error) {
    throw error instanceof SmartCardError ? error : notTold(paths, error);
  } finally {
    signal.removeEventListener("abort", note);
    for (const watcher of watchers.values()) watcher.close();
  }
}

function notTold(paths: readonly string[], cause: unknown): SmartCardError {
  const code = (cause as NodeJS.ErrnoException).code === "EACCES" ? "no-access" : "comm-error";
  return new SmartCardError(code, `changes of ${paths.join(", ")} are not told: ${String(cause)}`, {}, { cause });
}

/** A folder, or the nearest one above it that is there. */
async function nearestFolder(folder: string): Promise<string> {
  const isThere = await stat(folder).then(
    (one) => one.isDirectory(),
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}
