// SPDX-License-Identifier: MIT

import { encodeHex, zeroBytes } from "../../base/binary/index.ts";
import { ExchangeRedactor } from "../../base/iso7816/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import {
  type Connection,
  type Disposition,
  dispositions,
  MAX_TIMER_MS,
  type Protocol,
  type ShareMode,
  SmartCardError,
  type WaitOptions,
} from "../../port/index.ts";
import { describeOutcome, type Outcome, outcomeForPrograms, protocolName, sendTimed } from "./card-outcome.ts";
import { command, exitCodes } from "./command.ts";
import { connectOptions, protocolsOf, readerOption } from "./connect-options.ts";
import { errorForPrograms } from "./failure.ts";
import { explainingWait } from "./holder-notice.ts";
import { type ManagerSession, managerOption, withManager } from "./manager-option.ts";
import { hexOf, millisecondsOf, type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { chooseReader } from "./reader-choice.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

const optionTable = {
  ...readerOption,
  ...connectOptions,
  "no-follow-up": { type: "boolean", help: "do not answer 61xx with GET RESPONSE, nor 6Cxx with the right Le" },
  "show-data": { type: "boolean", help: "print the data of every command and answer, PINs and keys among it" },
  disposition: {
    type: "string",
    value: "D",
    choices: Object.keys(dispositions) as Disposition[],
    help: "what to do with the card at the end; default leave",
  },
  timeout: {
    type: "string",
    value: "SEC",
    reads: (option, text) => Math.min(millisecondsOf(option, text), MAX_TIMER_MS),
    help: "how long to wait for another program's transaction, in seconds; default: no limit",
  },
  ...managerOption,
} as const satisfies OptionTable;

/** `scard apdu`: sends commands to a card and explains its answers. */
export const apdu = command({
  name: "apdu",
  summary: "send commands to a card, and explain commands and answers",
  usage: ["[OPTION…] HEX…", "[OPTION…] -"],
  description: [
    'Connects to a card and sends it each argument as one command, all in one transaction. With "-" the commands are lines of the standard input; blank lines and what follows a # are skipped. All commands are read before the first is sent. A status word other than 9000 is a result, not a failure.',
    "Data is printed only for commands that are known to carry no secret, such as SELECT, READ BINARY and GET DATA. The data of any other command, and of its answer, is withheld: a PIN or a key may be in it.",
  ],
  options: optionTable,
  run,
});

/** The parsed command line. */
interface Plan {
  readonly reader: string | undefined;
  readonly shareMode: ShareMode;
  readonly preferredProtocols: readonly Protocol[];
  readonly follow: boolean;
  readonly showData: boolean;
  readonly disposition: Disposition;
  /** How long to wait for the card, in milliseconds; undefined for ever. */
  readonly timeoutMs: number | undefined;
  readonly commands: readonly Uint8Array[];
}

/** Called for each event. */
interface Listener {
  readonly connected: (connection: Connection, atr: Uint8Array) => void;
  readonly answered: (outcome: Outcome) => void;
}

async function run({ positionals, values }: ParsedLine<typeof optionTable>, terminal: Terminal): Promise<number> {
  const plan: Plan = {
    reader: values.reader,
    shareMode: values.share ?? "shared",
    preferredProtocols: protocolsOf(values.protocol),
    follow: values["no-follow-up"] !== true,
    showData: values["show-data"] === true,
    disposition: values.disposition ?? "leave",
    timeoutMs: values.timeout,
    commands: await readCommands(positionals, terminal),
  };
  try {
    return await withManager(values.manager, terminal, (session) =>
      values.json ? runForPrograms(session, plan, terminal) : runForPeople(session, plan, terminal),
    );
  } finally {
    plan.commands.forEach(zeroBytes);
  }
}

async function readCommands(positionals: readonly string[], terminal: Terminal): Promise<readonly Uint8Array[]> {
  if (positionals.length === 1 && positionals[0] === "-") {
    const lines = (await terminal.readInput()).split(/\r\n|[\r\n]/);
    const texts = lines.map((line, index) => ({ what: `line ${index + 1}`, text: line.replace(/#.*/, "").trim() }));
    return texts.filter(({ text }) => text !== "").map(({ text, what }) => commandOf(what, text));
  }
  if (positionals.length === 0) throw new UsageError("the commands are missing");
  return positionals.map((text, index) => commandOf(`argument ${index + 1}`, text));
}

function commandOf(what: string, text: string): Uint8Array {
  const bytes = hexOf(what, text);
  if (bytes.length >= 4) return bytes;
  throw new UsageError(`${what} has fewer than the 4 bytes of a command; put quotes around one that has blanks in it`);
}

async function runForPeople(session: ManagerSession, plan: Plan, terminal: Terminal): Promise<number> {
  await sendAll(session, plan, terminal, {
    connected: (connection, atr) => {
      if (plan.showData) terminal.say("--show-data: the data of all commands and answers is shown, secrets among it");
      const protocol = connection.protocol === undefined ? "no protocol" : protocolName(connection.protocol);
      terminal.say(
        `"${visible(connection.reader)}", ${connection.shareMode}, ${protocol}, ${atr.length === 0 ? "no card" : `ATR ${encodeHex(atr, " ")}`}`,
      );
    },
    answered: (outcome) => {
      for (const line of describeOutcome(outcome, terminal.paint, "--show-data")) terminal.print(line);
    },
  });
  return exitCodes.ok;
}

/** The JSON document: all results, also after a failure. */
async function runForPrograms(session: ManagerSession, plan: Plan, terminal: Terminal): Promise<number> {
  let about: object = plan.showData ? { showData: true } : {};
  const commands: object[] = [];
  try {
    await sendAll(session, plan, terminal, {
      connected: ({ protocol, reader, shareMode }, atr) => {
        about = { ...about, reader, shareMode, protocol, atr };
      },
      answered: (outcome) => commands.push(outcomeForPrograms(outcome)),
    });
    terminal.print(jsonText({ ...about, commands }));
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof SmartCardError) || terminal.stop.aborted) throw error;
    terminal.print(jsonText({ error: errorForPrograms(error), ...about, commands }));
    return exitCodes.failed;
  }
}

async function sendAll(session: ManagerSession, plan: Plan, terminal: Terminal, listener: Listener): Promise<void> {
  const { context } = session;
  const signal = terminal.stop;
  const bounds = waitWithin(plan.timeoutMs, signal);
  const reader = await chooseReader(context, plan.reader);
  const { disposition, preferredProtocols, shareMode } = plan;
  const connecting = context.connect(reader, { shareMode, preferredProtocols, ...bounds() });
  const connection = await explainingWait(session, reader, terminal, connecting);
  try {
    const { atr } = await explainingWait(session, reader, terminal, connection.status(bounds()));
    listener.connected(connection, atr);
    await explainingWait(session, reader, terminal, connection.beginTransaction(bounds()));
    const redactor = new ExchangeRedactor({ showData: plan.showData, continues: true });
    for (const command of plan.commands) {
      if (signal.aborted) throw new SmartCardError("cancelled", "the program was asked to end");
      listener.answered(await sendTimed(connection, command, plan.follow, redactor, signal));
    }
  } catch (error) {
    // The first failure is more useful than one at the end.
    await connection.disconnect(disposition).catch(ignoreFailure);
    throw error;
  }
  // It ends the transaction too.
  await connection.disconnect(disposition);
}

/** Bounds of each wait, so that all of them together take no longer than was given. */
function waitWithin(timeoutMs: number | undefined, signal: AbortSignal): () => WaitOptions {
  const end = timeoutMs === undefined ? undefined : nodeClock.now() + timeoutMs;
  return () => (end === undefined ? { signal } : { signal, timeoutMs: Math.max(0, Math.ceil(end - nodeClock.now())) });
}

function ignoreFailure(error: unknown): void {
  if (!(error instanceof SmartCardError)) throw error;
}
