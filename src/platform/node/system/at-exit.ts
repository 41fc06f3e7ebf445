// SPDX-License-Identifier: MIT

const callbacks = new Set<() => void>();

function run(): void {
  for (const callback of callbacks) callback();
}

/**
 * Runs a function when the process exits. Node waits for the threads of its pool then, so calls that occupy one must be
 * ended; the system releases everything else.
 *
 * @returns cancels it
 */
export function atExit(callback: () => void): () => void {
  if (callbacks.size === 0) process.on("exit", run);
  callbacks.add(callback);
  return () => {
    if (callbacks.delete(callback) && callbacks.size === 0) process.off("exit", run);
  };
}
