// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import { exchange } from "../../../src/entry/bridge-pairing.ts";
import { BridgedSmartCard } from "../../../src/faces/bridge-client/index.ts";
import { BridgeService } from "../../../src/faces/bridge-server/index.ts";
import { EmbeddedManager } from "../../../src/managers/embedded/index.ts";
import { pageCrypto } from "../../../src/platform/browser/index.ts";
import { bridgeCrypto } from "../../../src/platform/node/bridge/index.ts";
import { VirtualReader } from "../../../src/readers/virtual/index.ts";
import { SimulatedRuntime } from "../../../src/testing/runtime/index.ts";
import {
  decodePageMessage,
  decodeServiceMessage,
  encodePageMessage,
  encodeServiceMessage,
  MAX_BRIDGE_MESSAGE_BYTES,
  type PageMessage,
} from "../../../src/wire/bridge/index.ts";
import type { Dice } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike, weightOf } from "../target.ts";

const ORIGIN = "https://app.example";
const ADDRESS = "127.0.0.1:41964";
const token = new Uint8Array(32).fill(7);
const nonce = new Uint8Array(32).fill(8);
const hello: PageMessage = { kind: "hello", version: 3, nonce, pairing: new Uint8Array(16).fill(7) };

const messages: FuzzTarget = {
  name: "bridge-messages",
  about:
    "Messages between a page and the bridge: understood or refused, never more than was sent, and written as they were read",
  covers: ["decodePageMessage", "decodeServiceMessage"],
  measures: ["wire/bridge"],
  maxBytes: 512,
  dictionary: [encodePageMessage(hello), Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0, 0, 0, 2, 0x74, 0x31)],
  generate: (dice) => encodePageMessage(callOf(dice)),
  run(input) {
    const asked = decodePageMessage(input);
    if (asked.ok) {
      must(weightOf(asked.value) <= 40 * input.length + 100, "a message holds no more than was sent");
      mustBeAlike(
        decodePageMessage(encodePageMessage(asked.value)),
        asked,
        "a page's message is written as it was read",
      );
    }
    const answered = decodeServiceMessage(input);
    if (answered.ok) {
      const again = decodeServiceMessage(encodeServiceMessage(answered.value));
      mustBeAlike(again, answered, "a service's message is written as it was read");
    }
  },
};

const shares = [new Uint8Array(32), Uint8Array.of(9, ...new Uint8Array(31)), nonce];

/** What either side may say before a page is let in. */
function greetingOf(dice: Dice): Uint8Array {
  const bytes = (): Uint8Array => dice.pick([...shares, dice.bytes(32)]);
  return dice.pick<() => Uint8Array>([
    () => encodePageMessage({ ...hello, ...(dice.below(2) === 0 && { pairing: undefined }) }),
    () => encodePageMessage({ kind: "prove", proof: bytes() }),
    () => encodePageMessage({ kind: "pair", share: bytes(), proof: bytes() }),
    () => encodePageMessage({ kind: "establishContext", id: 1 }),
    () => encodeServiceMessage({ kind: "welcome", version: 3, ...(dice.below(2) === 0 && { proof: bytes() }) }),
    () => encodeServiceMessage({ kind: "challenge", nonce: bytes(), proof: bytes() }),
    () => encodeServiceMessage({ kind: "pairingWanted", triesLeft: dice.below(4), nonce: bytes(), share: bytes() }),
  ])();
}

/** A call that may mean something: numbers are small, so that they meet contexts and connections. */
function callOf(dice: Dice): PageMessage {
  const id = dice.below(6);
  const context = 1 + dice.below(4);
  const connection = 1 + dice.below(4);
  const flags = {
    ...{ unaware: false, ignore: dice.below(4) === 0, unavailable: false, empty: false, present: dice.below(2) === 0 },
    ...{ exclusive: false, inuse: false, mute: false, unpowered: false },
  };
  const readerName = dice.pick(["Reader", "Hidden", "\\\\?PnP?\\Notification"]);
  return dice.pick<() => PageMessage>([
    () => ({ kind: "establishContext", id }),
    () => ({ kind: "listReaders", id, context }),
    () => ({
      kind: "connect",
      id,
      context,
      readerName,
      accessMode: dice.pick(["shared", "exclusive", "x"]),
      preferredProtocols: ["t1"],
    }),
    () => ({ kind: "transmit", id, connection, sendBuffer: dice.bytes(dice.below(8)) }),
    () => ({ kind: "startTransaction", id, connection, signal: dice.pick(["none", "given", "aborted"]) }),
    () => ({
      kind: "endTransaction",
      id,
      outcome: dice.pick(["undefined", "null", "disposition", "rejected"]),
      disposition: "reset",
    }),
    () => ({ kind: "disconnect", id, connection }),
    () => ({ kind: "status", id, connection }),
    () => ({ kind: "abort", id }),
    () => ({ kind: "ping" }),
    () => ({ kind: "limit", id, timeout: dice.below(50), signal: dice.pick(["none", "given", "aborted"]) }),
    () => ({ kind: "send", id, connection, command: dice.bytes(dice.below(8)), longData: dice.pick([undefined, "x"]) }),
    () => ({ kind: "reconnect", id, connection, accessMode: "exclusive", preferredProtocols: ["t1"] }),
    () => ({ kind: "end", id, what: dice.pick(["context", "connection"]), number: context }),
    () => ({ kind: "releaseContext", context }),
    () => ({
      kind: "getStatusChange",
      ...{ id, context, timeout: dice.below(50), signal: "given" },
      readerStates: [{ readerName, currentState: flags, currentCount: dice.below(4) }],
    }),
    () => ({ kind: "control", id, connection, controlCode: 0x4200_0d48, data: dice.bytes(dice.below(4)) }),
    () => ({ kind: "getAttribute", id, connection, tag: dice.below(9) }),
    () => ({ kind: "setAttribute", id, connection, tag: dice.below(9), value: dice.bytes(2) }),
  ])();
}

/** Cuts an input into messages: two bytes of length before each. */
function framesIn(input: Uint8Array): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at + 2 <= input.length; ) {
    const length = ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
    frames.push(input.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return frames;
}

function frame(message: PageMessage): Uint8Array {
  return frameOf(encodePageMessage(message));
}

function frameOf(encoded: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(encoded.length >>> 8, encoded.length), encoded);
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

const page: FuzzTarget = {
  name: "bridge-page",
  about:
    "What a paired page sends: at most one answer to each call, nothing of another origin's reader, and nothing is left when it has gone",
  covers: [],
  measures: ["faces/bridge-server", "wire/bridge"],
  maxBytes: 1024,
  dictionary: [frame({ kind: "establishContext", id: 1 }), frame({ kind: "listReaders", id: 1, context: 1 })],
  generate: (dice) =>
    concatBytes(
      frame({ kind: "establishContext", id: 0 }),
      ...Array.from({ length: 1 + dice.below(12) }, () => frame(callOf(dice))),
    ),
  async run(input) {
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime });
    for (const name of ["Reader", "Hidden"]) {
      const reader = new VirtualReader({ name, clock: runtime.clock });
      reader.insert({
        reset: () => Uint8Array.of(0x3b, 0x80, 1, 0x81),
        powerOff: () => {},
        process: () => Uint8Array.of(0x90, 0),
      });
      await manager.addReader(reader);
    }
    const service = new BridgeService({
      manager: manager.client({ name: "bridge" }),
      clock: runtime.clock,
      random: runtime.random,
      origins: {
        all: () => [{ origin: ORIGIN, readers: ["Reader"], pairings: [] }],
        remember: async () => {},
      },
      crypto: bridgeCrypto,
      notice: () => {},
    });
    const sent: Uint8Array[] = [];
    let isClosed = false;
    const session = service.acceptTrusted(ORIGIN, {
      address: ADDRESS,
      send: (message) => void sent.push(message.slice()),
      waitingBytes: 0,
      pause: () => {},
      resume: () => {},
      close: () => {
        isClosed = true;
      },
    });
    session.received(encodePageMessage(hello));
    const frames = framesIn(input);
    for (const encoded of frames) {
      session.received(encoded);
      await runtime.settle();
    }
    await runtime.advance(100);
    const answers = sent.slice(1).map((encoded) => {
      must(encoded.length <= MAX_BRIDGE_MESSAGE_BYTES, "an answer fits a message");
      const decoded = decodeServiceMessage(encoded);
      must(decoded.ok, "an answer is a message");
      return decoded.value;
    });
    const over = answers.filter(({ kind }) => kind !== "begun");
    must(over.length <= frames.length, "no call is answered twice");
    const told = answers.some(
      (answer) => (answer.kind === "readers" && answer.names.includes("Hidden")) || answer.kind === "welcome",
    );
    must(!told, "a reader of another origin is not told of");
    const closing = session.closed();
    await runtime.advance(60_000);
    await closing;
    must(service.size === 0, "a page that has gone leaves nothing");
    must(isClosed || sent.length > 0, "a page that is served is greeted");
    await manager.close();
    must(runtime.pendingTimers.length === 0, `timers are left: ${runtime.pendingTimers.join(", ")}`);
  },
};

/** A page that has the secret of a pairing, and whose user types in a code, before a program that sends `frames`. @returns what it has said */
async function pageBefore(frames: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
  const said: Uint8Array[] = [];
  let sent: Parameters<ConstructorParameters<typeof BridgedSmartCard>[0]["dial"]>[0] | undefined;
  const smartCard = new BridgedSmartCard({
    dial: (events) => {
      sent = events;
      return { send: (message) => void said.push(message.slice()), close: () => undefined };
    },
    pairing: {
      ...{ origin: ORIGIN, address: ADDRESS, crypto: pageCrypto },
      tokens: {
        load: async () => token.slice(),
        save: async () => must(false, "a page keeps no pairing with a program that knows no code"),
      },
      pairingCode: async () => CODE,
      exchange,
    },
    later: () => () => undefined,
  });
  const outcome = smartCard.establishContext().then(
    () => "it is let in",
    () => "refused",
  );
  sent?.opened();
  for (let wait = 0; said.length === 0 && wait < 1000; wait++) await settle();
  for (const encoded of frames) {
    const before = said.length;
    sent?.received(encoded);
    for (let wait = 0; said.length === before && wait < 20; wait++) await settle();
  }
  smartCard.close();
  must((await outcome) === "refused", "a page lets no program in that proves nothing");
  return said;
}

const CODE = "48217730";

const greeting: FuzzTarget = {
  name: "bridge-greeting",
  about:
    "What is said before a page is let in: without a secret no page gets in, and a page tells a program that is not the bridge neither secret nor code",
  covers: [],
  measures: ["faces/bridge-server", "faces/bridge-client", "wire/bridge"],
  maxBytes: 512,
  dictionary: [frame(hello), frame({ kind: "prove", proof: nonce })],
  generate: (dice) => concatBytes(...Array.from({ length: 1 + dice.below(4) }, () => frameOf(greetingOf(dice)))),
  async run(input) {
    const runtime = new SimulatedRuntime({ settle });
    const manager = new EmbeddedManager({ runtime });
    const pairing = { id: "07".repeat(16), stored: "0A".repeat(32), service: "0B".repeat(32) };
    const service = new BridgeService({
      manager: manager.client({ name: "bridge" }),
      ...{ clock: runtime.clock, random: runtime.random, crypto: bridgeCrypto },
      origins: {
        all: () => [{ origin: ORIGIN, pairings: [pairing] }],
        remember: async () => must(false, "no pairing is kept without the code"),
      },
      notice: () => {},
    });
    const sent: Uint8Array[] = [];
    const session = service.accept(ORIGIN, {
      ...{ address: ADDRESS, waitingBytes: 0, pause: () => {}, resume: () => {}, close: () => {} },
      send: (message) => void sent.push(message.slice()),
    });
    const frames = framesIn(input).slice(0, 8);
    for (const encoded of frames) session.received(encoded.slice());
    await runtime.settle();
    for (const encoded of sent) {
      const decoded = decodeServiceMessage(encoded);
      const isGreeting = decoded.ok && (decoded.value.kind === "challenge" || decoded.value.kind === "pairingWanted");
      must(isGreeting, "who proves nothing gets a challenge or is asked for a code");
    }
    must(session.state !== "open", "who proves nothing is not let in");
    await session.closed();
    await manager.close();
    must(runtime.pendingTimers.length === 0, `timers are left: ${runtime.pendingTimers.join(", ")}`);
    for (const heard of await pageBefore(frames))
      for (const secret of [token, new TextEncoder().encode(CODE)])
        must(!Buffer.from(heard).includes(Buffer.from(secret)), "neither secret nor code is said");
  },
};

export const bridgeTargets: readonly FuzzTarget[] = [messages, page, greeting];
