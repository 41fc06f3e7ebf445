// SPDX-License-Identifier: MIT

import { type ByteCursor, checkBytes, copyBytes, decoding, failure, hexByte, type Result } from "../binary/index.ts";
import { type AtrParameters, deriveParameters, type InterfaceByteGroup } from "./atr-parameters.ts";
import { type ContactlessCard, decodeContactless } from "./contactless-atr.ts";
import { decodeHistoricalBytes, type HistoricalBytes } from "./historical-bytes.ts";

/** Most bytes of an ATR, TS included. ISO/IEC 7816-3:2006, 8.2. */
export const MAX_ATR_BYTES = 33;

/** The check byte TCK. ISO/IEC 7816-3:2006, 8.2.5. */
export type AtrCheck =
  /** T=0 is the only protocol, so the ATR has no TCK. */
  | { readonly kind: "not-needed" }
  /** The ATR should have one and ends without it. */
  | { readonly kind: "missing" }
  | { readonly kind: "present"; readonly tck: number; readonly correct: boolean };

/** An answer to reset, taken apart. */
export interface Atr extends AtrParameters {
  /** All bytes, as they came. */
  readonly bytes: Uint8Array;
  /** How the card puts bits on the line: 3B direct, 3F inverse. The bytes here are the same either way. */
  readonly convention: "direct" | "inverse";
  readonly interfaceBytes: readonly InterfaceByteGroup[];
  readonly historicalBytes: Uint8Array;
  /** What the historical bytes say. */
  readonly historical: HistoricalBytes;
  readonly check: AtrCheck;
  /** Bytes after the end of the ATR: empty, unless a card or reader adds some. */
  readonly rest: Uint8Array;
  /** Properties of a contactless card; undefined where the ATR does not follow PC/SC part 3. */
  readonly contactless: ContactlessCard | undefined;
  /** Where the ATR breaks the standard without becoming unreadable, one sentence each. Empty for a good one. */
  readonly problems: readonly string[];
}

/**
 * Takes an ATR apart.
 *
 * Only an ATR whose protocols cannot be determined is an error: one with an unknown TS, one that ends before its last
 * interface byte, one of more than 33 bytes. A wrong or missing TCK, reserved values, missing historical bytes and
 * trailing bytes are reported in `problems`: cards in the field have them, and other stacks accept them.
 *
 * **Portability**: pcsc-lite and Windows check neither TCK nor historical bytes; pcsc-lite refuses a card whose
 * first protocol is neither T=0 nor T=1.
 *
 * @see ISO/IEC 7816-3:2006, clause 8
 */
export function decodeAtr(bytes: Uint8Array): Result<Atr> {
  checkBytes(bytes, "decodeAtr: bytes");
  if (bytes.length > MAX_ATR_BYTES) {
    return failure(`an ATR has at most ${MAX_ATR_BYTES} bytes, not ${bytes.length}`, MAX_ATR_BYTES);
  }
  return decoding(bytes, (cursor) => readAtr(cursor, copyBytes(bytes)));
}

function readAtr(cursor: ByteCursor, bytes: Uint8Array): Atr {
  const problems: string[] = [];
  const ts = cursor.u8("TS");
  if (ts !== 0x3b && ts !== 0x3f) cursor.fail("TS is neither 3B nor 3F", 0);
  const t0 = cursor.u8("T0");
  const start = cursor.offset;
  const interfaceBytes = readInterfaceBytes(cursor, t0);
  const end = cursor.offset;
  const parameters = deriveParameters(interfaceBytes, problems);
  const historicalBytes = readHistoricalBytes(cursor, t0 & 0x0f, problems);
  const check = readCheck(cursor, bytes, interfaceBytes, problems);
  const rest = cursor.rest();
  if (rest.length > 0) {
    problems.push(`${rest.length} more ${rest.length === 1 ? "byte" : "bytes"} behind the end of the ATR`);
  }
  return {
    ...parameters,
    bytes,
    convention: ts === 0x3b ? "direct" : "inverse",
    interfaceBytes,
    historicalBytes,
    historical: decodeHistoricalBytes(historicalBytes),
    check,
    rest,
    contactless: decodeContactless(ts, bytes.subarray(start, end), historicalBytes),
    problems,
  };
}

/** Each TD announces the next round; the length of an ATR ends the chain at last. ISO/IEC 7816-3:2006, 8.2.3. */
function readInterfaceBytes(cursor: ByteCursor, t0: number): readonly InterfaceByteGroup[] {
  const groups: InterfaceByteGroup[] = [];
  let protocol: number | undefined;
  for (let index = 1, present = t0 >> 4; present !== 0; index++) {
    const ta = (present & 0x1) === 0 ? undefined : cursor.u8(`TA${index}`);
    const tb = (present & 0x2) === 0 ? undefined : cursor.u8(`TB${index}`);
    const tc = (present & 0x4) === 0 ? undefined : cursor.u8(`TC${index}`);
    const td = (present & 0x8) === 0 ? undefined : cursor.u8(`TD${index}`);
    groups.push({ index, protocol, ta, tb, tc, td });
    present = (td ?? 0) >> 4;
    protocol = (td ?? 0) & 0x0f;
  }
  return groups;
}

function readHistoricalBytes(cursor: ByteCursor, announced: number, problems: string[]): Uint8Array {
  const there = Math.min(announced, cursor.remaining);
  if (there < announced) problems.push(`T0 announces ${announced} historical bytes, and ${there} are there`);
  return cursor.bytes(there, "historical bytes");
}

function readCheck(
  cursor: ByteCursor,
  bytes: Uint8Array,
  groups: readonly InterfaceByteGroup[],
  problems: string[],
): AtrCheck {
  // T=15 counts here although it is no protocol. ISO/IEC 7816-3:2006, 8.2.5.
  if (groups.every((group) => ((group.td ?? 0) & 0x0f) === 0)) return { kind: "not-needed" };
  if (cursor.remaining === 0) {
    problems.push("TCK is missing");
    return { kind: "missing" };
  }
  const end = cursor.offset;
  const tck = cursor.u8("TCK");
  const expected = bytes.subarray(1, end).reduce((sum, byte) => sum ^ byte, 0);
  if (tck !== expected) problems.push(`TCK is ${hexByte(tck)}, and should be ${hexByte(expected)}`);
  return { kind: "present", tck, correct: tck === expected };
}
