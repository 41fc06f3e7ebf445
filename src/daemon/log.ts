// SPDX-License-Identifier: MIT

/** How much the daemon tells. `trace` has every event of the manager; no level has the bytes of a command. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;

/** How much the daemon tells. */
export type LogLevel = (typeof logLevels)[number];

/** What belongs to a line, besides its text. */
type LogDetails = Readonly<Record<string, unknown>>;

/** Where the daemon tells what happens. */
export interface Log {
  write(level: Exclude<LogLevel, "silent">, message: string, details?: LogDetails): void;
  /** Whether lines of a level are written at all: asked before one is made that is dear. */
  writes(level: Exclude<LogLevel, "silent">): boolean;
  setLevel(level: LogLevel): void;
  /** Writes out what is still in memory, before the process ends by force: it may overtake a line that is being written. */
  flush(): void;
  /** Writes out all that there is, in its order, and waits for that a moment. Nothing is written any more then. */
  end(): Promise<void>;
}

/** How lines look: for programs one JSON object each, for people at a terminal text. */
export type LogFormat = "json" | "text";

/** With so much unwritten, because nobody reads, further lines are dropped. */
const MAX_UNWRITTEN_BYTES = 1024 * 1024;

/** How long the end of the log waits for whoever reads it, in milliseconds. */
const END_WAIT_MS = 1000;

/** Opens the log on standard error. */
export async function openLog(level: LogLevel, format: LogFormat): Promise<Log> {
  // Loaded here, and not by every program that only wants to ask a daemon something.
  const { pino } = await import("pino");
  // Not synchronous: a terminal that is stopped, or a pipe that nobody reads, must not stop the daemon.
  const destination = pino.destination({ fd: 2, sync: false, maxLength: MAX_UNWRITTEN_BYTES });
  const stream =
    format === "json" ? destination : { write: (line: string) => void destination.write(lineAsText(line)) };
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(options, stream);
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
      try {
        destination.flushSync();
      } catch {
        // Nobody reads any more: there is nobody to tell.
      }
    },
    end: async () => {
      if (ended) return;
      ended = true;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, END_WAIT_MS);
        destination.once("close", () => {
          clearTimeout(timer);
          resolve();
        });
        destination.end();
      });
    },
  };
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
