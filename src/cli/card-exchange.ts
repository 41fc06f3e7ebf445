// SPDX-License-Identifier: MIT

import {
  beginExchange,
  type CommandApdu,
  carriesSecret,
  commandCase,
  decodeCommand,
  decodeResponse,
  describeCommand,
  describeCommandBytes,
  encodeCommand,
  type ResponseApdu,
  stepExchange,
} from "../iso7816/index.ts";
import { type Protocol, SmartCardError } from "../pcsc/index.ts";

/** Sends one command to the card and brings its answer, SW1 SW2 included. */
export type Send = (command: Uint8Array) => Promise<Uint8Array>;

/** One command that was sent, and the answer to it. Secret data is not in it. */
export interface Round {
  /** The bytes that were sent, as they may be shown. */
  readonly sent: string;
  /** The command in words. */
  readonly text: string;
  readonly answer: Uint8Array;
}

/** One command of the user's, with everything that it took to get its answer. */
export interface ExchangeRecord {
  readonly rounds: readonly Round[];
  /** The whole answer, its data joined. */
  readonly response: ResponseApdu;
}

/**
 * Sends a command, and follows 61xx and 6Cxx up if told so. Bytes that are no well-formed command are sent as they are
 * and not followed up: trying them out is what the caller may be after.
 *
 * @throws SmartCardError: what sending fails with; comm-error for an answer without a status word, and for a card that
 * answers in circles; unsupported-feature for extended length fields over T=0
 */
export async function exchange(
  bytes: Uint8Array,
  protocol: Protocol | undefined,
  follow: boolean,
  send: Send,
): Promise<ExchangeRecord> {
  const rounds: Round[] = [];
  const sendOne = async (sent: Uint8Array, text: string): Promise<ResponseApdu> => {
    const answer = await send(sent);
    rounds.push({ sent: describeCommandBytes(sent), text, answer });
    const response = decodeResponse(answer);
    if (response.ok) return response.value;
    throw new SmartCardError("comm-error", `the card's answer is none: ${response.error.message}`);
  };
  const decoded = decodeCommand(bytes);
  if (!decoded.ok) {
    const response = await sendOne(bytes, describeMalformed(bytes, decoded.error.message));
    return { rounds, response };
  }
  const sendCommand = (command: CommandApdu): Promise<ResponseApdu> =>
    sendOne(protocol === "t0" ? encodeForT0(command) : encodeCommand(command), describeCommand(command).text);
  let response = await sendCommand(decoded.value);
  if (!follow) return { rounds, response };
  for (
    let step = stepExchange(beginExchange(decoded.value), response);
    ;
    step = stepExchange(step.exchange, response)
  ) {
    if (step.kind === "done") return { rounds, response: step.response };
    if (step.kind === "failed") throw new SmartCardError("comm-error", `the card answers in circles: ${step.reason}`);
    response = await sendCommand(step.command);
  }
}

/** What is wrong with a command. Not where it may hold a PIN: what was read as Lc may be the first byte of one. */
function describeMalformed([cla = 0, ins = 0]: Uint8Array, problem: string): string {
  return carriesSecret(cla, ins) ? "not a well-formed command" : `not a well-formed command: ${problem}`;
}

/**
 * The command as T=0 carries it: data and Le never go together, GET RESPONSE fetches what Le asks for.
 * ISO/IEC 7816-3:2006, 12.2.
 */
function encodeForT0(command: CommandApdu): Uint8Array {
  if (command.extended) {
    const message = "T=0 carries no extended length fields; connect with T=1, or send the command in parts";
    throw new SmartCardError("unsupported-feature", message, { operation: "transmit" });
  }
  return encodeCommand(commandCase(command) === "4S" ? { ...command, le: undefined } : command);
}
