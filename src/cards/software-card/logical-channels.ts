// SPDX-License-Identifier: MIT

import type { Result } from "../../base/binary/index.ts";
import { success } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "./status.ts";

/** Logical channels that a class byte can name, the basic one with them. ISO/IEC 7816-4:2005, 5.1.1. */
export const MAX_CHANNELS = 20;

const P1_OPEN = 0x00;
const P1_CLOSE = 0x80;

/** What a MANAGE CHANNEL asks for, and the answer to it once it is done. */
export interface ChannelRequest {
  readonly action: "open" | "close";
  /** 1 to 19. */
  readonly channel: number;
  readonly answer: Answer;
}

/**
 * Reads MANAGE CHANNEL: ISO/IEC 7816-4:2005, 7.1.2. P1 = 00 opens the channel P2, 1 to 19, or for P2 = 00 one that the card
 * chooses and answers. P1 = 80 closes the channel P2, or for P2 = 00 the one that the command came on. The basic channel
 * is always open.
 *
 * @param from the channel that the command came on
 * @param isOpen whether a channel is open now
 * @returns what to do; the error is the answer where there is nothing to do
 */
export function decodeManageChannel(
  { p1, p2, data, le }: CommandApdu,
  from: number,
  isOpen: (channel: number) => boolean,
): Result<ChannelRequest, Answer> {
  if (data.length > 0) return refused(sw.wrongLength);
  if (p2 >= MAX_CHANNELS) return refused(sw.wrongP1P2);
  if (p1 === P1_OPEN) {
    if (p2 === 0 && le === undefined) return refused(sw.wrongLength);
    const channel = p2 === 0 ? [...Array(MAX_CHANNELS).keys()].find((number) => !isOpen(number)) : p2;
    if (channel === undefined) return refused(sw.functionNotSupported);
    if (isOpen(channel)) return refused(sw.wrongP1P2);
    const data = p2 === 0 ? Uint8Array.of(channel) : new Uint8Array(0);
    return success({ action: "open", channel, answer: { data, status: sw.success } });
  }
  const channel = p2 === 0 ? from : p2;
  if (p1 !== P1_CLOSE || channel === 0) return refused(sw.wrongP1P2);
  return isOpen(channel) ? success({ action: "close", channel, answer: status(sw.success) }) : refused(sw.warning);
}

function refused(word: number): Result<never, Answer> {
  return { ok: false, error: status(word) };
}
