// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { type CommandApdu, MAX_EXTENDED_LE, MAX_SHORT_LE } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";

/**
 * What is left of an answer that is longer than Le, for GET RESPONSE on the same logical channel.
 *
 * @see ISO/IEC 7816-4:2005, 5.1.3 (61xx) and 7.6.1
 */
export class PendingResponse {
  #rest: Uint8Array | undefined;
  #status: number = sw.success;

  /**
   * The first part of an answer. Where the client gave no Le it gets up to 256 bytes, and after a command with extended length
   * as much as there is: so do the tokens in the field, and programs that leave Le out (yubico-piv-tool) count on it.
   */
  begin(
    { data, status: word }: Answer,
    { extended, le = extended ? MAX_EXTENDED_LE : MAX_SHORT_LE }: CommandApdu,
  ): Answer {
    this.drop();
    if (data === undefined || data.length === 0) return status(word);
    // The application may have kept what it answers.
    this.#rest = copyBytes(data);
    this.#status = word;
    return this.#next(le);
  }

  /** Answers GET RESPONSE; 6985 where there is nothing to fetch. */
  getResponse({ data, p1, p2, le = MAX_SHORT_LE }: CommandApdu): Answer {
    if (data.length > 0) return status(sw.wrongLength);
    if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
    return this.#rest === undefined ? status(sw.conditionsNotSatisfied) : this.#next(le);
  }

  /** Forgets the rest: another command has come. It may be what a key has deciphered. */
  drop(): void {
    if (this.#rest !== undefined) zeroBytes(this.#rest);
    this.#rest = undefined;
  }

  #next(le: number): Answer {
    const whole = this.#rest ?? new Uint8Array(0);
    const data = whole.slice(0, le);
    const rest = whole.slice(le);
    zeroBytes(whole);
    this.#rest = rest.length > 0 ? rest : undefined;
    if (rest.length === 0) return { data, status: this.#status };
    return { data, status: sw.bytesAvailable | (rest.length >= MAX_SHORT_LE ? 0 : rest.length) };
  }
}
