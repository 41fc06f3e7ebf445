// SPDX-License-Identifier: MIT

import {
  type Check,
  type Clock,
  callback,
  clockObject,
  having,
  listOf,
  MAX_TIMER_MS,
  optional,
  optionsOf,
  pause,
  refuse,
  wholeNumber,
  word,
} from "../../port/index.ts";
import type { SoftwareCard } from "./software-card.ts";
import { encodeAnswer, status, sw } from "./status.ts";

/**
 * What goes wrong at one command. `at` counts the commands that the card gets since it was made, from 1.
 *
 * - `answer`: the card does nothing, and answers this status word.
 * - `delay`: the answer takes this many milliseconds longer.
 * - `mute`: the card carries the command out and does not answer, nor does it answer any further one until it is reset.
 * - `remove`: the card is pulled out of its reader in the middle of the command.
 */
export type CardFault =
  | { readonly at: number; readonly kind: "answer"; readonly status: number }
  | { readonly at: number; readonly kind: "delay"; readonly ms: number }
  | { readonly at: number; readonly kind: "mute" }
  | { readonly at: number; readonly kind: "remove" };

/** What a card with faults needs. */
export interface FaultyCardOptions {
  /** What goes wrong. Several faults may come at one command: delays add up, and come first. */
  readonly faults: readonly CardFault[];
  /** The clock for delays. */
  readonly clock: Clock;
  /** Pulls the card: `() => reader.remove()`. Needed for `remove`. @default the card is mute then */
  readonly remove?: (() => void) | undefined;
}

const MAX_COMMANDS = 1_000_000_000;
const MAX_FAULTS = 10_000;
const kinds = { answer: 0, delay: 0, mute: 0, remove: 0 };
const anyFault = optionsOf<{ at: number; kind: CardFault["kind"]; status: number | undefined; ms: number | undefined }>(
  {
    at: wholeNumber(1, MAX_COMMANDS),
    kind: word(kinds, "kind of fault"),
    status: optional(wholeNumber(0x6000, 0x9fff)),
    ms: optional(wholeNumber(0, MAX_TIMER_MS)),
  },
);
const fault: Check<CardFault> = (value, place) => {
  const { at, kind, ms, status: word } = anyFault(value, place);
  if (kind === "mute" || kind === "remove") return { at, kind };
  if (kind === "answer") {
    return {
      at,
      kind,
      status: word ?? refuse({ ...place, path: `${place.path}.status` }, "missing", "pass a status word"),
    };
  }
  return {
    at,
    kind,
    ms: ms ?? refuse({ ...place, path: `${place.path}.ms` }, "missing", "pass a time in milliseconds"),
  };
};
const faultyOptions = optionsOf<FaultyCardOptions>({
  faults: listOf(fault, "faults", MAX_FAULTS),
  clock: clockObject,
  remove: optional(callback("a function that pulls the card: () => reader.remove()")),
});
const softwareCard = having<SoftwareCard>(["reset", "powerOff", "process"], "a software card");

/** A card whose nth command goes wrong, as planned: for tests of programs that must live with that. */
export class FaultyCard implements SoftwareCard {
  readonly pps?: (request: Uint8Array) => Uint8Array;
  readonly #card: SoftwareCard;
  readonly #faults: ReadonlyMap<number, readonly CardFault[]>;
  readonly #clock: Clock;
  readonly #remove: (() => void) | undefined;
  #commands = 0;
  #mute = false;

  /** @throws invalid-parameter (not a card, a malformed fault), invalid-value (an unknown kind of fault) */
  constructor(card: SoftwareCard, options: FaultyCardOptions) {
    const operation = "FaultyCard";
    this.#card = softwareCard(card, { operation, path: "card" });
    const { clock, faults, remove } = faultyOptions(options, { operation, path: "options" });
    this.#faults = new Map(faults.map(({ at }) => [at, faults.filter((one) => one.at === at)]));
    this.#clock = clock;
    this.#remove = remove;
    if (card.pps !== undefined) this.pps = (request) => card.pps?.(request) ?? request;
  }

  inserted(): void {
    this.#card.inserted?.();
  }

  removed(): void {
    this.#card.removed?.();
  }

  reset(kind: "cold" | "warm"): Uint8Array {
    this.#mute = false;
    return this.#card.reset(kind);
  }

  powerOff(): void {
    this.#mute = false;
    this.#card.powerOff();
  }

  async process(command: Uint8Array): Promise<Uint8Array> {
    this.#commands++;
    if (this.#mute) throw new Error("the card is mute until it is reset, as planned");
    const faults = this.#faults.get(this.#commands) ?? [];
    for (const one of faults)
      if (one.kind === "delay") await pause(this.#clock, one.ms, "a card that is slow, as planned");
    for (const one of faults) {
      if (one.kind === "answer") return encodeAnswer(status(one.status));
      if (one.kind === "remove" && this.#remove !== undefined) {
        this.#remove();
        return encodeAnswer(status(sw.noDiagnosis));
      }
      if (one.kind === "mute" || one.kind === "remove") {
        await this.#card.process(command);
        this.#mute = true;
        throw new Error("the card does not answer, as planned");
      }
    }
    return this.#card.process(command);
  }
}
