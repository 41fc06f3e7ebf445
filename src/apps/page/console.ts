// SPDX-License-Identifier: MIT

import { decodeHex, zeroBytes } from "../../base/binary/index.ts";
import { decodeClassByte, decodeResponse, describeStatusWord, instructions } from "../../base/iso7816/index.ts";
import { type CardLine, caller } from "./card-line.ts";

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

/** For so long a confirmation is good: it is used at once. */
const CONFIRMED_MS = 60_000;

/**
 * Sends a command of the user. Data is shown only where it is known to hold no secret. The bytes are cleared.
 *
 * @param lastTry whether the user has confirmed that it may use up the last try of a PIN
 * @returns "last-try" where it would, and the user has not; nothing was compared then
 */
export async function exchange(line: CardLine, command: Uint8Array, lastTry: boolean): Promise<Exchanged | "last-try"> {
  try {
    if (!pinInstructions.has(command[1] ?? 0)) return await send(line, command);
    // No other program uses tries up between the question and the command.
    return await line.transaction(async () => {
      await askForTries(line, command);
      const asked = { ...caller, command, reader: line.reader };
      if (lastTry) line.policy.allowLastTry(line.reader, CONFIRMED_MS);
      return line.policy.before(asked) === undefined ? send(line, command) : "last-try";
    });
  } finally {
    zeroBytes(command);
  }
}

/** Asks how many tries there are, which costs none: VERIFY without data. ISO/IEC 7816-4:2005, 7.5.6. */
async function askForTries(line: CardLine, command: Uint8Array): Promise<void> {
  const [cla = 0, ins = 0, , p2 = 0] = command;
  const { kind } = decodeClassByte(cla);
  // RESET RETRY COUNTER names the PIN that is set, and not the code that is compared; without data nothing is.
  const isSetting = ins >> 1 === instructions.RESET_RETRY_COUNTER >> 1;
  if (kind !== "interindustry" || isSetting || command.length <= 5) return;
  const channel = cla & (cla & 0x40 ? 0x4f : 0x03);
  zeroBytes(await line.transmit(Uint8Array.of(channel, instructions.VERIFY, 0, p2)));
}

async function send(line: CardLine, command: Uint8Array): Promise<Exchanged> {
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
