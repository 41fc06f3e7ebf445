// SPDX-License-Identifier: MIT

import { bigEndianNumber, concatBytes, encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { encodeCommand } from "../../src/base/iso7816/index.ts";
import type { SoftwareCard } from "../../src/cards/software-card/index.ts";
import type { Random } from "../../src/port/index.ts";
import { seededRandom } from "../../src/testing/runtime/index.ts";

/** A card, and what its client must never reach. */
export interface HostileTerms {
  /** A fresh card. It is made anew several times: the tries of its PINs are soon used up. */
  makeCard(): Promise<SoftwareCard>;
  /** Commands that select what is attacked, in hexadecimal. */
  readonly selects: readonly string[];
  /** A class that the card has, besides those of any card: FF of a contactless reader. Every second command has it. */
  readonly ownClass?: number;
  /** Instructions that the card has: most commands have one of them. */
  readonly instructions: readonly number[];
  /** PINs and other secrets that open the card, in hexadecimal: no command contains one. */
  readonly secrets: readonly string[];
  /** Commands that say whether something is open, in hexadecimal: none may be answered with 9000, at any time. */
  readonly closed: readonly string[];
  /** How many commands. @default 100,000 */
  readonly commands?: number;
  readonly seed?: number;
}

/** What came of an attack. */
export interface HostileReport {
  /** What the card must not do, with the commands before; empty where it did nothing of the kind. */
  readonly faults: readonly string[];
  /** How many answers had which status word. */
  readonly answers: ReadonlyMap<string, number>;
}

const DEFAULT_COMMANDS = 100_000;
const COMMANDS_PER_CARD = 4_000;
const COMMANDS_PER_PROBE = 16;
const REMEMBERED = 12;

/**
 * Sends random commands: any class, instruction and parameters, any lengths, chained and extended, cut off, and bytes that are no
 * command. The card must answer each with a status word, never throw, and open nothing.
 */
export async function attack(terms: HostileTerms): Promise<HostileReport> {
  const random = new Dice(terms.seed ?? 1);
  const secrets = terms.secrets.map((hex) => hex.toUpperCase());
  const faults: string[] = [];
  const answers = new Map<string, number>();
  let card = await terms.makeCard();
  let sent: string[] = [];
  card.reset("cold");
  for (let count = 0; count < (terms.commands ?? DEFAULT_COMMANDS) && faults.length < 3; count++) {
    if (count % COMMANDS_PER_CARD === COMMANDS_PER_CARD - 1) {
      card = await terms.makeCard();
      card.reset("cold");
      sent = [];
    } else if (random.below(200) === 0) card.reset(random.below(2) === 0 ? "cold" : "warm");
    const command = nextCommand(random, terms);
    const shown = encodeHex(command);
    if (secrets.some((secret) => shown.includes(secret))) continue;
    sent = [...sent.slice(-REMEMBERED), shown.slice(0, 120)];
    const word = await answerTo(card, command);
    answers.set(word, (answers.get(word) ?? 0) + 1);
    if (!/^[69][0-9A-F]{3}$/.test(word)) faults.push(`${word} to ${sent.join(" ")}`);
    if (count % COMMANDS_PER_PROBE > 0) continue;
    for (const probe of terms.closed) {
      const open = await answerTo(card, hexBytes(probe));
      if (open === "9000") faults.push(`${probe} is open after ${sent.join(" ")}`);
    }
  }
  return { faults, answers };
}

/** The status word, or what came in its place. */
async function answerTo(card: SoftwareCard, command: Uint8Array): Promise<string> {
  try {
    const answer = await card.process(command);
    return answer.length >= 2 && answer.length <= 65_538 ? encodeHex(answer.subarray(-2)) : `${answer.length} bytes`;
  } catch (error) {
    return `an exception (${error instanceof Error ? error.message : String(error)})`;
  }
}

function nextCommand(random: Dice, terms: HostileTerms): Uint8Array {
  const kind = random.below(20);
  if (kind === 0) return hexBytes(random.from(terms.selects));
  if (kind === 1) return random.bytes(random.below(40));
  const data = dataOf(random);
  const le = random.below(3) === 0 ? undefined : 1 + random.below(random.below(8) === 0 ? 65_536 : 256);
  const hasLength = data.length > 0 || le !== undefined;
  const command = encodeCommand({
    cla: terms.ownClass !== undefined && random.below(2) === 0 ? terms.ownClass : classOf(random),
    ins: random.below(6) === 0 ? random.below(256) : random.from(terms.instructions),
    p1: random.from([0x00, 0x00, 0x04, 0x3f, 0x80, 0x9a, random.below(256)]),
    p2: random.from([0x00, 0x00, 0x01, 0x80, 0x81, 0x82, 0x83, 0x9a, 0x9b, 0xff, random.below(256)]),
    data,
    ...(le !== undefined && { le }),
    ...(hasLength && random.below(6) === 0 && { extended: true }),
  });
  // Some are cut off, and some have a byte too many.
  const fault = random.below(40);
  if (fault === 0) return command.slice(0, random.below(command.length + 1));
  return fault === 1 ? concatBytes(command, random.bytes(1 + random.below(3))) : command;
}

/** Mostly the plain class and its chaining bit, and else any. */
function classOf(random: Dice): number {
  return random.from([0x00, 0x00, 0x00, 0x00, 0x10, 0x10, 0x80, random.below(256)]);
}

const MAX_TLV_BYTES = 60;

function dataOf(random: Dice): Uint8Array {
  switch (random.below(6)) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return digits(random);
    case 2:
      return random.bytes(random.from([1, 4, 8, 16, 24, 32, 64, 255]));
    case 3:
      return random.bytes(random.below(random.below(40) === 0 ? 5_000 : 300));
    default:
      return tlv(random, 3);
  }
}

/** What looks like a PIN, padded or not, or two of them. */
function digits(random: Dice): Uint8Array {
  const pin = Uint8Array.from({ length: 4 + random.below(6) }, () => 0x30 + random.below(10));
  const padded = concatBytes(pin, new Uint8Array(Math.max(0, 8 - pin.length)).fill(0xff));
  return random.from([pin, padded, concatBytes(padded, padded)]);
}

/** Data objects with tags that cards know, and now and then a length that is wrong. */
function tlv(random: Dice, depth: number): Uint8Array {
  const tags = [
    [0x5c],
    [0x53],
    [0x7c],
    [0x81],
    [0x82],
    [0x80],
    [0x85],
    [0xac],
    [0x4d],
    [0xb6],
    [0x7f, 0x48],
    [0x5f, 0x48],
  ];
  const value =
    depth > 0 && random.below(2) === 0
      ? concatBytes(...Array.from({ length: random.below(3) }, () => tlv(random, depth - 1)))
      : random.bytes(random.from([0, 0, 1, 3, 8, 16, random.below(MAX_TLV_BYTES)]));
  const length = random.below(30) === 0 ? random.below(256) : value.length;
  const encoded = length < 0x80 ? [length] : [0x81, length & 0xff];
  return concatBytes(Uint8Array.from([...random.from(tags), ...encoded]), value);
}

/** Numbers that a seed decides. */
class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** 0 to `limit` less 1. */
  below(limit: number): number {
    return bigEndianNumber(this.#random.bytes(4)) % limit;
  }

  from<T>(values: readonly T[]): T {
    const chosen = values[this.below(values.length)];
    if (chosen === undefined) throw new RangeError("there is nothing to choose from");
    return chosen;
  }

  bytes(length: number): Uint8Array {
    return this.#random.bytes(length);
  }
}
