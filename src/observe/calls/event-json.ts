// SPDX-License-Identifier: MIT

import { encodeHex, hexWord } from "../../base/binary/index.ts";
import type { ClientIdentity } from "../../port/index.ts";
import type { ObservedCall, ObservedCardEvent, ObservedEvent, ObservedExchange, ObservedPinPad } from "./events.ts";

/** A command and its response, as JSON has them: the status word in hexadecimal digits, and raw bytes too. */
export interface ExchangeForPrograms extends Omit<ObservedExchange, "raw" | "statusWord"> {
  readonly statusWord: string | undefined;
  readonly raw: { readonly command: string; readonly response: string | undefined } | undefined;
}

/** What a PIN pad did, as JSON has it. */
export interface PinPadForPrograms extends Omit<ObservedPinPad, "statusWord"> {
  readonly statusWord: string | undefined;
}

/** An event as JSON has it: what `JSON.stringify` writes of it has all members that are known. */
export type EventForPrograms =
  | (Omit<ObservedCall, "exchange" | "pinPad" | "time"> & {
      readonly time: string;
      readonly exchange: ExchangeForPrograms | undefined;
      readonly pinPad?: PinPadForPrograms | undefined;
    })
  | (Omit<ObservedCardEvent, "time"> & { readonly time: string });

/** An event for JSON: the time as ISO 8601 has it, bytes as hexadecimal digits, and the name of the client looked up. */
export function eventForPrograms(event: ObservedEvent): EventForPrograms {
  const time = new Date(event.time).toISOString();
  if (event.kind === "card") return { ...event, time, client: event.client && clientForPrograms(event.client) };
  const { client, exchange, pinPad } = event;
  return {
    ...event,
    time,
    client: clientForPrograms(client),
    exchange: exchange && exchangeForPrograms(exchange),
    pinPad: pinPad && { name: pinPad.name, statusWord: wordForPrograms(pinPad.statusWord) },
  };
}

function clientForPrograms({ name, pid, uid }: ClientIdentity): ClientIdentity {
  return { name, ...(pid !== undefined && { pid }), ...(uid !== undefined && { uid }) };
}

function exchangeForPrograms(exchange: ObservedExchange): ExchangeForPrograms {
  const { raw, statusWord } = exchange;
  return {
    ...exchange,
    statusWord: wordForPrograms(statusWord),
    raw: raw && { command: encodeHex(raw.command), response: raw.response && encodeHex(raw.response) },
  };
}

function wordForPrograms(statusWord: number | undefined): string | undefined {
  return statusWord === undefined ? undefined : hexWord(statusWord);
}
