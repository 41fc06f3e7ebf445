// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { decodeAccess } from "./access-conditions.ts";
import { MifareClassicCard } from "./mifare-classic-card.ts";
import { decodeValue, encodeValue } from "./value-block.ts";

// NXP MF1S50yyX data sheet, revision 3.2; PC/SC part 3, 3.2.2.

const uid = hexBytes("3A5C719E");
const FACTORY_KEY = "FFFFFFFFFFFF";
const KEY_A = "A0A1A2A3A4A5";
const KEY_B = "B0B1B2B3B4B5";

function ask(card: MifareClassicCard, command: string): string {
  return encodeHex(card.process(hexBytes(command)));
}

/** Loads a key into the reader, and authenticates a block with it. */
function authenticate(card: MifareClassicCard, block: string, key: string, name: "A" | "B" = "A"): string {
  expect(ask(card, `FF82000006${key}`)).toBe("9000");
  return ask(card, `FF860000050100${block}${name === "A" ? "60" : "61"}00`);
}

/** A frame by InDataExchange; "silent" where the card does not answer. */
function frame(card: MifareClassicCard, bytes: string): string {
  const length = (bytes.length / 2 + 3).toString(16).padStart(2, "0");
  const answer = ask(card, `FF000000${length}D44001${bytes}`);
  return answer.startsWith("D54100") ? answer.slice(6, -4) : "silent";
}

/** A card whose sector 1 has other keys and the access bits given. */
function personalized(accessBits: string): MifareClassicCard {
  const card = new MifareClassicCard({ uid });
  expect(authenticate(card, "07", FACTORY_KEY)).toBe("9000");
  expect(ask(card, `FFD6000710${KEY_A}${accessBits}69${KEY_B}`)).toBe("9000");
  card.reset();
  return card;
}

describe("a MIFARE Classic", () => {
  it("has the ATR that PC/SC readers make for it, and its maker's block", () => {
    const card = new MifareClassicCard({ uid });
    expect(encodeHex(card.reset())).toBe("3B8F8001804F0CA000000306030001000000006A");
    const atr = decodeAtr(new MifareClassicCard({ size: "4k" }).reset());
    expect(atr.ok && atr.value.contactless).toMatchObject({ kind: "storage-card", cardName: "MIFARE Classic 4K" });
    expect(ask(card, "FFCA000000")).toBe("3A5C719E9000");
    expect(authenticate(card, "00", FACTORY_KEY)).toBe("9000");
    expect(ask(card, "FFB0000010")).toBe(`3A5C719E89080400${"00".repeat(8)}9000`);
    expect(ask(card, `FFD6000010${"00".repeat(16)}`)).toBe("6982");
  });

  it("opens a sector with one of its keys, and no other", () => {
    const card = new MifareClassicCard({ uid });
    expect(ask(card, "FFB0000410")).toBe("6982");
    expect(authenticate(card, "04", "000000000000")).toBe("6300");
    expect(authenticate(card, "04", FACTORY_KEY)).toBe("9000");
    expect(ask(card, `FFD6000410${"11".repeat(16)}`)).toBe("9000");
    expect(ask(card, "FFB0000410")).toBe(`${"11".repeat(16)}9000`);
    expect(ask(card, "FFB0000504")).toBe("000000009000");
    expect(ask(card, "FFB0000810")).toBe("6982");
    expect(ask(card, "FFB0004010")).toBe("6A82");
    // Three blocks and the trailer, as far as they are this sector's.
    expect(ask(card, "FFB0000400").length).toBe(2 * (64 + 2));
    // A wrong key ends what the right one opened; so does the field.
    expect(authenticate(card, "04", KEY_A)).toBe("6300");
    expect(ask(card, "FFB0000410")).toBe("6982");
    expect(authenticate(card, "04", FACTORY_KEY)).toBe("9000");
    card.reset();
    expect(ask(card, "FFB0000410")).toBe("6982");
  });

  it("never shows key A, and key B only where it is data", () => {
    const card = new MifareClassicCard({ uid });
    expect(authenticate(card, "07", FACTORY_KEY)).toBe("9000");
    expect(ask(card, "FFB0000710")).toBe(`000000000000FF078069${FACTORY_KEY}9000`);
    // Transport configuration: key B can be read, so it authenticates and opens nothing.
    expect(authenticate(card, "07", FACTORY_KEY, "B")).toBe("9000");
    expect(ask(card, "FFB0000410")).toBe("6982");
    // C1C2C3 of the trailer 011, of the blocks 100: read with either key, write with B.
    const other = personalized("787788");
    expect(authenticate(other, "07", FACTORY_KEY)).toBe("6300");
    expect(authenticate(other, "07", KEY_A)).toBe("9000");
    expect(ask(other, "FFB0000710")).toBe("000000000000" + "787788" + "69" + "000000000000" + "9000");
    expect(ask(other, `FFD6000410${"22".repeat(16)}`)).toBe("6982");
    expect(authenticate(other, "07", KEY_B, "B")).toBe("9000");
    expect(ask(other, `FFD6000410${"22".repeat(16)}`)).toBe("9000");
    expect(ask(other, `FFD6000710${"33".repeat(6)}FF078069${"44".repeat(6)}`)).toBe("9000");
    expect(authenticate(other, "04", "333333333333")).toBe("9000");
  });

  it("blocks a sector for good when its access bits are no such", () => {
    const card = personalized("FF0781");
    expect(authenticate(card, "04", KEY_A)).toBe("9000");
    expect(ask(card, "FFB0000410")).toBe("6982");
    expect(ask(card, `FFD6000710${KEY_A}FF078069${KEY_B}`)).toBe("6982");
  });

  it("writes all blocks of a command or none", () => {
    const card = new MifareClassicCard({ uid });
    expect(authenticate(card, "04", FACTORY_KEY)).toBe("9000");
    expect(ask(card, `FFD6000520${"55".repeat(32)}`)).toBe("9000");
    expect(ask(card, `FFD6000740${"FF".repeat(64)}`)).toBe("6982");
    expect(ask(card, "FFB0000710").slice(12, 20)).toBe("FF078069");
    expect(ask(card, `FFD600040F${"55".repeat(15)}`)).toBe("6700");
    expect(ask(card, "FFD6000400")).toBe("6700");
  });

  it("counts in value blocks, as far as the access conditions let it", () => {
    const card = new MifareClassicCard({ uid });
    expect(frame(card, `6004${FACTORY_KEY}${encodeHex(uid)}`)).toBe("");
    expect(frame(card, `A004${encodeHex(encodeValue(100, 4))}`)).toBe("0A");
    expect(frame(card, "C10419000000")).toBe("0A");
    expect(frame(card, "B005")).toBe("0A");
    expect(decodeValue(hexBytes(frame(card, "3005")))).toEqual({ value: 125, address: 4 });
    expect(frame(card, "C0057F000000")).toBe("0A");
    expect(frame(card, "B005")).toBe("0A");
    expect(decodeValue(hexBytes(frame(card, "3005")))).toEqual({ value: -2, address: 4 });
    expect(frame(card, "C20400000000")).toBe("0A");
    expect(frame(card, "B005")).toBe("0A");
    expect(decodeValue(hexBytes(frame(card, "3005")))).toEqual({ value: 100, address: 4 });
    // No value block; out of range; the trailer; the maker's block.
    for (const bytes of ["C10601000000", "C104FFFFFF7F", "C10701000000", "C10001000000", "C104", "D404"]) {
      expect(frame(card, bytes)).toBe("silent");
    }
    // C1C2C3 of the blocks 110: increment with B, decrement with either.
    const purse = personalized("08778F");
    expect(frame(purse, `6104${KEY_B}${encodeHex(uid)}`)).toBe("");
    expect(frame(purse, `A004${encodeHex(encodeValue(5, 0))}`)).toBe("0A");
    expect(frame(purse, `6004${KEY_A}${encodeHex(uid)}`)).toBe("");
    expect(frame(purse, "C10401000000")).toBe("silent");
    expect(frame(purse, "C00401000000")).toBe("0A");
    expect(frame(purse, `6004${KEY_B}${encodeHex(uid)}`)).toBe("silent");
    expect(frame(purse, "3004")).toBe("silent");
  });

  it("refuses keys and authentications that are no such", () => {
    const card = new MifareClassicCard({ uid });
    expect(ask(card, "FF8200000501020304 05".replace(" ", ""))).toBe("6989");
    expect(ask(card, `FF82002006${FACTORY_KEY}`)).toBe("6988");
    expect(ask(card, `FF82400006${FACTORY_KEY}`)).toBe("6983");
    expect(ask(card, `FF82800006${FACTORY_KEY}`)).toBe("6A81");
    expect(ask(card, "FF860000050100046005")).toBe("6984");
    expect(ask(card, "FF860000050100046205")).toBe("6986");
    expect(ask(card, "FF86000004010004 60".replace(" ", ""))).toBe("6700");
    expect(ask(card, "FF860100050100046000")).toBe("6A86");
    expect(authenticate(card, "40", FACTORY_KEY)).toBe("6300");
  });

  it("comes back from its memory, which has the size of the card", () => {
    const card = personalized("FF0780");
    const again = new MifareClassicCard({ memory: card.memory });
    expect(again.uid).toEqual(uid);
    expect(authenticate(again, "04", KEY_A)).toBe("9000");
    expect(() => new MifareClassicCard({ size: "4k", memory: card.memory })).toThrow(SmartCardError);
    expect(() => new MifareClassicCard({ uid: new Uint8Array(7) })).toThrow(SmartCardError);
  });

  it("has large sectors from block 128 on, where it has 4 KiB", () => {
    const card = new MifareClassicCard({ size: "4k" });
    expect(authenticate(card, "80", FACTORY_KEY)).toBe("9000");
    expect(ask(card, `FFD6008E10${"66".repeat(16)}`)).toBe("9000");
    expect(ask(card, "FFB0008F10").slice(12, 20)).toBe("FF078069");
    expect(ask(card, "FFB0009010")).toBe("6982");
    expect(authenticate(card, "FF", FACTORY_KEY)).toBe("9000");
  });
});

describe("access bits", () => {
  it("of the factory let key A do everything", () => {
    expect(decodeAccess(hexBytes("FF0780"))?.groups).toEqual(
      Array.from({ length: 3 }, () => ({ read: "ab", write: "ab", increment: "ab", decrement: "ab" })),
    );
    expect(decodeAccess(hexBytes("FF0780"))?.trailer).toMatchObject({ writeKeyA: "a", writeBits: "a", readKeyB: "a" });
  });

  it.each(["FF0781", "FE0780", "000000", "FFFFFF"])("%s are none", (bits) => {
    expect(decodeAccess(hexBytes(bits))).toBeUndefined();
  });
});
