// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { instructions as ins, MAX_EXTENDED_LE, MAX_SHORT_DATA_BYTES, MAX_SHORT_LE } from "../../base/iso7816/index.ts";
import { checkNumber } from "./arguments.ts";
import { type ByteSource, CByteBuffer, contentOf, type IByteBuffer } from "./byte-buffer.ts";
import type { ISCardAuth } from "./card-auth.ts";
import { ComError } from "./com-error.ts";
import { ISO_ALGORITHM } from "./enumerations.ts";
import type { Iso7816Card, PlainCommand } from "./iso7816-card.ts";
import { checkReference } from "./iso7816-reference.ts";

/** The bit of P2 that says: a key of the current directory, not of the whole card. */
const LOCAL_KEY = 0x80;

/**
 * ISCardAuth on a card of ISO/IEC 7816-4.
 *
 * `algoId` is P1 of the command: 0 uses the key's algorithm, 1 to 255 are defined by the card; see
 * {@link ISO_ALGORITHM} for two special ones. `param` is one byte: the number of the key, 0 to 31, and 0x80
 * added to it for a key of the current directory.
 *
 * The card keeps a challenge for the next command only: hold SCardLock from GetChallenge to the call that answers it.
 */
export class Iso7816Auth implements ISCardAuth {
  readonly #card: Iso7816Card;

  constructor(card: Iso7816Card) {
    this.#card = card;
  }

  /** EXTERNAL AUTHENTICATE. */
  async APP_Auth(algoId: number, param: ByteSource, buffer: ByteSource): Promise<void> {
    this.#card.checkAttached();
    const p1 = algorithmOf(algoId, 0);
    const p2 = keyOf(param);
    await this.#send(p2, { ins: ins.EXTERNAL_AUTHENTICATE, p1, p2, data: dataOf(buffer) }, "key", "APP_Auth");
  }

  /** GET CHALLENGE. The algorithm makes no difference. */
  async GetChallenge(algoId: number, lengthOfChallenge: number, param: ByteSource | null = null): Promise<IByteBuffer> {
    this.#card.checkAttached();
    algorithmOf(algoId, ISO_ALGORITHM.MUTUAL);
    if (param !== null) contentOf(param, "param");
    checkNumber("lengthOfChallenge", lengthOfChallenge, 1, MAX_EXTENDED_LE);
    return this.#card.operate(async () => {
      const command = { ins: ins.GET_CHALLENGE, le: lengthOfChallenge };
      const { data } = await this.#card.perform(command, "key", "GetChallenge");
      return CByteBuffer.of(data.subarray(0, lengthOfChallenge));
    });
  }

  /** INTERNAL AUTHENTICATE, or MUTUAL AUTHENTICATE for an algorithm with {@link ISO_ALGORITHM}.MUTUAL in it. */
  async ICC_Auth(algoId: number, param: ByteSource, buffer: ByteSource): Promise<IByteBuffer> {
    this.#card.checkAttached();
    const p1 = algorithmOf(algoId, ISO_ALGORITHM.MUTUAL);
    const isMutual = (algoId & ISO_ALGORITHM.MUTUAL) !== 0;
    const p2 = keyOf(param);
    const instruction = isMutual ? ins.EXTERNAL_AUTHENTICATE : ins.INTERNAL_AUTHENTICATE;
    const command = { ins: instruction, p1, p2, data: dataOf(buffer), le: MAX_SHORT_LE };
    return CByteBuffer.of(await this.#send(p2, command, "key", "ICC_Auth"));
  }

  /** VERIFY for {@link ISO_ALGORITHM}.CODE, EXTERNAL AUTHENTICATE with the user's key otherwise. */
  async User_Auth(algoId: number, param: ByteSource, buffer: ByteSource): Promise<void> {
    this.#card.checkAttached();
    const isCode = algoId === ISO_ALGORITHM.CODE;
    const p1 = isCode ? 0 : algorithmOf(algoId, 0);
    const p2 = keyOf(param);
    const instruction = isCode ? ins.VERIFY : ins.EXTERNAL_AUTHENTICATE;
    const purpose = isCode ? "code" : "key";
    await this.#send(p2, { ins: instruction, p1, p2, data: dataOf(buffer) }, purpose, "User_Auth");
  }

  async #send(p2: number, command: PlainCommand, purpose: "code" | "key", operation: string): Promise<Uint8Array> {
    const run = async (): Promise<Uint8Array> => {
      if ((p2 & LOCAL_KEY) !== 0) await this.#card.enterChosen();
      return (await this.#card.perform(command, purpose, operation)).data;
    };
    try {
      return await this.#card.operate(run);
    } finally {
      // If the card could not be locked, it was not sent and not overwritten.
      zeroBytes(command.data ?? new Uint8Array(0));
    }
  }
}

/** P1. @throws E_INVALIDARG */
function algorithmOf(algoId: number, allowed: number): number {
  if (Number.isInteger(algoId) && algoId >= 0 && (algoId & ~(allowed | 0xff)) === 0) return algoId & 0xff;
  throw new ComError("E_INVALIDARG", "algoId is not right; give 0 to 255, or what ISO_ALGORITHM has for this method");
}

/** P2. @throws E_INVALIDARG, E_POINTER */
function keyOf(param: ByteSource): number {
  const bytes = contentOf(param, "param");
  const [reference = 0] = bytes;
  if (bytes.length === 1) return checkReference(reference & ~LOCAL_KEY) | (reference & LOCAL_KEY);
  throw new ComError("E_INVALIDARG", `param has ${bytes.length} bytes; give one byte, the number of a key`);
}

/** @throws E_INVALIDARG, E_POINTER */
function dataOf(buffer: ByteSource): Uint8Array {
  const data = contentOf(buffer, "buffer");
  if (data.length > 0 && data.length <= MAX_SHORT_DATA_BYTES) return data;
  zeroBytes(data);
  throw new ComError("E_INVALIDARG", `buffer has ${data.length} bytes; give 1 to ${MAX_SHORT_DATA_BYTES}`);
}
