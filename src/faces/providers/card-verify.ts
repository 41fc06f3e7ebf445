// SPDX-License-Identifier: MIT

import type { ByteSource } from "./byte-buffer.ts";
import type { SCARD_FLAGS } from "./enumerations.ts";

/**
 * The card holder's verification: PINs and other codes. Codes are copied, sent, and overwritten; no error contains them.
 *
 * A code that is wrong gives SCARD_W_WRONG_CHV, one without tries left SCARD_W_CHV_BLOCKED; both say in their message how
 * many tries are left where the card tells.
 *
 * @see ISCardVerify, Microsoft
 */
export interface ISCardVerify {
  /**
   * Replaces a code, and enables or disables it where the flags say so.
   *
   * @param flags SC_FL_IHV_GLOBAL or _LOCAL, and SC_FL_IHV_ENABLE or _DISABLE
   * @param ref which code: its number on the card, 0 to 31
   * @throws E_INVALIDARG, E_POINTER, SCARD_W_WRONG_CHV, SCARD_W_CHV_BLOCKED, and as SCardTransmit
   */
  ChangeCode(oldCode: ByteSource, newCode: ByteSource, flags: SCARD_FLAGS, ref: number): Promise<void>;
  /** Forgets every verification: resets the card, and others who use it learn of that. @throws as SCardReconnect */
  ResetSecurityState(): Promise<void>;
  /**
   * Unblocks a code. It does not count as verified then.
   *
   * @param data what the card requires for it: the resetting code; null where what was authenticated before is enough
   * @param newCode a new code in place of the old one
   *
   * **Portability**: in the documentation of 1998, the only one that there is of this method, `data` is a LONG that each
   * vendor defines; there is no new code.
   * @throws E_INVALIDARG, E_POINTER, SCARD_W_WRONG_CHV, SCARD_W_CHV_BLOCKED, and as SCardTransmit
   */
  Unblock(data: ByteSource | null, flags: SCARD_FLAGS, ref: number, newCode?: ByteSource | null): Promise<void>;
  /**
   * Presents a code to the card.
   *
   * @param flags SC_FL_IHV_GLOBAL: a code of the whole card; SC_FL_IHV_LOCAL: one of the current application
   * @param ref which code: its number on the card, 0 to 31
   * @throws E_INVALIDARG, E_POINTER, SCARD_W_WRONG_CHV, SCARD_W_CHV_BLOCKED, and as SCardTransmit
   */
  Verify(code: ByteSource, flags: SCARD_FLAGS, ref: number): Promise<void>;
}
