// SPDX-License-Identifier: MIT

import { type Field, type Struct, struct, u32le } from "../../base/binary/index.ts";
import { type Attribute, attributes, type ReaderDescription, readerAttribute } from "../../port/index.ts";
import { MESSAGE_HEADER_BYTES } from "./limits.ts";
import type { Agreement } from "./protocol-setup.ts";
import type { PropertyFacts } from "./reader-properties.ts";

/** What the attributes of a slot are derived from. */
export interface CcidAttributeFacts {
  readonly description: ReaderDescription;
  readonly facts: PropertyFacts;
  readonly cardPresent: boolean;
  /** Undefined while the card has no power. */
  readonly atr: Uint8Array | undefined;
  readonly agreement: Agreement | undefined;
  /** IFSC and IFSD in use; undefined where the reader sees to that. */
  readonly sizes: { readonly ifsc: number; readonly ifsd: number } | undefined;
}

/** Kind of channel in the high half of SCARD_ATTR_CHANNEL_ID: USB; bus and address follow. PC/SC part 3, 3.1.1. */
const USB_CHANNEL = 0x0020;
/** SCARD_ATTR_USER_AUTH_INPUT_DEVICE: a keypad for numbers. PC/SC part 3. */
const NUMERIC_PAD = 1;

const dword: Struct<{ value: Field<number> }> = struct("DWORD", { value: u32le });

/** Numbers that only this driver knows; undefined where there is none at this moment. */
const numbers: Readonly<Partial<Record<Attribute, (facts: CcidAttributeFacts) => number | undefined>>> = {
  "default-clk": ({ facts }) => facts.traits.descriptor.defaultClockKhz,
  "max-clk": ({ facts }) => facts.traits.descriptor.maxClockKhz,
  "default-data-rate": ({ facts }) => facts.traits.descriptor.defaultDataRate,
  "max-data-rate": ({ facts }) => facts.traits.maxDataRate,
  "max-ifsd": ({ facts }) => facts.traits.maxIfsd,
  "sync-protocol-types": ({ facts }) => facts.traits.descriptor.fields.dwSynchProtocols,
  "power-mgmt-support": () => 1,
  "user-auth-input-device": ({ facts }) => (facts.traits.pin.verify || facts.traits.pin.modify ? NUMERIC_PAD : 0),
  characteristics: ({ facts }) => {
    const { accept, capture, eject } = facts.traits.descriptor.mechanical;
    return (accept ? 1 : 0) | (eject ? 2 : 0) | (capture ? 4 : 0);
  },
  "current-clk": ({ agreement }) => agreement?.clockKhz,
  "current-f": ({ agreement }) => agreement?.factors.f,
  "current-d": ({ agreement }) => agreement?.factors.d,
  "current-n": ({ agreement }) => agreement?.parameters.guardTime,
  "current-w": ({ agreement }) =>
    agreement?.parameters.protocol === "t0" ? agreement.parameters.waitingInteger : undefined,
  "current-ifsc": ({ agreement, sizes }) =>
    sizes?.ifsc ?? (agreement?.parameters.protocol === "t1" ? agreement.parameters.ifsc : undefined),
  "current-ifsd": ({ agreement, facts, sizes }) =>
    sizes?.ifsd ?? (agreement?.protocol === "t1" ? facts.traits.maxIfsd : undefined),
  "current-bwt": ({ agreement }) => (agreement?.parameters.protocol === "t1" ? agreement.parameters.bwi : undefined),
  "current-cwt": ({ agreement }) => (agreement?.parameters.protocol === "t1" ? agreement.parameters.cwi : undefined),
  "current-ebc-encoding": ({ agreement }) => {
    if (agreement?.parameters.protocol !== "t1") return undefined;
    return agreement.parameters.edc === "crc" ? 1 : 0;
  },
};

const rows: ReadonlyMap<number, (facts: CcidAttributeFacts) => number | undefined> = new Map(
  Object.entries(numbers).map(([name, value]) => [attributes[name as Attribute].value, value]),
);

/** The value of an attribute of one slot, of those that libccid has and more. */
export function ccidAttribute(attribute: number, given: CcidAttributeFacts): Uint8Array | undefined {
  const row = rows.get(attribute >>> 0);
  if (row !== undefined) {
    const value = row(given);
    return value === undefined ? undefined : dword.encode({ value });
  }
  const { usb, traits } = given.facts;
  return readerAttribute(attribute, {
    description: given.description,
    cardPresent: given.cardPresent,
    powered: given.atr !== undefined,
    atr: given.atr,
    protocol: given.agreement?.protocol,
    version: (usb.deviceRelease << 16) >>> 0,
    channelId: ((USB_CHANNEL << 16) | ((usb.bus & 0xff) << 8) | (usb.address & 0xff)) >>> 0,
    maxInputBytes: traits.maxMessageBytes - MESSAGE_HEADER_BYTES,
  });
}
