// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { decodeAtr } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { Type2Tag } from "./type2-tag.ts";

function ask(tag: Type2Tag, command: string): string {
  return encodeHex(tag.process(hexBytes(command)));
}

describe("a Type 2 tag", () => {
  it("has the ATR that PC/SC readers make for a MIFARE Ultralight", () => {
    // PC/SC part 3, 3.1.3.2.3; pcsc-tools' smartcard_list.txt has these very bytes.
    expect(encodeHex(new Type2Tag().reset())).toBe("3B8F8001804F0CA0000003060300030000000068");
    const atr = decodeAtr(new Type2Tag().reset());
    expect(atr.ok && atr.value.contactless).toMatchObject({ kind: "storage-card", cardName: "MIFARE Ultralight" });
  });

  it("tells its UID, and says how long it is to whom asks for less", () => {
    const tag = new Type2Tag({ uid: hexBytes("04112233445566") });
    expect(ask(tag, "FFCA000000")).toBe("041122334455669000");
    expect(ask(tag, "FFCA000007")).toBe("041122334455669000");
    expect(ask(tag, "FFCA000004")).toBe("6C07");
    expect(ask(tag, "FFCA00000A")).toBe("041122334455666282");
    expect(ask(tag, "FFCA010000")).toBe("6A81");
    expect(ask(tag, "FFCA0000")).toBe("6700");
  });

  it("has the memory of a tag that is formatted for NDEF", () => {
    const tag = new Type2Tag({ uid: hexBytes("04112233445566"), ndef: hexBytes("D00000") });
    // BCC0 is 88 xor the first three bytes of the UID, BCC1 the xor of the others: ISO/IEC 14443-3, 6.5.4.
    expect(ask(tag, "FFB0000010")).toBe("041122BF3344556644480000E11006009000");
    expect(ask(tag, "FFB0000408")).toBe("0303D00000FE00009000");
    expect(ask(tag, "FFB0000000").length).toBe(2 * (64 + 2));
    expect(ask(tag, "FFB0000F10")).toBe("000000006282");
    expect(ask(tag, "FFB0001004")).toBe("6A82");
    expect(ask(tag, "FFB0010404")).toBe("6A82");
  });

  it("keeps what is written, and nothing that is not a number of pages", () => {
    const tag = new Type2Tag();
    expect(ask(tag, "FFD600040400112233")).toBe("9000");
    expect(ask(tag, "FFD60005088899AABBCCDDEEFF")).toBe("9000");
    tag.powerOff();
    tag.reset();
    expect(ask(tag, "FFB000040C")).toBe("001122338899AABBCCDDEEFF9000");
    expect(ask(tag, "FFD6000403001122")).toBe("6700");
    expect(ask(tag, "FFD6000F080011223344556677")).toBe("6A82");
    expect(ask(new Type2Tag({ memory: tag.memory }), "FFB0000404")).toBe("001122339000");
  });

  it("keeps its UID, and never clears bits of locks and of the capability container", () => {
    const tag = new Type2Tag();
    const uid = tag.uid;
    expect(ask(tag, "FFD600000400000000")).toBe("6982");
    expect(ask(tag, "FFD600010400000000")).toBe("6982");
    expect(tag.uid).toEqual(uid);
    expect(ask(tag, "FFD600030400000001")).toBe("9000");
    expect(ask(tag, "FFB0000304")).toBe("E11006019000");
    // Page 4 is locked by bit 4 of the first lock byte, page 15 by bit 7 of the second.
    expect(ask(tag, "FFD6000204FFFF1080")).toBe("9000");
    expect(ask(tag, "FFD6000404AAAAAAAA")).toBe("6982");
    expect(ask(tag, "FFD6000F04AAAAAAAA")).toBe("6982");
    expect(ask(tag, "FFD6000504AAAAAAAA")).toBe("9000");
    // Two pages at once, of which the second is locked: neither is written.
    expect(ask(tag, "FFD6000E080102030405060708")).toBe("6982");
    expect(ask(tag, "FFB0000E04")).toBe("000000009000");
    expect(ask(tag, "FFD600020400000000")).toBe("9000");
    expect(ask(tag, "FFB0000204").slice(4)).toBe("10809000");
  });

  it("has lock bits that make lock bits final", () => {
    const tag = new Type2Tag();
    // Bit 1: the locks of pages 9 to 4 stay as they are.
    expect(ask(tag, "FFD600020400000200")).toBe("9000");
    expect(ask(tag, "FFD60002040000FFFF")).toBe("9000");
    expect(ask(tag, "FFB0000204").slice(4)).toBe("0FFC9000");
    expect(ask(tag, "FFD6000404AAAAAAAA")).toBe("9000");
    expect(ask(tag, "FFD6000A04AAAAAAAA")).toBe("6982");
  });

  it("refuses what no reader would know", () => {
    const tag = new Type2Tag();
    expect(ask(tag, "00A4040000")).toBe("6E00");
    expect(ask(tag, "FF10000000")).toBe("6D00");
    expect(ask(tag, "FF8600000501000460 00".replace(" ", ""))).toBe("6A81");
    expect(() => new Type2Tag({ uid: Uint8Array.of(1) })).toThrow(SmartCardError);
    expect(() => new Type2Tag({ pages: 15 })).toThrow(SmartCardError);
    expect(() => new Type2Tag({ ndef: new Uint8Array(46) })).toThrow(/do not fit/);
    expect(() => new Type2Tag({ memory: new Uint8Array(63) })).toThrow(SmartCardError);
  });

  it("answers any command with a response, and keeps its UID", () => {
    const tag = new Type2Tag();
    const uid = tag.uid;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.constantFrom(0xca, 0xb0, 0xd6, 0x00), (command, ins) => {
        if (command.length > 1) command.set([0xff, ins]);
        expect(tag.process(command).length).toBeGreaterThanOrEqual(2);
        expect(tag.uid).toEqual(uid);
      }),
    );
  });
});

describe("the capability container", () => {
  // NXP data sheets: NTAG210/212, NTAG203, MF0ULX1, MF0ICU2, and NTAG213/215/216, 8.5.6.
  it.each([
    [16, "E1100600"],
    [20, "E1100600"],
    [41, "E1101000"],
    [42, "E1101200"],
    [45, "E1101200"],
    [48, "E1101200"],
    [135, "E1103E00"],
    [231, "E1106D00"],
  ])("of a tag of %i pages is %s", (pages, container) => {
    expect(ask(new Type2Tag({ pages }), "FFB0000304")).toBe(`${container}9000`);
  });

  it("bounds the message: what does not fit into the user memory is refused", () => {
    const message = (length: number) => new Uint8Array(length);
    // 144 bytes: the TLV's tag, one or three bytes of length, the message, the terminator.
    expect(() => new Type2Tag({ pages: 45, ndef: message(141) })).not.toThrow();
    expect(() => new Type2Tag({ pages: 45, ndef: message(142) })).toThrow(SmartCardError);
    expect(() => new Type2Tag({ pages: 231, ndef: message(867) })).not.toThrow();
    expect(() => new Type2Tag({ pages: 231, ndef: message(868) })).toThrow(SmartCardError);
  });
});
