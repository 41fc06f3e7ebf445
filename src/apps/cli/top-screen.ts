// SPDX-License-Identifier: MIT

import { emitKeypressEvents, type Key } from "node:readline";
import type { ReadStream, WriteStream } from "node:tty";
import type { Screen } from "./terminal.ts";

// ECMA-48 and xterm: the other screen, the cursor, and lines that are cut at the margin and not wrapped.
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const END_OF_LINE = "\u001b[K";
const END_OF_SCREEN = "\u001b[J";

/** Where the size of a terminal is not known. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

/** What a screen tells. */
export interface FullScreenListener {
  /** @param name as Node names keys, `C-c` for Ctrl-C @param text what was typed */
  key(name: string, text: string): void;
  resized(): void;
}

/** The whole terminal, from its opening to {@link FullScreen.close}: then it is as it was, however the program ends. */
export class FullScreen {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #listener: FullScreenListener;
  #drawn = "";
  #isOpen = true;

  constructor(screen: Screen, listener: FullScreenListener) {
    this.#input = screen.input as ReadStream;
    this.#output = screen.output as WriteStream;
    this.#listener = listener;
    // A mistake of ours ends the process; the terminal is the user's all the same.
    process.once("exit", this.#leave);
    this.#input.setRawMode(true);
    emitKeypressEvents(this.#input);
    this.#input.on("keypress", this.#pressed);
    this.#input.resume();
    this.#output.on("resize", this.#resized);
    this.#output.write(ENTER);
  }

  get columns(): number {
    return this.#output.columns || USUAL_COLUMNS;
  }

  get rows(): number {
    return this.#output.rows || USUAL_ROWS;
  }

  /** Draws lines, each of which fits, unless they are there already, or the terminal is still busy with those before. */
  draw(lines: readonly string[]): void {
    const text = HOME + lines.map((line) => line + END_OF_LINE).join("\r\n") + END_OF_SCREEN;
    if (!this.#isOpen || text === this.#drawn || this.#output.writableNeedDrain) return;
    this.#drawn = text;
    this.#output.write(text);
  }

  close(): void {
    process.off("exit", this.#leave);
    this.#leave();
    this.#input.off("keypress", this.#pressed);
    this.#input.pause();
    this.#output.off("resize", this.#resized);
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#output.write(LEAVE);
    this.#input.setRawMode(false);
  };

  readonly #pressed = (text: string | undefined, key: Key): void => {
    this.#listener.key(key.ctrl ? `C-${key.name}` : (key.name ?? ""), text ?? "");
  };

  readonly #resized = (): void => {
    this.#drawn = "";
    this.#listener.resized();
  };
}
