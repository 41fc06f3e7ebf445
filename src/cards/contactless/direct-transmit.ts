// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import type { FieldCard } from "./field-card.ts";

// The reader's chip takes frames that begin with D4 and answers with D5 and the next number. NXP PN532 user manual, 6.2.1 and 7.
const TO_CHIP = 0xd4;
const FROM_CHIP = 0xd5;
const GET_FIRMWARE_VERSION = 0x02;
const IN_DATA_EXCHANGE = 0x40;
const IN_COMMUNICATE_THRU = 0x42;

/** What the chip says of itself: a PN532, version 1.6, all its protocols. */
const firmwareVersion = [0x32, 0x01, 0x06, 0x07];

/** The only card in the field. */
const TARGET = 0x01;

/** How an exchange ended. NXP PN532 user manual, 7.1 */
const chipStatus = { done: 0x00, timeOut: 0x01, noSuchTarget: 0x27 } as const;

/**
 * DIRECT TRANSMIT, FF 00 00 00: a command for the reader's chip, which carries a frame to the card. Readers with a PN532 have
 * it, and programs use it for what PC/SC has no command for: passwords, counters, versions.
 */
export function directTransmit(card: FieldCard, { p1, p2, data }: CommandApdu): Answer {
  if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
  const [direction, code, target] = data;
  if (direction !== TO_CHIP || code === undefined) return status(sw.wrongData);
  switch (code) {
    case GET_FIRMWARE_VERSION:
      return chipAnswer(code, firmwareVersion);
    case IN_COMMUNICATE_THRU:
      return exchanged(code, card.exchange(data.subarray(2)));
    case IN_DATA_EXCHANGE:
      if (target === undefined) return status(sw.wrongLength);
      if (target !== TARGET) return chipAnswer(code, [chipStatus.noSuchTarget]);
      return exchanged(code, card.exchange(data.subarray(3)));
    default:
      return status(sw.functionNotSupported);
  }
}

function exchanged(code: number, answer: Uint8Array | undefined): Answer {
  if (answer === undefined) return chipAnswer(code, [chipStatus.timeOut]);
  return chipAnswer(code, concatBytes(Uint8Array.of(chipStatus.done), answer));
}

function chipAnswer(code: number, bytes: Iterable<number>): Answer {
  return { data: Uint8Array.of(FROM_CHIP, code + 1, ...bytes), status: sw.success };
}
