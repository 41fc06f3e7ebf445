// SPDX-License-Identifier: MIT

import { constants, fstatSync, openSync, write, writeSync } from "node:fs";
import { escapedJson } from "../../base/binary/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { LogSink } from "./log-sink.ts";

/** The log level. `trace` has every event of the manager; no level has the bytes of a command. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/** How much the daemon tells. */
export type LogLevel = (typeof logLevels)[number];

/** What belongs to a line, besides its text. */
type LogDetails = Readonly<Record<string, unknown>>;

/** The daemon's log. */
export interface Log {
  write(level: Exclude<LogLevel, "silent">, message: string, details?: LogDetails): void;
  /** Whether lines of a level are written: checked before an expensive one is composed. */
  writes(level: Exclude<LogLevel, "silent">): boolean;
  setLevel(level: LogLevel): void;
  /** Tries once to write out what is still in memory, before the process ends by force. Never waits. */
  flush(): void;
  /** Writes out all that there is, in its order, and waits for that a moment. Nothing is written any more then. */
  end(): Promise<void>;
  /**
   * Whether the system still holds a line that it may never write. Node waits for it when it ends, so such a process can
   * only be killed.
   */
  readonly stuck: boolean;
}

/** Writes nothing. For a check, whose problems are its result. */
export const silentLog: Log = {
  write: () => {},
  writes: () => false,
  setLevel: () => {},
  flush: () => {},
  end: async () => {},
  stuck: false,
};

/** How lines look: for programs one JSON object each, for people at a terminal text. */
export type LogFormat = "json" | "text";

/** How long the end of the log waits for its reader, in milliseconds. */
const END_WAIT_MS = 400;

/** Opens the log on standard error. A failing log does not stop the daemon: see {@link LogSink}. */
export async function openLog(level: LogLevel, format: LogFormat): Promise<Log> {
  // Loaded here, so that programs which only query a daemon do not load it.
  const { pino } = await import("pino");
  const { fd, mayBlock } = openStandardError();
  const textOfLine = (line: string): string => (format === "json" ? escapedJson(line) : lineAsText(line));
  const lostLine = (lost: number, reason: string): string => {
    const time = new Date(nodeClock.wallTime()).toISOString();
    return textOfLine(`${JSON.stringify({ level: "warn", time, lost, reason, msg: "lines of the log were lost" })}\n`);
  };
  const target = {
    write: (bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void) => {
      write(fd, bytes, 0, bytes.length, null, done);
    },
  };
  const sink = new LogSink(target, { clock: nodeClock, lostLine });
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, { write: (line: string) => sink.write(textOfLine(line)) });
  let ended = false;
  return {
    write: (lineLevel, message, details) => {
      if (!ended) logger[lineLevel](details ?? {}, message);
    },
    writes: (lineLevel) => logger.isLevelEnabled(lineLevel),
    setLevel: (newLevel) => {
      logger.level = newLevel;
    },
    flush: () => {
      if (mayBlock || sink.writing) return;
      try {
        writeSync(fd, sink.unwritten());
      } catch {
        // What cannot be written now is lost with the process.
      }
    },
    end: async () => {
      if (ended) return;
      ended = true;
      await sink.end(END_WAIT_MS);
    },
    get stuck() {
      return sink.writing;
    },
  };
}

/**
 * Standard error, such that a terminal that is stopped, or a pipe that nothing reads, blocks no write: pipes and
 * terminals are opened a second time, as the mode would otherwise change for every program that shares them. A socket
 * cannot be opened again, and writes to it may block.
 */
function openStandardError(): { readonly fd: number; readonly mayBlock: boolean } {
  const standardError = 2;
  try {
    const stat = fstatSync(standardError);
    if (stat.isFile()) return { fd: standardError, mayBlock: false };
    if (!stat.isFIFO() && !stat.isCharacterDevice()) return { fd: standardError, mayBlock: true };
    const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants;
    return { fd: openSync("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY), mayBlock: false };
  } catch {
    return { fd: standardError, mayBlock: true };
  }
}

/** `12:04:57 warn  refused: …  uid=1000 rule="$.access.daemon[0]"` */
export function lineAsText(line: string): string {
  const { level, time, msg, ...details } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(details).map(([key, value]) => `${key}=${textOf(value)}`);
  const clock = String(time).slice(11, 19);
  const text = [`${clock} ${String(level).padEnd(5)} ${String(msg)}`, ...pairs].join("  ");
  // Programs choose their names: no control character may reach the terminal.
  return `${text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?")}\n`;
}

function textOf(value: unknown): string {
  return typeof value === "string" && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}
