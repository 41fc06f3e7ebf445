// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { filterEvents } from "../../observe/calls/index.ts";
import type { RecordingHeader } from "../../observe/recordings/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { type ReportedReader, traceDaemon, tracedEvent, type WhoReport } from "../daemon/index.ts";
import { callFilters } from "./call-filters.ts";
import { runChild, withProgramBehindDashes } from "./child-program.ts";
import { type Command, command, exitCodes } from "./command.ts";
import { readerOption } from "./connect-options.ts";
import { askLikelyDaemon, controlOption } from "./control-option.ts";
import { durationOf, type OptionTable, type ParsedLine, UsageError } from "./options.ts";
import { ProgressLine } from "./progress-line.ts";
import { onlyFitting, onlyLikely } from "./reader-choice.ts";
import { forceOption, formOption, oneFile } from "./recording-file.ts";
import { SessionFile } from "./session-file.ts";
import type { Terminal } from "./terminal.ts";
import { count, jsonText, visible } from "./text.ts";
import { type Waiting, waiting } from "./waiting.ts";

/** The longest time that can be given, in milliseconds: a day. */
const LONGEST_MS = 86_400_000;

const optionTable = {
  ...readerOption,
  ...callFilters,
  for: {
    type: "string",
    value: "TIME",
    reads: (option: string, text: string) => durationOf(option, text, LONGEST_MS),
    help: "end after that time: 30s, 5m or 2h, a day at most",
  },
  format: formOption,
  raw: {
    type: "boolean",
    help: "record all bytes, PINs and keys too, and mark the file; for root and the user whose daemon it is",
  },
  ...forceOption,
  ...controlOption,
} as const satisfies OptionTable;

type Values = ParsedLine<typeof optionTable>["values"];

const recordCommand = command({
  name: "record",
  summary: "write what programs say to a card, and what it answers, into a file",
  usage: ["[OPTION…] FILE", "[OPTION…] FILE -- COMMAND [ARGUMENT…]"],
  description: [
    "Records the card in one reader of scard daemon, whichever programs use it, until Ctrl-C: the file is whole then, and ends with 0. With COMMAND it runs that, so that it uses the daemon, records while it runs, and ends with its exit code. With --json what COMMAND prints goes to the standard error.",
    "Bytes that may be secret are withheld, unless --raw keeps them. Only you may read FILE. It is written as the commands come: what was recorded is there whatever happens, also where the disk is full.",
    "The file is for scard replay, diff and convert, or with --format for Wireshark. pcscd and the operating system's own manager do not tell what programs ask of them: there a program records its own calls, with scard/observe.",
  ],
  options: optionTable,
  argumentWords: "file",
  run,
});

/** `scard record`: a session with a card into a file. */
export const record: Command = withProgramBehindDashes(recordCommand, "scard record FILE -- COMMAND …");

/** A program that is run while its session is recorded. */
interface Program {
  readonly words: readonly [string, ...string[]];
  readonly environment: NodeJS.ProcessEnv;
}

/** What is recorded, and where to. */
interface Session {
  readonly control: string;
  readonly file: string;
  readonly header: RecordingHeader & { readonly reader: string };
  readonly values: Values;
  readonly program: Program | undefined;
}

/** How a recording ended. */
interface Ending {
  readonly session: SessionFile;
  /** Events that the daemon has left out, as they came faster than they were taken. */
  readonly dropped: number;
  /** The exit code of the program. */
  readonly exitCode: number | undefined;
}

async function run(
  { positionals, values }: ParsedLine<typeof optionTable>,
  terminal: Terminal,
  args: readonly string[],
): Promise<number> {
  const { file, words } = wordsOf(positionals, args);
  if (words !== undefined && values.for !== undefined)
    throw new UsageError("the recording ends with the command: leave --for out");
  const { path: control, result } = await askLikelyDaemon({ command: "who" }, values.control, terminal);
  const header = headerOf(readerOf(result.readers, values.reader), values.raw === true);
  const program = words && { words, environment: environmentOf(result, terminal) };
  if (values.raw) terminal.say("scard: --raw records PINs and keys: keep the file safe");
  return waiting(terminal, values.for, async (wait) => {
    const ending = await recorded({ control, file, header, values, program }, terminal, wait);
    return report(ending, { file, header, values }, terminal);
  });
}

/** The file, and the program behind the hyphens. @throws UsageError */
function wordsOf(
  positionals: readonly string[],
  args: readonly string[],
): { readonly file: string; readonly words: Program["words"] | undefined } {
  const at = args.indexOf("--");
  const [program, ...more] = at < 0 ? [] : args.slice(at + 1);
  const behind = program === undefined ? 0 : 1 + more.length;
  const files = positionals.slice(0, positionals.length - behind);
  if (at >= 0 && program === undefined) throw new UsageError("the command behind -- is missing");
  if (files.length > 1) throw new UsageError("it takes one file; a command stands behind --: FILE -- COMMAND …");
  return { file: oneFile(files, "the file to write"), words: program === undefined ? undefined : [program, ...more] };
}

function readerOf(readers: WhoReport["readers"], choice: string | undefined): ReportedReader {
  const names = readers.map(({ name }) => name);
  const likely = readers.filter(({ card }) => card !== undefined).map(({ name }) => name);
  const chosen =
    choice === undefined || names.length === 0 ? onlyLikely(names, likely) : onlyFitting(names, choice, "--reader");
  const reader = readers.find(({ name }) => name === chosen);
  if (reader === undefined) throw new TypeError(`${chosen} is one of the readers`);
  return reader;
}

function headerOf({ card, name }: ReportedReader, raw: boolean): Session["header"] {
  const atr = decodeHex(card?.atr ?? "");
  return {
    recorded: nodeClock.wallTime(),
    data: raw ? "raw" : "redacted",
    reader: name,
    source: "scard record",
    ...(atr.ok && atr.value.length >= 2 && { atr: atr.value }),
    ...(card?.protocol !== undefined && { protocol: card.protocol }),
  };
}

/** The environment of the program, which leads it to the daemon that is recorded. */
function environmentOf({ daemon }: WhoReport, { environment }: Terminal): NodeJS.ProcessEnv {
  return { ...environment, ...(daemon.socket !== undefined && { PCSCLITE_CSOCK_NAME: daemon.socket }) };
}

async function recorded(session: Session, terminal: Terminal, wait: Waiting): Promise<Ending> {
  const { control, file: path, header, program, values } = session;
  const ending = new AbortController();
  const end = (): void => ending.abort();
  // A program ends the recording when it has ended: it may have something to say to the card when it is interrupted.
  if (program === undefined) {
    wait.signal.addEventListener("abort", end, { once: true });
    if (wait.signal.aborted) end();
  }
  const { aid, client, json = false, raw = false } = values;
  const isWanted = filterEvents({ ...(aid !== undefined && { aid }), ...(client !== undefined && { client }) });
  const progress = new ProgressLine(json || program !== undefined ? undefined : terminal.screen);
  let file: SessionFile | undefined;
  let running: Promise<number> | undefined;
  let dropped = 0;
  try {
    const request = { command: "trace", reader: header.reader, ...(raw && { raw }) } as const;
    for await (const line of traceDaemon(control, request, nodeClock, new AbortController().signal, ending.signal)) {
      if ("begun" in line) {
        const { force = false, format: form = "recording" } = values;
        file = await SessionFile.open({ path, form, header, mustBeNew: !force });
        if (program === undefined) terminal.say(`scard: recording ${visible(header.reader)}; Ctrl-C ends it`);
        running = program && startProgram(program, json, terminal).finally(end);
        running?.catch(() => undefined);
      } else if ("dropped" in line) dropped += line.dropped;
      else {
        const event = tracedEvent(line.event);
        if (event.kind === "card" || isWanted(event)) await file?.add(event);
        if (file?.isFull) break;
        progress.show(`${count(file?.exchanges ?? 0, "exchange")}, ${file?.bytes ?? 0} bytes`);
      }
    }
    const exitCode = await running;
    if (file === undefined) throw new TypeError("a trace that has ended without an error had begun");
    return { session: file, dropped, exitCode };
  } catch (error) {
    await running?.catch(() => undefined);
    if (error instanceof UsageError) await file?.discard();
    else if (file !== undefined) terminal.say(`${visible(path)}: ${count(file.exchanges, "exchange")} until then`);
    if (error instanceof UsageError) file = undefined;
    throw error;
  } finally {
    progress.end();
    wait.signal.removeEventListener("abort", end);
    await file?.close();
  }
}

/** With JSON on the standard output, what the program prints goes to the other channel. */
function startProgram({ environment, words }: Program, json: boolean, terminal: Terminal): Promise<number> {
  const [program, ...args] = words;
  return runChild(program, args, { environment, ...(json && { stdio: ["inherit", 2, 2] }) }, terminal);
}

function report(
  { dropped, exitCode, session }: Ending,
  { file, header, values }: Pick<Session, "file" | "header" | "values">,
  terminal: Terminal,
): number {
  const { exchanges, isFull } = session;
  const { data, reader } = header;
  if (values.json === true) {
    const form = values.format ?? "recording";
    terminal.print(jsonText({ file, form, reader, data, exchanges, dropped, full: isFull, exitCode }));
  } else {
    terminal.say(`${visible(file)}: ${count(exchanges, "exchange")}, ${data}`);
    if (dropped > 0) terminal.say(`${count(dropped, "event")} came faster than they were written, and are not in it`);
    if (isFull)
      terminal.say("a recording takes no more: what came then is not in it; narrow it with --client or --for");
  }
  return dropped > 0 || isFull ? exitCodes.failed : (exitCode ?? exitCodes.ok);
}
