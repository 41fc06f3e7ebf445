// SPDX-License-Identifier: MIT

import { decodeAtr } from "../../base/iso7816/index.ts";
import { type ErrorCode, type Protocol, SmartCardError } from "../../port/index.ts";

/** The protocols in the order in which one is picked where the caller leaves the choice: as Windows and pcsc-lite do. */
const preference: readonly Protocol[] = ["t1", "t0", "raw", "t15"];

/** T=0 and T=1 by the number that an ATR gives them. */
const protocolsByNumber: ReadonlyMap<number, Protocol> = new Map([
  [0, "t0"],
  [1, "t1"],
]);

/** What a protocol is chosen by. */
interface Negotiation {
  /** The protocols that the caller takes. */
  readonly preferred: readonly Protocol[];
  /** The reader's name, for errors. */
  readonly reader: string;
  /** The protocols that the reader speaks. */
  readonly protocols: readonly Protocol[];
  /** The ATR of the last reset. */
  readonly atr: Uint8Array;
  /** The code of the error where `raw` is asked for and the reader does not speak it. */
  readonly rawUnavailable: ErrorCode;
}

/**
 * The protocol of a connection: the first in order of preference that the caller, the card and the reader all know.
 * `raw` is not in an ATR: it needs only the caller and the reader.
 *
 * @throws proto-mismatch, unsupported-card (its ATR cannot be understood)
 * @see ISO/IEC 7816-3:2006, 6.3
 */
export function negotiateProtocol({ preferred, reader, protocols, atr, rawUnavailable }: Negotiation): Protocol {
  const wanted = preference.filter((protocol) => preferred.includes(protocol) && protocols.includes(protocol));
  if (wanted.length === 0) {
    const code = preferred.includes("raw") ? rawUnavailable : "proto-mismatch";
    const message = `the reader speaks ${listProtocols(protocols)}; asked for ${listProtocols(preferred)}`;
    throw new SmartCardError(code, message, { reader });
  }
  const offered = offeredBy(atr, reader);
  const protocol = wanted.find((one) => one === "raw" || offered.includes(one));
  if (protocol !== undefined) return protocol;
  const message = `the card speaks ${listProtocols(offered)}; asked for ${listProtocols(preferred)}`;
  throw new SmartCardError("proto-mismatch", message, { reader });
}

/** Protocols as an error names them. */
export function listProtocols(protocols: readonly Protocol[]): string {
  return protocols.length === 0 ? "no protocol" : protocols.join(", ");
}

function offeredBy(atr: Uint8Array, reader: string): readonly Protocol[] {
  const decoded = decodeAtr(atr);
  if (!decoded.ok) {
    const message = `the card's ATR cannot be understood: ${decoded.error.message}`;
    throw new SmartCardError("unsupported-card", message, { reader });
  }
  return decoded.value.usableProtocols.flatMap((number) => protocolsByNumber.get(number) ?? []);
}
