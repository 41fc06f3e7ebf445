// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import {
  decodeCommand,
  decodeResponse,
  ExchangeRedactor,
  type RedactedResponse,
  type ResponseApdu,
  type SendCommand,
} from "../../base/iso7816/index.ts";
import { exchangeCommand, type Protocol, SmartCardError } from "../../port/index.ts";

/** One command that was sent, and the answer to it. */
export interface Round {
  /** The bytes that were sent, as they may be shown. */
  readonly sent: string;
  /** The command in words, as it may be shown. */
  readonly text: string;
  /** All bytes of the answer: a secret may be among them. */
  readonly answer: Uint8Array;
  /** The answer, as it may be shown. */
  readonly shown: RedactedResponse;
}

/** One command of the user, with its follow-ups. */
export interface ExchangeRecord {
  readonly rounds: readonly Round[];
  /** The whole answer, its data joined: a secret may be in it. */
  readonly response: ResponseApdu;
  /** How many bytes of the data must not be shown: all of them, or 0. */
  readonly withheldBytes: number;
}

/**
 * Sends a command, and follows 61xx and 6Cxx up if told so. Bytes that are no well-formed command are sent as they are
 * and not followed up: trying them out is what the caller may be after.
 *
 * @param redactor what has followed the connection so far, and tells what may be shown.
 * @throws SmartCardError: what sending fails with; comm-error for an answer without a status word, and for a card that
 * answers in a loop; unsupported-feature for more than 255 bytes of data over T=0 to a card that does not know ENVELOPE
 */
export async function exchange(
  bytes: Uint8Array,
  protocol: Protocol | undefined,
  follow: boolean,
  send: SendCommand,
  redactor: ExchangeRedactor = new ExchangeRedactor(),
): Promise<ExchangeRecord> {
  const rounds: Round[] = [];
  const sendOne: SendCommand = async (sent) => {
    const answer = await send(sent);
    const command = redactor.command(sent);
    rounds.push({ sent: command.bytes, text: command.text, answer, shown: redactor.response(answer) });
    return answer;
  };
  const done = (response: ResponseApdu): ExchangeRecord => {
    const mayShow = rounds.every(({ shown }) => shown.withheldBytes === 0);
    return { rounds, response, withheldBytes: mayShow ? 0 : response.data.length };
  };
  const decoded = decodeCommand(bytes);
  if (!decoded.ok) {
    const response = decodeResponse(await sendOne(bytes));
    if (response.ok) return done(response.value);
    throw new SmartCardError("comm-error", `the card's answer is not valid: ${response.error.message}`);
  }
  try {
    return done(await exchangeCommand(decoded.value, sendOne, { protocol, follow }));
  } finally {
    // It may hold a PIN.
    zeroBytes(decoded.value.data);
  }
}
