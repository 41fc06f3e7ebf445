// SPDX-License-Identifier: MIT

import {
  constants,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicDecrypt,
  publicEncrypt,
  verify,
} from "node:crypto";
import { describe, expect, it } from "vitest";
import { concatBytes, encodeHex } from "../../src/base/binary/index.ts";
import { bytes, cipherName, crypto, ecb, factoryKey, inside, jwkBytes, PivSession, tlv } from "./piv-session.ts";

const text = new TextEncoder().encode("What the card signs");
const digest = crypto.hash("sha256", text);
const base64 = (part: Uint8Array): string => Buffer.from(part).toString("base64url");

/** The public key that GENERATE has answered with. */
function publicKey(algorithm: number, answer: Uint8Array): KeyObject {
  if (answer[0] === 0x81) {
    const n = inside(answer, 0x81);
    const rest = answer.subarray(answer.length - 5);
    return createPublicKey({ key: { kty: "RSA", n: base64(n), e: base64(inside(rest, 0x82)) }, format: "jwk" });
  }
  const point = inside(answer, 0x86);
  if (algorithm === 0xe0 || algorithm === 0xe1) {
    const crv = algorithm === 0xe0 ? "Ed25519" : "X25519";
    return createPublicKey({ key: { kty: "OKP", crv, x: base64(point) }, format: "jwk" });
  }
  const half = (point.length - 1) / 2;
  const [x, y] = [point.subarray(1, 1 + half), point.subarray(1 + half)];
  const crv = algorithm === 0x14 ? "P-384" : "P-256";
  return createPublicKey({ key: { kty: "EC", crv, x: base64(x), y: base64(y) }, format: "jwk" });
}

const never = bytes("AA0101");

describe("signatures and decipherment (SP 800-73-4 part 2, 3.2.4)", () => {
  it.each([
    ["RSA 1024", 0x06, 128],
    ["RSA 2048", 0x07, 256],
    ["RSA 3072", 0x05, 384],
  ])("%s: the private operation on whole blocks, which signs and deciphers", async (_, algorithm, length) => {
    const card = await PivSession.open();
    const key = publicKey(algorithm, await card.generate(0x9a, algorithm, never));
    const block = concatBytes(Uint8Array.of(0, 1), new Uint8Array(length - 35).fill(0xff), Uint8Array.of(0), digest);
    const signature = await card.result(0x9a, algorithm, block);
    expect(new Uint8Array(publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature))).toEqual(block);
    const ciphertext = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, text);
    const plain = await card.result(0x9a, algorithm, new Uint8Array(ciphertext));
    expect(plain.subarray(-text.length - 1)).toEqual(concatBytes(Uint8Array.of(0), text));
    for (const wrong of [block.subarray(1), concatBytes(block, Uint8Array.of(0)), new Uint8Array(length).fill(0xff)]) {
      expect((await card.use(0x9a, algorithm, wrong)).status.toString(16)).toBe("6a80");
    }
  });

  it.each([
    ["P-256", 0x11, 32],
    ["P-384", 0x14, 48],
  ])("%s: ECDSA over a digest, and ECDH", async (curve, algorithm, length) => {
    const card = await PivSession.open();
    const key = publicKey(algorithm, await card.generate(0x9d, algorithm, never));
    const hash = length === 32 ? "sha256" : "sha384";
    const signature = await card.result(0x9d, algorithm, crypto.hash(hash, text));
    expect(verify(hash, text, key, signature)).toBe(true);
    expect((await card.use(0x9d, algorithm, new Uint8Array(length + 1))).status.toString(16)).toBe("6a80");
    const other = generateKeyPairSync("ec", { namedCurve: curve });
    const { x = new Uint8Array(0), y = new Uint8Array(0) } = jwkBytes(other.publicKey);
    const point = concatBytes(Uint8Array.of(4), x, y);
    const secret = await card.result(0x9d, algorithm, point, 0x85);
    const same = new Uint8Array(diffieHellman({ privateKey: other.privateKey, publicKey: key }));
    expect(secret).toEqual(same);
    const off = point.slice();
    off[point.length - 1] = (off.at(-1) ?? 0) ^ 1;
    for (const wrong of [off, point.subarray(1), concatBytes(Uint8Array.of(2), x)]) {
      expect((await card.use(0x9d, algorithm, wrong, 0x85)).status.toString(16)).toBe("6a80");
    }
  });

  it("Ed25519: signs messages of any length, and agrees on nothing", async () => {
    const card = await PivSession.open();
    const key = publicKey(0xe0, await card.generate(0x9c, 0xe0, never));
    for (const message of [new Uint8Array(0), text, crypto.randomBytes(3000)]) {
      expect(verify(null, message, key, await card.result(0x9c, 0xe0, message))).toBe(true);
    }
    expect((await card.use(0x9c, 0xe0, new Uint8Array(32), 0x85)).status.toString(16)).toBe("6a80");
  });

  it("X25519: agrees on a secret, and signs nothing", async () => {
    const card = await PivSession.open();
    const key = publicKey(0xe1, await card.generate(0x82, 0xe1, never));
    const other = generateKeyPairSync("x25519");
    const { x = new Uint8Array(0) } = jwkBytes(other.publicKey);
    const same = new Uint8Array(diffieHellman({ privateKey: other.privateKey, publicKey: key }));
    expect(await card.result(0x82, 0xe1, x, 0x85)).toEqual(same);
    expect((await card.use(0x82, 0xe1, new Uint8Array(32), 0x85)).status.toString(16)).toBe("6a80");
    expect((await card.use(0x82, 0xe1, digest)).status.toString(16)).toBe("6a80");
  });

  it("refuses a slot without a key, a key of another algorithm, slots that have no such key, and odd templates", async () => {
    const card = await PivSession.open();
    await card.generate(0x9a, 0x11, never);
    expect((await card.use(0x9e, 0x11, digest)).status.toString(16)).toBe("6a80");
    expect((await card.use(0x9a, 0x07, digest)).status.toString(16)).toBe("6a80");
    expect((await card.use(0x9a, 0x99, digest)).status.toString(16)).toBe("6a80");
    for (const slot of [0x00, 0x81, 0x96, 0x99, 0x9f, 0xf9]) {
      expect((await card.use(slot, 0x11, digest)).status.toString(16), slot.toString(16)).toBe("6a86");
    }
    const odd = ["", "7C00", "7C028200", "7C0582008100", "7C028100", "7C048200", "7D0482008100", "7C068200810085 00"];
    for (const data of odd) {
      expect(await card.status({ ins: 0x87, p1: 0x11, p2: 0x9a, data }), data).toBe("6a80");
    }
  });
});

describe("when a key may be used (SP 800-73-4 part 1, table 4b)", () => {
  it("9A and 9D take the PIN once, 9C each time, 9E never", async () => {
    const card = await PivSession.open();
    for (const slot of [0x9a, 0x9c, 0x9d, 0x9e, 0x82]) await card.generate(slot, 0x11);
    const use = async (slot: number) => (await card.use(slot, 0x11, digest)).status.toString(16);
    for (const slot of [0x9a, 0x9c, 0x9d, 0x82]) expect(await use(slot)).toBe("6982");
    expect(await use(0x9e)).toBe("9000");
    await card.verify("123456");
    for (const slot of [0x9a, 0x9d, 0x82, 0x9a]) expect(await use(slot)).toBe("9000");
    expect(await use(0x9c), "other commands came in between").toBe("6982");
    await card.verify("123456");
    expect(await use(0x9c)).toBe("9000");
    expect(await use(0x9c)).toBe("6982");
    await card.verify("123456");
    await card.tries();
    expect(await use(0x9c), "an empty VERIFY shows no PIN").toBe("6982");
    await card.verify("123456");
    await card.verify("000000");
    expect(await use(0x9c)).toBe("6982");
    expect(await use(0x9a)).toBe("6982");
  });

  it("other policies are kept, on generated and on imported keys", async () => {
    const card = await PivSession.open();
    await card.generate(0x9a, 0x11, bytes("AA0103AB0102"));
    await card.verify("123456");
    expect((await card.use(0x9a, 0x11, digest)).status).toBe(0x9000);
    expect((await card.use(0x9a, 0x11, digest)).status).toBe(0x6982);
    const secret = tlv(0x06, new Uint8Array(32).fill(1));
    await card.data({ ins: 0xfe, p1: 0x11, p2: 0x9c, data: concatBytes(secret, bytes("AA0101")) });
    card.card.reset();
    expect((await card.use(0x9c, 0x11, digest)).status).toBe(0x9000);
  });

  it("without Yubico's commands, policies are those of the slot", async () => {
    const card = await PivSession.open({ extensions: "none" });
    await card.generate(0x9c, 0x11, never);
    expect((await card.use(0x9c, 0x11, digest)).status).toBe(0x6982);
    await card.generate(0x9e, 0x11);
    expect((await card.use(0x9e, 0x11, digest)).status).toBe(0x9000);
    const far = new PivSession(card.image, "contactless");
    expect((await far.use(0x9e, 0x11, digest)).status).toBe(0x9000);
    expect((await far.use(0x9c, 0x11, digest)).status).toBe(0x6982);
  });
});

describe("the management key (SP 800-73-4 part 2, 3.2.4 and appendix A)", () => {
  it.each([
    ["triple DES", 0x03, 24],
    ["AES 128", 0x08, 16],
    ["AES 192", 0x0a, 24],
    ["AES 256", 0x0c, 32],
  ])("%s: external and mutual authentication", async (_, algorithm, length) => {
    const card = await PivSession.open();
    const key = crypto.randomBytes(length);
    await card.authenticate();
    const data = concatBytes(Uint8Array.of(algorithm, 0x9b, length), key);
    await card.data({ ins: 0xff, p1: 0xff, p2: 0xff, data });
    await card.select();
    expect(await card.authenticate(key, algorithm)).toBe("9000");
    await card.select();
    const wrong = key.map((byte) => byte ^ 0xa5);
    expect(await card.authenticate(wrong, algorithm)).toBe("6982");
    const other = algorithm === 0x0a ? 0x08 : 0x0a;
    expect(await card.status({ ins: 0x87, p1: other, p2: 0x9b, data: "7C028000" })).toBe("6a80");
    const challenge = async () => {
      return inside(await card.data({ ins: 0x87, p1: algorithm, p2: 0x9b, data: "7C028100" }), 0x7c, 0x81);
    };
    const respond = (response: Uint8Array) => {
      return card.status({ ins: 0x87, p1: algorithm, p2: 0x9b, data: tlv(0x7c, tlv(0x82, response)) });
    };
    const name = cipherName(algorithm);
    expect(await respond(ecb(name, wrong, await challenge(), "encipher"))).toBe("6982");
    const response = ecb(name, key, await challenge(), "encipher");
    expect(await respond(response)).toBe("9000");
    expect(await respond(response), "a challenge counts once").toBe("6985");
    const late = ecb(name, key, await challenge(), "encipher");
    await card.tries();
    expect(await respond(late), "and for the next command").toBe("6985");
  });

  it("is taken back by a failure", async () => {
    const card = await PivSession.open();
    await card.authenticate();
    expect(await card.authenticate(new Uint8Array(24))).toBe("6982");
    expect(await card.status({ ins: 0x47, p2: 0x9a, data: "AC03800111" })).toBe("6982");
  });

  it("enciphers nothing for a client that has not shown the key", async () => {
    const card = await PivSession.open();
    const block = "00112233445566778899AABBCCDDEEFF";
    const ask = (data: string) => card.status({ ins: 0x87, p1: 0x0a, p2: 0x9b, data });
    expect(await ask(`7C1482008110${block}`)).toBe("6a80");
    expect(await ask(`7C128110${block}`)).toBe("6a80");
    expect(await ask(`7C248010${block}8110${block}`)).toBe("6985");
    await ask("7C028000");
    expect(await ask(`7C248010${block}8110${block}`)).toBe("6982");
  });

  it("the factory's key of AES 192 also works as triple DES, for older programs; a key of one's own does not", async () => {
    const card = await PivSession.open();
    expect(await card.authenticate(factoryKey, 0x03)).toBe("9000");
    expect(encodeHex((await card.ask({ ins: 0x87, p1: 0x00, p2: 0x9b, data: "7C028100" })).data)).toMatch(/^7C0A8108/);
    const own = concatBytes(Uint8Array.of(0x0a, 0x9b, 24), new Uint8Array(24).fill(7));
    await card.data({ ins: 0xff, p1: 0xff, p2: 0xff, data: own });
    expect(await card.status({ ins: 0x87, p1: 0x03, p2: 0x9b, data: "7C028000" })).toBe("6a80");
  });

  it("tokens before firmware 5.7 leave the factory with triple DES", async () => {
    const card = await PivSession.open({ firmware: [5, 4, 3] });
    expect(await card.authenticate(factoryKey, 0x03)).toBe("9000");
    expect(await card.status({ ins: 0x87, p1: 0x0a, p2: 0x9b, data: "7C028000" })).toBe("6a80");
  });
});
