// SPDX-License-Identifier: MIT

import type { ResetCause } from "../../port/index.ts";
import type { TurnContext } from "./transaction-queue.ts";

/** Why a card is reset, or loses its power. */
export interface ResetReason {
  /** In words, for the errors of those who learn of it. Made when it is wanted: the name of a client may have to be looked up. */
  readonly text: string;
  readonly cause: ResetCause;
  /** Who wanted it; undefined where it was no client. */
  readonly context?: TurnContext;
}

/** What a client has asked for. @param did what it did: `ended its transaction with reset` */
export function asClientWished(context: TurnContext, did: string, cause: ResetCause = "disposition"): ResetReason {
  return {
    get text() {
      return `${context.client.name} ${did}`;
    },
    cause,
    context,
  };
}
