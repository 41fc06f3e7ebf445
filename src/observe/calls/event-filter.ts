// SPDX-License-Identifier: MIT

import { hexWord } from "../../base/binary/index.ts";
import { fractionalMilliseconds, listOf, optional, optionsOf, refuse, shown, text, word } from "../../port/index.ts";
import { type ObservedEvent, type ObservedOperation, observedOperations } from "./events.ts";

/** Which events are wanted: those for which everything that is given is true. */
export interface EventFilter {
  /** A part of the reader's name; case does not matter. */
  readonly reader?: string;
  /** A part of the program's name, case does not matter; or the number of its process. */
  readonly client?: string;
  /** What the identifier of the selected application begins with, in hexadecimal digits. */
  readonly aid?: string;
  /** A status word: four hexadecimal digits, of which an X stands for any: `63CX`. */
  readonly sw?: string;
  /** Calls that took longer than so many milliseconds, 0 or more; they may have a fraction. */
  readonly slowerThanMs?: number;
  readonly operations?: readonly ObservedOperation[];
}

const hexadecimal = (least: number, most: number, digits: string, remedy: string) => {
  const pattern = new RegExp(`^[${digits}]{${least},${most}}$`, "i");
  return (value: unknown, place: Parameters<typeof refuse>[0]): string =>
    typeof value === "string" && pattern.test(value) ? value.toUpperCase() : refuse(place, shown(value), remedy);
};

const eventFilter = optionsOf<EventFilter>({
  reader: optional(text("a part of a reader's name")),
  client: optional(text("a part of a program's name, or the number of a process")),
  aid: optional(hexadecimal(2, 32, "0-9A-F", "give 2 to 32 hexadecimal digits")),
  sw: optional(hexadecimal(4, 4, "0-9A-FX", "give four hexadecimal digits, with an X for any: 63CX")),
  slowerThanMs: optional(fractionalMilliseconds),
  operations: optional(
    listOf(
      word(
        Object.fromEntries(observedOperations.map((name) => [name, 0])) as Record<ObservedOperation, number>,
        "operation",
      ),
      'operations: ["transmit"] for commands',
      observedOperations.length,
    ),
  ),
});

/**
 * A function that says whether an event is wanted. Events of cards and readers are, unless something is asked for that only calls have.
 *
 * @throws invalid-parameter, invalid-value (an unknown operation)
 */
export function filterEvents(filter: EventFilter = {}): (event: ObservedEvent) => boolean {
  const checked = eventFilter(filter, { operation: "filterEvents", path: "filter" });
  const { aid, client, operations, reader, slowerThanMs, sw } = checked;
  const isForCalls = aid !== undefined || sw !== undefined || slowerThanMs !== undefined || operations !== undefined;
  const status = sw && new RegExp(`^${sw.replaceAll("X", "[0-9A-F]")}$`);
  const part = reader?.toLowerCase();
  return (event) => {
    if (part !== undefined && event.reader?.toLowerCase().includes(part) !== true) return false;
    if (client !== undefined && !isOf(client, event.client)) return false;
    if (event.kind === "card") return !isForCalls;
    const { exchange, operation, tookMs } = event;
    if (operations !== undefined && !operations.includes(operation)) return false;
    if (slowerThanMs !== undefined && tookMs <= slowerThanMs) return false;
    if (aid !== undefined && exchange?.application?.startsWith(aid) !== true) return false;
    return !status || (exchange?.statusWord !== undefined && status.test(hexWord(exchange.statusWord)));
  };
}

function isOf(wanted: string, client: ObservedEvent["client"]): boolean {
  if (client === undefined) return false;
  return String(client.pid) === wanted || client.name.toLowerCase().includes(wanted.toLowerCase());
}
