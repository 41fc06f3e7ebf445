// SPDX-License-Identifier: MIT

import { decodeHex, encodeHex, zeroBytes } from "../../base/binary/index.ts";
import type { Random } from "../../port/index.ts";
import {
  type BridgeMeeting,
  generatorFrom,
  labelBytes,
  meetingBytes,
  PAIRING_ID_BYTES,
  PROOF_BYTES,
} from "../../wire/bridge/index.ts";
import type { BridgeCrypto, BridgePairing } from "./ports.ts";

// The service's side of `wire/bridge/proofs.ts`, which has the rules.

/** What the service keeps of a pairing. The secret itself cannot be made from it. */
function pairingOf({ hmac }: BridgeCrypto, token: Uint8Array): BridgePairing {
  const pageKey = hmac(token, labelBytes("page key"));
  const pairing = {
    id: encodeHex(hmac(token, labelBytes("name")).slice(0, PAIRING_ID_BYTES)),
    stored: encodeHex(hmac(pageKey, labelBytes("stored key"))),
    service: encodeHex(hmac(token, labelBytes("service key"))),
  };
  zeroBytes(pageKey);
  return pairing;
}

/** That the service knows a pairing. */
export function serviceProof({ hmac }: BridgeCrypto, { service }: BridgePairing, meeting: BridgeMeeting): Uint8Array {
  return hmac(bytesOf(service), meetingBytes("service", meeting));
}

/** Whether the page has the secret of a pairing. Takes the same time, wherever a proof is wrong. */
export function isPageProof(
  { hmac, isEqual }: BridgeCrypto,
  { stored }: BridgePairing,
  meeting: BridgeMeeting,
  proof: Uint8Array,
): boolean {
  const mask = hmac(bytesOf(stored), meetingBytes("page", meeting));
  const pageKey = proof.map((byte, place) => byte ^ (mask[place] ?? 0));
  const isRight = isEqual(hmac(pageKey, labelBytes("stored key")), bytesOf(stored));
  zeroBytes(pageKey);
  return isRight;
}

/** What both sides have after an exchange with the right code. */
interface Agreed {
  readonly pairing: BridgePairing;
  /** That the service knows the code. */
  readonly proof: Uint8Array;
}

/** One try of a page to show that its user knows a code: neither side learns more of the other's code than whether it is the same. */
export class CodeExchange {
  readonly code: string;
  /** The service's share. */
  readonly share: Uint8Array;
  readonly #crypto: BridgeCrypto;
  readonly #meeting: BridgeMeeting;
  readonly #scalar: Uint8Array;

  constructor(crypto: BridgeCrypto, random: Random, code: string, meeting: BridgeMeeting) {
    const { hmac, x25519 } = crypto;
    const seed = hmac(new TextEncoder().encode(code), meetingBytes("generator", meeting));
    this.code = code;
    this.#crypto = crypto;
    this.#meeting = meeting;
    this.#scalar = random.bytes(PROOF_BYTES);
    this.share = x25519(this.#scalar, generatorFrom(seed));
  }

  /** Takes the page's share and its proof, once. @returns undefined for another code, and for a share of low order */
  finish(share: Uint8Array, proof: Uint8Array): Agreed | undefined {
    const { hmac, isEqual, x25519 } = this.#crypto;
    let point: Uint8Array;
    try {
      point = x25519(this.#scalar, share);
    } catch {
      return undefined;
    } finally {
      zeroBytes(this.#scalar);
    }
    const secret = hmac(point, meetingBytes("exchange", this.#meeting, share, this.share));
    zeroBytes(point);
    if (!isEqual(hmac(secret, labelBytes("page")), proof)) return undefined;
    const token = hmac(secret, labelBytes("secret"));
    const agreed = { pairing: pairingOf(this.#crypto, token), proof: hmac(secret, labelBytes("service")) };
    zeroBytes(secret);
    zeroBytes(token);
    return agreed;
  }
}

/** Keys are kept as hexadecimal digits. Other text proves nothing. */
function bytesOf(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  return decoded.ok ? decoded.value : new Uint8Array();
}
