// SPDX-License-Identifier: MIT

import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { encodeCommand } from "../../src/base/iso7816/index.ts";
import { parseShape } from "../../src/base/json/index.ts";
import { ApplicationCard } from "../../src/cards/applications/index.ts";
import type { CardCrypto } from "../../src/cards/crypto/index.ts";
import {
  OpenPgpApplication,
  type OpenPgpApplicationOptions,
  type OpenPgpImage,
  type OpenPgpSource,
  openPgpImage,
  openPgpShape,
  savedOpenPgp,
} from "../../src/cards/openpgp/index.ts";
import { makeCardCrypto } from "../../src/platform/node/crypto/index.ts";

/** What cards calculate with. */
export const crypto: CardCrypto = makeCardCrypto({ bytes: (length) => new Uint8Array(randomBytes(length)) });

/** Key attributes. */
export const attributes = {
  rsa2048: "010800002000",
  p256: "132A8648CE3D030107",
  p256Ecdh: "122A8648CE3D030107",
  ed25519: "162B06010401DA470F01",
  x25519: "122B060104019755010501",
} as const;

const PUT_HEADER = 0x3fff;

/** An OpenPGP card, and what a client does with it. Data and answers are hexadecimal text. */
export class OpenPgpBench {
  readonly image: OpenPgpImage;
  readonly card: ApplicationCard;
  /** How often the card asked to be saved. */
  saves = 0;

  constructor(source: OpenPgpSource = {}, options: Partial<OpenPgpApplicationOptions> = {}) {
    const parsed = parseShape(openPgpShape, source);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    this.image = openPgpImage(crypto, parsed.value);
    const changed = (): void => {
      this.saves++;
    };
    const application = new OpenPgpApplication({ image: this.image, crypto, changed, ...options });
    const atr = hexBytes("3BDA18FF81B1FE751F030031F573C001600090001C");
    this.card = new ApplicationCard({ applications: [application], defaultApplication: application, atr });
    this.card.reset();
  }

  /** The card as it would be after a loss of power and a new start from its file. */
  restarted(): OpenPgpBench {
    return new OpenPgpBench(JSON.parse(JSON.stringify(savedOpenPgp(this.image))));
  }

  /** One command, with extended length where it needs it; the answer's data and status word. */
  async send(header: string, data: Uint8Array | string = "", le?: number): Promise<string> {
    const [cla = 0, ins = 0, p1 = 0, p2 = 0] = hexBytes(header);
    const body = typeof data === "string" ? hexBytes(data) : data;
    const command = encodeCommand({ cla, ins, p1, p2, data: body, le, extended: undefined });
    return encodeHex(await this.card.process(command));
  }

  /** A command that has to succeed; its data. */
  async ok(header: string, data: Uint8Array | string = "", le?: number): Promise<string> {
    const answer = await this.send(header, data, le);
    expect(answer.slice(-4), `${header} was answered with ${answer.slice(-4)}`).toBe("9000");
    return answer.slice(0, -4);
  }

  /** VERIFY with text. */
  verify(reference: "81" | "82" | "83", password: string): Promise<string> {
    return this.send(`002000${reference}`, new TextEncoder().encode(password));
  }

  get(tag: string): Promise<string> {
    return this.ok(`00CA${tag.padStart(4, "0")}`, "", 65_536);
  }

  put(tag: string, data: Uint8Array | string): Promise<string> {
    return this.send(`00DA${tag.padStart(4, "0")}`, data);
  }

  /** Imports a key: the template of its use, and its parts by tag. */
  import(template: string, parts: Readonly<Record<string, string>>): Promise<string> {
    const bytes = Object.entries(parts).map(([tag, value]) => ({ tag: hexBytes(tag), value: hexBytes(value) }));
    const lengths = concatBytes(...bytes.flatMap(({ tag, value }) => [tag, length(value.length)]));
    const values = concatBytes(...bytes.map(({ value }) => value));
    const inside = concatBytes(hexBytes(`${template}00`), tlv("7F48", lengths), tlv("5F48", values));
    return this.send(`00DB${PUT_HEADER.toString(16)}`, tlv("4D", inside));
  }
}

/** A data object whose value need not be one. */
export function tlv(tag: string, value: Uint8Array): Uint8Array {
  return concatBytes(hexBytes(tag), length(value.length), value);
}

function length(bytes: number): Uint8Array {
  if (bytes < 0x80) return Uint8Array.of(bytes);
  return bytes < 0x100 ? Uint8Array.of(0x81, bytes) : Uint8Array.of(0x82, bytes >> 8, bytes & 0xff);
}

/** Text as hexadecimal bytes. */
export function ascii(text: string): string {
  return encodeHex(new TextEncoder().encode(text));
}
