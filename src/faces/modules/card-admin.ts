// SPDX-License-Identifier: MIT

import {
  type CommandInit,
  MAX_SHORT_DATA_BYTES,
  type ResponseApdu,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { type FailurePlace, statusFailure, triesIn } from "./failures.ts";
import type { OpenCard } from "./open-card.ts";

const CHAINED = 0x10;
/** More tries than a PIN can have. */
const MOST_TRIES = 256;

/** Where an error of an administrator's operation happened. */
export function placeOn(card: OpenCard, operation: string): FailurePlace {
  return { reader: card.reader, operation };
}

/**
 * Sends a command, in several with chaining where its data is long.
 *
 * @param what completes "the card refused to …"
 * @throws the error for another answer than 9000
 */
export async function sendChained(
  card: OpenCard,
  command: Omit<CommandInit, "cla" | "data">,
  data: Uint8Array | undefined,
  what: string,
): Promise<ResponseApdu> {
  const { le: _le, ...begun } = command;
  let rest = data ?? new Uint8Array(0);
  while (rest.length > MAX_SHORT_DATA_BYTES) {
    const part = rest.subarray(0, MAX_SHORT_DATA_BYTES);
    accepted(card, await card.send({ ...begun, cla: CHAINED, data: part }), what);
    rest = rest.subarray(MAX_SHORT_DATA_BYTES);
  }
  return accepted(card, await card.send({ ...command, cla: 0, ...(rest.length > 0 && { data: rest }) }), what);
}

function accepted(card: OpenCard, answer: ResponseApdu, what: string): ResponseApdu {
  if (answer.sw === sw.success) return answer;
  throw statusFailure(answer.sw, what, placeOn(card, what));
}

/** Sends a command with a wrong PIN until no try is left, as a card demands it before a reset. @throws unexpected */
export async function blockPin(card: OpenCard, command: Omit<CommandInit, "cla">): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { sw: word } = await card.send({ cla: 0, ...command });
    if (word === sw.methodBlocked || triesIn(word) === 0) return;
  }
  const message = "the card does not block its PIN, whatever is sent";
  throw new SmartCardError("unexpected", message, placeOn(card, "reset"));
}

/** The firmware of a token of Yubico, by its GET VERSION; undefined for other cards. */
export async function yubicoVersion(card: OpenCard, ins: number): Promise<Uint8Array | undefined> {
  const { data, sw: word } = await card.send({ cla: 0, ins, p1: 0, p2: 0, le: 256 });
  return word === sw.success && data.length === 3 ? data : undefined;
}
