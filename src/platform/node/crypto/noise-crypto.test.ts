// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import vectors from "../../../../test/vectors/noise.json" with { type: "json" };
import { encodeHex, hexBytes } from "../../../base/binary/index.ts";
import { type HandshakeOptions, NoiseInitiator, type NoiseKeys, NoiseResponder } from "../../../wire/noise/index.ts";
import { nodeNoiseCrypto as crypto } from "./noise-crypto.ts";

const keysOf = (privateKey: string): NoiseKeys => {
  const bytes = hexBytes(privateKey);
  return { privateKey: bytes, publicKey: crypto.publicKey(bytes) };
};
const prologue = hexBytes(vectors.prologue);

function sideOf({ ephemeral, privateKey }: { ephemeral: string; privateKey: string }): HandshakeOptions {
  return { crypto, own: keysOf(privateKey), ephemeral: hexBytes(ephemeral), prologue };
}

/** Both sides of the vectors, up to the first message. */
function begun(change: Partial<HandshakeOptions> = {}) {
  const initiator = new NoiseInitiator(sideOf(vectors.initiator), hexBytes(vectors.responder.publicKey));
  const responder = new NoiseResponder({ ...sideOf(vectors.responder), ...change });
  const first = initiator.begin(hexBytes(vectors.messages[0]?.payload ?? ""));
  if (first === undefined) throw new Error("no message");
  return { initiator, responder, first };
}

function agreed() {
  const { first, initiator, responder } = begun();
  responder.read(first);
  const answer = responder.finish(hexBytes(vectors.messages[1]?.payload ?? ""));
  if (answer === undefined) throw new Error("no answer");
  const end = initiator.finish(answer.message);
  if (end === undefined) throw new Error("no connection");
  return { first, answer, end };
}

describe("Noise_IK_25519_AESGCM_SHA256", () => {
  test("the public key of the vectors is that of the private one", () => {
    expect(encodeHex(keysOf(vectors.responder.privateKey).publicKey)).toBe(vectors.responder.publicKey);
  });

  test("a handshake and what follows are the vectors'", () => {
    const { answer, end, first } = agreed();
    expect(encodeHex(first)).toBe(vectors.messages[0]?.message);
    expect(encodeHex(answer.message)).toBe(vectors.messages[1]?.message);
    expect([end.connection.hash, answer.connection.hash].map((hash) => encodeHex(hash))).toEqual([
      vectors.hash,
      vectors.hash,
    ]);
    for (const [place, { message, payload }] of vectors.messages.slice(2).entries()) {
      const [from, to] = place % 2 === 0 ? [end.connection, answer.connection] : [answer.connection, end.connection];
      const number = from.send.next;
      const sealed = from.send.seal(hexBytes(payload));
      expect(encodeHex(sealed)).toBe(message);
      expect(to.receive.open(number, sealed)).toEqual(hexBytes(payload));
      expect(to.receive.open(number + 1, sealed)).toBeUndefined();
    }
  });

  test("the responder learns who has begun, and what was said", () => {
    const { first, responder } = begun();
    expect(responder.read(first)).toEqual({
      initiator: keysOf(vectors.initiator.privateKey).publicKey,
      payload: hexBytes(vectors.messages[0]?.payload ?? ""),
    });
  });

  test("a first message with any bit changed, cut or lengthened is refused", () => {
    const { first } = begun();
    for (let place = 0; place < first.length; place += 5) {
      const changed = first.slice();
      changed[place] = (changed[place] ?? 0) ^ 0x80;
      // X25519 does not look at the highest bit of a key (RFC 7748, 5), but the hash does.
      expect(begun().responder.read(changed)).toBeUndefined();
    }
    for (const wrong of [first.subarray(1), first.subarray(0, -1), new Uint8Array(0), new Uint8Array(96)]) {
      expect(begun().responder.read(wrong)).toBeUndefined();
    }
  });

  test("another prologue and another key of the responder are refused", () => {
    expect(begun({ prologue: Uint8Array.of(1) }).responder.read(begun().first)).toBeUndefined();
    expect(begun({ own: keysOf("11".repeat(32)) }).responder.read(begun().first)).toBeUndefined();
  });

  test("an answer that is changed, or is that to another message, is refused", () => {
    const { answer } = agreed();
    for (const place of [0, 31, 32, answer.message.length - 1]) {
      const changed = answer.message.slice();
      changed[place] = (changed[place] ?? 0) ^ 1;
      expect(begun().initiator.finish(changed)).toBeUndefined();
    }
    expect(begun().initiator.finish(answer.message.subarray(0, 47))).toBeUndefined();
    const other = new NoiseInitiator(
      { ...sideOf(vectors.initiator), ephemeral: new Uint8Array(32).fill(5) },
      hexBytes(vectors.responder.publicKey),
    );
    other.begin(new Uint8Array(0));
    expect(other.finish(answer.message)).toBeUndefined();
  });

  test("points of low order agree on nothing", () => {
    for (const point of [new Uint8Array(32), Uint8Array.from({ length: 32 }, (_, place) => (place === 0 ? 1 : 0))]) {
      expect(crypto.agree(new Uint8Array(32).fill(7), point)).toBeUndefined();
      const { responder } = begun();
      expect(responder.read(new Uint8Array(200).fill(0))).toBeUndefined();
      const initiator = new NoiseInitiator(sideOf(vectors.initiator), point);
      expect(initiator.begin(new Uint8Array(0))).toBeUndefined();
    }
  });

  test("keys are cleared when the handshake is over", () => {
    const ephemeral = hexBytes(vectors.initiator.ephemeral);
    const initiator = new NoiseInitiator(
      { ...sideOf(vectors.initiator), ephemeral },
      hexBytes(vectors.responder.publicKey),
    );
    initiator.begin(new Uint8Array(0));
    initiator.finish(new Uint8Array(60));
    expect(ephemeral).toEqual(new Uint8Array(32));
  });

  test("keys of other lengths, and steps out of order, are errors of the caller", () => {
    expect(() => new NoiseInitiator(sideOf(vectors.initiator), new Uint8Array(31))).toThrow(RangeError);
    expect(() => begun().responder.finish(new Uint8Array(0))).toThrow(TypeError);
  });
});

test("what is sealed opens with its key, nonce and associated data only", () => {
  const [key, nonce, associated] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2), Uint8Array.of(3)];
  const sealed = crypto.seal(key, nonce, associated, Uint8Array.of(4, 5));
  expect(sealed).toHaveLength(2 + 16);
  expect(crypto.open(key, nonce, associated, sealed)).toEqual(Uint8Array.of(4, 5));
  expect(crypto.open(key, nonce, Uint8Array.of(9), sealed)).toBeUndefined();
  expect(crypto.open(new Uint8Array(32), nonce, associated, sealed)).toBeUndefined();
  expect(crypto.open(key, new Uint8Array(12), associated, sealed)).toBeUndefined();
  expect(crypto.open(key, nonce, associated, sealed.subarray(0, 15))).toBeUndefined();
});
