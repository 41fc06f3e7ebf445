// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { MAX_RESPONSE_BYTES } from "../../port/index.ts";
import type { CardExchange, ExchangeTerms } from "./card-exchange.ts";
import { MESSAGE_HEADER_BYTES } from "./limits.ts";
import type { CcidAnswer } from "./messages.ts";
import { commandFailure, failureOf } from "./slot-errors.ts";
import { exchangeWhenFree, type SlotAccess } from "./xfr-block.ts";

const OPERATION = "transmit";
const noBytes = new Uint8Array(0);

/** wLevelParameter of XfrBlock and bChainParameter of DataBlock. CCID 1.1, 6.1.4 and 6.2.1. */
const chain = { whole: 0x00, begins: 0x01, ends: 0x02, continues: 0x03, next: 0x10 } as const;

/** Longest short APDU: 4 bytes, Lc, 255 bytes, Le. */
const MAX_SHORT_APDU_BYTES = 261;

/**
 * Whole commands and responses of APDUs with one XfrBlock, or one TPDU of T=0. The reader does the rest.
 * CCID 1.1, 3.2.3.
 */
export class ShortApduExchange implements CardExchange {
  readonly #access: SlotAccess;
  readonly #terms: ExchangeTerms;

  constructor(access: SlotAccess, terms: ExchangeTerms) {
    this.#access = access;
    this.#terms = terms;
  }

  async transmit(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { maxMessageBytes, waitMs } = this.#terms;
    const most = Math.max(MAX_SHORT_APDU_BYTES, maxMessageBytes - MESSAGE_HEADER_BYTES);
    if (command.length > most) {
      const message = `this reader takes commands of at most ${most} bytes, and this one has ${command.length}. Use command chaining, or another reader`;
      throw failureOf("invalid-parameter", message, OPERATION);
    }
    const options = { operation: OPERATION, waitMs: waitMs(command), signal };
    const answer = await exchangeWhenFree(this.#access, { name: "xfr-block", data: command }, options);
    if (answer.status !== "done") throw commandFailure(OPERATION, answer, "comm-error");
    return responseOf(answer.data);
  }
}

/** Whole APDUs of any length: those that do not fit into one message go in several, in both directions. CCID 1.1, 3.2.4. */
export class ExtendedApduExchange implements CardExchange {
  readonly #access: SlotAccess;
  readonly #terms: ExchangeTerms;

  constructor(access: SlotAccess, terms: ExchangeTerms) {
    this.#access = access;
    this.#terms = terms;
  }

  async transmit(command: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const size = this.#terms.maxMessageBytes - MESSAGE_HEADER_BYTES;
    const waitMs = this.#terms.waitMs(command);
    for (let sent = 0; ; ) {
      const part = command.subarray(sent, sent + size);
      const isFirst = sent === 0;
      sent += part.length;
      const isLast = sent >= command.length;
      const level = isFirst ? (isLast ? chain.whole : chain.begins) : isLast ? chain.ends : chain.continues;
      const answer = await this.#xfr(part, level, waitMs, signal);
      if (isLast) return await this.#rest(answer, waitMs, signal);
      // In between the reader answers without data.
      if (answer.data.length > 0) {
        const message = `the reader answers ${answer.data.length} bytes before it has the whole command: it does not chain`;
        throw failureOf("comm-error", message, OPERATION);
      }
    }
  }

  /** Collects the response, which begins in `answer`. */
  async #rest(first: CcidAnswer, waitMs: number, signal: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    let empty = 0;
    for (let answer = first; ; answer = await this.#xfr(noBytes, chain.next, waitMs, signal)) {
      parts.push(answer.data);
      length += answer.data.length;
      if (length > MAX_RESPONSE_BYTES) throw failureOf("comm-error", "the response has no end", OPERATION);
      if (answer.parameter === chain.whole || answer.parameter === chain.ends) {
        return responseOf(parts.length === 1 ? answer.data : concatBytes(...parts));
      }
      if (answer.data.length === 0 && ++empty > this.#access.limits.emptyAnswers) {
        throw failureOf("comm-error", "the reader answers without data, time and again", OPERATION);
      }
      if (!moreFollows.has(answer.parameter)) {
        throw failureOf("comm-error", `bChainParameter has the unknown value ${answer.parameter}`, OPERATION);
      }
    }
  }

  async #xfr(data: Uint8Array, level: number, waitMs: number, signal: AbortSignal): Promise<CcidAnswer> {
    const options = { operation: OPERATION, waitMs, signal };
    const answer = await exchangeWhenFree(this.#access, { name: "xfr-block", level, data }, options);
    if (answer.status !== "done") throw commandFailure(OPERATION, answer, "comm-error");
    return answer;
  }
}

const moreFollows: ReadonlySet<number> = new Set([chain.begins, chain.continues, chain.next]);

/** A response is SW1 SW2 at least, and 65,536 bytes and SW1 SW2 at most. */
function responseOf(data: Uint8Array): Uint8Array {
  if (data.length > MAX_RESPONSE_BYTES) throw failureOf("comm-error", "the response has no end", OPERATION);
  if (data.length >= 2) return data;
  throw failureOf("comm-error", `the reader answers ${data.length} bytes: no status word`, OPERATION);
}
