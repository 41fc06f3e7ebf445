// SPDX-License-Identifier: MIT

import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, decodeManageChannel } from "../software-card/index.ts";
import { type Channel, closeChannel, openChannel } from "./card-state.ts";

/** MANAGE CHANNEL: ISO/IEC 7816-4:2005, 7.1.2. */
export function manageChannel(channel: Channel, command: CommandApdu): Answer {
  const { card, number } = channel;
  const request = decodeManageChannel(command, number, (other) => card.channels.has(other));
  if (!request.ok) return request.error;
  const { action, answer, channel: target } = request.value;
  if (action === "open") openChannel(card, target, number === 0 ? undefined : channel);
  else closeChannel(card, target);
  return answer;
}
