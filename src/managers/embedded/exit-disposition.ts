// SPDX-License-Identifier: MIT

import type { Disposition } from "../../port/index.ts";
import type { Profile } from "./profile.ts";

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
