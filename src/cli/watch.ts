// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import { nodeClock } from "../edge/node/index.ts";
import { SmartCardError } from "../pcsc/index.ts";
import { summarizeAtr } from "./atr-report.ts";
import { type Command, exitCodes } from "./command.ts";
import { managerHelp, managerOption, withManager } from "./manager-option.ts";
import { millisecondsOf, parseOptions, refuseArguments } from "./options.ts";
import { type Happening, type Sight, watchReaders } from "./reader-watch.ts";
import type { Paint, Style, Terminal } from "./terminal.ts";
import { jsonText, visible } from "./text.ts";

/** `scard watch`: what happens to readers and cards, as it happens. */
export const watch: Command = {
  name: "watch",
  summary: "follow readers that come and go, and the cards in them",
  help: ` [OPTION…]

Prints the state of each reader, and then every change, until it is interrupted (Ctrl-C; it ends with 0 then).
With --json each line is one JSON object.

  --once          only the state that is
  --timeout SEC   end after that many seconds
${managerHelp}`,
  run,
};

async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const options = { ...managerOption, once: { type: "boolean" }, timeout: { type: "string" } } as const;
  const { positionals, values } = parseOptions(args, options);
  refuseArguments(positionals);
  const end = new AbortController();
  const stop = (): void => end.abort();
  terminal.stop.addEventListener("abort", stop, { once: true });
  const limitMs = values.timeout === undefined ? undefined : millisecondsOf("--timeout", values.timeout);
  const cancelLimit = limitMs === undefined ? undefined : nodeClock.schedule(limitMs, "end of the watch", stop);
  // A wait on a manager in this process is nothing that keeps Node running.
  const alive = setInterval(() => {}, 60_000);
  try {
    return await withManager(values.manager, terminal, async ({ context }) => {
      for await (const sight of watchReaders(context, end.signal, values.once === true)) {
        const time = new Date(nodeClock.wallTime());
        if (values.json) terminal.print(jsonText(sightForPrograms(sight, time), "compact"));
        else for (const line of describeSight(sight, time, terminal.paint)) terminal.print(line);
      }
      return exitCodes.ok;
    });
  } catch (error) {
    if (end.signal.aborted && error instanceof SmartCardError && error.code === "cancelled") return exitCodes.ok;
    throw error;
  } finally {
    clearInterval(alive);
    cancelLimit?.();
    terminal.stop.removeEventListener("abort", stop);
  }
}

/** What was seen, as JSON has it. */
export function sightForPrograms({ atr, ...sight }: Sight, time: Date): object {
  const card = atr.length === 0 ? {} : { atr, summary: summarizeAtr(atr) };
  return { time: time.toISOString(), ...sight, ...card };
}

const words: Readonly<Record<Happening, readonly [Style, string]>> = {
  "reader-present": ["cyan", "reader"],
  "reader-added": ["cyan", "reader added"],
  "reader-removed": ["red", "reader removed"],
  "card-present": ["green", "card present"],
  "card-inserted": ["green", "card inserted"],
  "card-removed": ["yellow", "card removed"],
  "card-changed": ["green", "card changed"],
  "card-mute": ["red", "card does not answer"],
  "card-answers": ["green", "card answers"],
  "in-use": ["bold", "in use"],
  exclusive: ["bold", "in exclusive use"],
  free: ["dim", "free"],
};

/** What was seen, for people: a line, and another for the card that has come. */
export function describeSight(sight: Sight, time: Date, paint: Paint): string[] {
  const { atr, flags, happenings, reader } = sight;
  const list = happenings.map((happening) => paint(...words[happening]));
  if (/^reader-(?:present|added)$/.test(happenings[0] ?? "") && flags.includes("empty"))
    list.push(paint("dim", "empty"));
  const lines = [`${paint("dim", clockTime(time))}  ${paint("bold", visible(reader))}  ${list.join(", ")}`];
  const isNews = happenings.some((happening) => /^card-(?:present|inserted|changed|answers)$/.test(happening));
  if (isNews && atr.length > 0) lines.push(`${" ".repeat(14)}${encodeHex(atr, " ")}  ${summarizeAtr(atr)}`);
  return lines;
}

/** Hours to milliseconds, in local time: 12 characters. */
function clockTime(time: Date): string {
  const [hours, minutes, seconds] = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${hours}:${minutes}:${seconds}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
