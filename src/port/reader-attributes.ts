// SPDX-License-Identifier: MIT

import { checkBytes, checkObject, checkTruth, checkWhole, copyBytes, struct, u32le } from "../base/binary/index.ts";
import { type Attribute, attributes } from "./attributes.ts";
import { protocols } from "./codes.ts";
import type { ReaderDescription } from "./reader.ts";
import type { Protocol } from "./vocabulary.ts";

/** The source of a reader's attributes. */
export interface AttributeFacts {
  readonly description: ReaderDescription;
  readonly cardPresent: boolean;
  readonly powered: boolean;
  /** The ATR of the last reset; undefined while the card has no power. */
  readonly atr: Uint8Array | undefined;
  /** The protocol that is agreed on. */
  readonly protocol: Protocol | undefined;
  /** 0xMMmmbbbb: major, minor, build. */
  readonly version?: number;
  /** 0xDDDDCCCC: kind of channel and its number. */
  readonly channelId?: number;
  /** The longest command in bytes. */
  readonly maxInputBytes?: number;
}

/** Whether the value of an attribute is text, in bytes or in 16-bit units, or not. */
type Form = "text" | "wide-text" | "bytes";

interface Row {
  readonly form: Form;
  /** True for a name, which the resource manager gives; the rest is the reader's own. */
  readonly isName?: true;
  /** The value; text without a NUL. Undefined where the reader has no value, or not at this moment. */
  readonly value: (facts: AttributeFacts) => Uint8Array | string | number | undefined;
}

/** SCARD_ATTR_CHARACTERISTICS of a reader that can drop its card. */
const EJECTS = 2;

const oneByte = (value: number): Uint8Array => Uint8Array.of(value);

/** Attributes that every reader has. Meanings: PC/SC part 3, 3.1.1. Numbers are DWORDs, and so are masks of protocols. */
const rows: Readonly<Partial<Record<Attribute, Row>>> = {
  "vendor-name": { form: "text", value: ({ description }) => description.vendor },
  "vendor-ifd-type": { form: "text", value: ({ description }) => description.product },
  "vendor-ifd-version": { form: "bytes", value: ({ version }) => version },
  "vendor-ifd-serial-no": { form: "text", value: ({ description }) => description.serial },
  "channel-id": { form: "bytes", value: ({ channelId }) => channelId },
  "protocol-types": { form: "bytes", value: ({ description }) => protocolTypes(description.protocols) },
  characteristics: { form: "bytes", value: ({ description }) => (description.canEject ? EJECTS : 0) },
  maxinput: { form: "bytes", value: ({ maxInputBytes }) => maxInputBytes },
  "current-protocol-type": { form: "bytes", value: ({ protocol }) => protocol && protocolTypes([protocol]) },
  "icc-presence": { form: "bytes", value: ({ cardPresent }) => oneByte(cardPresent ? 2 : 0) },
  "icc-interface-status": { form: "bytes", value: ({ powered }) => oneByte(powered ? 1 : 0) },
  "atr-string": { form: "bytes", value: ({ atr }) => atr && copyBytes(atr) },
  // 1: ISO/IEC 7816 asynchronous. A card that answers a reset with an ATR is.
  "icc-type-per-atr": { form: "bytes", value: ({ atr }) => oneByte(atr === undefined ? 0 : 1) },
  "device-friendly-name-a": { form: "text", isName: true, value: ({ description }) => description.name },
  "device-friendly-name-w": { form: "wide-text", isName: true, value: ({ description }) => description.name },
  "device-system-name-a": { form: "text", isName: true, value: ({ description }) => description.id },
  "device-system-name-w": { form: "wide-text", isName: true, value: ({ description }) => description.id },
};

const rowsByNumber: ReadonlyMap<number, Row> = new Map(
  (Object.entries(rows) as [Attribute, Row][]).map(([name, row]) => [attributes[name].value, row]),
);

const dword = struct("DWORD", { value: u32le });

/**
 * The value of an attribute, from the one table of all readers and managers; undefined where there is no value, or not at this
 * moment. Text has no NUL: {@link endAttributeText} adds it where required.
 */
export function readerAttribute(attribute: number, facts: AttributeFacts): Uint8Array | undefined {
  checkWhole(attribute, -0x8000_0000, 0xffff_ffff, "readerAttribute: attribute");
  checkObject(facts, "readerAttribute: facts", "pass what is known of the reader");
  checkObject(facts.description, "readerAttribute: facts.description", "pass the description of the reader");
  const row = rowsByNumber.get(attribute);
  const value = row?.value(facts);
  if (typeof value === "number") return dword.encode({ value });
  if (typeof value !== "string") return value;
  return row?.form === "wide-text" ? wideText(value) : new TextEncoder().encode(value);
}

/** The number in the value of `channel-id`, 0xDDDDCCCC; undefined for a value that is not a DWORD, and for none. */
export function channelIdOf(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return undefined;
  const decoded = dword.decode(value);
  return decoded.ok ? decoded.value.value : undefined;
}

/**
 * Adds or removes the NUL at the end of a text attribute. Other values are unchanged.
 *
 * @param vendorNul whether vendor, type and serial number end in a NUL, as with pcsc-lite but not on Windows; names always do
 *
 */
export function endAttributeText(attribute: number, value: Uint8Array, vendorNul: boolean): Uint8Array {
  checkWhole(attribute, -0x8000_0000, 0xffff_ffff, "endAttributeText: attribute");
  checkBytes(value, "endAttributeText: value");
  checkTruth(vendorNul, "endAttributeText: vendorNul");
  const row = rowsByNumber.get(attribute);
  if (row === undefined || row.form === "bytes") return value;
  const unit = row.form === "wide-text" ? 2 : 1;
  let length = value.length - (value.length % unit);
  while (length > 0 && value.subarray(length - unit, length).every((byte) => byte === 0)) length -= unit;
  const ended = new Uint8Array(length + (row.isName || vendorNul ? unit : 0));
  ended.set(value.subarray(0, length));
  return ended;
}

/** UTF-16, least significant byte first. */
function wideText(value: string): Uint8Array {
  const wide = new Uint8Array(2 * value.length);
  const view = new DataView(wide.buffer);
  for (let index = 0; index < value.length; index++) view.setUint16(2 * index, value.charCodeAt(index), true);
  return wide;
}

/** Bit n stands for T=n. `raw` is no transmission protocol and has no bit. */
function protocolTypes(list: readonly Protocol[]): number {
  let mask = 0;
  for (const protocol of list) if (protocol === "t0" || protocol === "t1") mask |= protocols[protocol].windows ?? 0;
  return mask;
}
