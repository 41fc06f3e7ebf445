// SPDX-License-Identifier: MIT

import type { Disposition, ShareMode } from "../../port/index.ts";
import type { Profile } from "./profile.ts";

/** A connection as the sharing rules see it. */
export interface Sharer {
  readonly shareMode: ShareMode;
}

/**
 * The connection that forbids a new one in `wanted` mode; undefined where none does. Of several it is the one that has the
 * reader for itself: `locking`, which has a transaction open, or else one in exclusive mode.
 *
 *     wanted \ there   shared      exclusive   direct
 *     shared           ok          refused     windows: refused, pcsclite: ok
 *     exclusive        refused     refused     refused
 *     direct           windows: refused, pcsclite: ok, but refused beside exclusive
 *
 * Connections of the same program count like all others.
 */
export function conflicting<S extends Sharer>(
  wanted: ShareMode,
  others: Iterable<S>,
  profile: Profile,
  locking?: unknown,
): S | undefined {
  let found: S | undefined;
  for (const other of others) {
    if (!forbids(other, wanted, profile)) continue;
    if (other === locking) return other;
    if (found === undefined || (other.shareMode === "exclusive" && found.shareMode !== "exclusive")) found = other;
  }
  return found;
}

function forbids({ shareMode }: Sharer, wanted: ShareMode, profile: Profile): boolean {
  if (wanted === "exclusive" || shareMode === "exclusive") return true;
  return (wanted === "direct" || shareMode === "direct") && profile.directSharing === "exclusive";
}

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

/** How the connections use a reader, as status queries report it. */
export function useOf(connections: Iterable<Sharer>, profile: Profile): "free" | "shared" | "exclusive" {
  let use: "free" | "shared" = "free";
  for (const { shareMode } of connections) {
    if (shareMode === "exclusive" || (shareMode === "direct" && profile.directSharing === "exclusive"))
      return "exclusive";
    use = "shared";
  }
  return use;
}

/** A connection as the rules for programs that exit see it. */
export interface Exiting {
  /** False for a connection to the reader alone. */
  readonly usesCard: boolean;
  /** Set where the card was reset or removed since. */
  readonly fault: unknown;
}

/** What happens to the card of a connection whose program has exited. */
export function exitDisposition(connection: Exiting, transacted: boolean, profile: Profile): Disposition {
  // Without a fault the card is in the state that the connection left it in; with one, it was reset or is gone.
  if (connection.fault !== undefined || !connection.usesCard) return "leave";
  return profile.resetOnExit === "always" || transacted ? "reset" : "leave";
}
