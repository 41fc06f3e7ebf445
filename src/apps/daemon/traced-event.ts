// SPDX-License-Identifier: MIT

import { hexBytes } from "../../base/binary/index.ts";
import type {
  EventForPrograms,
  ExchangeForPrograms,
  ObservedEvent,
  ObservedExchange,
} from "../../observe/calls/index.ts";

/**
 * The event that a line of a trace tells, as an observer in this process would tell it.
 *
 * @param event as its shape has read it: times are times, and digits are digits
 */
export function tracedEvent(event: EventForPrograms): ObservedEvent {
  const time = Date.parse(event.time);
  if (event.kind === "card") return { ...event, time };
  const { exchange, pinPad, ...call } = event;
  return {
    ...call,
    time,
    exchange: exchange && tracedExchange(exchange),
    ...(pinPad && { pinPad: { name: pinPad.name, statusWord: wordOf(pinPad.statusWord) } }),
  };
}

function tracedExchange(exchange: ExchangeForPrograms): ObservedExchange {
  const { raw, statusWord } = exchange;
  return {
    ...exchange,
    statusWord: wordOf(statusWord),
    raw: raw && {
      command: hexBytes(raw.command),
      response: raw.response === undefined ? undefined : hexBytes(raw.response),
    },
  };
}

function wordOf(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
