// SPDX-License-Identifier: MIT

/** Calls back once, after so many milliseconds. @returns what takes it back */
export function startTimer(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
