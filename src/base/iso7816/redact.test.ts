// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../binary/index.ts";
import { decodeCommand, encodeCommand } from "./apdu.ts";
import { disclosureOf } from "./disclosure.ts";
import {
  type CommandDescription,
  describeCommand,
  describeCommandBytes,
  describeControlBytes,
  describeResponseBytes,
} from "./redact.ts";

function describeHex(hex: string): CommandDescription {
  const command = decodeCommand(hexBytes(hex));
  if (!command.ok) throw new Error(command.error.message);
  return describeCommand(command.value);
}

/** VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER, and the two that switch verification off and on. */
const pinInstructions = [0x20, 0x21, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2c, 0x2d];

describe("describeCommandBytes", () => {
  test.each([
    ["VERIFY", "0020008104 31323334", "00 20 00 81 [4 bytes withheld]"],
    ["VERIFY with BER-TLV", "0021008103 530131", "00 21 00 81 [3 bytes withheld]"],
    ["CHANGE REFERENCE DATA", "0024008108 3131313132323232", "00 24 00 81 [8 bytes withheld]"],
    ["RESET RETRY COUNTER", "002C008101 31", "00 2C 00 81 [1 byte withheld]"],
    ["chained", "1020008104 31323334", "10 20 00 81 [4 bytes withheld]"],
    ["secure messaging", "0C20008104 31323334 00", "0C 20 00 81 [4 bytes withheld]"],
    ["GSM's class", "A020000108 3132333435363738", "A0 20 00 01 [8 bytes withheld]"],
    ["extended length fields", "00200081000004 31323334", "00 20 00 81 [4 bytes withheld]"],
    ["Lc too large", "0020008108 31323334", "00 20 00 81 [5 bytes withheld]"],
    ["Lc missing", "00200081 31323334", "00 20 00 81 [4 bytes withheld]"],
    ["how many tries are left", "00200081", "00 20 00 81"],
    ["ENVELOPE", "00C2000009 002000810431323334", "00 C2 00 00 [9 bytes withheld]"],
    ["keys loaded into the reader", "FF82000006 A0A1A2A3A4A5", "FF 82 00 00 [6 bytes withheld]"],
    ["a raw frame to the reader", "FF00000003 D44001", "FF 00 00 00 [3 bytes withheld]"],
    ["SELECT", "00A4040C02 3F00", "00 A4 04 0C 02 3F 00"],
    ["GET DATA from the reader", "FFCA000000", "FF CA 00 00 00"],
    ["SELECT of more than a name", "00A4040011A0000000030800001000010000000001FF", "00 A4 04 00 [17 bytes withheld]"],
    ["SELECT in its odd form", "00A5040002 3F00", "00 A5 04 00 [2 bytes withheld]"],
    ["SELECT with another P1", "00A4100004 31323334", "00 A4 10 00 [4 bytes withheld]"],
    ["OATH's CALCULATE ALL", "00A400010A7408 3132333435363738", "00 A4 00 01 [10 bytes withheld]"],
    ["READ BINARY with data", "00B0000004 31323334", "00 B0 00 00 [4 bytes withheld]"],
    ["GET DATA by a tag list", "00CB3FFF055C035FC105", "00 CB 3F FF 05 5C 03 5F C1 05"],
    ["GET DATA with more than a tag list", "00CB3FFF075C035FC1053132", "00 CB 3F FF [7 bytes withheld]"],
    ["an invalid tag list", "00CB3FFF045C021F8A", "00 CB 3F FF [4 bytes withheld]"],
    ["an offset", "00B12F00045402012C", "00 B1 2F 00 04 54 02 01 2C"],
    ["more than an offset", "00B12F0007540531323334FF", "00 B1 2F 00 [7 bytes withheld]"],
    ["GSM's SELECT", "A0A40000026F20", "A0 A4 00 00 02 6F 20"],
    ["an unknown instruction", "8050000004 31323334", "80 50 00 00 [4 bytes withheld]"],
    ["a reserved class", "20A4000002 3F00", "20 A4 00 00 [2 bytes withheld]"],
    ["a chained SELECT", "10A4040002 3F00", "10 A4 04 00 [2 bytes withheld]"],
    ["PWD_AUTH of a tag", "1BC0FFEE5E", "1B [4 bytes withheld]"],
    ["WRITE of a tag", "A22BC0FFEE5E", "A2 [5 bytes withheld]"],
    ["WRITE of a tag that could be a command", "A22BC0FF01EE", "A2 [5 bytes withheld]"],
    ["PWD_AUTH with its CRC_A", "1BC0FFEE00AABB", "1B [6 bytes withheld]"],
    ["another that could be a command with data", "1BC0FFEE02AABB", "1B [6 bytes withheld]"],
    ["WRITE with its CRC_A", "A22BC0FF03EEAABB", "A2 [7 bytes withheld]"],
    ["another that could be a command with Le", "A22BC0FF02EEAABB", "A2 [7 bytes withheld]"],
    ["an authentication frame that could be a command", "6004C0FF07EEC0FF01020304", "60 [11 bytes withheld]"],
    ["with key B and CRC_A", "6104C0FF09EEC0FF01020304AABB", "61 [13 bytes withheld]"],
    ["an authentication frame of a tag", "6004A0A1A2A3A4A511223344", "60 [11 bytes withheld]"],
    ["a short frame", "1B3132", "1B [2 bytes withheld]"],
    ["a PIN that a blank cut off", "31323334", "31 [3 bytes withheld]"],
    ["a longer one", "3132333435", "31 [4 bytes withheld]"],
    ["Le of an unknown instruction", "8051000010", "80 51 00 00 10"],
    ["Le, or a PIN", "0020008131", "00 20 00 81 [1 byte withheld]"],
    ["a PIN in place of P1 and P2", "0020 31323334", "00 20 [4 bytes withheld]"],
    ["a longer one in their place", "0124 1234567890", "01 24 [5 bytes withheld]"],
    ["authentication with a key of the reader", "FF860000050100046000", "FF 86 00 00 05 01 00 04 60 00"],
    ["anything else in its place", "FF860000053132333435", "FF 86 00 00 [5 bytes withheld]"],
    ["no instruction", "00", "00"],
    ["nothing", "", ""],
  ])("%s", (_, hex, text) => {
    expect(describeCommandBytes(hexBytes(hex.replaceAll(" ", "")))).toBe(text);
  });

  test("property: two commands with the same header and lengths look the same with any PIN", () => {
    const pins = fc.integer({ min: 0, max: 300 }).chain((length) => {
      const pin = fc.uint8Array({ minLength: length, maxLength: length });
      return fc.tuple(pin, pin);
    });
    const header = fc.tuple(fc.nat(255), fc.constantFrom(...pinInstructions), fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(header, pins, fc.option(fc.nat(255), { nil: undefined }), ([cla, ins, p1, p2], [one, two], le) => {
        const command = (data: Uint8Array): Uint8Array =>
          encodeCommand({ cla, ins, p1, p2, data, le: le === undefined ? undefined : le + 1 });
        expect(describeCommandBytes(command(one))).toBe(describeCommandBytes(command(two)));
      }),
    );
  });

  test("property: no part of a PIN is in the text, even of a malformed command", () => {
    // Digits D0 to DF are in no header and in no count, so that any of them in the text must come from the PIN.
    const pin = fc.uint8Array({ min: 0xd0, max: 0xdf, minLength: 1, maxLength: 40 });
    const header = fc.tuple(fc.nat(3), fc.constantFrom(0x20, 0x21, 0x24, 0x26, 0x28, 0x2c), fc.nat(3), fc.nat(0x7f));
    fc.assert(
      fc.property(header, fc.uint8Array({ max: 0x7f, maxLength: 3 }), pin, (start, lengths, secret) => {
        const text = describeCommandBytes(concatBytes(Uint8Array.from(start), lengths, secret));
        expect(text).not.toMatch(/D[0-9A-F]/);
        expect(text.startsWith(encodeHex(Uint8Array.from(start), " "))).toBe(true);
      }),
    );
  });

  test("property: any bytes can be described", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const text = describeCommandBytes(bytes);
        const command = decodeCommand(bytes);
        const withheldBytes = command.ok && !disclosureOf(command.value).command ? command.value.data.length : 0;
        if (withheldBytes > 0 || (!command.ok && bytes.length > 4)) expect(text).toContain("withheld");
        if (command.ok && disclosureOf(command.value).command) expect(text).toBe(encodeHex(bytes, " "));
      }),
    );
  });
});

describe("describeCommand", () => {
  test.each([
    ["00A4040C023F00", "SELECT (00 A4 04 0C), channel 0, Lc 2, data 3F 00"],
    ["00B0000000", "READ BINARY (00 B0 00 00), channel 0, Le 256"],
    ["1CDA0101023132", "PUT DATA (1C DA 01 01), channel 0, chained, secure messaging with authenticated header"],
    ["63B00000000000", "READ BINARY (63 B0 00 00), channel 7, secure messaging, Le 65536, extended length fields"],
    ["80500000", "unknown instruction (80 50 00 00), proprietary class"],
    ["20A40000", "unknown instruction (class 20), [3 bytes withheld]"],
    ["20A4000002 3F00", "SELECT (20 A4 00 00), reserved class, Lc 2, data [2 bytes withheld]"],
    ["1BC0FFEE5E", "unknown instruction (class 1B), [4 bytes withheld]"],
    ["0020000104 31323334 35", "VERIFY (00 20 00 01), channel 0, Lc 4, data [4 bytes withheld], Le withheld"],
    ["0020000104 31323334 00", "VERIFY (00 20 00 01), channel 0, Lc 4, data [4 bytes withheld], Le 256"],
    ["0020000131", "VERIFY (00 20 00 01), channel 0, Le withheld"],
    ["FF82000006A0A1A2A3A4A5", "LOAD KEYS (FF 82 00 00), to the reader, Lc 6, data [6 bytes withheld]"],
    ["002000810431323334", "VERIFY (00 20 00 81), channel 0, Lc 4, data [4 bytes withheld]"],
    ["00200081", "VERIFY (00 20 00 81), channel 0"],
  ])("%s", (hex, text) => {
    expect(describeHex(hex.replaceAll(" ", "")).text.startsWith(text)).toBe(true);
  });

  test("gives its parts, for programs", () => {
    expect(describeHex("0184000008")).toEqual({
      case: "2S",
      instruction: "GET CHALLENGE",
      class: { kind: "interindustry", channel: 1, chaining: false, secureMessaging: "none" },
      lc: 0,
      le: 8,
      data: "",
      text: "GET CHALLENGE (01 84 00 00), channel 1, Le 8",
    });
  });

  test("property: nothing in the description depends on the bytes of a PIN", () => {
    fc.assert(
      fc.property(
        fc.nat(255),
        fc.constantFrom(...pinInstructions),
        fc.uint8Array({ maxLength: 300 }),
        (cla, ins, pin) => {
          const command = { cla, ins, p1: 0, p2: 1, le: undefined, extended: false };
          const blank = describeCommand({ ...command, data: new Uint8Array(pin.length) });
          expect(describeCommand({ ...command, data: pin })).toEqual(blank);
        },
      ),
    );
  });
});

describe("describeResponseBytes", () => {
  const secretAnswer = "C0FFEE5EC0FFEE5E9000";
  test.each([
    ["SELECT", "00A4040007A0000003080000", "6F0084009000", "6F 00 84 00 90 00"],
    ["READ BINARY", "00B0000000", "48656C6C6F9000", "48 65 6C 6C 6F 90 00"],
    ["GET CHALLENGE", "0084000008", "01020304050607089000", "01 02 03 04 05 06 07 08 90 00"],
    ["GET RESPONSE, of what is not known", "00C0000008", secretAnswer, "[8 bytes withheld] 90 00"],
    ["PSO DECIPHER", "002A80860300010200", secretAnswer, "[8 bytes withheld] 90 00"],
    ["INTERNAL AUTHENTICATE", "0088000004AABBCCDD00", secretAnswer, "[8 bytes withheld] 90 00"],
    ["GENERAL AUTHENTICATE", "0087039B047C02810000", secretAnswer, "[8 bytes withheld] 90 00"],
    ["RUN GSM ALGORITHM", "A088000010000102030405060708090A0B0C0D0E0F", secretAnswer, "[8 bytes withheld] 90 00"],
    ["the printed information of PIV", "00CB3FFF055C035FC10900", secretAnswer, "[8 bytes withheld] 90 00"],
    ["the certificate of PIV", "00CB3FFF055C035FC10500", "53009000", "53 00 90 00"],
    ["a private use object of OpenPGP", "00CA010400", secretAnswer, "[8 bytes withheld] 90 00"],
    ["a sector trailer", "FFB0000710", `00000000${secretAnswer}`, "[12 bytes withheld] 90 00"],
    ["a page of a tag", "FFB0000304", "E11006009000", "E1 10 06 00 90 00"],
    ["OATH's codes, asked for with A4", "00A400000274 00", "7604C0FFEE5E9000", "[6 bytes withheld] 90 00"],
    ["an invalid command", "00A4", secretAnswer, "[8 bytes withheld] 90 00"],
    ["no data", "0020008104 31323334", "63C2", "63 C2"],
    ["an invalid response", "00A40000", "C0", "[1 byte withheld]"],
  ])("%s", (_, command, response, text) => {
    expect(describeResponseBytes(hexBytes(command.replaceAll(" ", "")), hexBytes(response))).toBe(text);
  });
});

describe("describeControlBytes", () => {
  const verifyDirect = 0x42330006;
  /** As the documentation of pcsc-lite fills it in for a YubiKey-like VERIFY with a PIN block of eight bytes. */
  const head = "00008204000804020109040000000000".slice(0, 30);

  test("PIN_VERIFY_STRUCTURE is told with the header of its command", () => {
    const input = hexBytes(`${head}0D000000${"0020008108"}${"31323334FFFFFFFF"}`);
    expect(describeControlBytes(verifyDirect, input)).toBe(
      "control 0x42330006 with PIN_VERIFY_STRUCTURE: 00 20 00 81 [8 bytes withheld]",
    );
  });

  test("PIN_MODIFY_STRUCTURE is told with the header of its command", () => {
    const input = hexBytes(`${"00".repeat(20)}09000000${"0024008104"}${"31323334"}`);
    expect(describeControlBytes(0x42330007, input)).toBe(
      "control 0x42330007 with PIN_MODIFY_STRUCTURE: 00 24 00 81 [4 bytes withheld]",
    );
  });

  test("one with a wrong length, or with a command of another kind, is withheld whole", () => {
    const wrong = hexBytes(`${head}0E000000${"0020008108"}${"31323334FFFFFFFF"}`);
    expect(describeControlBytes(verifyDirect, wrong)).toBe("control 0x42330006 with [32 bytes withheld]");
    const other = hexBytes(`${head}0D000000${"00D6008108"}${"31323334FFFFFFFF"}`);
    expect(describeControlBytes(verifyDirect, other)).toBe("control 0x42330006 with [32 bytes withheld]");
  });

  test("a code above 31 bits is not negative", () => {
    expect(describeControlBytes(0x80000001 | 0, new Uint8Array(0))).toBe("control 0x80000001 without input");
  });

  test("property: no byte of the input is told, but for the header in a PIN structure", () => {
    const filler = fc.uint8Array({ min: 0xd0, max: 0xdf, maxLength: 60 });
    fc.assert(
      fc.property(filler, fc.constantFrom(15, 20), (pin, size) => {
        const length = Uint8Array.of(pin.length + 5, 0, 0, 0);
        const command = Uint8Array.of(0x00, 0x20, 0x00, 0x01, pin.length, ...pin);
        const input = concatBytes(new Uint8Array(size).fill(0xd5), length, command);
        expect(describeControlBytes(0, input)).toMatch(
          /^control 0x00000000 with PIN_.*: 00 20 00 01 \[\d+ bytes? withheld\]$/,
        );
        expect(describeControlBytes(0, pin)).not.toMatch(/D[0-9A-F]/);
      }),
    );
  });
});
