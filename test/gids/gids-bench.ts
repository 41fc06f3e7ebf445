// SPDX-License-Identifier: MIT

import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { expect } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { encodeCommand } from "../../src/base/iso7816/index.ts";
import { parseShape } from "../../src/base/json/index.ts";
import { ApplicationCard, type CardInterface } from "../../src/cards/applications/index.ts";
import type { CardCrypto } from "../../src/cards/crypto/index.ts";
import { GidsApplication, type GidsImage, type GidsSource, gidsShape, savedGids } from "../../src/cards/gids/index.ts";
import { makeCardCrypto } from "../../src/platform/node/crypto/index.ts";

/** What cards calculate with. */
export const crypto: CardCrypto = makeCardCrypto({ bytes: (length) => new Uint8Array(randomBytes(length)) });

export const PIN = "3132333435363738";
export const ADMINISTRATOR_KEY = "010203040506070801020304050607080102030405060708";

/** The commands that gids-tool --initialize sends, with that PIN and key. OpenSC 0.23, card-gids.c. */
export const setUp: readonly string[] = [
  `0024018008${PIN}`,
  "00E000000E620C8201398302A0008C03033000",
  "00440000",
  "00E000000E620C8201398302A0108C03033000",
  "00440000",
  "00E000000E620C8201398302A0118C030330FF",
  "00440000",
  "00E000000E620C8201398302A0128C03032000",
  "00440000",
  "00E000000E620C8201398302A0138C03033030",
  "00440000",
  "00E000000E620C8201398302A0148C03032020",
  "00440000",
  "00E000001C621A8201188302B0808C04870020FFA50BA4098001028301809501C0",
  "00440000",
  `00DB3FFF267024840180A51F8718${ADMINISTRATOR_KEY}8803B073DC`,
  "00DBA0120CDF2009000102030405060708",
  "00DBA01005DF2502ABCD",
  "00A4000C023FFF",
  "00440000",
];

export function parsed(source: unknown): GidsImage {
  const read = parseShape(gidsShape, JSON.parse(JSON.stringify(source)));
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value;
}

/** A GIDS card, and what a client does with it. Commands and answers are hexadecimal text. */
export class GidsBench {
  readonly image: GidsImage;
  readonly card: ApplicationCard;
  /** How often the card asked to be saved. */
  saves = 0;

  constructor(source: GidsSource = {}, through: CardInterface = "contact", library: CardCrypto = crypto) {
    this.image = parsed(source);
    const changed = (): void => {
      this.saves++;
    };
    const application = new GidsApplication({ image: this.image, crypto: library, changed });
    const atr = hexBytes("3B00");
    this.card = new ApplicationCard({
      applications: [application],
      defaultApplication: application,
      atr,
      interface: through,
    });
    this.card.reset();
  }

  /** A card that was set up as gids-tool does it. */
  static async ready(through: CardInterface = "contact"): Promise<GidsBench> {
    const bench = new GidsBench();
    await bench.done(...setUp);
    return through === "contact" ? bench : new GidsBench(bench.saved(), through);
  }

  saved(): GidsSource {
    return savedGids(this.image);
  }

  /** The card as it would be after a loss of power and a new start from its file. */
  restarted(): GidsBench {
    return new GidsBench(JSON.parse(JSON.stringify(this.saved())));
  }

  /** One command, whole. */
  async ask(command: string): Promise<string> {
    return encodeHex(await this.card.process(hexBytes(command)));
  }

  /** One command with data of any length, in extended form where it needs it. */
  async send(header: string, data: Uint8Array | string = ""): Promise<string> {
    const [cla = 0, ins = 0, p1 = 0, p2 = 0] = hexBytes(header);
    const body = typeof data === "string" ? hexBytes(data) : data;
    return encodeHex(await this.card.process(encodeCommand({ cla, ins, p1, p2, data: body, le: 65_536 })));
  }

  /** Commands that have to succeed; the data of the last answer. */
  async done(...commands: readonly string[]): Promise<string> {
    let answer = "";
    for (const command of commands) {
      answer = await this.ask(command);
      expect(answer.slice(-4), `${command} was answered with ${answer.slice(-4)}`).toBe("9000");
    }
    return answer.slice(0, -4);
  }

  /** One command that has to succeed; its data. */
  async ok(header: string, data: Uint8Array | string = ""): Promise<string> {
    const answer = await this.send(header, data);
    expect(answer.slice(-4), `${header} was answered with ${answer.slice(-4)}`).toBe("9000");
    return answer.slice(0, -4);
  }

  verify(pin = PIN): Promise<string> {
    return this.send("00200080", pin);
  }

  /** VERIFY that has to succeed. */
  async login(): Promise<void> {
    expect(await this.verify()).toBe("9000");
  }

  /** Ends all that was verified. */
  logout(): Promise<string> {
    return this.done("00200082");
  }

  /** External authentication of the administrator; the status word. */
  async administrator(key = ADMINISTRATOR_KEY): Promise<string> {
    await this.done("002281A403830180");
    const challenge = (await this.done("00870000047C02810000")).slice(8);
    return this.ask(`008700000C7C0A8208${enciphered(key, challenge)}`);
  }

  /** Makes the file of a key with these templates, and activates it. */
  async keyFile(id: string, rules: string, templates: string): Promise<void> {
    const attributes = `8C${length(rules)}${rules}`;
    const parameters = `8201188302${id}${attributes}A5${length(templates)}${templates}`;
    await this.ok("00E00000", `62${length(parameters)}${parameters}`);
    await this.done("00440000");
  }
}

/** Triple DES in CBC mode, from the machine's library. */
export function enciphered(key: string, blocks: string): string {
  const cipher = createCipheriv("des-ede3-cbc", hexBytes(key), new Uint8Array(8)).setAutoPadding(false);
  return Buffer.concat([cipher.update(hexBytes(blocks)), cipher.final()])
    .toString("hex")
    .toUpperCase();
}

export function deciphered(key: string, blocks: string): string {
  const cipher = createDecipheriv("des-ede3-cbc", hexBytes(key), new Uint8Array(8)).setAutoPadding(false);
  return Buffer.concat([cipher.update(hexBytes(blocks)), cipher.final()])
    .toString("hex")
    .toUpperCase();
}

/** The length of hexadecimal text, as a data object has it. */
function length(hex: string): string {
  const bytes = hex.length / 2;
  const digits = bytes.toString(16).padStart(bytes < 0x100 ? 2 : 4, "0");
  return `${bytes < 0x80 ? "" : bytes < 0x100 ? "81" : "82"}${digits}`.toUpperCase();
}

/** A data object. */
export function tlv(tag: string, ...parts: readonly string[]): string {
  const value = parts.join("");
  return `${tag}${length(value)}${value}`;
}

/** A control reference template, as OpenSC writes it. */
export function template(tag: string, mechanism: string, reference: string, usage = "40"): string {
  return `${tag}098001${mechanism}8301${reference}9501${usage}`;
}
