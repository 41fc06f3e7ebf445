// SPDX-License-Identifier: MIT

/**
 * Why an exchange came to no response.
 *
 * - `cannot-send`: the command cannot be sent in the way that was asked for; nothing was sent.
 * - `no-envelope`: the command is too long for T=0, and the card does not know ENVELOPE; it has carried out nothing.
 * - `malformed-response`: what the card answered is not a response: no status word, or more than 65,536 bytes of data.
 * - `endless-response`: the card asks for more and more commands.
 * - `response-too-long`: the card answers with more and more data.
 */
export type ExchangeErrorCode =
  | "cannot-send"
  | "no-envelope"
  | "malformed-response"
  | "endless-response"
  | "response-too-long";

/** An exchange that came to no response. Its message tells lengths and status words, and never data. */
export class ExchangeError extends Error {
  readonly code: ExchangeErrorCode;

  constructor(code: ExchangeErrorCode, message: string) {
    super(message);
    this.name = "ExchangeError";
    this.code = code;
  }
}
