// SPDX-License-Identifier: MIT

import { decodeAtr } from "../../base/iso7816/index.ts";
import type { Protocol } from "../../port/index.ts";
import { planTransmission, type TransmissionPlan } from "../transmission/index.ts";

/** How a reader makes a card speak a protocol. */
export type ProtocolPlan =
  /** It does so already. */
  { readonly kind: "as-is" } | Extract<TransmissionPlan, { kind: "pps" | "refuse" }>;

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
  return planTransmission(decoded.value, protocol === "t0" ? 0 : 1);
}
