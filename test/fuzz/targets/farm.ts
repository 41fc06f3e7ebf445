// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import {
  decodeFrame,
  decodeHello,
  decodeHelloAnswer,
  decodeIntroduction,
  decodeWelcome,
  encodeFrame,
  encodeHello,
  encodeHelloAnswer,
  encodeIntroduction,
  encodeWelcome,
  FARM_VERSION,
  type FarmFrame,
} from "../../../src/wire/farm/index.ts";
import { farmWorld } from "../../farm/farm-world.ts";
import type { Dice } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike, weightOf } from "../target.ts";

const session = new Uint8Array(16).fill(7);

function frameFrom(dice: Dice): FarmFrame {
  return dice.pick<() => FarmFrame>([
    () => ({ kind: "data", data: dice.bytes(1 + dice.below(40)) }),
    () => ({ kind: "taken", bytes: dice.below(300_000) }),
    () => ({ kind: "beat" }),
    () => ({ kind: "end", reason: "over" }),
  ])();
}

/** A message of a farm, of either side. */
function messageFrom(dice: Dice): Uint8Array {
  return dice.pick<() => Uint8Array>([
    () => encodeHello({ session, handshake: dice.bytes(dice.below(140)) }),
    () => encodeHelloAnswer({ kind: "welcome", handshake: dice.bytes(dice.below(80)) }),
    () => encodeHelloAnswer({ kind: "refused", why: dice.pick(["version", "unknown", "busy", "stopping"] as const) }),
    () => encodeIntroduction({ program: "program", pid: dice.below(1000) }),
    () => encodeWelcome({ beatMs: dice.below(10_000), silenceMs: dice.below(100_000) }),
    () => encodeFrame(frameFrom(dice)),
  ])();
}

const messages: FuzzTarget = {
  name: "farm-messages",
  about: "Messages of a farm: understood or refused, never more than was sent, and written as they were read",
  covers: ["decodeFrame", "decodeHello", "decodeHelloAnswer", "decodeIntroduction", "decodeWelcome"],
  measures: ["wire/farm"],
  maxBytes: 512,
  dictionary: [Uint8Array.of(FARM_VERSION), Uint8Array.of(0, 0, 0, 1), session],
  generate: messageFrom,
  run(input) {
    for (const [decode, encode] of [
      [decodeFrame, encodeFrame],
      [decodeHelloAnswer, encodeHelloAnswer],
      [decodeIntroduction, encodeIntroduction],
      [decodeWelcome, encodeWelcome],
    ] as readonly (readonly [typeof decodeFrame, typeof encodeFrame])[]) {
      const decoded = decode(input);
      if (!decoded.ok) continue;
      must(weightOf(decoded.value) <= 40 * input.length + 100, "a message holds no more than was sent");
      mustBeAlike(decode(encode(decoded.value)), decoded, "a message is written as it was read");
    }
    const hello = decodeHello(input);
    if (!hello.ok || hello.value.version !== FARM_VERSION) return;
    mustBeAlike(decodeHello(encodeHello(hello.value)), hello, "a first message is written as it was read");
  },
};

/** Messages in a row, each with its place and its length before it: what a broker may deliver, and to whom. */
function* placedMessages(input: Uint8Array): Generator<{ readonly place: number; readonly data: Uint8Array }> {
  for (let at = 0; at + 3 <= input.length; ) {
    const length = ((input[at + 1] ?? 0) << 8) | (input[at + 2] ?? 0);
    yield { place: input[at] ?? 0, data: input.slice(at + 3, at + 3 + length) };
    at += 3 + length;
  }
}

function placed(place: number, data: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(place, data.length >>> 8, data.length), data);
}

const broker: FuzzTarget = {
  name: "farm-broker",
  about:
    "A broker that delivers what it likes, on each subject, between the messages of a client and a host: no session opens, a command reaches the card once, and its answer is the card's",
  covers: [],
  measures: ["faces/farm-agent", "managers/farm", "wire/farm", "wire/noise"],
  maxBytes: 1024,
  dictionary: [placed(0, encodeHello({ session, handshake: new Uint8Array(96) })), placed(1, new Uint8Array(25))],
  generate: (dice) =>
    concatBytes(...Array.from({ length: 1 + dice.below(6) }, () => placed(dice.below(4), messageFrom(dice)))),
  async run(input) {
    const world = await farmWorld();
    const { runtime } = world;
    const manager = world.client("alice");
    const played = async <T>(work: Promise<T>): Promise<T> => {
      let isOver = false;
      const over = (): void => {
        isOver = true;
      };
      work.then(over, over);
      for (let ms = 0; !isOver && ms < 60_000; ms += 5) await runtime.advance(5);
      must(isOver, "nothing hangs");
      return work;
    };
    const context = await manager.establishContext();
    await played(context.listReaders());
    const card = await played(context.connect(world.farmName, { shareMode: "shared", preferredProtocols: ["t1"] }));
    const sessions = world.agent.sessions;
    const subjects = world.broker.seen.map(({ subject }) => subject);
    const known = [".hello.", ".in.", ".out.", "_INBOX."].map(
      (part) => subjects.findLast((subject) => subject.includes(part)) ?? "",
    );
    const eve = world.broker.bus("eve");
    const before = world.card.commands.length;
    const answer = card.transmit(Uint8Array.of(0, 0x20, 0, 0x81));
    for (const { data, place } of placedMessages(input)) eve.publish(known[place % known.length] ?? "", data);
    const response = await played(answer);
    mustBeAlike([...response], [0, 0x20, 0, 0x81, 0x90, 0], "the answer is the card's");
    must(world.card.commands.length === before + 1, "the card gets the command once");
    must(world.agent.sessions === sessions, "no other session opens");
    await played(manager.close());
    await played(world.agent.close());
  },
};

export const farmTargets: readonly FuzzTarget[] = [messages, broker];
