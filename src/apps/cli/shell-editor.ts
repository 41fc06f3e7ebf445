// SPDX-License-Identifier: MIT

import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import { Writable } from "node:stream";
import type { Completion } from "./shell-complete.ts";
import type { Screen } from "./terminal.ts";

/** What an editor of lines needs. */
export interface LineEditorOptions {
  complete(line: string): Promise<Completion>;
  /** The lines before, the oldest first. */
  history(): readonly string[];
  interrupted(): void;
}

/** Lines that were typed or pasted while another one was worked on. */
const MOST_WAITING_LINES = 10_000;

/**
 * Takes lines from a terminal, with Node's own line editor. Between lines nothing is echoed: what is typed then is there when
 * the next line is asked for.
 */
export class LineEditor {
  readonly #screen: Screen;
  readonly #options: LineEditorOptions;
  readonly #output: GatedOutput;
  #editor: Interface | undefined;
  readonly #lines: string[] = [];
  #taker: ((line: string | undefined) => void) | undefined;
  #history: string[] | undefined;
  #isOver = false;

  constructor(screen: Screen, options: LineEditorOptions) {
    this.#screen = screen;
    this.#options = options;
    this.#output = new GatedOutput(screen.output);
    this.#open();
  }

  /** What stands on the line that is typed. */
  get line(): string {
    return this.#editor?.line ?? "";
  }

  /** The next line; undefined at the end. Only one may be asked for at a time. */
  next(prompt: string): Promise<string | undefined> {
    const waiting = this.#lines.shift();
    if (waiting !== undefined || this.#isOver) return Promise.resolve(waiting);
    return new Promise((resolve) => {
      this.#taker = resolve;
      this.#output.isOpen = true;
      this.#setHistory();
      this.#editor?.setPrompt(prompt);
      this.#editor?.prompt(true);
    });
  }

  /** Prints something above the line that is typed. */
  above(print: () => void): void {
    const { isOpen } = this.#output;
    if (isOpen && this.#editor !== undefined) {
      const { output } = this.#screen;
      moveCursor(output, 0, -this.#editor.getCursorPos().rows);
      cursorTo(output, 0);
      clearScreenDown(output);
    }
    print();
    if (isOpen) this.#editor?.prompt(true);
  }

  /** Throws away what is on the line. */
  clear(): void {
    // Ctrl+E, and Ctrl+U: to the end of the line, and delete to its begin.
    this.#editor?.write(null, { ctrl: true, name: "e" });
    this.#editor?.write(null, { ctrl: true, name: "u" });
  }

  /** Leaves the terminal to a question. What was typed ahead is gone: it may be an answer to it. @returns takes it back */
  suspend(): () => void {
    this.#lines.length = 0;
    this.#shut();
    return () => {
      if (!this.#isOver) this.#open();
    };
  }

  /** Ends it: the terminal is as it was. */
  close(): void {
    this.#isOver = true;
    this.#shut();
    this.#take(undefined);
  }

  #open(): void {
    const editor = createInterface({
      input: this.#screen.input,
      output: this.#output,
      terminal: true,
      history: [...this.#options.history()].reverse(),
      historySize: 1000,
      completer: (line: string, done: (error: Error | null, result: Completion) => void) => {
        // A card that is gone has no names, and the person sees that soon enough.
        void this.#options.complete(line).then(
          (found) => done(null, found),
          () => done(null, [[], line]),
        );
      },
    });
    this.#editor = editor;
    this.#history = undefined;
    // The editor would keep every line as it was typed: secrets too.
    editor.on("history", (history) => {
      this.#history = history;
      this.#setHistory();
    });
    editor.on("line", (line) => {
      this.#output.isOpen = false;
      this.#arrived(line);
    });
    editor.on("SIGINT", () => this.#options.interrupted());
    editor.on("close", () => {
      if (this.#editor !== editor) return;
      // Ctrl-D leaves the cursor behind the prompt.
      if (this.#output.isOpen) this.#screen.output.write("\n");
      this.close();
    });
  }

  #shut(): void {
    const editor = this.#editor;
    this.#editor = undefined;
    this.#output.isOpen = false;
    editor?.close();
  }

  #arrived(line: string): void {
    if (this.#taker !== undefined) this.#take(line);
    else if (this.#lines.length < MOST_WAITING_LINES) this.#lines.push(line);
  }

  #take(line: string | undefined): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.(line);
  }

  #setHistory(): void {
    this.#history?.splice(0, this.#history.length, ...[...this.#options.history()].reverse());
  }
}

/** A terminal whose output can be withheld. */
class GatedOutput extends Writable {
  readonly #target: Screen["output"];
  isOpen = false;

  constructor(target: Screen["output"]) {
    super({ decodeStrings: false });
    this.#target = target;
    target.on("resize", () => this.emit("resize"));
  }

  get columns(): number | undefined {
    return "columns" in this.#target ? (this.#target.columns as number | undefined) : undefined;
  }

  override _write(chunk: string | Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    if (this.isOpen) this.#target.write(chunk);
    done();
  }
}
