// SPDX-License-Identifier: MIT

import { ExchangeRedactor } from "../../base/iso7816/index.ts";
import { checkRecording } from "./check-recording.ts";
import { allBytes, recordedLength, shownBytes } from "./recorded-bytes.ts";
import type { RecordedEvent, RecordedExchange, Recording } from "./recorded-event.ts";

/**
 * Withholds the bytes that may be secret, event by event. What an exchange has withheld already stays so; of the exchanges that
 * follow one whose command is not whole, only what needs no knowledge of the selection is shown.
 */
export class EventRedactor {
  #redactor: ExchangeRedactor;

  /** @param continues whether the recording began in the middle of a session: what was selected before is not known */
  constructor(continues: boolean) {
    this.#redactor = new ExchangeRedactor({ continues });
  }

  /** The event, as it may be shown. */
  redact(event: RecordedEvent): RecordedEvent {
    if (event.event !== "exchange") {
      this.#redactor.reset();
      return event;
    }
    return this.#exchange(event);
  }

  #exchange(exchange: RecordedExchange): RecordedExchange {
    const command = allBytes(exchange.command);
    if (command === undefined) {
      // What the command did is not known: no more than with a program before this one.
      this.#redactor = new ExchangeRedactor({ continues: true });
      const { response } = exchange;
      return { ...exchange, ...(response && { response: withoutData(response) }) };
    }
    const shown = shownBytes(this.#redactor.command(command).bytes, command.length);
    const response = exchange.response && allBytes(exchange.response);
    if (response === undefined) return { ...exchange, command: shown };
    const answer = shownBytes(this.#redactor.response(response).bytes, response.length);
    return { ...exchange, command: shown, response: answer };
  }
}

function withoutData(response: NonNullable<RecordedExchange["response"]>): NonNullable<RecordedExchange["response"]> {
  const whole = allBytes(response);
  if (whole === undefined || whole.length <= 2) return response;
  return { before: new Uint8Array(0), withheld: recordedLength(response) - 2, after: whole.slice(-2) };
}

/** The recording without the bytes that may be secret. One that is redacted already is returned as it is. */
export function redactRecording(recording: Recording): Recording {
  checkRecording(recording, "redactRecording: recording");
  const { events, header } = recording;
  if (header.data === "redacted") return { events, header };
  const redactor = new EventRedactor(events[0]?.event !== "reset");
  return { header: { ...header, data: "redacted" }, events: events.map((event) => redactor.redact(event)) };
}
