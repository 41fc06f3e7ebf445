// SPDX-License-Identifier: MIT

import { type Atr, decodeAtr } from "../../base/iso7816/index.ts";
import type { CardExchange } from "./card-exchange.ts";
import type { Agreement } from "./protocol-setup.ts";

/** The card that has power. */
export interface PoweredCard {
  readonly bytes: Uint8Array;
  /** Undefined for an ATR that cannot be read. */
  readonly atr: Atr | undefined;
  agreement: Agreement | undefined;
  exchange: CardExchange | undefined;
}

/** A card after its reset: nothing is agreed on yet. @param bytes its ATR */
export function poweredCard(bytes: Uint8Array): PoweredCard {
  const decoded = decodeAtr(bytes);
  const atr = decoded.ok ? decoded.value : undefined;
  return { bytes: bytes.slice(), atr, agreement: undefined, exchange: undefined };
}
