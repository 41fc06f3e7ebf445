// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeFeatureList,
  encodeFeatureList,
  type Feature,
  featureOfTag,
  features,
  pinModifyStructure,
  pinPropertiesStructure,
  pinVerifyStructure,
} from "./index.ts";

const entries = fc.array(fc.record({ tag: fc.nat({ max: 0xff }), controlCode: fc.nat({ max: 0xffff_ffff }) }), {
  maxLength: 24,
});

describe("the features", () => {
  it("have the tags of reader.h of pcsc-lite, in its order", () => {
    const tags = Object.values(features).map(({ tag }) => tag);
    expect(tags).toEqual([...Array.from({ length: 0x13 }, (_, index) => index + 1), 0x20]);
    expect([features["verify-pin-direct"].tag, features["get-tlv-properties"].tag]).toEqual([0x06, 0x12]);
  });

  it("are spelt by one rule, and found by tag", () => {
    for (const feature of Object.keys(features) as Feature[]) {
      const { name, tag } = features[feature];
      expect(feature).toBe(name.replace("FEATURE_", "").toLowerCase().replaceAll("_", "-"));
      expect(featureOfTag(tag)).toBe(feature);
    }
    expect([featureOfTag(0), featureOfTag(0x21)]).toEqual([undefined, undefined]);
  });
});

describe("the feature list", () => {
  it("is tag, length 4 and a big-endian control code", () => {
    const list = encodeFeatureList([
      { tag: 0x06, controlCode: 0x4233_0006 },
      { tag: 0x12, controlCode: 0x0031_3520 },
    ]);
    expect([...list]).toEqual([0x06, 4, 0x42, 0x33, 0x00, 0x06, 0x12, 4, 0x00, 0x31, 0x35, 0x20]);
  });

  it("is read as it was written, unknown tags and high control codes included", () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(decodeFeatureList(encodeFeatureList(list))).toEqual({ ok: true, value: list });
      }),
    );
  });

  it("any bytes are answered: whole entries of length 4, or an error at the offset where they end", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), entries.map(encodeFeatureList)), fc.nat(), (list, cut) => {
        const decoded = decodeFeatureList(list);
        if (decoded.ok) expect(encodeFeatureList(decoded.value)).toEqual(list);
        else expect(decoded.error.offset).toBeLessThanOrEqual(list.length);
        const truncated = list.subarray(0, list.length - (cut % 6));
        if (truncated.length % 6 !== 0) expect(decodeFeatureList(truncated).ok).toBe(false);
      }),
    );
  });

  it("refuses an entry of another length", () => {
    expect(decodeFeatureList(Uint8Array.of(6, 3, 0, 0, 0))).toEqual({
      ok: false,
      error: { message: "a feature entry has length 4, not 3", offset: 1 },
    });
  });
});

describe("the PIN structures", () => {
  it("have the sizes that a C compiler gives them in reader.h, which packs them", () => {
    expect([pinVerifyStructure.size, pinModifyStructure.size, pinPropertiesStructure.size]).toEqual([19, 24, 4]);
  });

  it("have the offsets that a C compiler gives them", () => {
    expect(pinVerifyStructure.offsetOf).toMatchObject({
      pinMaxExtraDigit: 5,
      langId: 9,
      teoPrologue: 12,
      dataLength: 15,
    });
    expect(pinModifyStructure.offsetOf).toMatchObject({
      insertionOffsetOld: 5,
      pinMaxExtraDigit: 7,
      langId: 12,
      teoPrologue: 17,
      dataLength: 20,
    });
    expect(pinPropertiesStructure.offsetOf).toEqual({ lcdLayout: 0, entryValidationCondition: 2, timeOut2: 3 });
  });

  it("are little-endian: a PIN of 4 to 8 digits, English of the United States, a command of 13 bytes", () => {
    const encoded = pinVerifyStructure.encode({
      timerOut: 0,
      timerOut2: 30,
      formatString: 0x82,
      pinBlockString: 0x04,
      pinLengthFormat: 0,
      pinMaxExtraDigit: 0x0408,
      entryValidationCondition: 0x02,
      numberMessage: 1,
      langId: 0x0409,
      msgIndex: 0,
      teoPrologue: new Uint8Array(3),
      dataLength: 13,
    });
    expect(Buffer.from(encoded).toString("hex")).toBe(
      "001e820400" + "0804" + "0201" + "0904" + "00000000" + "0d000000",
    );
  });

  it("are read as they were written", () => {
    const sized = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(sized(19), sized(24), sized(4), (verify, modify, properties) => {
        const decodedVerify = pinVerifyStructure.decode(verify);
        const decodedModify = pinModifyStructure.decode(modify);
        const decodedProperties = pinPropertiesStructure.decode(properties);
        expect(decodedVerify.ok && pinVerifyStructure.encode(decodedVerify.value)).toEqual(verify);
        expect(decodedModify.ok && pinModifyStructure.encode(decodedModify.value)).toEqual(modify);
        expect(decodedProperties.ok && pinPropertiesStructure.encode(decodedProperties.value)).toEqual(properties);
      }),
    );
  });
});
