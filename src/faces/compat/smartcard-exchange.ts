// SPDX-License-Identifier: MIT

import { bigEndianNumber, checkBytes, checkWhole, decoding, zeroBytes } from "../../base/binary/index.ts";
import { decodeCommand, encodeResponse } from "../../base/iso7816/index.ts";
import { exchangeCommand } from "../../port/index.ts";

/** The commands that programs of `smartcard` work with as bytes: following 61xx and 6Cxx up, and features. */

/** GET RESPONSE for so many bytes, 0 to 255; 0 stands for 256. */
export function getResponseCommand(bytesAvailable: number): Uint8Array {
  checkWhole(bytesAvailable, 0, 256, "buildGetResponseCommand: bytesAvailable");
  return Uint8Array.of(0x00, 0xc0, 0x00, 0x00, bytesAvailable);
}

/** The command with another Le: after a command of 4 bytes, and in place of the last byte of a longer one. */
export function commandWithLe(command: Uint8Array, le: number): Uint8Array {
  checkBytes(command, "correctLeInCommand: command");
  checkWhole(le, 0, 256, "correctLeInCommand: newLe");
  const corrected = new Uint8Array(Math.max(command.length, 5));
  corrected.set(command);
  corrected[corrected.length - 1] = le;
  return corrected;
}

/**
 * Sends a command and follows its status words up: after 61xx the rest is fetched, after 6Cxx the command is sent with the
 * right Le. Returns all data that came, and the last status word. Bytes that are not an APDU are sent as they are.
 *
 * @throws comm-error for a card whose answers never end or lack a status word, and what `send` throws
 */
export async function exchangeToTheEnd(
  send: (command: Uint8Array) => Promise<Uint8Array>,
  command: Uint8Array,
): Promise<Uint8Array> {
  const decoded = decodeCommand(command);
  if (!decoded.ok) return send(command);
  // The bytes of a program are sent unchanged over every protocol.
  try {
    const { data, sw } = await exchangeCommand(decoded.value, send, { protocol: undefined });
    return encodeResponse(data, sw);
  } finally {
    // It may hold a PIN.
    zeroBytes(decoded.value.data);
  }
}

/**
 * The control codes of a reader's features, by tag: what `CM_IOCTL_GET_FEATURE_REQUEST` answered. Entries of another length
 * than a control code's are left out, and so is what follows one that is cut off.
 *
 * @see PC/SC part 10, 2.2
 */
export function parseFeatures(response: Uint8Array): Map<number, number> {
  const found = new Map<number, number>();
  decoding(response, (cursor) => {
    while (cursor.remaining > 0) {
      const tag = cursor.u8("feature tag");
      const value = cursor.bytes(cursor.u8("feature length"), "feature");
      if (value.length === 4) found.set(tag, bigEndianNumber(value));
    }
  });
  return found;
}
