// SPDX-License-Identifier: MIT

import { copyBytes, struct, u32le } from "../binary/index.ts";
import { attributes, type Protocol, protocolMask, type ReaderDescription } from "../pcsc/index.ts";

/** SCARD_READER_EJECTS: what SCARD_ATTR_CHARACTERISTICS says of a reader that can drop its card. */
const EJECTS = 2;

const dword = struct("DWORD", { value: u32le });

/** What a reader's attributes depend on. */
export interface AttributeState {
  readonly description: ReaderDescription;
  /** Whether a card is there. */
  readonly present: boolean;
  /** ATR of the powered card; empty without power or card. */
  readonly atr: Uint8Array;
  readonly protocol: Protocol | undefined;
}

/**
 * The value of an attribute; undefined where the reader does not have it, or not at this moment. There is no version:
 * the protocol has none.
 *
 * **Portability**: strings carry no NUL at the end, as on Windows; pcsc-lite's drivers add one.
 */
export function readAttribute(attribute: number, state: AttributeState): Uint8Array | undefined {
  const { description, protocol } = state;
  const powered = state.atr.length > 0;
  switch (attribute) {
    case attributes["vendor-name"].value:
      return encodeText(description.vendor);
    case attributes["vendor-ifd-type"].value:
      return encodeText(description.product);
    case attributes["vendor-ifd-serial-no"].value:
      return description.serial === undefined ? undefined : encodeText(description.serial);
    case attributes["protocol-types"].value:
      return dword.encode({ value: protocolMask(description.protocols) });
    case attributes.characteristics.value:
      return dword.encode({ value: EJECTS });
    case attributes["current-protocol-type"].value:
      return protocol === undefined ? undefined : dword.encode({ value: protocolMask([protocol]) });
    case attributes["icc-presence"].value:
      return Uint8Array.of(state.present ? 2 : 0);
    case attributes["icc-interface-status"].value:
      return Uint8Array.of(powered ? 0xff : 0);
    case attributes["atr-string"].value:
      return powered ? copyBytes(state.atr) : undefined;
    case attributes["icc-type-per-atr"].value:
      return Uint8Array.of(powered ? 1 : 0);
    default:
      return undefined;
  }
}

function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
