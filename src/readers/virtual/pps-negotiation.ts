// SPDX-License-Identifier: MIT

import { checkPpsResponse, decodeAtr, decodePps, encodePps } from "../../base/iso7816/index.ts";
import type { Protocol } from "../../port/index.ts";

/** How a reader makes a card speak a protocol. */
export type ProtocolPlan =
  /** It does so already. */
  | { readonly kind: "as-is" }
  /** After a PPS exchange with this request. */
  | { readonly kind: "pps"; readonly request: Uint8Array }
  /** Not at all, or not after this reset. */
  | { readonly kind: "refuse"; readonly reason: string };

/**
 * Derives from the ATR how to select `protocol`. `raw` is not a card protocol: the bytes are passed unchanged.
 *
 * @see ISO/IEC 7816-3:2006, 6.3.1
 */
export function planProtocol(atr: Uint8Array, protocol: Protocol): ProtocolPlan {
  if (protocol === "raw") return { kind: "as-is" };
  if (protocol === "t15") return { kind: "refuse", reason: "T=15 is no transmission protocol" };
  const decoded = decodeAtr(atr);
  if (!decoded.ok) return { kind: "refuse", reason: `the ATR cannot be read: ${decoded.error.message}` };
  const { usableProtocols, defaultProtocol } = decoded.value;
  const number = protocol === "t0" ? 0 : 1;
  if (!usableProtocols.includes(number)) {
    const offered = usableProtocols.map((value) => `T=${value}`).join(", ");
    return { kind: "refuse", reason: `the card offers ${offered}, not T=${number}` };
  }
  // The first protocol needs no PPS in negotiable mode, and in specific mode there is no other.
  if (number === defaultProtocol) return { kind: "as-is" };
  return { kind: "pps", request: encodePps({ protocol: number }) };
}

/** Whether a card's response agrees to a PPS request. ISO/IEC 7816-3:2006, 9.3. */
export function confirmsPps(request: Uint8Array, response: Uint8Array): boolean {
  const asked = decodePps(request);
  const answered = decodePps(response);
  return asked.ok && answered.ok && checkPpsResponse(asked.value, answered.value).agreed;
}
