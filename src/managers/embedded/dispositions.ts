// SPDX-License-Identifier: MIT

import type { Disposition } from "../../port/index.ts";

/** From the least that can happen to a card to the most. */
const byStrength: readonly Disposition[] = ["leave", "reset", "unpower", "eject"];

/** The disposition that does more to the card: where several are asked for, what is less is not missed. */
function stronger(one: Disposition, other: Disposition): Disposition {
  return byStrength.indexOf(one) < byStrength.indexOf(other) ? other : one;
}

/** What was asked for a card: the most of it, and what else is due to a card that could not be ejected. */
export interface Asked {
  readonly disposition: Disposition;
  /** The strongest that is no ejection. Without an ejection it is the same. */
  readonly otherwise: Disposition;
}

/** What one disposition asks for. */
export function asked(disposition: Disposition): Asked {
  return { disposition, otherwise: disposition === "eject" ? "leave" : disposition };
}

/** What two that were asked for come to. */
export function together(one: Asked, other: Asked): Asked {
  return {
    disposition: stronger(one.disposition, other.disposition),
    otherwise: stronger(one.otherwise, other.otherwise),
  };
}
