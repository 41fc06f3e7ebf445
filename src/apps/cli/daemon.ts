// SPDX-License-Identifier: MIT

import { parseArgs } from "node:util";
import { withoutBytes } from "../../base/binary/index.ts";
import { parseReaderSpec } from "../../entry/manager-spec.ts";
import { MAX_FIXED_READERS } from "../../faces/pcsclite-server/index.ts";
import { koffiRemedy } from "../../platform/node/koffi/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import {
  type InheritedSocket,
  inheritedSockets,
  keepFreedMemory,
  loadMemoryReturn,
  loadPeerCredentials,
  type PeerCredentialsReader,
} from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import {
  type CommandLineSettings,
  type ConfiguredReader,
  cardSource,
  Daemon,
  type DaemonConfig,
  defaultSocketPath,
  emptyConfig,
  exportLine,
  type Log,
  logLevels,
  openLog,
  REHEARSAL_MS,
  readConfig,
  type StartProblem,
  silentLog,
  withCommandLine,
} from "../daemon/index.ts";
import { command, exitCodes } from "./command.ts";
import { handOverSignals, restoreDefaultSignals } from "./early-signals.ts";
import { errorForPrograms } from "./failure.ts";
import { type OptionTable, type OptionValues, type ParsedLine, UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText, visible, visibleLines } from "./text.ts";

const options = {
  reader: {
    type: "string",
    value: "SPEC",
    multiple: true,
    help: `a reader, in the order given; all USB readers where none is given here or in the configuration
usb[:VENDOR:PRODUCT|:SERIAL|:@PORT]
                USB readers: all, or those that it names
ifd:LIBRARY[:DEVICE|:CHANNEL]
                a reader with a driver written for pcsc-lite
ifd:BUNDLE      USB readers that such a driver is for
reader.conf[:PATH]
                the readers of pcscd's reader.conf.d
virtual[:NAME]  a virtual reader
vpcd[:[PORT][:NAME]]
                third-party cards plug into it by TCP; port 35963
vpcd:PATH[:NAME]
                they plug into a Unix socket; PATH begins with / or ./`,
  },
  card: {
    type: "string",
    value: "CARD",
    multiple: true,
    completes: "file",
    help: "the card of the preceding virtual reader: a new one (demo, piv, openpgp, gids, yubikey, ntag215 and others), or the path of its description",
  },
  socket: {
    type: "string",
    value: "PATH",
    completes: "file",
    reads: absolutePath,
    help: "where clients connect; default /run/pcscd/pcscd.comm for root, else $XDG_RUNTIME_DIR/scard/pcscd.comm",
  },
  control: {
    type: "string",
    value: "PATH",
    completes: "file",
    reads: absolutePath,
    help: 'where "scard who" connects; default: the path of the socket and .control',
  },
  config: {
    type: "string",
    value: "FILE",
    completes: "file",
    help: "readers, access rules, limits and other settings, in JSON (docs/guide/daemon.md)",
  },
  "check-config": { type: "boolean", help: "only check that file, and print all that is wrong with it" },
  "max-readers": {
    type: "string",
    value: "N",
    reads: (option, text) => readCount(option, text, MAX_FIXED_READERS),
    help: `readers that client libraries of protocol 4:4 and 4:5 were compiled for
(PCSCLITE_MAX_READERS_CONTEXTS), 16 without it; 48 or 64 on Fedora`,
  },
  profile: {
    type: "string",
    value: "NAME",
    choices: ["pcsclite", "windows"],
    help: "the manager's behaviour; default pcsclite",
  },
  "no-rehearsal": {
    type: "boolean",
    help: "be ready a quarter of a second sooner; the first calls of clients take longer then",
  },
  "log-level": { type: "string", value: "LEVEL", choices: logLevels, help: "the log level; default info" },
} as const satisfies OptionTable;

/**
 * A daemon that has not ended by then, because a driver hangs or a client does not read, is ended by force. With the end
 * of the log it makes less than two seconds.
 */
const STOP_WAIT_MS = 1500;

/** `scard daemon`: the resource manager as a service for programs that were written for pcscd. */
export const daemon = command({
  name: "daemon",
  summary: "serve programs that were written for pcscd",
  usage: ["[OPTION…]"],
  description: [
    "Runs in the foreground, in place of pcscd. When clients can connect, it prints the line that makes the programs of another shell use it. SIGHUP reloads the configuration, and so does SIGUSR1; SIGTERM and SIGINT end it within two seconds.",
  ],
  options,
  run,
});

async function run(
  { values }: ParsedLine<typeof options>,
  terminal: Terminal,
  args: readonly string[],
): Promise<number> {
  if (values["check-config"]) restoreDefaultSignals();
  const signals = values["check-config"] ? undefined : listenForSignals();
  const line = readCommandLine(args, values);
  const credentials = await loadPeerCredentials();
  const { config: file } = values;
  if (signals === undefined) {
    if (file === undefined) throw new UsageError("--check-config needs --config FILE");
    return checkConfig({ file, line, credentials, asJson: values.json === true }, terminal);
  }
  const read: ReadConfiguration = async (tell) => {
    if (file === undefined) return withCommandLine(emptyConfig, line);
    const found = await readConfig(file, credentials !== undefined);
    if (found.ok) return withCommandLine(found.value, line);
    for (const { message, path } of found.error) tell(`${path}: ${message}`);
    return undefined;
  };
  const mistakes: string[] = [];
  const config = await read((problem) => mistakes.push(withoutBytes(`${file}: ${problem}`, [file ?? ""])));
  if (config === undefined) return sayMistakes(mistakes, values.json === true, terminal);
  const log = await openLog(config.log.level ?? "info", process.stderr.isTTY ? "text" : "json");
  const socket = chooseSocket(line, config, terminal);
  if (credentials === undefined) log.write("warn", `clients cannot be identified: ${whyUnidentified()}`);
  keepFreedMemory();
  const rehearsalMs = values["no-rehearsal"] ? 0 : REHEARSAL_MS;
  const giveBackMemory = loadMemoryReturn();
  const started = await Daemon.start({ config, socket, credentials, log, giveBackMemory, rehearsalMs });
  try {
    sayReady(started, values.json === true, terminal);
    log.write("info", "ready", {
      socket: started.socketPath,
      control: started.controlPath,
      readers: started.readerNames,
    });
    signals.onReload(() => reload(started, read, log));
    const signal = await signals.stopped;
    log.write("info", "stopping", { signal });
  } finally {
    await stop(started, log);
  }
  return exitCodes.ok;
}

type Values = OptionValues<typeof options>;

function readCommandLine(args: readonly string[], values: Values): CommandLineSettings {
  const { control, profile, socket } = values;
  const level = values["log-level"];
  const maxReaders = values["max-readers"];
  return {
    readers: readReaders(args),
    ...(socket !== undefined && { socketPath: socket }),
    ...(control !== undefined && { controlPath: control }),
    ...(profile !== undefined && { profile }),
    ...(maxReaders !== undefined && { maxReadersContexts: maxReaders }),
    ...(level !== undefined && { logLevel: level }),
  };
}

function readCount(option: string, text: string, most: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > most) throw new UsageError(`${option} should be a whole number from 1 to ${most}`);
  return count;
}

function absolutePath(option: string, path: string): string {
  if (path === "") throw new UsageError(`${option} is empty`);
  return path.startsWith("/") ? path : `${process.cwd()}/${path}`;
}

/** Readers and their cards, whose order counts. */
function readReaders(args: readonly string[]): ConfiguredReader[] {
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  const readers: ConfiguredReader[] = [];
  for (const token of tokens) {
    if (token.kind !== "option" || token.value === undefined) continue;
    if (token.name === "reader") readers.push(readReader(token.value));
    if (token.name === "card") readers.push(withCard(readers.pop(), token.value));
  }
  return readers;
}

function readReader(text: string): ConfiguredReader {
  try {
    const reader = parseReaderSpec(text);
    if (reader.kind === "virtual" && reader.card !== undefined)
      return withCard({ ...reader, card: undefined }, reader.card);
    if (reader.kind === "usb") return reader;
    if (reader.kind === "ifd") return { ...reader, driver: absolutePath("--reader", reader.driver) };
    if (reader.kind === "reader.conf") {
      return { ...reader, ...(reader.path !== undefined && { path: absolutePath("--reader", reader.path) }) };
    }
    if (reader.kind === "vpcd" && reader.path !== undefined)
      return { ...reader, path: absolutePath("--reader", reader.path) };
    return reader as ConfiguredReader;
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    throw new UsageError(`--reader: ${error.reason}`, { cause: error });
  }
}

function withCard(
  reader: ConfiguredReader | (Extract<ConfiguredReader, { kind: "virtual" }> & { card: undefined }) | undefined,
  card: string,
): ConfiguredReader {
  if (reader?.kind !== "virtual") throw new UsageError("--card must follow its virtual reader");
  if (reader.card !== undefined) throw new UsageError("a virtual reader takes one --card");
  return { ...reader, card: cardSource(card, process.cwd()) };
}

/** Why a start fails: the mistakes in the configuration file. */
function sayMistakes(mistakes: readonly string[], asJson: boolean, terminal: Terminal): number {
  if (asJson) {
    const error = errorForPrograms(new SmartCardError("invalid-value", mistakes.join("; ")));
    terminal.print(jsonText({ error: { ...error, problems: mistakes } }));
  } else for (const mistake of mistakes) terminal.say(`scard: ${visibleLines(mistake)}`);
  return exitCodes.failed;
}

/** What `--check-config` needs. */
interface ConfigCheck {
  readonly file: string;
  readonly line: CommandLineSettings;
  readonly credentials: PeerCredentialsReader | undefined;
  readonly asJson: boolean;
}

async function checkConfig(check: ConfigCheck, terminal: Terminal): Promise<number> {
  // The name of a file that cannot be read may be bytes for a card, with a PIN among them.
  const careful = (text: string): string => withoutBytes(text, [check.file]);
  const found = await configProblems(check, terminal);
  const problems = found.map(({ message, path }) => ({ message: careful(message), path }));
  const ok = problems.length === 0;
  if (check.asJson) terminal.print(jsonText({ ok, problems }));
  else if (ok) terminal.print(`${visible(check.file)} is good`);
  for (const { message, path } of check.asJson ? [] : problems) terminal.print(visibleLines(`${path}: ${message}`));
  return ok ? exitCodes.ok : exitCodes.failed;
}

/** The mistakes in the file; without mistakes, the problems of the start. */
async function configProblems(
  { credentials, file, line }: ConfigCheck,
  terminal: Terminal,
): Promise<readonly { readonly path: string; readonly message: string }[]> {
  const found = await readConfig(file, credentials !== undefined);
  if (!found.ok) return found.error;
  const config = withCommandLine(found.value, line);
  try {
    const socket = chooseSocket(line, config, terminal);
    const problems = await Daemon.check({ config, socket, credentials, log: silentLog });
    return problems.map(({ message, part }) => ({ path: pathOf(part, config, line), message }));
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return [{ path: "$.socket", message: error.reason }];
  }
}

/** Where a problem of the start is in the file, or on the command line. */
function pathOf(part: StartProblem["part"], config: DaemonConfig, line: CommandLineSettings): string {
  if (typeof part === "object") {
    const index = part.reader - line.readers.length;
    return index < 0 ? `--reader ${part.reader + 1}` : `$.readers[${index}]`;
  }
  if (part === "limits") return "$.limits";
  if (part === "control") {
    if (line.controlPath !== undefined) return "--control";
    if (config.control.path !== undefined) return "$.control.path";
  }
  if (line.socketPath !== undefined) return "--socket";
  return config.socket.path === undefined ? "$.socket" : "$.socket.path";
}

function whyUnidentified(): string {
  const { arch, platform } = process;
  return platform === "linux" ? `that needs koffi: ${koffiRemedy(platform, arch)}` : "that needs Linux";
}

/** The socket that the service manager opened, or else where to open one. */
function chooseSocket(line: CommandLineSettings, config: DaemonConfig, terminal: Terminal): string | InheritedSocket {
  const inherited = inheritedSockets(process.env, process.pid);
  const [first] = inherited;
  if (inherited.length > 1) {
    throw new SmartCardError("invalid-parameter", "the service manager passed several sockets; pass only one");
  }
  if (first !== undefined && line.socketPath !== undefined) {
    throw new UsageError("--socket has no place where the service manager opens the socket: see ListenStream=");
  }
  if (first !== undefined) return first;
  const uid = process.getuid?.();
  if (uid === undefined)
    throw new SmartCardError(
      "not-supported",
      "scard daemon is for programs of Linux and macOS: on Windows there is no pcscd to stand in for",
    );
  return config.socket.path ?? defaultSocketPath({ environment: terminal.environment, uid });
}

function sayReady(started: Daemon, asJson: boolean, terminal: Terminal): void {
  const { controlPath, readerNames, socketPath } = started;
  if (asJson) {
    const ready = { ready: true, pid: process.pid, socket: socketPath, control: controlPath, readers: readerNames };
    terminal.print(jsonText(ready, "compact"));
  } else {
    terminal.print(socketPath === undefined ? "# ready on the service manager's socket" : exportLine(socketPath));
  }
}

/** Reads the configuration; reports problems and returns undefined then. */
type ReadConfiguration = (tell: (problem: string) => void) => Promise<DaemonConfig | undefined>;

function reload(started: Daemon, read: ReadConfiguration, log: Log): Promise<void> {
  return started.reload(async () => {
    const config = await read((problem) => log.write("error", problem));
    if (config === undefined) log.write("error", "the configuration has mistakes; the one before stays in force");
    return config;
  });
}

async function stop(started: Daemon, log: Log): Promise<void> {
  const cancelTimer = nodeClock.schedule(STOP_WAIT_MS, "daemon-stop", () => {
    log.write("error", `not ended after ${STOP_WAIT_MS / 1000} s: ended by force`);
    endByForce(log);
  });
  await started.stop();
  cancelTimer();
  log.write("info", "stopped");
  await log.end();
  if (log.stuck) endByForce(log);
}

/** Ends the process at once. */
function endByForce(log: Log): never {
  log.flush();
  // Node would wait at its end for a write that the system does not finish.
  if (log.stuck) process.kill(process.pid, "SIGKILL");
  process.exit(exitCodes.failed);
}

/** The signals that control a daemon. */
interface Signals {
  /** Settles with the first signal to end. The next one ends the process at once. */
  readonly stopped: Promise<string>;
  /** What SIGHUP does, and SIGUSR1, which makes pcscd search for readers. */
  onReload(reload: () => Promise<void>): void;
}

/** Before the daemon is ready they are kept: an end ends the start as soon as it is done, and a new configuration is read then. */
function listenForSignals(): Signals {
  const numbers = { SIGINT: 2, SIGTERM: 15 } as const;
  const stopped = new Promise<string>((resolve) => {
    let asked = false;
    for (const [signal, number] of Object.entries(numbers)) {
      process.on(signal, () => {
        if (asked) process.exit(128 + number);
        asked = true;
        resolve(signal);
      });
    }
  });
  let reloadNow: (() => Promise<void>) | undefined;
  let isDue = false;
  const asked = (): void => {
    if (reloadNow === undefined) isDue = true;
    else void reloadNow();
  };
  for (const signal of ["SIGHUP", "SIGUSR1"]) process.on(signal, asked);
  // Signals that came while the program was being loaded.
  handOverSignals();
  return {
    stopped,
    onReload: (reload) => {
      reloadNow = reload;
      if (isDue) void reload();
    },
  };
}
