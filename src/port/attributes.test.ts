// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Attribute, attributeClasses, attributes, attributeValue } from "./index.ts";

/** winsmcrd.h of the Windows SDK (and reader.h of pcsc-lite for SYNC_PROTOCOL_TYPES), with the classes worked out. */
const header: Readonly<Record<string, number>> = {
  SCARD_ATTR_VENDOR_NAME: 0x0001_0100,
  SCARD_ATTR_VENDOR_IFD_TYPE: 0x0001_0101,
  SCARD_ATTR_VENDOR_IFD_VERSION: 0x0001_0102,
  SCARD_ATTR_VENDOR_IFD_SERIAL_NO: 0x0001_0103,
  SCARD_ATTR_CHANNEL_ID: 0x0002_0110,
  SCARD_ATTR_PROTOCOL_TYPES: 0x0003_0120,
  SCARD_ATTR_DEFAULT_CLK: 0x0003_0121,
  SCARD_ATTR_MAX_CLK: 0x0003_0122,
  SCARD_ATTR_DEFAULT_DATA_RATE: 0x0003_0123,
  SCARD_ATTR_MAX_DATA_RATE: 0x0003_0124,
  SCARD_ATTR_MAX_IFSD: 0x0003_0125,
  SCARD_ATTR_SYNC_PROTOCOL_TYPES: 0x0003_0126,
  SCARD_ATTR_POWER_MGMT_SUPPORT: 0x0004_0131,
  SCARD_ATTR_USER_TO_CARD_AUTH_DEVICE: 0x0005_0140,
  SCARD_ATTR_USER_AUTH_INPUT_DEVICE: 0x0005_0142,
  SCARD_ATTR_CHARACTERISTICS: 0x0006_0150,
  SCARD_ATTR_CURRENT_PROTOCOL_TYPE: 0x0008_0201,
  SCARD_ATTR_CURRENT_CLK: 0x0008_0202,
  SCARD_ATTR_CURRENT_F: 0x0008_0203,
  SCARD_ATTR_CURRENT_D: 0x0008_0204,
  SCARD_ATTR_CURRENT_N: 0x0008_0205,
  SCARD_ATTR_CURRENT_W: 0x0008_0206,
  SCARD_ATTR_CURRENT_IFSC: 0x0008_0207,
  SCARD_ATTR_CURRENT_IFSD: 0x0008_0208,
  SCARD_ATTR_CURRENT_BWT: 0x0008_0209,
  SCARD_ATTR_CURRENT_CWT: 0x0008_020a,
  SCARD_ATTR_CURRENT_EBC_ENCODING: 0x0008_020b,
  SCARD_ATTR_EXTENDED_BWT: 0x0008_020c,
  SCARD_ATTR_ICC_PRESENCE: 0x0009_0300,
  SCARD_ATTR_ICC_INTERFACE_STATUS: 0x0009_0301,
  SCARD_ATTR_CURRENT_IO_STATE: 0x0009_0302,
  SCARD_ATTR_ATR_STRING: 0x0009_0303,
  SCARD_ATTR_ICC_TYPE_PER_ATR: 0x0009_0304,
  SCARD_ATTR_ESC_RESET: 0x0007_a000,
  SCARD_ATTR_ESC_CANCEL: 0x0007_a003,
  SCARD_ATTR_ESC_AUTHREQUEST: 0x0007_a005,
  SCARD_ATTR_MAXINPUT: 0x0007_a007,
  SCARD_ATTR_VENDOR_SPECIFIC_INFO: 0x0007_a008,
  SCARD_ATTR_DEVICE_UNIT: 0x7fff_0001,
  SCARD_ATTR_DEVICE_IN_USE: 0x7fff_0002,
  SCARD_ATTR_DEVICE_FRIENDLY_NAME_A: 0x7fff_0003,
  SCARD_ATTR_DEVICE_SYSTEM_NAME_A: 0x7fff_0004,
  SCARD_ATTR_DEVICE_FRIENDLY_NAME_W: 0x7fff_0005,
  SCARD_ATTR_DEVICE_SYSTEM_NAME_W: 0x7fff_0006,
  SCARD_ATTR_SUPRESS_T1_IFS_REQUEST: 0x7fff_0007,
  SCARD_PERF_NUM_TRANSMISSIONS: 0x7ffe_0001,
  SCARD_PERF_BYTES_TRANSMITTED: 0x7ffe_0002,
  SCARD_PERF_TRANSMISSION_TIME: 0x7ffe_0003,
};

describe("the attributes", () => {
  it("are those of the header, each once, with its number", () => {
    expect(Object.fromEntries(Object.values(attributes).map(({ name, value }) => [name, value]))).toEqual(header);
    expect(Object.keys(attributes)).toHaveLength(Object.keys(header).length);
  });

  it("are spelt by one rule: the name without SCARD_ATTR_ (or SCARD_), in small letters", () => {
    for (const key of Object.keys(attributes) as Attribute[]) {
      const { name } = attributes[key];
      expect(key).toBe(
        name
          .replace(/^SCARD_(ATTR_)?/, "")
          .toLowerCase()
          .replaceAll("_", "-"),
      );
    }
  });
});

describe("attributeValue", () => {
  it("puts the class into the high word and the tag into the low one, never negative", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff }), fc.nat({ max: 0xffff }), (attributeClass, tag) => {
        expect(attributeValue(attributeClass, tag)).toBe(attributeClass * 0x1_0000 + tag);
      }),
    );
  });

  it("knows the classes of winsmcrd.h by name", () => {
    expect(Object.values(attributeClasses).map(({ value }) => value)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 0x7ffe, 0x7fff,
    ]);
    expect(attributeValue("system", 3)).toBe(0x7fff_0003);
  });
});
