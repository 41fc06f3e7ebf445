// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import { type CommandApdu, type CommandCase, commandCase, decodeCommand } from "./apdu.ts";
import { type ClassByte, decodeClassByte } from "./class-byte.ts";
import { carriesSecret, instructionName } from "./instruction.ts";

/** A command in words and numbers that may be logged: secret data is not in it. */
export interface CommandDescription {
  readonly case: CommandCase;
  /** `SELECT`, or `unknown instruction` where the standards name none. */
  readonly instruction: string;
  readonly class: ClassByte;
  /** Number of data bytes. */
  readonly lc: number;
  /** Most response bytes expected; undefined for none. */
  readonly le: number | undefined;
  /** The data in hexadecimal, or `«4 bytes withheld»`. */
  readonly data: string;
  /** All of it in one line: `SELECT (00 A4 04 0C), channel 0, Lc 2, data 3F 00`. */
  readonly text: string;
}

/**
 * Writes the bytes of a command for a log: in hexadecimal, but with everything behind the header replaced by
 * `«8 bytes withheld»` where the instruction carries a PIN, a password or a key ({@link carriesSecret}). The
 * class byte does not matter, so chained, secure messaging and proprietary forms are withheld too. So are commands that
 * are malformed: where Lc is wrong or missing, any byte behind the header may be part of a PIN.
 *
 * For such an instruction the text depends on the header and on lengths alone, never on a byte of the data.
 */
export function describeCommandBytes(bytes: Uint8Array): string {
  const cla = bytes[0] ?? 0;
  const ins = bytes[1];
  if (ins === undefined || !carriesSecret(cla, ins)) return encodeHex(bytes, " ");
  const header = encodeHex(bytes.subarray(0, 4), " ");
  if (bytes.length <= 4) return header;
  const command = decodeCommand(bytes);
  return `${header} ${withheld(command.ok ? command.value.data.length : bytes.length - 4)}`;
}

/** Explains a command, without its data where that is, or may hold, a PIN, a password or a key. */
export function describeCommand(command: CommandApdu): CommandDescription {
  const { cla, ins, p1, p2, data, le } = command;
  const instruction = instructionName(cla, ins) ?? "unknown instruction";
  const shown = carriesSecret(cla, ins) && data.length > 0 ? withheld(data.length) : encodeHex(data, " ");
  const classByte = decodeClassByte(cla);
  const parts = [`${instruction} (${encodeHex(Uint8Array.of(cla, ins, p1, p2), " ")})`, ...describeClass(classByte)];
  if (data.length > 0) parts.push(`Lc ${data.length}`, `data ${shown}`);
  if (le !== undefined) parts.push(`Le ${le}`);
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
 * PIN blocks in it, under codes of their own choosing), so the text tells the code and the length, and never a byte,
 * with one exception: PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE are recognised whatever the code, as readers choose
 * that too, and told with the header of the command inside, whose data is withheld.
 *
 * @param code control code, as the application gave it.
 * @see PC/SC part 10, PIN_VERIFY_STRUCTURE and PIN_MODIFY_STRUCTURE
 */
export function describeControlBytes(code: number, input: Uint8Array): string {
  const name = `control 0x${(code >>> 0).toString(16).toUpperCase().padStart(8, "0")}`;
  if (input.length === 0) return `${name} without input`;
  for (const { structure, size } of pinStructures) {
    const command = commandBehind(input, size);
    if (command !== undefined) return `${name} with ${structure}: ${describeCommandBytes(command)}`;
  }
  return `${name} with ${withheld(input.length)}`;
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
  const [cla = 0, ins = 0] = command;
  return carriesSecret(cla, ins) ? command : undefined;
}

function withheld(count: number): string {
  return `«${count} ${count === 1 ? "byte" : "bytes"} withheld»`;
}
