// SPDX-License-Identifier: MIT

import { checkWhole, checkWord } from "../base/binary/index.ts";

/** A constant that has the same number in every header. */
export interface Named {
  readonly name: string;
  readonly value: number;
}

const classRows = {
  "vendor-info": { name: "SCARD_CLASS_VENDOR_INFO", value: 1 },
  communications: { name: "SCARD_CLASS_COMMUNICATIONS", value: 2 },
  protocol: { name: "SCARD_CLASS_PROTOCOL", value: 3 },
  "power-mgmt": { name: "SCARD_CLASS_POWER_MGMT", value: 4 },
  security: { name: "SCARD_CLASS_SECURITY", value: 5 },
  mechanical: { name: "SCARD_CLASS_MECHANICAL", value: 6 },
  "vendor-defined": { name: "SCARD_CLASS_VENDOR_DEFINED", value: 7 },
  "ifd-protocol": { name: "SCARD_CLASS_IFD_PROTOCOL", value: 8 },
  "icc-state": { name: "SCARD_CLASS_ICC_STATE", value: 9 },
  perf: { name: "SCARD_CLASS_PERF", value: 0x7ffe },
  system: { name: "SCARD_CLASS_SYSTEM", value: 0x7fff },
} satisfies Readonly<Record<string, Named>>;

/** The class of an attribute, in the high word of its number (SCARD_CLASS_*). */
export type AttributeClass = keyof typeof classRows;

/** SCARD_CLASS_*: winsmcrd.h. */
export const attributeClasses: Readonly<Record<AttributeClass, Named>> = classRows;

/**
 * The number of an attribute (`SCARD_ATTR_VALUE`): class in the high word, tag in the low one.
 *
 * @param attributeClass a class of {@link attributeClasses}, or its number, 0 to 65,535.
 * @param tag 0 to 65,535.
 */
export function attributeValue(attributeClass: AttributeClass | number, tag: number): number {
  if (typeof attributeClass === "number") checkWhole(attributeClass, 0, 0xffff, "attributeValue: class");
  else checkWord(attributeClass, Object.keys(attributeClasses), "attributeValue: class");
  checkWhole(tag, 0, 0xffff, "attributeValue: tag");
  const high = typeof attributeClass === "number" ? attributeClass : attributeClasses[attributeClass].value;
  return (((high & 0xffff) << 16) | (tag & 0xffff)) >>> 0;
}

function attribute(name: string, attributeClass: AttributeClass, tag: number): Named {
  return { name, value: attributeValue(attributeClass, tag) };
}

const attributeRows = {
  "vendor-name": attribute("SCARD_ATTR_VENDOR_NAME", "vendor-info", 0x0100),
  "vendor-ifd-type": attribute("SCARD_ATTR_VENDOR_IFD_TYPE", "vendor-info", 0x0101),
  /** 0xMMmmbbbb: major, minor, build. */
  "vendor-ifd-version": attribute("SCARD_ATTR_VENDOR_IFD_VERSION", "vendor-info", 0x0102),
  "vendor-ifd-serial-no": attribute("SCARD_ATTR_VENDOR_IFD_SERIAL_NO", "vendor-info", 0x0103),
  /** 0xDDDDCCCC: kind of channel (0x20 for USB) and its number. */
  "channel-id": attribute("SCARD_ATTR_CHANNEL_ID", "communications", 0x0110),
  /** Bit n of the low word set: T=n is supported. */
  "protocol-types": attribute("SCARD_ATTR_PROTOCOL_TYPES", "protocol", 0x0120),
  /** Kilohertz. */
  "default-clk": attribute("SCARD_ATTR_DEFAULT_CLK", "protocol", 0x0121),
  /** Kilohertz. */
  "max-clk": attribute("SCARD_ATTR_MAX_CLK", "protocol", 0x0122),
  /** Bits per second. */
  "default-data-rate": attribute("SCARD_ATTR_DEFAULT_DATA_RATE", "protocol", 0x0123),
  /** Bits per second. */
  "max-data-rate": attribute("SCARD_ATTR_MAX_DATA_RATE", "protocol", 0x0124),
  /** Bytes. */
  "max-ifsd": attribute("SCARD_ATTR_MAX_IFSD", "protocol", 0x0125),
  "sync-protocol-types": attribute("SCARD_ATTR_SYNC_PROTOCOL_TYPES", "protocol", 0x0126),
  /** 0: the reader cannot power down while a card is in it. */
  "power-mgmt-support": attribute("SCARD_ATTR_POWER_MGMT_SUPPORT", "power-mgmt", 0x0131),
  "user-to-card-auth-device": attribute("SCARD_ATTR_USER_TO_CARD_AUTH_DEVICE", "security", 0x0140),
  "user-auth-input-device": attribute("SCARD_ATTR_USER_AUTH_INPUT_DEVICE", "security", 0x0142),
  /** Bits: 1 swallows, 2 ejects, 4 captures the card. */
  characteristics: attribute("SCARD_ATTR_CHARACTERISTICS", "mechanical", 0x0150),
  /** As `protocol-types`: the bit of the protocol in use. */
  "current-protocol-type": attribute("SCARD_ATTR_CURRENT_PROTOCOL_TYPE", "ifd-protocol", 0x0201),
  /** Kilohertz. */
  "current-clk": attribute("SCARD_ATTR_CURRENT_CLK", "ifd-protocol", 0x0202),
  "current-f": attribute("SCARD_ATTR_CURRENT_F", "ifd-protocol", 0x0203),
  "current-d": attribute("SCARD_ATTR_CURRENT_D", "ifd-protocol", 0x0204),
  "current-n": attribute("SCARD_ATTR_CURRENT_N", "ifd-protocol", 0x0205),
  "current-w": attribute("SCARD_ATTR_CURRENT_W", "ifd-protocol", 0x0206),
  "current-ifsc": attribute("SCARD_ATTR_CURRENT_IFSC", "ifd-protocol", 0x0207),
  "current-ifsd": attribute("SCARD_ATTR_CURRENT_IFSD", "ifd-protocol", 0x0208),
  "current-bwt": attribute("SCARD_ATTR_CURRENT_BWT", "ifd-protocol", 0x0209),
  "current-cwt": attribute("SCARD_ATTR_CURRENT_CWT", "ifd-protocol", 0x020a),
  /** 0 for LRC, 1 for CRC. */
  "current-ebc-encoding": attribute("SCARD_ATTR_CURRENT_EBC_ENCODING", "ifd-protocol", 0x020b),
  "extended-bwt": attribute("SCARD_ATTR_EXTENDED_BWT", "ifd-protocol", 0x020c),
  /** One byte: 0 no card, 1 present, 2 present (and swallowed, where the reader does that), 4 confiscated. */
  "icc-presence": attribute("SCARD_ATTR_ICC_PRESENCE", "icc-state", 0x0300),
  /** One byte: 0 while the contacts are inactive. */
  "icc-interface-status": attribute("SCARD_ATTR_ICC_INTERFACE_STATUS", "icc-state", 0x0301),
  "current-io-state": attribute("SCARD_ATTR_CURRENT_IO_STATE", "icc-state", 0x0302),
  "atr-string": attribute("SCARD_ATTR_ATR_STRING", "icc-state", 0x0303),
  /** One byte: 0 unknown, 1 ISO/IEC 7816 asynchronous, 2 synchronous. */
  "icc-type-per-atr": attribute("SCARD_ATTR_ICC_TYPE_PER_ATR", "icc-state", 0x0304),
  "esc-reset": attribute("SCARD_ATTR_ESC_RESET", "vendor-defined", 0xa000),
  "esc-cancel": attribute("SCARD_ATTR_ESC_CANCEL", "vendor-defined", 0xa003),
  "esc-authrequest": attribute("SCARD_ATTR_ESC_AUTHREQUEST", "vendor-defined", 0xa005),
  maxinput: attribute("SCARD_ATTR_MAXINPUT", "vendor-defined", 0xa007),
  "vendor-specific-info": attribute("SCARD_ATTR_VENDOR_SPECIFIC_INFO", "vendor-defined", 0xa008),
  /** Instance number among the readers of that vendor, from 0. */
  "device-unit": attribute("SCARD_ATTR_DEVICE_UNIT", "system", 0x0001),
  "device-in-use": attribute("SCARD_ATTR_DEVICE_IN_USE", "system", 0x0002),
  "device-friendly-name-a": attribute("SCARD_ATTR_DEVICE_FRIENDLY_NAME_A", "system", 0x0003),
  "device-system-name-a": attribute("SCARD_ATTR_DEVICE_SYSTEM_NAME_A", "system", 0x0004),
  "device-friendly-name-w": attribute("SCARD_ATTR_DEVICE_FRIENDLY_NAME_W", "system", 0x0005),
  "device-system-name-w": attribute("SCARD_ATTR_DEVICE_SYSTEM_NAME_W", "system", 0x0006),
  /** Can only be set: the reader then leaves out its IFSD request under T=1. Spelt as in the header. */
  "supress-t1-ifs-request": attribute("SCARD_ATTR_SUPRESS_T1_IFS_REQUEST", "system", 0x0007),
  "perf-num-transmissions": attribute("SCARD_PERF_NUM_TRANSMISSIONS", "perf", 0x0001),
  "perf-bytes-transmitted": attribute("SCARD_PERF_BYTES_TRANSMITTED", "perf", 0x0002),
  "perf-transmission-time": attribute("SCARD_PERF_TRANSMISSION_TIME", "perf", 0x0003),
} satisfies Readonly<Record<string, Named>>;

/** An attribute of a reader: the SCARD_ATTR_ name without prefix, in small letters. */
export type Attribute = keyof typeof attributeRows;

/**
 * SCARD_ATTR_*: winsmcrd.h, the same numbers in reader.h of pcsc-lite. Integers in the values are little-endian.
 *
 * **Portability**: `sync-protocol-types` is in pcsc-lite's header only, `vendor-specific-info` in Microsoft's only;
 * pcsc-lite calls `protocol-types` SCARD_ATTR_ASYNC_PROTOCOL_TYPES. Names of the device end in a NUL everywhere. Vendor, type and
 * serial number end in one under pcsc-lite, but not on Windows; our managers follow their profile.
 */
export const attributes: Readonly<Record<Attribute, Named>> = attributeRows;
