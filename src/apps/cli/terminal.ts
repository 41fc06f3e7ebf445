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
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end(signal));
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

/** All bytes of a stream. */
async function readAll(
  stream: ReadStream,
  stop: AbortSignal,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<Uint8Array> {
  const stopped = (): unknown => stream.destroy();
  stop.addEventListener("abort", stopped, { once: true });
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of stream) {
      const piece = chunk as Uint8Array;
      length += piece.length;
      if (length > mostBytes)
        throw new SmartCardError("invalid-value", `standard input has more than ${mostBytes} bytes`);
      pieces.push(piece);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    stop.removeEventListener("abort", stopped);
  }
  const whole = concatBytes(...pieces);
  pieces.forEach(zeroBytes);
  return whole;
}
