// SPDX-License-Identifier: MIT

import { encodeHex, hexWord } from "../../base/binary/index.ts";
import {
  type BerTlv,
  decodeBerTlv,
  describeStatusWord,
  type ResponseApdu,
  withheldText,
} from "../../base/iso7816/index.ts";
import { asciiText, bytesForPeople } from "./text.ts";

/** A data object in JSON: the tag in hexadecimal, and its contents. */
interface TlvForPrograms {
  readonly tag: string;
  readonly value?: Uint8Array;
  readonly children?: readonly TlvForPrograms[];
}

/** An answer of a card as JSON has it. */
export interface AnswerForPrograms {
  /** Left out where it is withheld. */
  readonly data?: Uint8Array;
  /** Number of data bytes that are withheld. */
  readonly withheldBytes?: number;
  /** The status word, four digits. */
  readonly sw: string;
  readonly kind: string;
  readonly meaning: string;
  /** The x of 63Cx; for a PIN that was wrong also how many tries are left. */
  readonly counter?: number;
  readonly retriesLeft?: number;
  /** The data as text, where it is one. */
  readonly text?: string;
  /** The data as BER-TLV objects, where it is made of them. */
  readonly tlv?: readonly TlvForPrograms[];
}

/**
 * An answer for programs.
 *
 * @param withheldBytes how many bytes of its data must not be shown: all of them, or 0.
 * @param ins the instruction that it answers, in an interindustry class.
 */
export function answerForPrograms({ data, sw }: ResponseApdu, withheldBytes = 0, ins?: number): AnswerForPrograms {
  if (withheldBytes > 0) return { withheldBytes, sw: hexWord(sw), ...describeStatusWord(sw, ins) };
  const text = asciiText(data);
  const tlv = tlvIn(data)?.map(tlvForPrograms);
  return {
    data,
    sw: hexWord(sw),
    ...describeStatusWord(sw, ins),
    ...(text !== undefined && { text }),
    ...(tlv !== undefined && { tlv }),
  };
}

/**
 * The data of an answer for people, a line each: as a text, as a tree of data objects, or just as bytes.
 *
 * @param withheldBytes how many bytes must not be shown: all of them, or 0.
 * @param option the option of the command that shows them all the same
 */
export function describeData(data: Uint8Array, withheldBytes = 0, option = "--show-data"): readonly string[] {
  if (withheldBytes > 0) return [`${withheldText(withheldBytes)}; ${option} shows them`];
  if (data.length === 0) return [];
  const objects = tlvIn(data);
  return objects === undefined ? [bytesForPeople(data)] : objects.flatMap((object) => describeObject(object, ""));
}

/** The data of an answer on one line: a text, data objects with their values, or just bytes. */
export function dataInBrief(data: Uint8Array): string {
  const text = asciiText(data);
  return text === undefined ? (tlvIn(data)?.map(objectInBrief).join(" ") ?? encodeHex(data)) : `"${text}"`;
}

function objectInBrief({ children, tag, value }: BerTlv): string {
  if (children !== undefined) return `${tagText(tag)} { ${children.map(objectInBrief).join(" ")} }`;
  const text = value.length < 4 ? undefined : asciiText(value);
  return `${tagText(tag)}:${text === undefined ? encodeHex(value) : `"${text}"`}`;
}

/** Text may look like data objects by accident, but seldom the reverse. */
function tlvIn(data: Uint8Array): readonly BerTlv[] | undefined {
  if (asciiText(data) !== undefined) return undefined;
  const decoded = decodeBerTlv(data);
  return decoded.ok && decoded.value.length > 0 ? decoded.value : undefined;
}

function tlvForPrograms({ children, tag, value }: BerTlv): TlvForPrograms {
  return { tag: tagText(tag), ...(children === undefined ? { value } : { children: children.map(tlvForPrograms) }) };
}

function describeObject({ children, tag, value }: BerTlv, indent: string): string[] {
  const start = `${indent}${tagText(tag)}`;
  if (children !== undefined) return [start, ...children.flatMap((child) => describeObject(child, `${indent}  `))];
  return [`${start}  ${value.length === 0 ? "empty" : bytesForPeople(value)}`];
}

function tagText(tag: number): string {
  const digits = tag.toString(16).toUpperCase();
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}
