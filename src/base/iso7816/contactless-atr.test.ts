// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import vectors from "../../../test/vectors/contactless-atr.json" with { type: "json" };
import { encodeHex, hexBytes } from "../binary/index.ts";
import { type Atr, decodeAtr } from "./atr.ts";
import { buildAtr } from "./atr-builder.ts";
import { describeContactless, storageCardHistoricalBytes } from "./contactless-atr.ts";

function decode(hex: string): Atr {
  const atr = decodeAtr(hexBytes(hex));
  if (!atr.ok) throw new Error(atr.error.message);
  return atr.value;
}

/** Bytes as text and undefined as null, as the vectors have them. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? encodeHex(part) : (part ?? null))),
  );
}

describe("PC/SC part 3, 3.1.3.2.3", () => {
  test.each(vectors.vectors)("$name: $atr", ({ atr: hex, expected }) => {
    const atr = decode(hex);
    expect(atr.problems).toEqual([]);
    expect(plain(atr.contactless)).toEqual(expected);
  });

  test("the description names the card", () => {
    const { contactless, historical } = decode("3B8F8001804F0CA0000003060300030000000068");
    expect(contactless && describeContactless(contactless)).toBe("PC/SC contactless storage card, MIFARE Ultralight");
    expect(historical.kind).toBe("application-identifier");
  });

  test("the description gives the number of a card without a name", () => {
    const { contactless } = decode("3B8F8001804F0CA00000030603FF88000000001C");
    expect(contactless && describeContactless(contactless)).toBe("PC/SC contactless storage card, card name FF88");
  });

  test.each([
    ["a card with contacts", "3BDB960080B1FE451F830012233F536549440F9000F1"],
    ["inverse convention", "3F8180018080"],
    ["T=1 alone", "3B8101 80 00".replaceAll(" ", "")],
  ])("%s is not contactless", (_, hex) => {
    expect(decode(hex).contactless).toBeUndefined();
  });

  test("another provider behind tag 4F makes no storage card", () => {
    expect(decode("3B8F8001804F0CA0000003070300030000000069").contactless?.kind).toBe("processor-card");
  });
});

test("property: a storage card that is built is recognised", () => {
  fc.assert(
    fc.property(fc.nat(0xff), fc.nat(0xffff), (standard, card) => {
      const historicalBytes = storageCardHistoricalBytes(standard, card);
      const atr = decodeAtr(buildAtr({ protocols: [0, 1], historicalBytes }));
      expect(atr.ok && atr.value.contactless).toMatchObject({ kind: "storage-card", standard, card });
    }),
  );
});

test("numbers out of range are refused", () => {
  expect(() => storageCardHistoricalBytes(256, 0)).toThrow("0 to 255, not 256");
  expect(() => storageCardHistoricalBytes(3, -1)).toThrow("0 to 65535, not -1");
});
