// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { isFulfilled } from "./access-control.ts";
import type { CardKey } from "./card-key.ts";
import { cardLimits } from "./card-limits.ts";
import { type Channel, wantsAll } from "./card-state.ts";
import type { KeyUse } from "./file-system-image.ts";
import { describeAttempt, describeCounter } from "./security-commands.ts";

/**
 * GET CHALLENGE: ISO/IEC 7816-4:2005, 7.5.3. An Le of zeros returns the card's maximum. The card keeps the
 * challenge for one authentication, on the same channel, until a reset or until it gives another.
 */
export function getChallenge(channel: Channel, command: CommandApdu): Answer {
  const { card } = channel;
  if (command.p1 !== 0 || command.p2 !== 0) return status(sw.wrongP1P2);
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  if (command.le > card.challengeBytes && !wantsAll(command)) return status(sw.wrongLength);
  const data = card.random.bytes(Math.min(command.le, card.challengeBytes));
  channel.challenge = data.length <= cardLimits.keptChallengeBytes ? copyBytes(data) : undefined;
  return { data, status: sw.success };
}

/**
 * INTERNAL AUTHENTICATE: ISO/IEC 7816-4:2005, 7.5.2. The challenge is one block of the key's cipher, the answer is the
 * block enciphered.
 */
export function internalAuthenticate(channel: Channel, command: CommandApdu): Answer {
  const { data, le } = command;
  const key = keyFor(channel, command, ["internal"]);
  if (!isKey(key)) return key;
  if (data.length !== key.blockBytes || le === undefined || le < key.blockBytes) return status(sw.wrongLength);
  return { data: key.respond(data), status: sw.success };
}

/**
 * EXTERNAL AUTHENTICATE and MUTUAL AUTHENTICATE: ISO/IEC 7816-4:2005, 7.5.4. Which of them depends on the key. Over T=0
 * they cannot be told apart by Le, as the standard would have it.
 *
 * The challenge that the card gave last is as long as a block of the key's cipher. External: the data is the challenge
 * enciphered. Mutual: see {@link CardKey.answerToken}. Without data it returns the state of the key, like VERIFY.
 */
export function externalAuthenticate(channel: Channel, command: CommandApdu): Answer {
  const { data } = command;
  const key = keyFor(channel, command, ["external", "mutual"]);
  if (!isKey(key)) return key;
  const { reference, use } = key.image;
  if (data.length === 0) return describeCounter(key.counter, channel.provedKeys.has(reference));
  const { challenge } = channel;
  if (data.length !== (use === "mutual" ? key.tokenBytes : key.blockBytes)) return status(sw.wrongLength);
  if (use === "mutual" && (command.le ?? 0) < key.tokenBytes) return status(sw.wrongLength);
  if (challenge?.length !== key.blockBytes) return status(sw.conditionsNotSatisfied);
  // A challenge is used once, successfully or not.
  channel.challenge = undefined;
  channel.provedKeys.delete(reference);
  if (use === "external") {
    const outcome = key.checkResponse(challenge, data);
    if (outcome === "right") channel.provedKeys.add(reference);
    return describeAttempt(outcome, key.counter);
  }
  const answer = key.answerToken(challenge, data, channel.card.random.bytes(2 * key.blockBytes));
  if (typeof answer === "string") return describeAttempt(answer, key.counter);
  channel.provedKeys.add(reference);
  return { data: answer, status: sw.success };
}

/** The key of a command, if it may be used for this command now. */
function keyFor(channel: Channel, { p1, p2 }: CommandApdu, uses: readonly KeyUse[]): CardKey | Answer {
  const key = channel.card.keys.get(p2);
  if (key === undefined || !uses.includes(key.image.use)) return status(sw.referenceNotFound);
  if (!key.hasAlgorithm(p1)) return status(sw.wrongP1P2);
  return isFulfilled(channel, key.image.access) ? key : status(sw.securityNotSatisfied);
}

function isKey(found: CardKey | Answer): found is CardKey {
  return "image" in found;
}
