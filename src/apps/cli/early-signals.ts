// SPDX-License-Identifier: MIT

// Loaded before all else, and loads nothing itself: signals that come to a daemon while the rest of it is being loaded are
// kept. Without a listener SIGHUP would end it, and SIGTERM before and after this moment would do different things.

type EarlySignal = "SIGHUP" | "SIGINT" | "SIGTERM" | "SIGUSR1";

const signals: readonly EarlySignal[] = ["SIGHUP", "SIGINT", "SIGTERM", "SIGUSR1"];
const came = new Set<EarlySignal>();
const note = (signal: NodeJS.Signals): void => void came.add(signal as EarlySignal);

/**
 * Closes the debugger that Node has opened because SIGUSR1 came before the first statement of the program. One that was
 * asked for, by `--inspect`, is left open.
 */
export function closeDebugger(): void {
  const options = [...process.execArgv, ...(process.env.NODE_OPTIONS ?? "").split(" ")];
  if (options.some((option) => /^--inspect(-brk|-wait)?(=|$)/.test(option))) return;
  try {
    const { close, url } = process.getBuiltinModule("node:inspector");
    if (url() !== undefined) close();
  } catch (error) {
    // This Node was built without a debugger.
    if (!(error instanceof Error && "code" in error && error.code === "ERR_INSPECTOR_NOT_AVAILABLE")) throw error;
  }
}

/** Begins to keep them. */
export function keepSignals(): void {
  for (const signal of signals) process.on(signal, note);
}

/** Keeps them no more. The caller has its own listeners by now: they are told of those that came. */
export function handOverSignals(): void {
  for (const signal of signals) process.off(signal, note);
  for (const signal of came) process.emit(signal, signal);
  came.clear();
}

/** Keeps them no more: they do what they do to every program, those that came included. */
export function restoreDefaultSignals(): void {
  for (const signal of signals) if (signal !== "SIGUSR1") process.off(signal, note);
  for (const signal of came) if (signal !== "SIGUSR1") process.kill(process.pid, signal);
  came.clear();
}
