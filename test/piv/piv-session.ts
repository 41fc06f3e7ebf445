// SPDX-License-Identifier: MIT

import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { bigEndianBytes, concatBytes, decodeHex, encodeHex } from "../../src/base/binary/index.ts";
import { decodeResponse, encodeCommand } from "../../src/base/iso7816/index.ts";
import { ApplicationCard, type CardInterface } from "../../src/cards/applications/index.ts";
import { newPivImage, PivApplication, type PivFactoryOptions, type PivImage } from "../../src/cards/piv/index.ts";
import { makeCardCrypto } from "../../src/platform/node/crypto/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";

export const crypto = makeCardCrypto(nodeRuntime().random);

/** The factory's management key. */
export const factoryKey: Uint8Array = bytes("010203040506070801020304050607080102030405060708");
const PIV_AID = "A000000308000010000100";

/** Bytes from hexadecimal text; spaces do not matter. */
export function bytes(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  if (!decoded.ok) throw new Error(`${decoded.error.message}: ${hex}`);
  return decoded.value;
}

/** A BER-TLV object with its value in parts. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const value = concatBytes(...parts);
  const length = bigEndianBytes(value.length, 1, 3, "a length");
  const header = value.length < 0x80 ? length : [0x80 + length.length, ...length];
  return concatBytes(Uint8Array.from([...bigEndianBytes(tag, 1, 3, "a tag"), ...header]), value);
}

/** A PIN or PUK with its padding. */
export function pin(text: string): Uint8Array {
  return concatBytes(new TextEncoder().encode(text), new Uint8Array(8 - text.length).fill(0xff));
}

/** What is inside the first object of these bytes, and inside that. */
export function inside(data: Uint8Array, ...tags: readonly number[]): Uint8Array {
  let value = data;
  for (const tag of tags) {
    const tagBytes = bigEndianBytes(tag, 1, 3, "a tag");
    if (tagBytes.some((byte, at) => value[at] !== byte))
      throw new Error(`no ${tag.toString(16)} in ${encodeHex(value)}`);
    const first = value[tagBytes.length] ?? 0;
    const count = first < 0x80 ? 0 : first - 0x80;
    const start = tagBytes.length + 1 + count;
    let length = first;
    if (count > 0) {
      length = 0;
      for (const byte of value.subarray(tagBytes.length + 1, start)) length = length * 256 + byte;
    }
    value = value.subarray(start, start + length);
  }
  return value;
}

/** What one command asks for. */
export interface Command {
  readonly cla?: number;
  readonly ins: number;
  readonly p1?: number;
  readonly p2?: number;
  readonly data?: Uint8Array | string;
}

/** What it answers. */
export interface PivAnswer {
  readonly data: Uint8Array;
  readonly status: number;
}

/** A PIV card, and a client that speaks to it. */
export class PivSession {
  readonly image: PivImage;
  readonly card: ApplicationCard;
  /** How often the card reported that its image has changed. */
  changes = 0;

  constructor(image: PivImage, through: CardInterface = "contact") {
    this.image = image;
    const piv = new PivApplication({
      image,
      crypto,
      changed: () => {
        this.changes++;
      },
    });
    this.card = new ApplicationCard({
      applications: [piv],
      atr: bytes("3B80800101"),
      defaultApplication: piv,
      interface: through,
    });
    this.card.reset();
  }

  static async open(options: PivFactoryOptions = {}, through: CardInterface = "contact"): Promise<PivSession> {
    return new PivSession(await newPivImage(crypto, options), through);
  }

  /** Sends one command, with extended length where it needs it; fetches all of the answer. */
  async ask({ cla = 0, ins, p1 = 0, p2 = 0, data = "" }: Command): Promise<PivAnswer> {
    const given = typeof data === "string" ? bytes(data) : data;
    const command = encodeCommand({ cla, ins, p1, p2, data: given, le: 65_536 });
    const decoded = decodeResponse(await this.card.process(command));
    if (!decoded.ok) throw new Error(decoded.error.message);
    return { data: decoded.value.data, status: decoded.value.sw };
  }

  /** The status word of one command, in hexadecimal. */
  async status(command: Command): Promise<string> {
    return (await this.ask(command)).status.toString(16);
  }

  /** The data of a command that has to succeed. */
  async data(command: Command): Promise<Uint8Array> {
    const { data, status } = await this.ask(command);
    if (status !== 0x9000) throw new Error(`INS ${command.ins.toString(16)}: ${status.toString(16)}`);
    return data;
  }

  select(): Promise<Uint8Array> {
    return this.data({ ins: 0xa4, p1: 4, data: PIV_AID });
  }

  verify(text: string, p2 = 0x80): Promise<string> {
    return this.status({ ins: 0x20, p2, data: pin(text) });
  }

  /** What an empty VERIFY answers. */
  tries(p2 = 0x80): Promise<string> {
    return this.status({ ins: 0x20, p2 });
  }

  /** Mutual authentication with the management key. */
  async authenticate(key: Uint8Array = factoryKey, algorithm = 0x0a): Promise<string> {
    const first = await this.ask({ ins: 0x87, p1: algorithm, p2: 0x9b, data: "7C028000" });
    if (first.status !== 0x9000) return first.status.toString(16);
    const name = cipherName(algorithm);
    const witness = ecb(name, key, inside(first.data, 0x7c, 0x80), "decipher");
    const challenge = crypto.randomBytes(witness.length);
    const data = tlv(0x7c, tlv(0x80, witness), tlv(0x81, challenge));
    const second = await this.ask({ ins: 0x87, p1: algorithm, p2: 0x9b, data });
    if (second.status === 0x9000) {
      const response = inside(second.data, 0x7c, 0x82);
      if (encodeHex(response) !== encodeHex(ecb(name, key, challenge, "encipher"))) throw new Error("not that key");
    }
    return second.status.toString(16);
  }

  /** Authenticates, and generates a key; what stands in 7F49. */
  async generate(slot: number, algorithm: number, policies: Uint8Array = new Uint8Array(0)): Promise<Uint8Array> {
    if ((await this.authenticate()) !== "9000") throw new Error("the management key is another one");
    const data = tlv(0xac, tlv(0x80, Uint8Array.of(algorithm)), policies);
    return inside(await this.data({ ins: 0x47, p2: slot, data }), 0x7f49);
  }

  /** GENERAL AUTHENTICATE with a private key: with a challenge, or with a public key of the other side. */
  use(slot: number, algorithm: number, input: Uint8Array, tag: 0x81 | 0x85 = 0x81): Promise<PivAnswer> {
    return this.ask({ ins: 0x87, p1: algorithm, p2: slot, data: tlv(0x7c, tlv(0x82), tlv(tag, input)) });
  }

  /** What came of it. */
  async result(slot: number, algorithm: number, input: Uint8Array, tag: 0x81 | 0x85 = 0x81): Promise<Uint8Array> {
    const { data, status } = await this.use(slot, algorithm, input, tag);
    if (status !== 0x9000) throw new Error(status.toString(16));
    return inside(data, 0x7c, 0x82);
  }
}

const cipherNames: Readonly<Record<number, string>> = {
  0x03: "des-ede3-ecb",
  0x08: "aes-128-ecb",
  0x0a: "aes-192-ecb",
  0x0c: "aes-256-ecb",
};

export function cipherName(algorithm: number): string {
  return cipherNames[algorithm] ?? "";
}

/** Whole blocks in ECB. */
export function ecb(name: string, key: Uint8Array, data: Uint8Array, way: "encipher" | "decipher"): Uint8Array {
  const cipher = way === "encipher" ? createCipheriv(name, key, null) : createDecipheriv(name, key, null);
  cipher.setAutoPadding(false);
  return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]));
}

/** Members of a JSON Web Key, in bytes. */
export function jwkBytes(key: KeyObject): Record<string, Uint8Array> {
  const members = Object.entries(key.export({ format: "jwk" })).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(
    members.map(([name, value]) => [name, new Uint8Array(Buffer.from(`${value}`, "base64url"))]),
  );
}
