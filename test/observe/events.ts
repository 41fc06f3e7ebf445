// SPDX-License-Identifier: MIT

import type { ObservedCall, ObservedCardEvent, ObservedExchange } from "../../src/observe/calls/index.ts";

let told = 0;

/** A call as an observer tells it. */
export function observedCall(call: Partial<ObservedCall> & Pick<ObservedCall, "operation">): ObservedCall {
  return {
    kind: "call",
    number: ++told,
    time: 1_700_000_000_000,
    tookMs: 2,
    waitedMs: undefined,
    client: { name: "tool", pid: 4711, uid: 1000 },
    context: 1,
    connection: undefined,
    reader: undefined,
    outcome: "success",
    shareMode: undefined,
    protocol: undefined,
    disposition: undefined,
    exchange: undefined,
    code: undefined,
    ...call,
  };
}

/** A command and its answer as an observer tells them. */
export function observedExchange(exchange: Partial<ObservedExchange> & { readonly name: string }): ObservedExchange {
  return {
    command: { bytes: "00 B0 00 00 00", text: exchange.name },
    response: { bytes: "90 00", withheldBytes: 0 },
    statusWord: 0x9000,
    commandBytes: 5,
    responseBytes: 2,
    application: undefined,
    raw: undefined,
    ...exchange,
  };
}

/** What an observer tells of a card. */
export function observedChange(
  change: Partial<ObservedCardEvent> & Pick<ObservedCardEvent, "change" | "reader">,
): ObservedCardEvent {
  return {
    kind: "card",
    number: ++told,
    time: 1_700_000_000_000,
    atr: "",
    client: undefined,
    cause: undefined,
    ...change,
  };
}
