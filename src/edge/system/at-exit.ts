// SPDX-License-Identifier: MIT

const callbacks = new Set<() => void>();

function run(): void {
  for (const callback of callbacks) callback();
}

/**
 * Has something done when the process exits. Node waits for the threads of its pool then, so that whatever keeps one of
 * them has to be ended; the system itself takes back everything else.
 *
 * @returns has it not done any more
 */
export function atExit(callback: () => void): () => void {
  if (callbacks.size === 0) process.on("exit", run);
  callbacks.add(callback);
  return () => {
    if (callbacks.delete(callback) && callbacks.size === 0) process.off("exit", run);
  };
}
