// SPDX-License-Identifier: MIT

import { openSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { styleText } from "node:util";
import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";

/** How a piece of text can look. */
export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Gives text a look; leaves it as it is where colour is off. */
export type Paint = (style: Style, text: string) => string;

/** Why the program should end: a signal, nothing reads what it prints any more, or its output cannot be written. */
export type StopReason = "SIGINT" | "SIGTERM" | "closed" | "unwritable";

/** An interactive terminal: keys come in one by one, and output appears at once. */
export interface Screen {
  readonly input: NodeJS.ReadableStream;
  /** Where dialogs are drawn; data goes elsewhere. */
  readonly output: NodeJS.WritableStream;
}

/** A screen that was opened for a dialog. */
export interface OpenScreen extends Screen {
  close(): void;
}

/** Where a command reads and writes: the streams of this process, or those of a test. Data and messages never mix. */
export interface Terminal {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted, with a {@link StopReason}, when the program should end. */
  readonly stop: AbortSignal;
  readonly paint: Paint;
  /** For dialogs; undefined where there is no terminal to show them on. */
  readonly screen: Screen | undefined;
  /**
   * Opens the terminal of this process, also where its standard input is a pipe or a file.
   *
   * @returns undefined where the process has none
   */
  openScreen(): OpenScreen | undefined;
  /** Prints one line, or several, of data. */
  print(text: string): void;
  /** Prints a message for the user. */
  say(text: string): void;
  /** Writes bytes of data, as they are. */
  write(bytes: Uint8Array): void;
  /** Everything that is typed or piped in, up to its end or to {@link Terminal.stop}. */
  readInput(): Promise<string>;
  /** The same as bytes. @throws invalid-value for more than `mostBytes` */
  readBytes(mostBytes: number): Promise<Uint8Array>;
  /** The lines of the same, each as soon as it is there. @throws invalid-value for a line of more than `mostBytes` */
  readLines(mostBytes: number): AsyncIterable<string>;
  /**
   * Has the interrupts of the user (Ctrl-C) go to a listener, in place of ending the program.
   *
   * @returns ends that
   */
  onInterrupt(listener: () => void): () => void;
}

/** Colour or none. */
export function painter(color: boolean): Paint {
  return color ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text;
}

/**
 * Whether to use colour on a stream: it is a terminal, and the environment does not forbid it.
 *
 * @see https://no-color.org
 */
export function wantsColor(stream: { readonly isTTY?: boolean }, environment: Terminal["environment"]): boolean {
  return stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
}

/** The terminal of this process. Its first SIGINT or SIGTERM, and what Windows has in their place, asks the program to end; the next one ends it. */
export function processTerminal(options: { readonly color: boolean }): Terminal {
  const stopping = new AbortController();
  const end = (reason: StopReason): void => stopping.abort(reason);
  const listeners: (() => void)[] = [];
  const interrupted = (): void => {
    const listener = listeners.at(-1);
    if (listener === undefined) {
      process.off("SIGINT", interrupted);
      end("SIGINT");
    } else listener();
  };
  process.on("SIGINT", interrupted);
  process.once("SIGTERM", () => end("SIGTERM"));
  // Windows has no SIGTERM. It tells of Ctrl+Break, and of a console window that is closed, some seconds before the end.
  if (process.platform === "win32") {
    for (const signal of ["SIGBREAK", "SIGHUP"] as const) process.once(signal, () => end("SIGTERM"));
  }
  const print = writerTo(process.stdout, (code) => {
    if (isClosed(code)) return end("closed");
    process.exitCode = 1;
    process.stderr.write(`scard: the output cannot be written (${code})\n`);
    end("unwritable");
  });
  const say = writerTo(process.stderr, () => {});
  return {
    environment: process.env,
    stop: stopping.signal,
    paint: painter(options.color && wantsColor(process.stdout, process.env)),
    screen: process.stdin.isTTY && process.stderr.isTTY ? { input: process.stdin, output: process.stderr } : undefined,
    openScreen,
    print: (text) => print(`${text}\n`),
    write: print,
    // There is no other place to report a failed write.
    say: (text) => say(`${text}\n`),
    readInput: async () => new TextDecoder().decode(await readAll(process.stdin, stopping.signal)),
    readBytes: (mostBytes) => readAll(process.stdin, stopping.signal, mostBytes),
    readLines: (mostBytes) => linesOf(piecesOf(process.stdin, stopping.signal), mostBytes),
    onInterrupt: (listener) => {
      listeners.push(listener);
      return () => void listeners.splice(listeners.lastIndexOf(listener), 1);
    },
  };
}

/** The terminal that a process belongs to. */
const TERMINAL = "/dev/tty";

function openScreen(): OpenScreen | undefined {
  if (process.stdin.isTTY && process.stderr.isTTY)
    return { input: process.stdin, output: process.stderr, close: () => undefined };
  if (process.platform === "win32") return undefined;
  try {
    const input = new ReadStream(openSync(TERMINAL, "r+"));
    const output = new WriteStream(openSync(TERMINAL, "w"));
    const close = (): void => {
      input.destroy();
      output.destroy();
    };
    return { input, output, close };
  } catch {
    return undefined;
  }
}

/** Whether the reader of a pipe has closed it, which is not a failure. */
function isClosed(code: string | undefined): boolean {
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}

function writerTo(
  stream: WriteStream,
  failed: (code: string | undefined) => void,
): (data: string | Uint8Array) => void {
  let open = true;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (!open) return;
    open = false;
    failed(error.code);
  });
  return (data) => {
    if (open) stream.write(data);
  };
}

/** The pieces of a stream, until it ends or is stopped. */
async function* piecesOf(stream: ReadStream, stop: AbortSignal): AsyncGenerator<Uint8Array> {
  const stopped = (): unknown => stream.destroy();
  stop.addEventListener("abort", stopped, { once: true });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener("abort", stopped);
  }
}

/** All bytes of a stream. */
async function readAll(
  stream: ReadStream,
  stop: AbortSignal,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of piecesOf(stream, stop)) {
    length += piece.length;
    if (length > mostBytes)
      throw new SmartCardError("invalid-value", `standard input has more than ${mostBytes} bytes`);
    pieces.push(piece);
  }
  const whole = concatBytes(...pieces);
  pieces.forEach(zeroBytes);
  return whole;
}

/** Cuts pieces into lines. The last line need not have an end. @throws invalid-value for a line of more than `mostBytes` */
async function* linesOf(pieces: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array();
  for await (const piece of pieces) {
    const joined = concatBytes(rest, piece);
    zeroBytes(piece);
    zeroBytes(rest);
    let start = 0;
    for (let end = joined.indexOf(LINE_FEED); end >= 0; end = joined.indexOf(LINE_FEED, start)) {
      yield textOf(joined.subarray(start, end), mostBytes);
      start = end + 1;
    }
    rest = joined.slice(start);
    zeroBytes(joined);
    if (rest.length > mostBytes) throw tooLong(mostBytes);
  }
  if (rest.length > 0) yield textOf(rest, mostBytes);
}

const LINE_FEED = 0x0a;

function textOf(line: Uint8Array, mostBytes: number): string {
  if (line.length > mostBytes) throw tooLong(mostBytes);
  return new TextDecoder().decode(line).replace(/\r$/, "");
}

function tooLong(mostBytes: number): SmartCardError {
  return new SmartCardError("invalid-value", `a line of standard input has more than ${mostBytes} bytes`);
}
