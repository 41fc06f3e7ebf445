// SPDX-License-Identifier: MIT

/** Begins the line of the console that says what became of a reader over a suspend. */
export const RESULT = "rig: suspended ";

/** What became of it; or why that is not known. */
export interface SuspendResult {
  readonly error?: string;
  readonly reader?: string;
  /** ATR and answer before the suspend, and after it. */
  readonly first?: string;
  readonly again?: string;
  /** What the command got that a connection of before the suspend sent. */
  readonly outcome?: string;
  readonly readers?: readonly string[];
}
