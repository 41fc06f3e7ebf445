// SPDX-License-Identifier: MIT

import type { CardPicker, CardPickerRequest } from "../../faces/winscard/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { Paint, Screen } from "./terminal.ts";

/**
 * The dialog on a terminal: a list that follows readers and cards. The arrow keys move, Enter chooses, Esc and Ctrl-C
 * cancel. It draws on the standard error, so that what a command prints can go elsewhere.
 */
export class TerminalCardPicker implements CardPicker {
  readonly #screen: Screen | undefined;
  readonly #paint: Paint;
  #interrupted = false;

  /** @param screen undefined where there is no terminal: then every dialog fails, and says so */
  constructor(screen: Screen | undefined, paint: Paint) {
    this.#screen = screen;
    this.#paint = paint;
  }

  /** Whether a dialog was closed with Ctrl-C. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** @throws unsupported-feature where there is no terminal */
  async pick(request: CardPickerRequest, signal: AbortSignal): Promise<string | undefined> {
    if (this.#screen === undefined) {
      const remedy = "run it in a terminal, take the first card that fits with --no-ui, or describe the card better";
      throw new SmartCardError("unsupported-feature", `the dialog needs a terminal: ${remedy}`);
    }
    // The library takes a while to load, and most commands do without.
    const { askForCard } = await import("./card-picker-prompt.ts");
    const answer = await askForCard(request, this.#screen, this.#paint, signal);
    this.#interrupted ||= answer === "interrupted";
    return typeof answer === "object" ? answer.reader : undefined;
  }
}
