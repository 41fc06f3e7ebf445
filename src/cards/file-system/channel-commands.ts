// SPDX-License-Identifier: MIT

import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { cardLimits } from "./card-limits.ts";
import { type Channel, openChannel } from "./card-state.ts";

const P1_OPEN = 0x00;
const P1_CLOSE = 0x80;

/**
 * MANAGE CHANNEL: ISO/IEC 7816-4:2005, 7.1.2. P1 = 00 opens the channel P2, 1 to 19, or for P2 = 00 one that the card
 * chooses and answers. P1 = 80 closes the channel P2, or for P2 = 00 the one that the command came on. The basic channel
 * is always open.
 */
export function manageChannel(channel: Channel, command: CommandApdu): Answer {
  const { p1, p2, data } = command;
  if (data.length > 0) return status(sw.wrongLength);
  if (p2 >= cardLimits.channels) return status(sw.wrongP1P2);
  if (p1 === P1_OPEN) return open(channel, command);
  return p1 === P1_CLOSE ? close(channel, p2) : status(sw.wrongP1P2);
}

function open(channel: Channel, { p2, le }: CommandApdu): Answer {
  const { channels } = channel.card;
  if (p2 === 0 && le === undefined) return status(sw.wrongLength);
  const chosen = p2 === 0 ? [...Array(cardLimits.channels).keys()].find((number) => !channels.has(number)) : p2;
  if (chosen === undefined) return status(sw.functionNotSupported);
  if (channels.has(chosen)) return status(sw.wrongP1P2);
  openChannel(channel.card, chosen, channel.number === 0 ? undefined : channel);
  return p2 === 0 ? { data: Uint8Array.of(chosen), status: sw.success } : status(sw.success);
}

function close(channel: Channel, p2: number): Answer {
  const number = p2 === 0 ? channel.number : p2;
  if (number === 0) return status(sw.wrongP1P2);
  return status(channel.card.channels.delete(number) ? sw.success : sw.warning);
}
