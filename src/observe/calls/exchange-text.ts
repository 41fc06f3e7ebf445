// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { applicationOf } from "../../base/card-applications/index.ts";
import { type BerTlv, decodeBerTlv, describeStatusWord } from "../../base/iso7816/index.ts";

/** The most lines of data objects: an answer may hold thousands. */
const MAX_LINES = 64;

/** The most bytes of a value on a line. */
const MAX_VALUE_BYTES = 32;

/** What is asked of an exchange, whether it comes from an observer or from a line of JSON. */
export interface ShownExchange {
  readonly command: { readonly bytes: string };
  readonly response: { readonly bytes: string; readonly withheldBytes: number } | undefined;
  readonly application: string | undefined;
}

/** An exchange in words, for people. */
export interface ExchangeText {
  /** The application that is selected: its name, or its identifier. Undefined where none is known. */
  readonly application: string | undefined;
  /** The status word in words: `verification failed, 2 tries left`. */
  readonly status: string | undefined;
  /** The data objects of the response, where it may be shown and has some; each line is indented. */
  readonly objects: readonly string[];
}

/**
 * Explains an exchange: the application by its name, the status word in words, and BER-TLV data objects as a tree. It sees only what may
 * be shown.
 *
 * @param statusWord 0 to 0xFFFF; undefined where there is none
 */
export function exchangeText(exchange: ShownExchange, statusWord: number | undefined): ExchangeText {
  const { application, command, response } = exchange;
  const [ins] = hexBytes(/^[0-9A-F]{2} ([0-9A-F]{2})/.exec(command.bytes)?.[1] ?? "");
  return {
    application: application && (applicationOf(hexBytes(application))?.name ?? application),
    status: statusWord === undefined ? undefined : describeStatusWord(statusWord, ins).meaning,
    objects: response === undefined || response.withheldBytes > 0 ? [] : objectsIn(response.bytes),
  };
}

function objectsIn(bytes: string): readonly string[] {
  const response = decodeHex(bytes.replaceAll(" ", ""));
  if (!response.ok || response.value.length <= 2) return [];
  const decoded = decodeBerTlv(response.value.subarray(0, -2));
  if (!decoded.ok) return [];
  const lines: string[] = [];
  describeAll(decoded.value, "", lines);
  return lines.length < MAX_LINES ? lines : [...lines.slice(0, MAX_LINES - 1), "…"];
}

function describeAll(objects: readonly BerTlv[], indent: string, lines: string[]): void {
  for (const { children, tag, value } of objects) {
    if (lines.length >= MAX_LINES) return;
    lines.push(`${indent}${tagText(tag)}${children === undefined ? `  ${valueText(value)}` : ""}`);
    if (children !== undefined) describeAll(children, `${indent}  `, lines);
  }
}

function valueText(value: Uint8Array): string {
  if (value.length === 0) return "empty";
  if (value.length <= MAX_VALUE_BYTES) return encodeHex(value, " ");
  return `${encodeHex(value.subarray(0, MAX_VALUE_BYTES), " ")} … (${value.length} bytes)`;
}

function tagText(tag: number): string {
  const digits = tag.toString(16).toUpperCase();
  return digits.length % 2 === 0 ? digits : `0${digits}`;
}
