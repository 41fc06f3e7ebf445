// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../port/index.ts";
import { exitCodes } from "./command.ts";
import { watchUpdates } from "./reader-watch.ts";
import { complete } from "./shell-complete.ts";
import { LineEditor } from "./shell-editor.ts";
import type { ShellSession } from "./shell-session.ts";
import type { OpenScreen, Screen, Terminal } from "./terminal.ts";
import { duration, visible } from "./text.ts";

/** The longest name of a reader in the prompt. */
const MOST_NAME = 30;

/** Takes lines from a person until the end. @throws cancelled, where the program is asked to end */
export async function runPrompt(session: ShellSession, screen: Screen, terminal: Terminal): Promise<number> {
  const prompt = new ShellPrompt(session, screen, terminal);
  try {
    return await prompt.run();
  } finally {
    prompt.close();
  }
}

class ShellPrompt {
  readonly #session: ShellSession;
  readonly #terminal: Terminal;
  readonly #screen: Screen;
  readonly #editor: LineEditor;
  readonly #watching = new AbortController();
  readonly #stopInterrupts: () => void;
  /** Ends what runs. */
  #running: AbortController | undefined;
  /** Whether the last thing that happened was an interrupt that ended nothing, or the first one of what runs. */
  #wasInterrupted = false;
  #isInterrupted = false;

  constructor(session: ShellSession, screen: Screen, terminal: Terminal) {
    this.#session = session;
    this.#screen = screen;
    this.#terminal = terminal;
    this.#editor = new LineEditor(screen, {
      complete: (line) => complete(line, session),
      history: () => session.history.lines,
      interrupted: () => this.#interrupted(),
    });
    this.#stopInterrupts = terminal.onInterrupt(() => this.#interrupted());
    terminal.stop.addEventListener("abort", this.#stopped, { once: true });
  }

  async run(): Promise<number> {
    // Without the watch the shell works, and a card that is gone is told by the next command.
    void this.#watch().catch((error: unknown) => {
      if (!(error instanceof SmartCardError)) throw error;
    });
    for (;;) {
      const line = await this.#editor.next(this.#text());
      if (line === undefined) break;
      this.#wasInterrupted = false;
      if ((await this.#runLine(line)) === "quit") break;
    }
    if (this.#terminal.stop.aborted) throw new SmartCardError("cancelled", "the program was asked to end");
    return this.#isInterrupted ? exitCodes.interrupted : exitCodes.ok;
  }

  close(): void {
    this.#watching.abort();
    this.#editor.close();
    this.#stopInterrupts();
    this.#terminal.stop.removeEventListener("abort", this.#stopped);
  }

  readonly #stopped = (): void => {
    this.#running?.abort();
    this.#editor.close();
  };

  async #runLine(line: string): Promise<"quit" | "done"> {
    const running = new AbortController();
    this.#running = running;
    const terminal = this.#terminal;
    try {
      const result = await this.#session.run(line, {
        environment: terminal.environment,
        paint: terminal.paint,
        stop: running.signal,
        print: (text) => terminal.print(text),
        say: (text) => terminal.say(text),
        write: (bytes) => terminal.write(bytes),
        openScreen: () => this.#openScreen(),
      });
      if (result.kind === "failed") {
        const isEnded = running.signal.aborted && result.code === "cancelled";
        terminal.say(isEnded ? "ended by Ctrl-C" : terminal.paint("yellow", result.message));
      }
      return result.kind === "quit" ? "quit" : "done";
    } finally {
      this.#running = undefined;
    }
  }

  /** The terminal for a question; the editor gets it back behind that. */
  #openScreen(): OpenScreen {
    const takeBack = this.#editor.suspend();
    return { ...this.#screen, close: takeBack };
  }

  /** The first Ctrl-C ends what runs, or clears the line; the second one the shell. */
  #interrupted(): void {
    const running = this.#running;
    if (this.#wasInterrupted) {
      this.#isInterrupted = true;
      running?.abort();
      this.#editor.close();
      return;
    }
    this.#wasInterrupted = true;
    if (running !== undefined) running.abort();
    else if (this.#editor.line !== "") {
      this.#wasInterrupted = false;
      this.#editor.clear();
    } else
      this.#editor.above(() => this.#terminal.say('once more, or Ctrl-D, ends the shell; "help" lists the commands'));
  }

  #text(): string {
    const { heldMs, reader } = this.#session.card;
    const name = visible(reader);
    const short = name.length > MOST_NAME ? `${name.slice(0, MOST_NAME - 1)}…` : name;
    const held = heldMs === undefined ? "" : ` [held ${duration(heldMs)}]`;
    return `${short}${held}> `;
  }

  /** Tells of the card, as it comes and goes. */
  async #watch(): Promise<void> {
    const { client } = this.#session.card.session;
    for await (const { happenings, reader } of watchUpdates(client, { signal: this.#watching.signal })) {
      if (reader !== this.#session.card.reader) continue;
      const text = happenings.map((one) => happeningTexts[one]).find((one) => one !== undefined);
      if (text !== undefined) this.#editor.above(() => this.#terminal.say(`${text} "${visible(reader)}"`));
    }
  }
}

const happeningTexts: Readonly<Record<string, string>> = {
  "card-removed": "the card was pulled out of",
  "card-inserted": "a card was put into",
  "reader-removed": "there is no reader any more:",
  "reader-added": "there is a reader again:",
};
