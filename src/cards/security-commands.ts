// SPDX-License-Identifier: MIT

import type { CommandApdu } from "../iso7816/index.ts";
import { assertNever } from "../pcsc/index.ts";
import { type CardState, wantsAll } from "./card-state.ts";
import type { PinOutcome } from "./pin-store.ts";
import { type Answer, status, sw } from "./status.ts";

const p1Verify = 0x00;
const p1Forget = 0xff;

/**
 * VERIFY: ISO/IEC 7816-4:2005, 7.5.6. Without data it asks how the PIN stands: 9000 where it is verified or 63Cx. P1 =
 * FF takes a verification back (ISO/IEC 7816-4:2013).
 */
export function verify(card: CardState, command: CommandApdu): Answer {
  const { p1, p2, data } = command;
  if (p1 !== p1Verify && p1 !== p1Forget) return status(sw.wrongP1P2);
  if (!card.pins.has(p2)) return status(sw.referenceNotFound);
  if (p1 === p1Forget) {
    if (data.length > 0) return status(sw.wrongLcForP1P2);
    card.pins.forget(p2);
    return status(sw.success);
  }
  return describe(data.length === 0 ? card.pins.query(p2) : card.pins.verify(p2, data));
}

function describe(outcome: PinOutcome): Answer {
  switch (outcome.kind) {
    case "verified":
      return status(sw.success);
    case "wrong":
      return status(sw.counter | outcome.triesLeft);
    case "blocked":
      return status(sw.methodBlocked);
    case "wrong-length":
      return status(sw.wrongLength);
    default:
      return assertNever(outcome, "outcome of a PIN");
  }
}

/** GET CHALLENGE: ISO/IEC 7816-4:2005, 7.5.3. An Le of zeros gets as much as the card gives at once. */
export function getChallenge(card: CardState, command: CommandApdu): Answer {
  if (command.p1 !== 0 || command.p2 !== 0) return status(sw.wrongP1P2);
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  if (command.le > card.challengeBytes && !wantsAll(command)) return status(sw.wrongLength);
  return { data: card.random.bytes(Math.min(command.le, card.challengeBytes)), status: sw.success };
}
