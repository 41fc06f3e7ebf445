// SPDX-License-Identifier: MIT

import { channel } from "node:diagnostics_channel";
import type { ObservedChannel, ObservedEvent } from "../observe/calls/index.ts";

/** The channels of `node:diagnostics_channel` on which events are published: `scard:call` and `scard:card`. */
export function nodeChannel(): ObservedChannel {
  const calls = channel("scard:call");
  const cards = channel("scard:card");
  return {
    get hasSubscribers() {
      return calls.hasSubscribers || cards.hasSubscribers;
    },
    publish: (event: ObservedEvent) => (event.kind === "call" ? calls : cards).publish(event),
  };
}
