// SPDX-License-Identifier: MIT

import { equalBytes } from "../../base/binary/index.ts";
import { type ErrorDetectionCode, edcBytes, errorDetection } from "./error-detection.ts";

/** Longest information field. LEN = FF is reserved. ISO/IEC 7816-3:2006, 11.3.2.3. */
export const MAX_INFORMATION_BYTES = 254;

/** NAD, PCB and LEN. */
const PROLOGUE_BYTES = 3;

/** Bits 4 and 8 of NAD controlled C6 once. An interface device ignores them. ISO/IEC 7816-3:2006, 11.3.2.1. */
const NODE_ADDRESS_BITS = 0x77;

/** What a supervisory block is about. ISO/IEC 7816-3:2006, table 11. */
export type Supervision = "resynch" | "ifs" | "abort" | "wtx";

const supervisions: readonly Supervision[] = ["resynch", "ifs", "abort", "wtx"];

/** What an R-block says of the block before it. ISO/IEC 7816-3:2006, 11.3.2.2. */
export type BlockError = "none" | "edc" | "other";

const blockErrors: readonly BlockError[] = ["none", "edc", "other"];

/** A block without NAD and error detection code. */
export type T1Block =
  | { readonly kind: "I"; readonly sequence: number; readonly more: boolean; readonly information: Uint8Array }
  | { readonly kind: "R"; readonly sequence: number; readonly error: BlockError }
  | {
      readonly kind: "S";
      readonly about: Supervision;
      readonly response: boolean;
      /** The byte of S(IFS) and S(WTX); undefined in the others. */
      readonly value: number | undefined;
    };

/** How both sides write blocks. */
export interface T1Format {
  /** NAD of the blocks that the interface device sends. */
  readonly nad: number;
  readonly edc: ErrorDetectionCode;
}

const noInformation = new Uint8Array(0);

/** Writes a block, from NAD to the error detection code. */
export function encodeT1Block(block: T1Block, format: T1Format): Uint8Array {
  const information = informationOf(block);
  const end = PROLOGUE_BYTES + information.length;
  const bytes = new Uint8Array(end + edcBytes[format.edc]);
  bytes.set([format.nad, protocolControl(block), information.length]);
  bytes.set(information, PROLOGUE_BYTES);
  bytes.set(errorDetection(format.edc, bytes.subarray(0, end)), end);
  return bytes;
}

function informationOf(block: T1Block): Uint8Array {
  if (block.kind === "I") return block.information;
  return block.kind === "S" && block.value !== undefined ? Uint8Array.of(block.value) : noInformation;
}

/** PCB. ISO/IEC 7816-3:2006, 11.3.2.2. */
function protocolControl(block: T1Block): number {
  switch (block.kind) {
    case "I":
      return (block.sequence << 6) | (block.more ? 0x20 : 0);
    case "R":
      return 0x80 | (block.sequence << 4) | blockErrors.indexOf(block.error);
    case "S":
      return 0xc0 | (block.response ? 0x20 : 0) | supervisions.indexOf(block.about);
  }
}

/** A block that was read, or what is wrong with it: `edc` and `other` are what an R-block says then. */
export type ReadBlock =
  | { readonly valid: true; readonly block: T1Block }
  | { readonly valid: false; readonly error: "edc" | "other" };

/**
 * Reads a block of the card. Its error detection code is looked at first, as no other byte can be believed before.
 *
 * @param maxInformation IFSD: longest information field that the card may send
 */
export function readT1Block(bytes: Uint8Array, format: T1Format, maxInformation: number): ReadBlock {
  const end = bytes.length - edcBytes[format.edc];
  if (end < PROLOGUE_BYTES) return { valid: false, error: "other" };
  const intact = equalBytes(bytes.subarray(end), errorDetection(format.edc, bytes.subarray(0, end)));
  if (!intact) return { valid: false, error: "edc" };
  const [nad = 0, pcb = 0, length = 0] = bytes;
  const information = bytes.subarray(PROLOGUE_BYTES, end);
  const answersUs = (nad & NODE_ADDRESS_BITS) === (swapNodes(format.nad) & NODE_ADDRESS_BITS);
  const isWhole = length === information.length && length <= MAX_INFORMATION_BYTES && length <= maxInformation;
  const block = answersUs && isWhole ? readProtocolControl(pcb, information) : undefined;
  return block === undefined ? { valid: false, error: "other" } : { valid: true, block };
}

/** SAD and DAD change places on the way back. */
function swapNodes(nad: number): number {
  return ((nad << 4) & 0xf0) | (nad >> 4);
}

/** @returns undefined where PCB is reserved, or does not go with the length */
function readProtocolControl(pcb: number, information: Uint8Array): T1Block | undefined {
  if ((pcb & 0x80) === 0) {
    if ((pcb & 0x1f) !== 0) return undefined;
    return { kind: "I", sequence: (pcb >> 6) & 1, more: (pcb & 0x20) !== 0, information };
  }
  if ((pcb & 0x40) === 0) {
    const error = blockErrors[pcb & 0x0f];
    if ((pcb & 0x20) !== 0 || error === undefined || information.length > 0) return undefined;
    return { kind: "R", sequence: (pcb >> 4) & 1, error };
  }
  const about = supervisions[pcb & 0x1f];
  if (about === undefined) return undefined;
  const [value] = information;
  const wanted = about === "ifs" || about === "wtx" ? 1 : 0;
  if (information.length !== wanted) return undefined;
  if (about === "ifs" && (value === 0 || value === 0xff)) return undefined;
  return { kind: "S", about, response: (pcb & 0x20) !== 0, value };
}
