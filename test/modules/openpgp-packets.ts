// SPDX-License-Identifier: MIT

// OpenPGP messages (RFC 4880 and RFC 6637) of keys on a card: as much as gpg needs to know the keys, to verify what they signed, and to
// decrypt with what they made.

import { createDecipheriv, createHash } from "node:crypto";
import { bigEndianBytes, concatBytes, hexBytes } from "../../src/base/binary/index.ts";
import { decodePublicKey, type PublicKey } from "../../src/base/keys/index.ts";
import type { KeyContainer } from "../../src/entry/modules.ts";

/** Signs a digest of SHA-256. */
export type SignDigest = (digest: Uint8Array) => Promise<Uint8Array>;

const encoder = new TextEncoder();
const CREATED = 1_767_225_600;
const algorithms = { rsa: 1, ecdh: 18, eddsa: 22 } as const;
const SHA256 = 8;
const ids = { ed25519: hexBytes("092B06010401DA470F01"), x25519: hexBytes("0A2B060104019755010501") } as const;
/** KDF parameters: SHA-256 and AES-128. RFC 6637, 9. */
const kdf = Uint8Array.of(3, 1, 8, 7);

const number = (value: number, bytes: number): Uint8Array =>
  Uint8Array.from(bigEndianBytes(value, bytes, bytes, "a number"));
const sha = (name: string, ...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(
    createHash(name)
      .update(concatBytes(...parts))
      .digest(),
  );

function integer(bytes: Uint8Array): Uint8Array {
  const from = bytes.findIndex((byte) => byte !== 0);
  const value = from < 0 ? new Uint8Array(0) : bytes.subarray(from);
  return concatBytes(number(8 * value.length - Math.clz32(value[0] ?? 0) + 24, 2), value);
}

/** A packet of the new format. RFC 4880, 4.2.2. */
function packet(tag: number, body: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0xc0 | tag, 0xff), number(body.length, 4), body);
}

function keyBody(key: PublicKey): Uint8Array {
  const head = concatBytes(Uint8Array.of(4), number(CREATED, 4));
  switch (key.kind) {
    case "rsa":
      return concatBytes(head, Uint8Array.of(algorithms.rsa), integer(key.modulus), integer(key.exponent));
    case "ed25519":
      return concatBytes(head, Uint8Array.of(algorithms.eddsa), ids.ed25519, native(key.point));
    case "x25519":
      return concatBytes(head, Uint8Array.of(algorithms.ecdh), ids.x25519, native(key.point), kdf);
    default:
      throw new Error(`no OpenPGP key of this test: ${key.kind}`);
  }
}

function native(point: Uint8Array): Uint8Array {
  return integer(concatBytes(Uint8Array.of(0x40), point));
}

function keyOf({ publicKey }: KeyContainer): PublicKey {
  const decoded = decodePublicKey(publicKey ?? new Uint8Array(0));
  if (!decoded.ok) throw new Error(decoded.error.message);
  return decoded.value;
}

/** What is hashed of a key. RFC 4880, 5.2.4. */
const hashed = (body: Uint8Array): Uint8Array => concatBytes(Uint8Array.of(0x99), number(body.length, 2), body);
const subpacket = (type: number, value: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(value.length + 1, type), value);

/** The signature key of a card and its decryption key, as one OpenPGP key. */
export class PgpKey {
  readonly fingerprint: Uint8Array;
  readonly #primary: Uint8Array;
  readonly #sub: Uint8Array;
  readonly #isRsa: boolean;
  readonly #sign: SignDigest;

  constructor(signature: KeyContainer, decryption: KeyContainer, sign: SignDigest) {
    this.#primary = keyBody(keyOf(signature));
    this.#sub = keyBody(keyOf(decryption));
    this.#isRsa = signature.key.kind === "rsa";
    this.fingerprint = sha("sha1", hashed(this.#primary));
    this.#sign = sign;
  }

  /** For `gpg --import`: the keys, a name, and the signatures that bind them. */
  async exported(name: string): Promise<Uint8Array> {
    const user = encoder.encode(name);
    const own = concatBytes(hashed(this.#primary), Uint8Array.of(0xb4), number(user.length, 4), user);
    const bound = concatBytes(hashed(this.#primary), hashed(this.#sub));
    return concatBytes(
      packet(6, this.#primary),
      packet(13, user),
      await this.#signature(0x13, own, [subpacket(27, Uint8Array.of(0x03)), subpacket(11, Uint8Array.of(9, 7))]),
      packet(14, this.#sub),
      await this.#signature(0x18, bound, [subpacket(27, Uint8Array.of(0x0c))]),
    );
  }

  /** A signature of data, apart from it. */
  signed(data: Uint8Array): Promise<Uint8Array> {
    return this.#signature(0x00, data, []);
  }

  /**
   * The session key of a message, as `gpg --override-session-key` takes it.
   *
   * @param open decrypts with the RSA key, or derives with the point of the other side
   */
  async sessionKey(message: Uint8Array, open: (data: Uint8Array) => Promise<Uint8Array>): Promise<string> {
    const body = firstPacket(message);
    const [algorithm, rest] = [body[9], body.subarray(10)];
    const length = Math.ceil((((rest[0] ?? 0) << 8) | (rest[1] ?? 0)) / 8);
    const value = rest.subarray(2, 2 + length);
    const plain =
      algorithm === algorithms.rsa
        ? await open(concatBytes(new Uint8Array(256 - length), value))
        : this.#unwrapped(await open(value.subarray(1)), rest.subarray(2 + length + 1));
    return `${plain[0]}:${Buffer.from(plain.subarray(1, 1 + 32))
      .toString("hex")
      .toUpperCase()}`;
  }

  /** RFC 6637, 7 and 8. */
  #unwrapped(secret: Uint8Array, wrapped: Uint8Array): Uint8Array {
    const parameters = concatBytes(
      ids.x25519,
      Uint8Array.of(algorithms.ecdh),
      kdf,
      encoder.encode("Anonymous Sender    "),
      sha("sha1", hashed(this.#sub)),
    );
    const key = sha("sha256", number(1, 4), secret, parameters).subarray(0, 16);
    const decipher = createDecipheriv("id-aes128-wrap", key, Buffer.alloc(8, 0xa6));
    return new Uint8Array(Buffer.concat([decipher.update(wrapped), decipher.final()]));
  }

  async #signature(type: number, data: Uint8Array, more: readonly Uint8Array[]): Promise<Uint8Array> {
    const known = concatBytes(
      subpacket(2, number(CREATED + 60, 4)),
      subpacket(33, concatBytes(Uint8Array.of(4), this.fingerprint)),
      ...more,
    );
    const algorithm = this.#isRsa ? algorithms.rsa : algorithms.eddsa;
    const head = concatBytes(Uint8Array.of(4, type, algorithm, SHA256), number(known.length, 2), known);
    const digest = sha("sha256", data, head, Uint8Array.of(4, 0xff), number(head.length, 4));
    const value = await this.#sign(digest);
    const numbers = this.#isRsa ? [value] : [value.subarray(0, 32), value.subarray(32)];
    const issuer = subpacket(16, this.fingerprint.subarray(12));
    const rest = [number(issuer.length, 2), issuer, digest.subarray(0, 2), ...numbers.map(integer)];
    return packet(2, concatBytes(head, ...rest));
  }
}

/** The contents of a message's first packet, in either format. RFC 4880, 4.2. */
function firstPacket(message: Uint8Array): Uint8Array {
  const [tag = 0, first = 0, second = 0] = message;
  const isNew = (tag & 0x40) !== 0;
  const isLong = isNew ? first >= 192 : (tag & 3) === 1;
  const length = isNew
    ? isLong
      ? ((first - 192) << 8) + second + 192
      : first
    : isLong
      ? (first << 8) | second
      : first;
  const start = isLong ? 3 : 2;
  return message.subarray(start, start + length);
}
