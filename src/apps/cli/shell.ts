// SPDX-License-Identifier: MIT

import { readTextFile } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { command, exitCodes } from "./command.ts";
import { connectOptions, protocolsOf, readerOption } from "./connect-options.ts";
import { managerOption, withManager } from "./manager-option.ts";
import { type OptionTable, type ParsedLine, refuseArguments } from "./options.ts";
import { chooseReader } from "./reader-choice.ts";
import { ShellCard } from "./shell-card.ts";
import { connectedText, warnOfRaw } from "./shell-commands.ts";
import { historyPath, ShellHistory } from "./shell-history.ts";
import { MOST_LINE_CHARACTERS } from "./shell-line.ts";
import { type LineSetting, ShellSession } from "./shell-session.ts";
import type { Terminal } from "./terminal.ts";
import { visibleLines } from "./text.ts";
import { waiting } from "./waiting.ts";

const optionTable = {
  script: { type: "string", value: "FILE", completes: "file", help: "do what the lines of a file say, and end" },
  raw: { type: "boolean", help: "show the data of every command and answer, PINs and keys among it" },
  "no-follow-up": { type: "boolean", help: "do not answer 61xx with GET RESPONSE, nor 6Cxx with the right Le" },
  "no-history": { type: "boolean", help: "neither read nor write the file with the lines of shells before" },
  ...readerOption,
  ...connectOptions,
  ...managerOption,
} as const satisfies OptionTable;

/** `scard shell`: a command line for one card. */
export const shell = command({
  name: "shell",
  summary: "work with one card on a command line, or by a script",
  usage: ["[OPTION…]"],
  description: [
    'Takes commands for the card in one reader, until quit or Ctrl-D: bytes in hexadecimal, select, read, verify, begin, end, certificates, keys, sign and more ("help" lists them). Tab completes. Ctrl-C ends what runs, a second one the shell.',
    "Lines are kept in $XDG_STATE_HOME/scard/shell-history, without data that may be secret.",
    "With --script, or where standard input is no terminal, it does line after line, and ends with 1 at the first that fails, unless the line begins with a hyphen. expect 9000 checks the last status word. With --json each line gives one JSON object.",
    "Data is shown only for commands that are known to carry no secret.",
  ],
  options: optionTable,
  run,
});

/** The longest script. */
const MOST_SCRIPT_BYTES = 16_777_216;

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  refuseArguments(positionals);
  const text =
    values.script === undefined ? undefined : await readTextFile(values.script, { mostBytes: MOST_SCRIPT_BYTES });
  // It keeps Node running while nothing else does.
  return waiting(terminal, undefined, ({ signal }) =>
    withManager(values.manager, terminal, async (manager) => {
      const reader = await chooseReader(manager.context, values.reader);
      const options = {
        shareMode: values.share ?? "shared",
        preferredProtocols: protocolsOf(values.protocol),
        follow: values["no-follow-up"] !== true,
        raw: values.raw === true,
      };
      if (options.raw) warnOfRaw(terminal);
      const card = new ShellCard(manager, reader, options, terminal);
      const isInteractive = text === undefined && terminal.screen !== undefined;
      const path = !isInteractive || values["no-history"] ? undefined : historyPath(terminal.environment);
      const history = await ShellHistory.open(path, (problem) => terminal.say(problem));
      const session = new ShellSession(card, history, values.json === true);
      try {
        if (terminal.screen === undefined || text !== undefined) {
          const lines = text?.split(/\r\n|[\r\n]/) ?? terminal.readLines(4 * MOST_LINE_CHARACTERS);
          return await runScript(session, lines, terminal, signal);
        }
        const { runPrompt } = await import("./shell-prompt.ts");
        terminal.say(`${await firstLook(card, signal)}; "help" lists the commands`);
        return await runPrompt(session, terminal.screen, terminal);
      } finally {
        await card.close();
      }
    }),
  );
}

/** What is in the reader. A shell may begin without a card. */
async function firstLook(card: ShellCard, signal: AbortSignal): Promise<string> {
  try {
    return connectedText(card.reader, (await card.status(signal)).atr);
  } catch (error) {
    if (!(error instanceof SmartCardError) || !["no-smartcard", "unresponsive-card"].includes(error.code)) throw error;
    return visibleLines(error.reason);
  }
}

/** Does line after line, to the first that fails. */
async function runScript(
  session: ShellSession,
  lines: Iterable<string> | AsyncIterable<string>,
  terminal: Terminal,
  stop: AbortSignal,
): Promise<number> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (stop.aborted) break;
    const result = await session.run(line, { ...settingOf(terminal, stop), number });
    if (result.kind === "quit") break;
    if (result.kind !== "failed") continue;
    if (stop.aborted) break;
    if (!result.goesOn) {
      terminal.say(`scard: line ${number}: ${result.message}`);
      return exitCodes.failed;
    }
    terminal.say(`line ${number}: ${result.message}`);
  }
  if (stop.aborted) throw new SmartCardError("cancelled", "the program was asked to end");
  return exitCodes.ok;
}

/** Lines of a script have the terminal of the program. */
function settingOf(terminal: Terminal, stop: AbortSignal): LineSetting {
  return {
    environment: terminal.environment,
    paint: terminal.paint,
    stop,
    print: (text) => terminal.print(text),
    say: (text) => terminal.say(text),
    write: (bytes) => terminal.write(bytes),
    openScreen: () => terminal.openScreen(),
  };
}
