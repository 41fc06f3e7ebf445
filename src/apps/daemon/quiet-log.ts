// SPDX-License-Identifier: MIT

import type { Clock } from "../../port/index.ts";
import type { Log } from "./log.ts";

/** Lines of one kind that are written in one span, before the rest is counted. */
const LINES = 10;

/** How long a span is, in milliseconds. */
const SPAN_MS = 10_000;

/** Kinds that are told apart; those beyond share one count. */
const KINDS = 64;

interface Kind {
  written: number;
  leftOut: number;
}

/**
 * A log for lines caused by clients: any user can repeat an action a thousand times in a second, and must not fill the disk. Of
 * lines that differ only in numbers and quoted text, ten are written in ten seconds; then the number of lines left out.
 * Lines of the levels `debug` and `trace` are all written.
 */
export function quietLog(log: Log, clock: Clock): Log["write"] {
  const kinds = new Map<string, Kind>();
  const kindOf = (level: string, message: string): Kind => {
    const plain = `${level} ${message.replace(/"[^"]*"/g, "").replace(/\d+/g, "0")}`;
    const key = kinds.has(plain) || kinds.size < KINDS ? plain : "others";
    const known = kinds.get(key);
    if (known !== undefined) return known;
    const kind: Kind = { written: 0, leftOut: 0 };
    kinds.set(key, kind);
    const tell = (): void => {
      kinds.delete(key);
      if (kind.leftOut > 0)
        log.write("warn", "lines like an earlier one were left out", { lines: kind.leftOut, like: key });
    };
    clock.schedule(SPAN_MS, "log span", tell, { background: true });
    return kind;
  };
  return (level, message, details) => {
    if (level === "debug" || level === "trace" || !log.writes(level)) {
      log.write(level, message, details);
      return;
    }
    const kind = kindOf(level, message);
    if (kind.written < LINES) {
      kind.written++;
      log.write(level, message, details);
    } else {
      kind.leftOut++;
    }
  };
}
