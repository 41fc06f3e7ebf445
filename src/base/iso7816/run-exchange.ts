// SPDX-License-Identifier: MIT

import { checkFunction, checkMembers, kindOf, zeroBytes } from "../binary/index.ts";
import { type CommandInit, decodeResponse, encodeCommand, type ResponseApdu } from "./apdu.ts";
import { beginExchange, type Exchange, type ExchangeOptions, exchangeMembers, stepExchange } from "./exchange.ts";
import { ExchangeError } from "./exchange-error.ts";

/** Sends the bytes of one command and brings its answer, SW1 SW2 included. The bytes are cleared once it has settled. */
export type SendCommand = (command: Uint8Array) => Promise<Uint8Array>;

/** How {@link runExchange} works. */
export interface RunExchangeOptions extends ExchangeOptions {
  /** Ends the exchange before its next command. A `send` that is under way has to watch the signal itself. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a command to a card, and whatever else it takes to have the whole response: GET RESPONSE after 61xx, the same
 * command with the right Le after 6Cxx, with T=0 a command without Le where it has data, and more than 255 bytes of data in
 * ENVELOPE commands or in a chain. A status word other than 9000 is a response like any other.
 *
 * It ends whatever the card answers: after {@link MAX_FOLLOW_UP_ROUNDS} commands, and {@link MAX_FOLLOW_UP_DATA_BYTES} bytes. What it
 * has built is cleared at the end, also after a failure: the commands that were sent, and the parts of the response. The
 * caller's command is not changed; it must not change either before the end.
 *
 * @param send sends one command and brings its answer
 * @param command a command, or the parts of one
 * @param options.protocol `t0` for a card that speaks T=0
 * @returns all data that came, in memory of its own, and the last status word
 * @throws ExchangeError (see {@link ExchangeErrorCode}); TypeError and RangeError as {@link encodeCommand}, before anything
 * is sent; the reason of the signal; and what `send` throws
 * @see ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2005, 5.1.1.1, 5.1.3 and 7.6
 */
export async function runExchange(
  send: SendCommand,
  command: CommandInit,
  options: RunExchangeOptions = {},
): Promise<ResponseApdu> {
  checkFunction(send, "runExchange: send");
  checkMembers(options, [...exchangeMembers, "signal"], "runExchange: options");
  const { signal, ...how } = options;
  if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
    throw new TypeError(`runExchange: options.signal is ${kindOf(signal)}; pass an AbortSignal`);
  }
  let exchange = beginExchange(command, how);
  try {
    for (;;) {
      signal?.throwIfAborted();
      const response = await sendOne(send, exchange);
      const step = stepExchange(exchange, response);
      const isKept = step.kind === "send" && step.exchange.parts.at(-1) === response.data;
      if (!isKept) zeroBytes(response.data);
      if (step.kind === "done") return step.response;
      if (step.kind === "failed") throw new ExchangeError(step.code, step.reason);
      if (step.exchange.carried !== exchange.carried) clearContent(exchange);
      ({ exchange } = step);
    }
  } finally {
    clearContent(exchange);
    exchange.parts.forEach(zeroBytes);
  }
}

async function sendOne(send: SendCommand, { command }: Exchange): Promise<ResponseApdu> {
  const bytes = encodeCommand(command);
  try {
    const decoded = decodeResponse(await send(bytes));
    if (decoded.ok) return decoded.value;
    throw new ExchangeError("malformed-response", decoded.error.message);
  } finally {
    zeroBytes(bytes);
  }
}

/** ENVELOPE commands share the bytes of the command that is in them. */
function clearContent({ carried: { content } }: Exchange): void {
  if (content !== undefined) zeroBytes(content);
}
