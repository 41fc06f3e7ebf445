// SPDX-License-Identifier: MIT

import type { ShareMode } from "../../port/index.ts";
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
