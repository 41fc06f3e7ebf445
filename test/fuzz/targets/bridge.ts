// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import { BridgeService } from "../../../src/faces/bridge-server/index.ts";
import { EmbeddedManager } from "../../../src/managers/embedded/index.ts";
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
const token = new Uint8Array(32).fill(7);
const hello: PageMessage = { kind: "hello", version: 1, token };

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
  const encoded = encodePageMessage(message);
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
        all: () => [{ origin: ORIGIN, readers: ["Reader"], tokens: ["00".repeat(32)] }],
        remember: async () => {},
      },
      sha256: () => new Uint8Array(32),
      notice: () => {},
    });
    const sent: Uint8Array[] = [];
    let isClosed = false;
    const session = service.accept(ORIGIN, {
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

export const bridgeTargets: readonly FuzzTarget[] = [messages, page];
