// SPDX-License-Identifier: MIT

import { concatBytes, struct, u8, u16be } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import type { Frame, FrameMaker } from "./frame.ts";

/** LINKTYPE_ISO_14443: a header of four bytes, and what went through the air. */
const LINKTYPE_ISO_14443 = 264;

const header = struct("ISO 14443 pseudo-header", { version: u8, event: u8, length: u16be });
const FIELD_OFF = 0xfd;
const FIELD_ON = 0xfc;
const FROM_CARD = 0xff;
const TO_CARD = 0xfe;

/** FSD and FSC are 256 bytes, of which one is PCB and two are CRC. ISO/IEC 14443-4:2018, 5.2.3. */
const MAX_INF_BYTES = 253;
const RATS = Uint8Array.of(0xe0, 0x80);
/** T0 with FSCI 8 and TA(1) to TC(1); one speed, FWI 8, no NAD, CID. ISO/IEC 14443-4:2018, 5.2. */
const atsParameters = Uint8Array.of(0x78, 0x80, 0x80, 0x02);
/** A chance identifier, as the first byte 08 says: recordings do not tell that of the card. ISO/IEC 14443-3:2018, 6.5.4. */
const identifier = Uint8Array.of(0x08, 0, 0, 0);

const I_BLOCK = 0x02;
const CHAINING = 0x10;
const R_ACK = 0xa2;

/**
 * The air of a contactless card of type A: the field, the selection of the card, and blocks of ISO/IEC 14443-4. The exchanges are those
 * of the recording; identifier, block numbers and chaining are made up, as a reader does not tell them.
 */
export function iso14443Frames(): FrameMaker {
  let block = 0;
  const send = (event: number, bytes: Uint8Array = noBytes, isAnswer = false): Frame => {
    return { bytes: header.encode({ version: 0, event, length: bytes.length }, bytes), isAnswer };
  };
  /** Parts in blocks; each but the last is acknowledged by the other side. */
  const blocks = (event: number, bytes: Uint8Array): readonly Frame[] => {
    const frames: Frame[] = [];
    const isAnswer = event === FROM_CARD;
    const other = event === TO_CARD ? FROM_CARD : TO_CARD;
    for (let at = 0; at === 0 || at < bytes.length; at += MAX_INF_BYTES) {
      const isLast = at + MAX_INF_BYTES >= bytes.length;
      const pcb = I_BLOCK | (isLast ? 0 : CHAINING) | block;
      frames.push(
        send(event, withCrc(concatBytes(Uint8Array.of(pcb), bytes.subarray(at, at + MAX_INF_BYTES))), isAnswer),
      );
      // The reader's block number changes with each block of the card. ISO/IEC 14443-4:2018, 7.5.4.
      if (isAnswer) block ^= 1;
      if (!isLast) frames.push(send(other, withCrc(Uint8Array.of(R_ACK | block)), isAnswer));
      if (!isAnswer && !isLast) block ^= 1;
    }
    return frames;
  };
  return {
    linkType: LINKTYPE_ISO_14443,
    name: "ISO 14443",
    begin: () => [],
    reset: (atr) => {
      block = 0;
      const check = identifier.reduce((sum, byte) => sum ^ byte, 0);
      const uid = concatBytes(identifier, Uint8Array.of(check));
      const ats = concatBytes(atsParameters, historicalBytes(atr));
      return [
        send(FIELD_OFF),
        send(FIELD_ON),
        send(TO_CARD, Uint8Array.of(0x26)),
        send(FROM_CARD, Uint8Array.of(0x04, 0x00)),
        send(TO_CARD, Uint8Array.of(0x93, 0x20)),
        send(FROM_CARD, uid),
        send(TO_CARD, withCrc(concatBytes(Uint8Array.of(0x93, 0x70), uid))),
        send(FROM_CARD, withCrc(Uint8Array.of(0x20))),
        send(TO_CARD, withCrc(RATS)),
        send(FROM_CARD, withCrc(concatBytes(Uint8Array.of(ats.length + 1), ats))),
      ];
    },
    exchange: (command, response) => [...blocks(TO_CARD, command), ...blocks(FROM_CARD, response)],
  };
}

const noBytes = new Uint8Array(0);

/** The historical bytes of an ATS are in the ATR that a reader makes of it. PC/SC part 3, 3.1.3.2.3.1. */
function historicalBytes(atr: Uint8Array | undefined): Uint8Array {
  const decoded = atr && decodeAtr(atr);
  return decoded?.ok === true ? decoded.value.historicalBytes : noBytes;
}

/** Appends CRC_A, least significant byte first. ISO/IEC 14443-3:2018, annex B. */
function withCrc(bytes: Uint8Array): Uint8Array {
  let crc = 0x6363;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ ((crc & 1) === 0 ? 0 : 0x8408);
  }
  return concatBytes(bytes, Uint8Array.of(crc & 0xff, crc >> 8));
}
