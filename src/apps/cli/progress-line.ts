// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import type { Screen } from "./terminal.ts";

/** How often the line is drawn at most. */
const DRAWN_EVERY_MS = 100;
const CLEAR_LINE = "\r\u001b[K";

/** One line on a terminal that says how far something is. Without a terminal there is none. */
export class ProgressLine {
  readonly #output: (Screen["output"] & { readonly columns?: number }) | undefined;
  #text = "";
  #cancel: (() => void) | undefined;

  constructor(screen: Screen | undefined) {
    this.#output = screen?.output;
  }

  /** Shows the text soon: of several in a short time the last one. */
  show(text: string): void {
    if (this.#output === undefined) return;
    this.#text = text;
    this.#cancel ??= nodeClock.schedule(DRAWN_EVERY_MS, "progress", () => {
      this.#cancel = undefined;
      this.#output?.write(CLEAR_LINE + this.#text.slice(0, (this.#output.columns ?? 80) - 1));
    });
  }

  /** Takes the line away. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#output?.write(CLEAR_LINE);
  }
}
