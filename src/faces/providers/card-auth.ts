// SPDX-License-Identifier: MIT

import type { ByteSource, IByteBuffer } from "./byte-buffer.ts";

/**
 * Authentication between application, card and user. The provider defines the algorithms' numbers and their
 * parameters.
 *
 * @see ISCardAuth, Microsoft
 */
export interface ISCardAuth {
  /**
   * The application proves to the card that it knows a key: `buffer` is its response to a challenge of the card.
   *
   * @throws E_INVALIDARG, E_POINTER, SCARD_W_SECURITY_VIOLATION (the card does not accept it, or the key is blocked),
   * SCARD_E_NO_ACCESS (the card has given no challenge), and as SCardTransmit
   */
  APP_Auth(algoId: number, param: ByteSource, buffer: ByteSource): Promise<void>;
  /** A challenge of the card, of that many bytes at most. @throws E_INVALIDARG, E_POINTER, and as SCardTransmit */
  GetChallenge(algoId: number, lengthOfChallenge: number, param?: ByteSource | null): Promise<IByteBuffer>;
  /** The card's response to the challenge `buffer`, which proves that it knows a key. @throws E_INVALIDARG, E_POINTER, and as SCardTransmit */
  ICC_Auth(algoId: number, param: ByteSource, buffer: ByteSource): Promise<IByteBuffer>;
  /** The user authenticates to the card. @throws as APP_Auth */
  User_Auth(algoId: number, param: ByteSource, buffer: ByteSource): Promise<void>;
}
