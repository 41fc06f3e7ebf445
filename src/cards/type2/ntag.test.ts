// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { Type2Tag } from "./type2-tag.ts";

// NXP NTAG213/215/216 data sheet, revision 3.2.

const uid = hexBytes("04112233445566");

function ask(tag: Type2Tag, command: string): string {
  return encodeHex(tag.process(hexBytes(command)));
}

/** A frame through the reader's chip: what the tag answered, or "silent". */
function frame(tag: Type2Tag, bytes: string): string {
  const length = (bytes.length / 2 + 2).toString(16).padStart(2, "0");
  const answer = ask(tag, `FF000000${length}D442${bytes}`);
  expect(answer).toMatch(/^D543.*9000$/);
  return answer.startsWith("D54300") ? answer.slice(6, -4) : "silent";
}

function ntag213(): Type2Tag {
  return new Type2Tag({ product: "ntag213", uid });
}

/** Pages of an NTAG 213: the dynamic locks, the two of the configuration, the password, the PACK. */
const page = { locks: "28", configuration: "29", access: "2A", password: "2B", pack: "2C" };
const NEW_PASSWORD = "C0FFEE5E";

function protectedTag(access: string, firstProtected: string): Type2Tag {
  const tag = ntag213();
  expect(frame(tag, `A2${page.password}${NEW_PASSWORD}`)).toBe("0A");
  expect(frame(tag, `A2${page.pack}BEEF0000`)).toBe("0A");
  expect(frame(tag, `A2${page.access}${access}050000`)).toBe("0A");
  expect(frame(tag, `A2${page.configuration}040000${firstProtected}`)).toBe("0A");
  tag.reset();
  return tag;
}

describe("an NTAG", () => {
  it.each([
    ["ntag213", 45, "0004040201000F03"],
    ["ntag215", 135, "0004040201001103"],
    ["ntag216", 231, "0004040201001303"],
  ] as const)("%s has %i pages, and says its version", (product, pages, version) => {
    const tag = new Type2Tag({ product, uid });
    expect(tag.memory.length).toBe(pages * 4);
    expect(frame(tag, "60")).toBe(version);
    // The dynamic lock bytes, the configuration, the password and the PACK as they leave the factory; those two read as zeros.
    expect(encodeHex(tag.memory.slice(-20))).toBe("000000BD040000FF00050000FFFFFFFF00000000");
    const last = (pages - 1).toString(16).padStart(2, "0");
    const locks = (pages - 5).toString(16).padStart(2, "0");
    expect(frame(tag, `3A${locks}${last}`)).toBe("000000BD040000FF000500000000000000000000");
  });

  it("reads four pages, and page 0 follows the last", () => {
    const tag = ntag213();
    expect(frame(tag, "3003")).toBe("E1101200" + "0300FE00" + "00000000" + "00000000");
    expect(frame(tag, "302B")).toBe("00000000" + "00000000" + "041122BF" + "33445566");
    expect(frame(tag, "302D")).toBe("00");
    expect(frame(tag, "3A0403")).toBe("00");
    expect(frame(tag, "3A042D")).toBe("00");
    expect(frame(tag, "3C00")).toBe("00".repeat(32));
  });

  it("writes a page, in either way", () => {
    const tag = ntag213();
    expect(frame(tag, "A20401020304")).toBe("0A");
    expect(frame(tag, "A005")).toBe("0A");
    expect(frame(tag, "0A0B0C0D000000000000000000000000")).toBe("0A");
    expect(frame(tag, "3A0405")).toBe("010203040A0B0C0D");
    expect(frame(tag, "A20001020304")).toBe("00");
    expect(frame(tag, "A22D01020304")).toBe("00");
    expect(frame(tag, "A2040102")).toBe("00");
    // Another frame ends a COMPATIBILITY_WRITE.
    expect(frame(tag, "A006")).toBe("0A");
    expect(frame(tag, "60")).toBe("0004040201000F03");
    expect(frame(tag, "FFFFFFFF000000000000000000000000")).toBe("00");
    expect(frame(tag, "3A0606")).toBe("00000000");
  });

  it("protects pages from AUTH0 on with a password: writing, and reading where PROT says so", () => {
    const writes = protectedTag("00", "08");
    expect(frame(writes, "A208AAAAAAAA")).toBe("00");
    expect(ask(writes, "FFD6000804AAAAAAAA")).toBe("6982");
    expect(frame(writes, "A207AAAAAAAA")).toBe("0A");
    expect(frame(writes, "3A0708")).toBe("AAAAAAAA00000000");
    expect(frame(writes, "1B00000000")).toBe("00");
    expect(frame(writes, `1B${NEW_PASSWORD}`)).toBe("BEEF");
    expect(frame(writes, "A208BBBBBBBB")).toBe("0A");
    expect(ask(writes, "FFD6000904CCCCCCCC")).toBe("9000");
    writes.reset();
    expect(frame(writes, "A208DDDDDDDD")).toBe("00");

    const reads = protectedTag("80", "08");
    expect(frame(reads, "3008")).toBe("00");
    expect(frame(reads, "3A0708")).toBe("00");
    expect(ask(reads, "FFB0000804")).toBe("6982");
    expect(ask(reads, "FFB0000610")).toBe("00000000000000006282");
    // What may be read ends before page 8: page 0 follows.
    expect(frame(reads, "3007")).toBe("00000000" + "041122BF" + "33445566" + "44480000");
    expect(frame(reads, `1B${NEW_PASSWORD}`)).toBe("BEEF");
    expect(ask(reads, "FFB0000804")).toBe("000000009000");
  });

  it("limits wrong passwords where AUTHLIM says so, and keeps the count", () => {
    const tag = protectedTag("02", "08");
    expect(frame(tag, "1B00000000")).toBe("00");
    expect(frame(tag, `1B${NEW_PASSWORD}`)).toBe("BEEF");
    expect(frame(tag, "1B00000000")).toBe("00");
    tag.reset();
    expect(frame(tag, "1B00000000")).toBe("00");
    expect(tag.counters).toMatchObject({ wrongPasswords: 2 });
    expect(frame(tag, `1B${NEW_PASSWORD}`)).toBe("04");
    const again = new Type2Tag({ product: "ntag213", memory: tag.memory, counters: tag.counters });
    expect(frame(again, `1B${NEW_PASSWORD}`)).toBe("04");
    expect(frame(tag, "A208DDDDDDDD")).toBe("00");
  });

  it("counts readings, once each time in the field, where the counter is on", () => {
    const tag = ntag213();
    expect(frame(tag, "3902")).toBe("00");
    expect(frame(tag, `A2${page.access}10050000`)).toBe("0A");
    tag.reset();
    expect(frame(tag, "3902")).toBe("000000");
    frame(tag, "3004");
    frame(tag, "3A0405");
    ask(tag, "FFB0000404");
    expect(frame(tag, "3902")).toBe("010000");
    tag.reset();
    ask(tag, "FFB0000404");
    expect(frame(tag, "3902")).toBe("020000");
    expect(frame(tag, "3900")).toBe("00");
    // NFC_CNT_PWD_PROT: only with the password.
    expect(frame(tag, `A2${page.access}18050000`)).toBe("0A");
    expect(frame(tag, "3902")).toBe("00");
    expect(frame(tag, "1BFFFFFFFF")).toBe("0000");
    expect(frame(tag, "3902")).toBe("020000");
  });

  it("mirrors its UID and its counter into user memory", () => {
    const tag = ntag213();
    expect(frame(tag, `A2${page.access}10050000`)).toBe("0A");
    // MIRROR_CONF 11, MIRROR_BYTE 2, page 5.
    expect(frame(tag, `A2${page.configuration}E40005FF`)).toBe("0A");
    tag.reset();
    const text = encodeHex(new TextEncoder().encode("04112233445566x000001"));
    expect(frame(tag, "3A050A")).toBe(`0000${text}00`);
    expect(encodeHex(tag.memory.slice(20, 24))).toBe("00000000");
  });

  it("locks pages for good with its dynamic lock bytes, and those with the third", () => {
    const tag = ntag213();
    // Bit 0: pages 16 and 17. Bit 11: pages 38 and 39.
    expect(frame(tag, `A2${page.locks}010800FF`)).toBe("0A");
    expect(frame(tag, `3A${page.locks}${page.locks}`)).toBe("010800BD");
    expect(["10", "11", "12", "25", "26", "27"].map((number) => frame(tag, `A2${number}AAAAAAAA`))).toEqual([
      ...["00", "00", "0A"],
      ...["0A", "00", "00"],
    ]);
    expect(frame(tag, `A2${page.locks}00000000`)).toBe("0A");
    // Bit 0 of the third byte: the lock bits 0 and 1 stay.
    expect(frame(tag, `A2${page.locks}00000100`)).toBe("0A");
    expect(frame(tag, `A2${page.locks}FF000000`)).toBe("0A");
    expect(frame(tag, `3A${page.locks}${page.locks}`)).toBe("FD0801BD");
    const large = new Type2Tag({ product: "ntag216", uid });
    expect(frame(large, "A2E201200000")).toBe("0A");
    expect(["10", "1F", "20", "DF", "E0", "E1"].map((number) => frame(large, `A2${number}AAAAAAAA`))).toEqual([
      ...["00", "00", "0A"],
      ...["0A", "00", "00"],
    ]);
  });

  it("locks its configuration with CFGLCK, and not the password", () => {
    const tag = ntag213();
    expect(frame(tag, `A2${page.access}40050000`)).toBe("0A");
    expect(frame(tag, `A2${page.access}00050000`)).toBe("00");
    expect(frame(tag, `A2${page.configuration}04000004`)).toBe("00");
    expect(frame(tag, `A2${page.password}${NEW_PASSWORD}`)).toBe("0A");
  });

  it("needs memory of its size", () => {
    expect(() => new Type2Tag({ product: "ntag213", memory: new Uint8Array(64) })).toThrow(SmartCardError);
    expect(() => new Type2Tag({ product: "ntag213", pages: 16 })).toThrow(SmartCardError);
  });
});

describe("a tag that is no NTAG", () => {
  it("has READ and WRITE alone", () => {
    const tag = new Type2Tag({ uid });
    expect(frame(tag, "3000")).toBe("041122BF334455664448 0000E1100600".replace(" ", ""));
    expect(frame(tag, "A204AABBCCDD")).toBe("0A");
    for (const bytes of ["60", "3A0405", "3902", "1BFFFFFFFF", "3C00", "", "77"]) expect(frame(tag, bytes)).toBe("00");
  });

  it("is the reader's only target, and its chip has a version", () => {
    const tag = new Type2Tag({ uid });
    expect(ask(tag, "FF00000005D440013004")).toBe(`D54100${"0300FE00"}${"00".repeat(12)}9000`);
    expect(ask(tag, "FF00000005D440023004")).toBe("D541279000");
    expect(ask(tag, "FF00000002D402")).toBe("D503320106079000");
    // Lc that is too large by two: nfc-pcsc's example of FAST_READ.
    expect(ask(new Type2Tag({ product: "ntag215", uid }), "FF00000007D4423A1010")).toBe("D54300000000009000");
    expect(ask(tag, "FF00000002D404")).toBe("6A81");
    expect(ask(tag, "FF00000002D540")).toBe("6A80");
    expect(ask(tag, "FF00000002D440")).toBe("6700");
    expect(ask(tag, "FF00010002D402")).toBe("6A86");
  });
});
