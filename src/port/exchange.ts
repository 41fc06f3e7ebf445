// SPDX-License-Identifier: MIT

import {
  type CommandInit,
  ExchangeError,
  type ExchangeErrorCode,
  type ResponseApdu,
  type RunExchangeOptions,
  runExchange,
  type SendCommand,
} from "../base/iso7816/index.ts";
import { SmartCardError } from "./error.ts";

/**
 * {@link runExchange}, with the failures of this port.
 *
 * @param command a command, or the parts of one; it must not change before the end
 * @param transmit sends one command and brings its answer, SW1 SW2 included
 * @returns all data that came, and the last status word
 * @throws unsupported-feature (the card cannot take a command of that length in the way that the protocol or `longData`
 * asks for); comm-error (an answer without a status word, or answers that never end); what `transmit` throws; and
 * TypeError and RangeError as {@link runExchange}
 * @see ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2005, 5.1.3
 */
export async function exchangeCommand(
  command: CommandInit,
  transmit: SendCommand,
  options: RunExchangeOptions,
): Promise<ResponseApdu> {
  try {
    return await runExchange(transmit, command, options);
  } catch (error) {
    throw error instanceof ExchangeError ? failureOf(error) : error;
  }
}

function failureOf(cause: ExchangeError): SmartCardError {
  const { code, describe } = failures[cause.code];
  return new SmartCardError(code, describe(cause.message), { operation: "transmit" }, { cause });
}

interface Failure {
  readonly code: "unsupported-feature" | "comm-error";
  readonly describe: (message: string) => string;
}

const circles: Failure = { code: "comm-error", describe: (message) => `the card answers in circles: ${message}` };

const failures: Readonly<Record<ExchangeErrorCode, Failure>> = {
  "cannot-send": { code: "unsupported-feature", describe: (message) => message },
  "no-envelope": {
    code: "unsupported-feature",
    describe: (message) =>
      `${message}; connect with T=1, or send with longData "chaining" if the card has command chaining`,
  },
  "malformed-response": { code: "comm-error", describe: (message) => `the card's answer is not valid: ${message}` },
  "endless-response": circles,
  "response-too-long": circles,
};
