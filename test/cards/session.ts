// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex } from "../../src/base/binary/index.ts";
import { type CardImageSource, FileSystemCard, parseCardImage } from "../../src/entry/cards.ts";
import { nodeBlockCipher } from "../../src/platform/node/runtime/index.ts";
import type { Random } from "../../src/port/index.ts";

/** Bytes from hexadecimal text; spaces do not matter. */
export function bytes(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  if (!decoded.ok) throw new Error(`${decoded.error.message}: ${hex}`);
  return decoded.value;
}

/** 01 02 03 … */
function counter(): Random {
  let next = 0;
  return { bytes: (length) => Uint8Array.from({ length }, () => ++next & 0xff) };
}

/** Hands out what it was given, one after the other. */
export function scripted(...parts: readonly string[]): Random {
  const left = parts.map(bytes);
  return {
    bytes(length) {
      const part = left.shift();
      if (part?.length !== length) throw new Error(`${length} random bytes were not foreseen here`);
      return part;
    },
  };
}

/** A card that answers in hexadecimal. */
export class Session {
  readonly card: FileSystemCard;

  /** Powers a new card up. */
  constructor(source: CardImageSource, random: Random = counter()) {
    const image = parseCardImage(source);
    if (!image.ok) throw new Error(JSON.stringify(image.error));
    this.card = new FileSystemCard(image.value, random, nodeBlockCipher);
    this.card.reset();
  }

  /** Sends one command. */
  ask(command: string): string {
    return encodeHex(this.card.process(bytes(command)));
  }

  /** Sends commands; the answer to the last. */
  asks(...commands: readonly string[]): string {
    return commands.map((command) => this.ask(command)).at(-1) ?? "";
  }

  /** Sends commands that all have to succeed. */
  done(...commands: readonly string[]): void {
    for (const command of commands) {
      const answer = this.ask(command);
      if (!answer.endsWith("9000")) throw new Error(`${command}: ${answer}`);
    }
  }
}

/** A short command with data: the length is filled in. */
export function apdu(header: string, data: string = "", le: string = ""): string {
  const { length } = bytes(data);
  if (length > 255) throw new Error("too long for a short command");
  return `${header}${length === 0 ? "" : length.toString(16).padStart(2, "0")}${data}${le}`;
}

/** A BER-TLV object. */
export function tlv(tag: string, ...parts: readonly string[]): string {
  const value = parts.join("").replaceAll(" ", "");
  const length = value.length / 2;
  return `${tag}${length > 0x7f ? "81" : ""}${length.toString(16).padStart(2, "0")}${value}`.toUpperCase();
}
