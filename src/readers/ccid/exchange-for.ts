// SPDX-License-Identifier: MIT

import { T0_HEADER_BYTES } from "../../base/iso7816/index.ts";
import { ExtendedApduExchange, ShortApduExchange } from "./apdu-exchange.ts";
import type { CardExchange } from "./card-exchange.ts";
import { T0CharacterExchange, T1BlockExchange } from "./line-exchange.ts";
import type { Agreement } from "./protocol-setup.ts";
import { can, type ReaderTraits } from "./traits.ts";
import type { SlotAccess } from "./xfr-block.ts";

/** IFSD from the reset on. ISO/IEC 7816-3:2006, 11.4.2. */
const DEFAULT_IFSD = 32;

/** How commands reach the card: by the level at which the reader exchanges, and the protocol. CCID 1.1, 3.2. */
export async function exchangeFor(
  access: SlotAccess,
  traits: ReaderTraits,
  agreement: Agreement,
  signal: AbortSignal,
): Promise<CardExchange> {
  const { parameters, terms } = agreement;
  if (traits.level === "extended-apdu") return new ExtendedApduExchange(access, terms);
  if (traits.level === "short-apdu") return new ShortApduExchange(access, terms);
  if (parameters.protocol === "t0") {
    if (traits.level === "tpdu") return new ShortApduExchange(access, terms);
    return new T0CharacterExchange(access, terms);
  }
  const isAutomatic = can(traits, "automaticIfsd");
  const ifsd = isAutomatic ? traits.maxIfsd : undefined;
  const exchange = new T1BlockExchange(access, terms, traits.level, parameters, ifsd);
  if (!isAutomatic && traits.maxIfsd !== DEFAULT_IFSD) await exchange.negotiateIfsd(traits.maxIfsd, signal);
  return exchange;
}

/** The command as it goes to the reader, which may send whole commands of T=0 to the card as they are: those have five bytes. */
export function asSent(command: Uint8Array, { protocol }: Agreement, { level }: ReaderTraits): Uint8Array {
  if (protocol !== "t0" || level !== "tpdu" || command.length >= T0_HEADER_BYTES) return command;
  const tpdu = new Uint8Array(T0_HEADER_BYTES);
  tpdu.set(command);
  return tpdu;
}
