// SPDX-License-Identifier: MIT

import { checkBytes, checkText, checkWhole, encodeHex, hexDword } from "../binary/index.ts";
import {
  type CommandApdu,
  type CommandCase,
  checkCommandApdu,
  commandCase,
  decodeCommand,
  encodeCommand,
} from "./apdu.ts";
import { type ClassByte, decodeClassByte } from "./class-byte.ts";
import { disclosureOf, isOpenInstruction, opensResponse } from "./disclosure.ts";
import { instructionName, referenceDataInstructions } from "./instruction.ts";

/** A command in words and numbers that may be logged: it contains no secret data. */
export interface CommandDescription {
  readonly case: CommandCase;
  /** `SELECT`, or `unknown instruction` where the standards name none. */
  readonly instruction: string;
  readonly class: ClassByte;
  /** Number of data bytes. */
  readonly lc: number;
  /** Most response bytes expected; undefined for none. */
  readonly le: number | undefined;
  /** The data in hexadecimal, or `[4 bytes withheld]`. */
  readonly data: string;
  /** All of it in one line: `SELECT (00 A4 04 0C), channel 0, Lc 2, data 3F 00`. */
  readonly text: string;
}

/**
 * Writes the bytes of a command for a log: in hexadecimal where the command is known to carry no secret
 * ({@link disclosureOf}); of any other only the header, followed by `[8 bytes withheld]`. The text of such a
 * command depends on the header and on lengths alone, never on a byte of the data.
 *
 * A malformed command is withheld after the header too: where Lc is wrong or missing, any byte may be part of a
 * PIN. Of bytes that do not look like a command at all, such as a raw frame for a tag, only the first is shown.
 */
export function describeCommandBytes(bytes: Uint8Array): string {
  const decoded = decodeCommand(bytes);
  return commandBytesText(bytes, decoded.ok && disclosureOf(decoded.value).command);
}

/** The bytes of a command, as far as they may be shown, where it is known whether its data may. */
export function commandBytesText(bytes: Uint8Array, showData: boolean): string {
  if (showData) return encodeHex(bytes, " ");
  const decoded = decodeCommand(bytes);
  const hasHeader = decoded.ok ? looksLikeCommand(decoded.value) : hasHeaderOfMalformed(bytes);
  // P1 of these instructions is 00 to 03, or FF. Otherwise P1 and P2 may be missing, and a PIN may be in their place.
  const [, ins = 0, p1 = 0] = bytes;
  const isSure = decoded.ok || !referenceDataInstructions.has(ins) || p1 <= 0x03 || p1 === 0xff;
  const shown = Math.min(bytes.length, hasHeader ? (isSure ? 4 : 2) : 1);
  const header = encodeHex(bytes.subarray(0, shown), " ");
  const data = decoded.ok && hasHeader ? decoded.value.data : undefined;
  // One byte after the header is Le, unless it is the beginning of a PIN whose Lc was forgotten.
  if (data?.length === 0 && bytes.length === 5 && !referenceDataInstructions.has(bytes[1] ?? 0))
    return encodeHex(bytes, " ");
  const count = data?.length || bytes.length - shown;
  return count === 0 ? header : `${header} ${withheldText(count)}`;
}

/**
 * Writes a response for a log: its data in hexadecimal where the command is known to be answered without a secret
 * ({@link disclosureOf}), `[16 bytes withheld]` where not, and the status word in any case. The response to GET RESPONSE is
 * withheld, as the command it continues is unknown here; {@link ExchangeRedactor} knows it.
 */
export function describeResponseBytes(command: Uint8Array, response: Uint8Array): string {
  const decoded = decodeCommand(command);
  checkBytes(response, "describeResponseBytes: response");
  const data = response.subarray(0, -2);
  const show =
    decoded.ok && response.length >= 2 && disclosureOf(decoded.value).response && opensResponse(decoded.value, data);
  return responseBytesText(response, show);
}

/** The bytes of a response, where it is known whether its data may be shown. */
export function responseBytesText(response: Uint8Array, showData: boolean): string {
  if (showData || response.length === 2) return encodeHex(response, " ");
  // Without a status word it is not a response, and all of it is withheld.
  if (response.length < 2) return response.length === 0 ? "" : withheldText(response.length);
  return `${withheldText(response.length - 2)} ${encodeHex(response.subarray(-2), " ")}`;
}

/**
 * Whether well-formed bytes are treated as a command whose header is shown. Others may be a raw frame for a tag, or a PIN
 * separated from its command by a blank: `31 32 33 34` has the form of a header.
 */
function looksLikeCommand(command: CommandApdu): boolean {
  const { cla, ins, data } = command;
  if (isTagFrame(command)) return false;
  if (data.length > 0) return true;
  return cla >= 0x80 || (decodeClassByte(cla).kind === "interindustry" && instructionName(cla, ins) !== undefined);
}

/** Whether the beginning of malformed bytes is shown as a header. */
function hasHeaderOfMalformed([cla = 0, ins = 0, ...rest]: Uint8Array): boolean {
  if (rest.length < 2) return false;
  return [0x80, 0x84, 0x90, 0xff].includes(cla) || (cla < 0x20 && instructionName(cla, ins) !== undefined);
}

/**
 * Frames of a tag that look like commands and hold a password or a key: PWD_AUTH and WRITE of a Type 2 tag (1B and four bytes;
 * A2, page and four bytes), and authentication with a key of a MIFARE Classic (60 or 61, block, six bytes of key, four of the
 * identifier); each also with its CRC_A. A malformed one is recognized by its class.
 *
 * @see NXP NTAG213/215/216 data sheet, 10.4 and 10.7; NXP PN532 user manual, 7.3.8 (InDataExchange)
 */
const tagFrameLengths: Readonly<Record<number, readonly number[]>> = {
  0x1b: [5, 7],
  0xa2: [6, 8],
  0x60: [12, 14],
  0x61: [12, 14],
};

function isTagFrame(command: CommandApdu): boolean {
  return tagFrameLengths[command.cla]?.includes(encodeCommand(command).length) === true;
}

/** Explains a command; its data only where the command is known to carry no secret ({@link disclosureOf}). */
export function describeCommand(command: CommandApdu): CommandDescription {
  checkCommandApdu(command, "describeCommand: command");
  return commandDescription(command, disclosureOf(command).command);
}

/**
 * Explains a command, where it is known whether its data may be shown. A PIN is not answered with data: what is read as Le
 * behind one, other than 00, is a digit for which Lc was too small.
 */
export function commandDescription(command: CommandApdu, showData: boolean): CommandDescription {
  const { cla, ins, p1, p2, data, le } = command;
  const classByte = decodeClassByte(cla);
  if (!showData && !looksLikeCommand(command)) {
    const instruction = "unknown instruction";
    const withheld = withheldText(encodeCommand(command).length - 1);
    const text = `${instruction} (class ${encodeHex(Uint8Array.of(cla))}), ${withheld}`;
    return { case: commandCase(command), instruction, class: classByte, lc: data.length, le, data: withheld, text };
  }
  const instruction = instructionName(cla, ins) ?? "unknown instruction";
  const shown = showData || data.length === 0 ? encodeHex(data, " ") : withheldText(data.length);
  const parts = [`${instruction} (${encodeHex(Uint8Array.of(cla, ins, p1, p2), " ")})`, ...describeClass(classByte)];
  if (data.length > 0) parts.push(`Lc ${data.length}`, `data ${shown}`);
  if (le !== undefined)
    parts.push(`Le ${showData || le % 256 === 0 || !referenceDataInstructions.has(ins) ? le : "withheld"}`);
  if (command.extended) parts.push("extended length fields");
  return {
    case: commandCase(command),
    instruction,
    class: classByte,
    lc: data.length,
    le,
    data: shown,
    text: parts.join(", "),
  };
}

/**
 * Describes the problem of a malformed command, for a log. `problem`, which may contain the byte read as Lc, is left out
 * unless the instruction's data is shown: that byte may be the first of a PIN.
 */
export function describeMalformedCommand(bytes: Uint8Array, problem: string): string {
  checkBytes(bytes, "describeMalformedCommand: bytes");
  checkText(problem, "describeMalformedCommand: problem");
  const [cla = 0, ins = 0] = bytes;
  return isOpenInstruction(cla, ins) ? `not a well-formed command: ${problem}` : "not a well-formed command";
}

const securityWords = {
  proprietary: "proprietary secure messaging",
  "header-not-processed": "secure messaging",
  "header-authenticated": "secure messaging with authenticated header",
} as const;

function describeClass(classByte: ClassByte): string[] {
  if (classByte.kind === "reader") return ["to the reader"];
  if (classByte.kind !== "interindustry") return [`${classByte.kind} class`];
  const parts = [`channel ${classByte.channel}`];
  if (classByte.chaining) parts.push("chained");
  if (classByte.secureMessaging !== "none") parts.push(securityWords[classByte.secureMessaging]);
  return parts;
}

/**
 * Writes the input of a control call for a log. Input can be anything (readers take whole commands, keys and
 * PIN blocks in it, under codes of their own choosing), so the text has the code and the length, and never a byte, with
 * one exception: PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE are recognised under any code, and shown with the header of
 * the command inside, whose data is withheld.
 *
 * @param code control code, as the application gave it.
 * @see PC/SC part 10, PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE
 */
export function describeControlBytes(code: number, input: Uint8Array): string {
  checkWhole(code, -0x8000_0000, 0xffff_ffff, "describeControlBytes: code");
  const name = `control ${hexDword(code)}`;
  checkBytes(input, "describeControlBytes: input");
  if (input.length === 0) return `${name} without input`;
  const found = pinStructureOf(input);
  if (found !== undefined) return `${name} with ${found.structure}: ${describeCommandBytes(found.command)}`;
  return `${name} with ${withheldText(input.length)}`;
}

/**
 * The command that a control call has a reader with a PIN pad complete: it stands behind a PIN_VERIFY_STRUCTURE or a PIN_MODIFY_STRUCTURE,
 * under any control code. PC/SC part 10.
 *
 * @param input of the control call
 * @returns a view of the input, without the PIN; undefined where the input is anything else
 */
export function pinPadCommand(input: Uint8Array): Uint8Array | undefined {
  checkBytes(input, "pinPadCommand: input");
  return pinStructureOf(input)?.command;
}

function pinStructureOf(input: Uint8Array): { readonly structure: string; readonly command: Uint8Array } | undefined {
  for (const { structure, size } of pinStructures) {
    const command = commandBehind(input, size);
    if (command !== undefined) return { structure, command };
  }
  return undefined;
}

/** Both end with ulDataLength (32 bits, least significant byte first) and that many bytes of command. */
const pinStructures = [
  { structure: "PIN_VERIFY_STRUCTURE", size: 19 },
  { structure: "PIN_MODIFY_STRUCTURE", size: 24 },
] as const;

/** The command at the end of a PIN structure, if this is one and the command is one whose data will be withheld. */
function commandBehind(input: Uint8Array, size: number): Uint8Array | undefined {
  if (input.length < size + 4) return undefined;
  const length = new DataView(input.buffer, input.byteOffset, input.byteLength).getUint32(size - 4, true);
  if (length !== input.length - size) return undefined;
  const command = input.subarray(size);
  const [, ins = 0] = command;
  return referenceDataInstructions.has(ins) ? command : undefined;
}

/** Replaces data that is withheld. */
export function withheldText(count: number): string {
  checkWhole(count, 0, Number.MAX_SAFE_INTEGER, "withheldText: count");
  return `[${count} ${count === 1 ? "byte" : "bytes"} withheld]`;
}
