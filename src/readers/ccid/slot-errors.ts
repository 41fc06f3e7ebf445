// SPDX-License-Identifier: MIT

import { hexByte } from "../../base/binary/index.ts";
import { type ErrorCode, SmartCardError } from "../../port/index.ts";
import type { CcidAnswer } from "./messages.ts";
import { UsbError } from "./usb-interface.ts";

/** bError of a command that failed. CCID 1.1, 6.2.6, table 6.2-2, and what readers answer beside it. */
export const slotErrors = {
  commandNotSupported: 0x00,
  cardAborted: 0xff,
  cardMute: 0xfe,
  parity: 0xfd,
  overrun: 0xfc,
  hardware: 0xfb,
  badAtrTs: 0xf8,
  badAtrTck: 0xf7,
  protocolNotSupported: 0xf6,
  classNotSupported: 0xf5,
  procedureByteConflict: 0xf4,
  deactivatedProtocol: 0xf3,
  busyWithAutoSequence: 0xf2,
  pinTimeout: 0xf0,
  pinCancelled: 0xef,
  slotBusy: 0xe0,
  /** Readers in EMV mode: GemPC433, Cherry XX33. */
  emvProtocol: 0xbb,
} as const;

const texts: Readonly<Record<number, string>> = {
  [slotErrors.commandNotSupported]: "the reader does not support this command",
  [slotErrors.cardAborted]: "the command was aborted",
  [slotErrors.cardMute]: "the card does not answer",
  [slotErrors.parity]: "parity error in the exchange with the card",
  [slotErrors.overrun]: "the card sent more than the reader could take",
  [slotErrors.hardware]: "hardware error of the reader, such as overcurrent",
  [slotErrors.badAtrTs]: "the first byte of the ATR is wrong",
  [slotErrors.badAtrTck]: "the check byte of the ATR is wrong",
  [slotErrors.protocolNotSupported]: "the reader does not support the protocol of the card",
  [slotErrors.classNotSupported]: "the reader does not support the class of the command",
  [slotErrors.procedureByteConflict]: "the card sent a wrong procedure byte",
  [slotErrors.deactivatedProtocol]: "the protocol is deactivated",
  [slotErrors.busyWithAutoSequence]: "the reader is busy with the activation of the card",
  [slotErrors.pinTimeout]: "no PIN was entered in time",
  [slotErrors.pinCancelled]: "the entry of the PIN was cancelled",
  [slotErrors.slotBusy]: "the slot is busy with another command",
  [slotErrors.emvProtocol]: "protocol error in EMV mode",
  0x01: "wrong length of the command",
  0x05: "the reader has no such slot",
  0xa2: "the card short-circuits the contacts",
  0xa3: "the ATR is too long",
  0xab: "no data was exchanged",
  0xb0: "the message is too long for EMV mode",
  0xbd: "the card made an error under T=1",
  0xbe: "wrong length of the command APDU",
};

/** What bError means, in words. */
function slotErrorText(error: number): string {
  const text = texts[error];
  if (text !== undefined) return `${text} (bError ${hexByte(error)})`;
  if (error <= 0x7f) return `the reader does not accept byte ${error} of the message`;
  return `the reader reports bError ${hexByte(error)}`;
}

/**
 * The failure of a command that the reader reports as failed.
 *
 * @param otherwise the code where the answer does not say that the card is gone
 */
export function commandFailure(operation: string, answer: CcidAnswer, otherwise: ErrorCode): SmartCardError {
  if (answer.icc === "absent") return failureOf("removed-card", "the card was removed", operation);
  return failureOf(otherwise, slotErrorText(answer.error), operation);
}

/** A failure of an operation. */
export function failureOf(code: ErrorCode, message: string, operation: string, cause?: unknown): SmartCardError {
  return new SmartCardError(code, message, { operation }, cause === undefined ? {} : { cause });
}

/** The failure of an operation whose signal was aborted. */
export function cancelledError(operation: string, signal: AbortSignal): SmartCardError {
  return failureOf("cancelled", `${operation} was cancelled`, operation, signal.reason);
}

/** A transfer that failed, as a UsbError: anything else that a transport throws counts as `io`. */
export function usbErrorOf(thrown: unknown): UsbError {
  if (thrown instanceof UsbError) return thrown;
  return new UsbError("io", "the transfer failed", { cause: thrown });
}

/** Whether the device can be used no more after such a failure. `cancelled` is so where this driver did not cancel. */
export function isFatal({ failure }: UsbError): boolean {
  return failure === "gone" || failure === "cancelled" || failure === "access-denied" || failure === "busy";
}
