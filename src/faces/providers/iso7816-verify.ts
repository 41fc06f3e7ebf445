// SPDX-License-Identifier: MIT

import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import { instructions as ins, MAX_SHORT_DATA_BYTES, statusWords } from "../../base/iso7816/index.ts";
import { type ByteSource, contentOf } from "./byte-buffer.ts";
import type { ISCardVerify } from "./card-verify.ts";
import { ComError } from "./com-error.ts";
import { SCARD_DISPOSITIONS, SCARD_FLAGS } from "./enumerations.ts";
import type { Iso7816Card } from "./iso7816-card.ts";
import { checkReference } from "./iso7816-reference.ts";
import { isUnknownToCard, statusFailure } from "./iso7816-status.ts";

/** P1 of RESET RETRY COUNTER: what is in the data, the resetting code and a new code. ISO/IEC 7816-4:2013, table 83. */
const resetting = { codeAndNew: 0x00, code: 0x01, new: 0x02, nothing: 0x03 } as const;

const { SC_FL_IHV_DISABLE, SC_FL_IHV_ENABLE, SC_FL_IHV_GLOBAL, SC_FL_IHV_LOCAL } = SCARD_FLAGS;

/**
 * ISCardVerify on a card of ISO/IEC 7816-4. Codes are sent as they are given: a card whose codes have one length is given
 * codes that are padded to it.
 */
export class Iso7816Verify implements ISCardVerify {
  readonly #card: Iso7816Card;

  constructor(card: Iso7816Card) {
    this.#card = card;
  }

  async ChangeCode(oldCode: ByteSource, newCode: ByteSource, flags: SCARD_FLAGS, ref: number): Promise<void> {
    const p2 = this.#reference(flags, ref, SC_FL_IHV_ENABLE | SC_FL_IHV_DISABLE);
    const wanted = flags & (SC_FL_IHV_ENABLE | SC_FL_IHV_DISABLE);
    if (wanted === (SC_FL_IHV_ENABLE | SC_FL_IHV_DISABLE))
      throw new ComError("E_INVALIDARG", "flags enable and disable the code; give one of the two");
    await withCodes([codeOf(oldCode, "oldCode"), codeOf(newCode, "newCode")], async ([before, after]) => {
      await this.#operate(flags, async () => {
        const data = concatBytes(before, after);
        const change = { ins: ins.CHANGE_REFERENCE_DATA, p2, data };
        await this.#card.perform(change, "code", "change the code");
        if (wanted !== 0) await this.#setRequirement(wanted === SC_FL_IHV_ENABLE, p2, after);
      });
    });
  }

  async ResetSecurityState(): Promise<void> {
    this.#card.checkAttached();
    await this.#card.inTurn(() => this.#card.link.reconnect(SCARD_DISPOSITIONS.RESET));
  }

  async Unblock(
    data: ByteSource | null,
    flags: SCARD_FLAGS,
    ref: number,
    newCode: ByteSource | null = null,
  ): Promise<void> {
    const p2 = this.#reference(flags, ref, 0);
    const codes = [
      data === null ? new Uint8Array(0) : codeOf(data, "data"),
      newCode === null ? new Uint8Array(0) : codeOf(newCode, "newCode"),
    ] as const;
    const withNew = newCode === null ? resetting.code : resetting.codeAndNew;
    const withoutCode = newCode === null ? resetting.nothing : resetting.new;
    const p1 = data === null ? withoutCode : withNew;
    await withCodes(codes, async ([code, after]) => {
      await this.#operate(flags, async () => {
        const data = concatBytes(code, after);
        await this.#card.perform({ ins: ins.RESET_RETRY_COUNTER, p1, p2, data }, "code", "unblock");
      });
    });
  }

  async Verify(code: ByteSource, flags: SCARD_FLAGS, ref: number): Promise<void> {
    const p2 = this.#reference(flags, ref, 0);
    await withCodes([codeOf(code, "code"), new Uint8Array(0)], async ([presented]) => {
      await this.#operate(flags, async () => {
        await this.#card.perform({ ins: ins.VERIFY, p2, data: presented }, "code", "verify");
      });
    });
  }

  /** Enables or disables a code. One that cannot be disabled need not be enabled. */
  async #setRequirement(enabled: boolean, p2: number, code: Uint8Array): Promise<void> {
    const instruction = enabled ? ins.ENABLE_VERIFICATION_REQUIREMENT : ins.DISABLE_VERIFICATION_REQUIREMENT;
    const response = await this.#card.send({ ins: instruction, p2, data: code.slice() });
    if (response.sw === statusWords.success || (enabled && isUnknownToCard(response))) return;
    const operation = enabled ? "enable the code, which was changed" : "disable the code, which was changed";
    throw statusFailure(response, "code", operation);
  }

  /** A local code belongs to the current directory: it is made current first, where one was chosen. */
  #operate(flags: SCARD_FLAGS, run: () => Promise<void>): Promise<void> {
    this.#card.checkAttached();
    return this.#card.operate(async () => {
      if ((flags & SC_FL_IHV_LOCAL) !== 0) await this.#card.enterChosen();
      await run();
    });
  }

  /** P2, the number of the code. ISO/IEC 7816-4:2013, table 90. */
  #reference(flags: SCARD_FLAGS, ref: number, allowed: number): number {
    this.#card.checkAttached();
    const given = Number.isInteger(flags) ? flags : 0;
    const scope = given & (SC_FL_IHV_GLOBAL | SC_FL_IHV_LOCAL);
    const isKnown = (given & ~(allowed | SC_FL_IHV_GLOBAL | SC_FL_IHV_LOCAL)) === 0;
    // The message does not repeat the value: with mixed-up arguments it is a code.
    if (!isKnown || (scope !== SC_FL_IHV_GLOBAL && scope !== SC_FL_IHV_LOCAL))
      throw new ComError("E_INVALIDARG", "flags are not right; give SC_FL_IHV_GLOBAL or SC_FL_IHV_LOCAL");
    return checkReference(ref) | (scope === SC_FL_IHV_LOCAL ? 0x80 : 0);
  }
}

/** A copy of a code. Without one, VERIFY would only query its state. */
function codeOf(source: ByteSource, what: string): Uint8Array {
  const code = contentOf(source, what);
  if (code.length > 0 && code.length <= MAX_SHORT_DATA_BYTES) return code;
  zeroBytes(code);
  throw new ComError("E_INVALIDARG", `${what} has no bytes or too many; a code has 1 to ${MAX_SHORT_DATA_BYTES}`);
}

/** Overwrites codes with zeros after their use, also after a failure. */
async function withCodes(
  codes: readonly [Uint8Array, Uint8Array],
  run: (codes: readonly [Uint8Array, Uint8Array]) => Promise<void>,
): Promise<void> {
  try {
    await run(codes);
  } finally {
    codes.forEach(zeroBytes);
  }
}
