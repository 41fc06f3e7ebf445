// SPDX-License-Identifier: MIT

import { withoutBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { anyAccessCommands } from "./card-access.ts";
import { anyGroup } from "./card-groups.ts";
import { anyInfoCommand } from "./card-info.ts";
import { certificateCommands, keyCommands } from "./card-keys.ts";
import type { CardGroup } from "./card-session.ts";
import { useCommands } from "./card-use.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { errorForPrograms } from "./failure.ts";
import { definitions, fill, shellHelpOn } from "./help.ts";
import { UsageError } from "./options.ts";
import { describeReader, statesOfReaders } from "./readers.ts";
import { remedyOf, type ShellCard } from "./shell-card.ts";
import { connectionCommands } from "./shell-commands.ts";
import { fileCommands } from "./shell-file-commands.ts";
import { keptLine, type ShellHistory, takesDigits } from "./shell-history.ts";
import { isHexLine, parseLine, type ShellLine } from "./shell-line.ts";
import { LineTerminal, type LineTerminalOptions } from "./shell-terminal.ts";
import { commandWithActions, unknownWord } from "./subcommand.ts";
import { jsonText, visibleLines } from "./text.ts";

/** How a line ended. */
export type LineResult =
  | { readonly kind: "blank" | "done" | "quit" }
  /** `goesOn`: the line began with a hyphen, so that a script goes on. */
  | { readonly kind: "failed"; readonly goesOn: boolean; readonly message: string; readonly code: string };

/** Where a line comes from, and where its output goes. */
export interface LineSetting extends LineTerminalOptions {
  /** Its number in a script, from 1; undefined for one that is typed in. */
  readonly number?: number;
}

/** The commands of a shell over one card. */
export class ShellSession {
  readonly card: ShellCard;
  readonly history: ShellHistory;
  readonly commands: readonly Command[];
  readonly #asJson: boolean;
  #isOver = false;

  constructor(card: ShellCard, history: ShellHistory, asJson: boolean) {
    this.card = card;
    this.history = history;
    this.#asJson = asJson;
    this.commands = [
      ...connectionCommands(card),
      ...fileCommands(card),
      ...moduleCommands(card),
      this.#readersCommand(),
      this.#historyCommand(),
      this.#helpCommand(),
      this.#quitCommand(),
    ];
  }

  /**
   * Does what a line says. What it may hold of secrets is not in the history.
   *
   * @throws mistakes of this program only: what fails is the result
   */
  async run(text: string, setting: LineSetting): Promise<LineResult> {
    const terminal = new LineTerminal(setting, this.#asJson);
    let line: ShellLine | undefined;
    try {
      line = parseLine(text);
      if (line === undefined) return { kind: "blank" };
      const named = namedWords(line.words);
      await this.#runWords(named, terminal);
      await this.#keep(text, named, true);
      this.#report(terminal, setting, named, undefined);
      return { kind: this.#isOver ? "quit" : "done" };
    } catch (error) {
      if (!(error instanceof SmartCardError || error instanceof UsageError)) throw error;
      const words = line === undefined ? [] : namedWords(line.words);
      if (line !== undefined) await this.#keep(text, words, !(error instanceof UsageError));
      const failure = this.#failure(error, text, words);
      this.#report(terminal, setting, words, failure);
      return { kind: "failed", goesOn: line?.goesOn === true, ...failure };
    }
  }

  async #runWords(words: readonly string[], terminal: LineTerminal): Promise<void> {
    const [first = "", ...rest] = words;
    const found = this.commands.find(({ name }) => name === first);
    if (found === undefined) {
      const names = this.commands.map(({ name }) => name);
      throw new UsageError(`${unknownWord("command", first, names)}; "help" lists the commands`);
    }
    if (rest.includes("--help") || rest.includes("-h")) terminal.print(this.#helpOn(words.filter(isNoOption)));
    else await found.run(this.#asJson ? [...rest, "--json"] : rest, terminal);
  }

  async #keep(text: string, words: readonly string[], understood: boolean): Promise<void> {
    const isKnown = this.commands.some(({ name }) => name === words[0]);
    await this.history.add(keptLine(text, words, isKnown ? words[0] : undefined, understood));
  }

  #failure(
    error: SmartCardError | UsageError,
    text: string,
    words: readonly string[],
  ): { message: string; code: string } {
    const { message } = error;
    const withheld = takesDigits.has(words[0] ?? "")
      ? message
      : withoutBytes(message, [...words, words.join(" "), text]);
    if (error instanceof UsageError) return { code: "usage-error", message: visibleLines(withheld) };
    const remedy = remedyOf(error, this.card.reader);
    return { code: errorForPrograms(error).code, message: visibleLines(remedy ?? withheld) };
  }

  /** With --json each line is one object. */
  #report(
    terminal: LineTerminal,
    { number, print }: LineSetting,
    [command]: readonly string[],
    failure: { readonly message: string; readonly code: string } | undefined,
  ): void {
    if (!this.#asJson) return;
    const isKnown = this.commands.some(({ name }) => name === command);
    const about = { line: number, command: isKnown ? command : undefined, ok: failure === undefined };
    print(
      jsonText(failure === undefined ? { ...about, result: terminal.result } : { ...about, error: failure }, "compact"),
    );
  }

  #helpCommand(): Command {
    return command({
      name: "help",
      summary: "list the commands, or explain one",
      usage: ["[COMMAND]"],
      description: ["Lists the commands of the shell, or explains one of them."],
      options: {},
      run: async ({ positionals, values }, terminal) => {
        const help = positionals.length === 0 ? this.#overview() : this.#helpOn(positionals);
        terminal.print(values.json ? jsonText({ help }) : help);
        return exitCodes.ok;
      },
    });
  }

  #overview(): string {
    const rows = this.commands.map(({ name, summary }) => [name, summary] as const);
    const about = [
      '"help COMMAND" explains one. Bytes in hexadecimal are sent as a command.',
      "In scripts a line that begins with - may fail, and what follows a # is a remark. Tab completes; Ctrl-C ends what runs, and Ctrl-D the shell.",
    ];
    return [["Commands:", ...definitions(rows)].join("\n"), ...about.map((text) => fill(text))].join("\n\n");
  }

  #helpOn(words: readonly string[]): string {
    const path: string[] = [];
    let found: Command | undefined;
    for (const word of words) {
      const next: Command | undefined = (found?.actions ?? (found === undefined ? this.commands : [])).find(
        ({ name }) => name === word,
      );
      if (next === undefined) break;
      path.push(word);
      found = next;
    }
    if (found !== undefined) return shellHelpOn(path, found);
    const names = this.commands.map(({ name }) => name);
    throw new UsageError(unknownWord("command", words[0] ?? "", names));
  }

  #historyCommand(): Command {
    return command({
      name: "history",
      summary: "list the lines before, without secrets",
      usage: ["[OPTION…]"],
      description: ["Lists the lines of this shell and of those before. Data that may be secret is not kept."],
      options: {},
      run: async ({ values }, terminal) => {
        const { lines } = this.history;
        if (values.json) terminal.print(jsonText({ lines }));
        else for (const line of lines) terminal.print(line);
        return exitCodes.ok;
      },
    });
  }

  #readersCommand(): Command {
    return command({
      name: "readers",
      summary: "list the readers; connect takes one of them",
      usage: ["[OPTION…]"],
      description: ["Lists the readers with their numbers, and the cards in them."],
      options: {},
      run: async ({ values }, terminal) => {
        const found = await statesOfReaders(this.card.session.context);
        if (values.json) terminal.print(jsonText({ readers: found.map(({ atr, reader }) => ({ reader, atr })) }));
        for (const [number, reader] of values.json ? [] : found.entries())
          for (const line of describeReader(reader, number, false, terminal.paint)) terminal.print(line);
        return exitCodes.ok;
      },
    });
  }

  #quitCommand(): Command {
    return command({
      name: "quit",
      summary: "end the shell; exit and Ctrl-D do the same",
      usage: ["[OPTION…]"],
      description: ["Ends the shell, and a transaction with it. The card stays as it is."],
      options: {},
      run: async () => {
        this.#isOver = true;
        return exitCodes.ok;
      },
    });
  }
}

/** The words with the name of the command first: bytes alone are sent, and exit is another name of quit. */
function namedWords(words: readonly string[]): readonly string[] {
  const [first, ...rest] = words;
  if (isHexLine(words) || /\bwithheld\]$/.test(words.join(" "))) return first === "apdu" ? words : ["apdu", ...words];
  return first === "exit" ? ["quit", ...rest] : words;
}

function isNoOption(word: string): boolean {
  return !word.startsWith("-");
}

/** Certificates, keys, signatures, decryption and PINs, by the module of the card. */
function moduleCommands(card: ShellCard): readonly Command[] {
  const group: CardGroup = { ...anyGroup, keyHelp: 'KEY is a name that "keys" lists.', place: card };
  return [
    anyInfoCommand(group),
    certificateCommands(group),
    keyCommands(group),
    ...useCommands(group),
    commandWithActions({
      name: "access",
      summary: "verify, change and unblock PINs by the card's module",
      description: ["The PINs of the card."],
      actions: anyAccessCommands(group),
    }),
  ];
}
