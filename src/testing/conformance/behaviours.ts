// SPDX-License-Identifier: MIT

import type { Behaviour } from "./behaviour.ts";
import { connectingBehaviours } from "./connecting.ts";
import { contextBehaviours } from "./contexts.ts";
import { convenienceBehaviours } from "./conveniences.ts";
import { exchangeBehaviours } from "./exchanges.ts";
import { moveBehaviours } from "./moves.ts";
import { sharingBehaviours } from "./sharing.ts";
import { statusBehaviours } from "./status-waits.ts";
import { transactionBehaviours } from "./transactions.ts";

/** The whole suite, in the order in which it is played. */
export const behaviours: readonly Behaviour[] = [
  ...contextBehaviours,
  ...connectingBehaviours,
  ...sharingBehaviours,
  ...transactionBehaviours,
  ...statusBehaviours,
  ...exchangeBehaviours,
  ...convenienceBehaviours,
  ...moveBehaviours,
];
