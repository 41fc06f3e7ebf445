// SPDX-License-Identifier: MIT

import { decodeHex, zeroBytes } from "../../base/binary/index.ts";
import { decodeResponse, describeStatusWord, instructions } from "../../base/iso7816/index.ts";
import type { CardLine } from "./card-line.ts";

/** One exchange of the console, as it may be shown. */
export interface Exchanged {
  readonly command: string;
  readonly words: string;
  readonly response: string;
  readonly meaning: string;
}

/** Commands that carry PINs, and those above them with BER-TLV data: nothing of them is shown. ISO/IEC 7816-4:2005, 7.5. */
const pinInstructions: ReadonlySet<number> = new Set(
  [
    instructions.VERIFY,
    instructions.CHANGE_REFERENCE_DATA,
    instructions.DISABLE_VERIFICATION_REQUIREMENT,
    instructions.ENABLE_VERIFICATION_REQUIREMENT,
    instructions.RESET_RETRY_COUNTER,
  ].flatMap((instruction) => [instruction, instruction + 1]),
);

/** The bytes that were typed in; undefined where they are no command. What was typed is in no message: it may hold a PIN. */
export function commandOf(text: string): Uint8Array | undefined {
  const decoded = decodeHex(text);
  return decoded.ok && decoded.value.length >= 4 ? decoded.value : undefined;
}

/** Sends a command of the user. Data is shown only where it is known to hold no secret. The bytes are cleared. */
export async function exchange(line: CardLine, command: Uint8Array): Promise<Exchanged> {
  const { redactor } = line;
  const shown = redactor.command(command);
  const isPin = pinInstructions.has(command[1] ?? 0);
  const response = await line.transmit(command);
  const decoded = decodeResponse(response);
  const { bytes } = redactor.response(response);
  zeroBytes(response);
  return {
    command: isPin ? "not shown" : shown.bytes,
    words: isPin ? "a command that carries a PIN" : shown.text,
    response: bytes,
    meaning: decoded.ok ? describeStatusWord(decoded.value.sw).meaning : "no status word",
  };
}
