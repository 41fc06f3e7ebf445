// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import { SshAgent } from "../../../src/faces/ssh-agent/index.ts";
import { SimulatedRuntime } from "../../../src/testing/runtime/index.ts";
import { decodeAgentRequest } from "../../../src/wire/ssh-agent/index.ts";
import { type Dice, piecesOf } from "../dice.ts";
import { type FuzzTarget, must, mustBeAlike } from "../target.ts";

const blob = new TextEncoder().encode("the key");
const identity = {
  key: { key: { kind: "ed25519", point: new Uint8Array(32) }, name: "ssh-ed25519", blob },
  comment: "a card",
} as const;

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** What an agent with one key answers to a client, and whether it has sent it away. */
async function answersTo(pieces: readonly Uint8Array[]): Promise<{ sent: Uint8Array; closed: boolean }> {
  const runtime = new SimulatedRuntime({ settle });
  const sent: Uint8Array[] = [];
  let closed = false;
  const agent = new SshAgent({
    clock: runtime.clock,
    keys: {
      identities: async () => [identity],
      find: async () => identity,
      sign: async () => new Uint8Array(64),
    },
  });
  const session = agent.accept({
    send: (bytes) => sent.push(bytes),
    pause: () => {},
    resume: () => {},
    close: () => {
      closed = true;
    },
  });
  for (const piece of pieces) session.received(piece);
  // A wrong passphrase is answered after a second.
  await runtime.advance(60_000);
  session.closed();
  return { sent: concatBytes(...sent), closed };
}

/** Cuts a stream into messages. @returns undefined for a stream that is broken */
function messagesIn(stream: Uint8Array): readonly Uint8Array[] | undefined {
  const messages: Uint8Array[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  for (let at = 0; at + 4 <= stream.length; ) {
    const length = view.getUint32(at);
    if (length === 0 || length > 262_144) return undefined;
    if (at + 4 + length > stream.length) break;
    messages.push(stream.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return messages;
}

function string(bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0, 0, bytes.length >>> 8, bytes.length), bytes);
}

function makeMessage(dice: Dice): Uint8Array {
  const any = (): Uint8Array => string(dice.bytes(dice.below(9)));
  const parts = dice.pick([
    () => [Uint8Array.of(11)],
    () => [Uint8Array.of(13), string(blob), any(), dice.bytes(4)],
    () => [Uint8Array.of(dice.pick([22, 22, 23, 23])), dice.pick([any(), string(new Uint8Array(0))])],
    () => [Uint8Array.of(27), string(new TextEncoder().encode("query"))],
    () => [dice.bytes(1 + dice.below(9))],
  ])();
  return string(concatBytes(...parts));
}

const agentClient: FuzzTarget = {
  name: "ssh-agent",
  about:
    "What a client sends to the SSH agent: one answer to each message, however it is cut, and none after a broken one",
  covers: ["decodeAgentRequest"],
  measures: ["wire/ssh-agent", "wire/stream", "faces/ssh-agent"],
  maxBytes: 2048,
  dictionary: [Uint8Array.of(0, 0, 0, 1, 11), string(blob), new Uint8Array(4)],
  generate: (dice) => concatBytes(...Array.from({ length: 1 + dice.below(5) }, () => makeMessage(dice))),
  async run(input) {
    decodeAgentRequest(input);
    const whole = await answersTo([input]);
    mustBeAlike(await answersTo(piecesOf(input)), whole, "the same answers in pieces");
    const [asked, answered] = [messagesIn(input), messagesIn(whole.sent)];
    must(answered !== undefined, "the answers are messages");
    must(whole.closed === (asked === undefined), "a client is sent away for a broken message, and for nothing else");
    if (asked !== undefined) must(answered.length === asked.length, `${answered.length} answers to ${asked.length}`);
  },
};

export const agentTargets: readonly FuzzTarget[] = [agentClient];
