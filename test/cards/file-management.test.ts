// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { CardImageSource } from "../../src/entry/cards.ts";
import { apdu, Session, tlv } from "./session.ts";

/**
 * 3F00, where creating and deleting need PIN 1
 *   1000 DF A00001, where creating is always allowed
 *     1001 transparent, sfi 1, open; PIN 1 deletes it
 *     1002 record file with access rules: an EF.ARR
 *   1100 DF, where nothing is allowed
 *     1101 transparent
 */
const source: CardImageSource = {
  name: "grows",
  pins: [
    { reference: 1, value: { text: "1234" } },
    { reference: 0x81, value: { text: "5678" } },
  ],
  access: { createEf: { pin: 1 }, createDf: { pin: 1 }, deleteChild: { pin: 1 }, terminate: { pin: 0x81 } },
  files: [
    {
      type: "df",
      id: "1000",
      name: "A00001",
      access: { createEf: "always", createDf: "always", delete: { pin: 1 } },
      files: [
        {
          type: "transparent",
          id: "1001",
          sfi: 1,
          content: "00010203",
          access: {
            update: "always",
            delete: { pin: 1 },
            deactivate: "always",
            activate: { pin: 1 },
            terminate: "always",
          },
        },
        {
          type: "linear-variable",
          id: "1002",
          // 1: read always, update after PIN 1. 2: read after PIN 1 or PIN 81.
          records: ["800101 9000 800102 A406 830101 950108", "800101 A010 A406 830101 950108 A406 830181 950108"],
          maxRecords: 4,
          access: { update: { pin: 1 } },
        },
      ],
    },
    { type: "df", id: "1100", files: [{ type: "transparent", id: "1101", content: "11" }] },
  ],
};

const PIN_ONE = "002000010431323334";
const IN_ONE = "00A4040C03A00001";

/** CREATE FILE of a transparent file of four bytes, with further objects. */
function create(id: string, ...more: readonly string[]): string {
  return apdu("00E00000", tlv("62", tlv("80", "0004"), tlv("82", "01"), tlv("83", id), ...more));
}

function createDf(id: string, ...more: readonly string[]): string {
  return apdu("00E00000", tlv("62", tlv("82", "38"), tlv("83", id), ...more));
}

describe("CREATE FILE, ISO/IEC 7816-9:2000, 6.1", () => {
  test("a transparent file; it is the current one, and full of zeros", () => {
    const session = new Session(source);
    session.done(IN_ONE, create("2001", tlv("88", "28")));
    expect(session.ask("00B0000000")).toBe("000000009000");
    session.done("00D6000102ABCD");
    session.done(IN_ONE);
    expect(session.ask("00B0850000")).toBe("00ABCD009000");
  });

  test("its FCP tells what it was created with", () => {
    const session = new Session(source);
    const parameters = [tlv("8A", "05"), tlv("8C", "7B 11 00 11 00 11 00")];
    session.done(IN_ONE, create("2001", tlv("88", "28"), ...parameters));
    expect(session.ask("00A4020402200100")).toBe(
      `${tlv("62", "80020004 82020121 83022001 880128", ...parameters)}9000`,
    );
  });

  test("a template 6F, a size under 81 and a shareable file do as well, as OpenSC has them", () => {
    const session = new Session(source);
    session.done(IN_ONE, apdu("00E00000", tlv("6F", "8102000A", "820141", "83022001", "8500", "A500")));
    expect(session.ask("00B0000000")).toBe(`${"00".repeat(10)}9000`);
  });

  test.each([
    ["linear fixed", "8205 0221 0003 02", "82050221000300", ["AABBCC", "DDEEFF"], "AABBCCDDEEFF"],
    ["linear variable", "8205 0421 0003 02", "82050421000300", ["AA", "DDEE"], "AADDEE"],
    ["cyclic", "8206 0621 0003 0002", "82050621000300", ["AABBCC", "DDEEFF", "010203"], "010203DDEEFF"],
    ["number of records from the size", "8003000006 8203 0221 03", "82050221000300", ["AABBCC"], "AABBCC"],
  ])("records: %s", (_name, parameters, descriptor, records, content) => {
    const session = new Session(source);
    session.done(IN_ONE, apdu("00E00000", tlv("62", parameters, "83022001")));
    expect(session.ask("00A4020402200100")).toContain(descriptor);
    for (const record of records) session.done(apdu("00E20000", record));
    if (!descriptor.startsWith("820506")) {
      session.asks(apdu("00E20000", records[0]), apdu("00E20000", records[0]));
      expect(session.ask(apdu("00E20000", records[0]))).toBe("6A84");
      expect(session.ask("00B2010500")).toContain(content);
    } else {
      expect(session.ask("00B2010500")).toBe(`${content}9000`);
    }
  });

  test("a directory with a name; it is the current one", () => {
    const session = new Session(source);
    session.done(IN_ONE, createDf("2000", tlv("84", "A000000099")), create("2001"));
    session.done("00A4000C", "00A4040C05A000000099");
    expect(session.ask("00A4020C022001")).toBe("9000");
    expect(session.ask("00A4080C0410002000")).toBe("9000");
  });

  test("without access rules, all of it is for those who may create there", () => {
    const session = new Session(source);
    session.done(PIN_ONE, createDf("2000"), create("2001"), "00D6000001AA", "0020FF01");
    expect(session.ask("00B0000001")).toBe("6982");
    expect(session.ask("00D6000001AA")).toBe("6982");
    expect(session.ask("00E40000")).toBe("6982");
    session.done(PIN_ONE, "00B0000001", "00E40000", create("2002"));
  });

  test.each([
    ["before the PIN", [create("2001")], "6982"],
    ["where it is never allowed", [PIN_ONE, "00A4000C021100", create("2001")], "6982"],
    ["an identifier that a sibling has", [IN_ONE, create("1001")], "6A89"],
    ["the identifier of the directory", [IN_ONE, create("1000")], "6A89"],
    ["a short identifier that a sibling has", [IN_ONE, create("2001", tlv("88", "08"))], "6A89"],
    ["a name that another DF has", [IN_ONE, createDf("2001", tlv("84", "A00001"))], "6A8A"],
    ["a reserved identifier", [IN_ONE, create("3FFF")], "6A80"],
    ["no identifier", [IN_ONE, apdu("00E00000", "6207 80020004 820101")], "6A80"],
    ["no descriptor", [IN_ONE, apdu("00E00000", "6208 80020004 83022001")], "6A80"],
    ["no size", [IN_ONE, apdu("00E00000", "6207 820101 83022001")], "6A80"],
    ["no bytes", [IN_ONE, apdu("00E00000", "620B 80020000 820101 83022001")], "6A80"],
    ["too many bytes", [IN_ONE, apdu("00E00000", "620C 8003010001 820101 83022001")], "6A84"],
    ["no records", [IN_ONE, apdu("00E00000", tlv("62", "8204022103", "00", "83022001"))], "6A80"],
    ["too many records", [IN_ONE, apdu("00E00000", tlv("62", "820502210003FF", "83022001"))], "6A84"],
    ["a DF with a short identifier", [IN_ONE, createDf("2001", tlv("88", "28"))], "6A80"],
    ["an EF with a name", [IN_ONE, create("2001", tlv("84", "A0"))], "6A80"],
    ["a kind of file that there is not", [IN_ONE, apdu("00E00000", "620B 80020004 820139 83022001")], "6A81"],
    ["rules that it does not know", [IN_ONE, create("2001", tlv("86", "00"))], "6A80"],
    ["rules with secure messaging", [IN_ONE, create("2001", tlv("8C", "01 50"))], "6A80"],
    ["rules in two formats", [IN_ONE, create("2001", tlv("8C", "0100"), tlv("AB", "800101 9000"))], "6A80"],
    ["rules that end too early", [IN_ONE, create("2001", tlv("8C", "0300"))], "6A80"],
    ["a PIN that is not there", [IN_ONE, create("2001", tlv("8C", "0112"))], "6A88"],
    ["a key that is not there", [IN_ONE, create("2001", tlv("8C", "0121"))], "6A88"],
    ["something twice", [IN_ONE, create("2001", tlv("83", "2002"))], "6A80"],
    ["two templates", [IN_ONE, apdu("00E00000", "620782013883022001 6200")], "6A80"],
    ["a file that is terminated", [IN_ONE, create("2001", tlv("8A", "0C"))], "6A80"],
    ["malformed BER-TLV", [IN_ONE, apdu("00E00000", "62FF")], "6A80"],
    ["no data", [IN_ONE, "00E00000"], "6700"],
    ["other parameters", [IN_ONE, apdu("00E00100", "6200")], "6A86"],
  ])("refuses %s", (_name, commands, answer) => {
    const session = new Session(source);
    const before = JSON.stringify(session.card.toImage());
    expect(session.asks(...commands)).toBe(answer);
    expect(JSON.stringify(session.card.toImage())).toBe(before);
  });

  test("directories nest eight deep, and a directory holds 256 files", () => {
    const session = new Session(source);
    session.done(IN_ONE);
    for (let depth = 2; depth <= 8; depth++) session.done(createDf(`200${depth}`));
    expect(session.ask(createDf("2009"))).toBe("6A84");
    for (let index = 0; index < 256; index++) {
      session.done(create((0x3000 + index).toString(16), tlv("8C", "00")));
    }
    expect(session.ask(create("4000"))).toBe("6A84");
  });

  test("a card holds 4 MiB, and takes a new file when one was deleted", () => {
    const session = new Session(source);
    const large = (id: number): string =>
      apdu("00E00000", tlv("62", "8003010000", "820101", tlv("83", (0x3000 + id).toString(16))));
    session.done(IN_ONE);
    for (let index = 0; index < 63; index++) session.done(large(index));
    expect(session.ask(large(63))).toBe("6A84");
    session.done("00E40200023000", large(63));
  });

  test("what is created with access rules keeps to them", () => {
    const session = new Session(source);
    session.done(IN_ONE, create("2001", tlv("8C", "03 11 00")));
    expect(session.ask("00B0000001")).toBe("009000");
    expect(session.ask("00D6000001AA")).toBe("6982");
    session.done(PIN_ONE, "00D6000001AA");
    expect(session.ask("00E40000")).toBe("6982");
  });

  test("a file in creation state is open until it is activated", () => {
    const session = new Session(source);
    session.done(IN_ONE, create("2001", tlv("8A", "01"), tlv("8C", "03 FF 00")), "00D6000004CAFEBABE", "00440000");
    expect(session.ask("00D600000100")).toBe("6982");
    expect(session.ask("00B0000000")).toBe("CAFEBABE9000");
  });
});

describe("access rules in an EF.ARR, ISO/IEC 7816-4:2005, 5.4.3.3", () => {
  const byRule = (record: string): string => create("2001", tlv("8B", `1002${record}`));

  test("are those of the record, as it is now", () => {
    const session = new Session(source);
    session.done(IN_ONE, byRule("01"), "00B0000001");
    expect(session.ask("00D6000001AA")).toBe("6982");
    expect(session.ask("00A4020402200100")).toContain("8B03100201");
    session.done(PIN_ONE, "00D6000001AA");
    session.done("00A4020C021002", apdu("00DC0104", "800103 9000"), "00A4020C022001", "0020FF01", "00D6000001AA");
  });

  test("alternatives: either PIN", () => {
    const session = new Session(source);
    session.done(IN_ONE, byRule("02"));
    expect(session.ask("00B0000001")).toBe("6982");
    session.done("002000810435363738", "00B0000001");
  });

  test.each([
    ["the record is not there", "03"],
    ["nor would be its file", "01"],
  ])("nothing is allowed where %s", (_name, record) => {
    const session = new Session(source);
    session.done(IN_ONE, create("2001", tlv("8B", `${record === "01" ? "1009" : "1002"}${record}`)));
    expect(session.asks(PIN_ONE, "00B0000001")).toBe("6982");
    expect(session.ask("00D6000001AA")).toBe("6982");
  });

  test("nothing is allowed where the record is malformed", () => {
    const session = new Session(source);
    session.done(IN_ONE, byRule("01"), PIN_ONE, "00A4020C021002", apdu("00DC0104", "800101"));
    // An access mode without a condition: never.
    expect(session.asks("00A4020C022001", "00B0000001")).toBe("6982");
    session.done("00A4020C021002", apdu("00DC0104", "9000"));
    expect(session.asks("00A4020C022001", "00B0000001")).toBe("6982");
  });

  test("it is found further up as well", () => {
    const session = new Session(source);
    session.done(IN_ONE, createDf("2000"), byRule("01"), "00B0000001");
    expect(session.ask("00D6000001AA")).toBe("6982");
  });
});

describe("expanded access rules, ISO/IEC 7816-4:2005, 5.4.3.2", () => {
  test("tell what the compact format cannot: which PIN, and all of several", () => {
    const both = "AF10 A406830101950108 A406830181950108";
    const rules = tlv("AB", "800102", both, "800101 9000").replaceAll(" ", "");
    const session = new Session(source);
    session.done(IN_ONE, create("2001", rules));
    expect(session.ask("00A4020402200100")).toContain(rules);
    expect(session.asks(PIN_ONE, "00D6000001AA")).toBe("6982");
    session.done("002000810435363738", "00D6000001AA");
  });

  test("are left out where Le has no room for them", () => {
    const session = new Session(source);
    session.done(IN_ONE, create("2001", tlv("AB", "800101 A406830181950108")));
    expect(session.ask("00A4020402200110")).toBe("6C11");
    expect(session.ask("00A4020402200111")).toBe("620F80020004820201218302200 18A01059000".replaceAll(" ", ""));
  });
});

describe("DELETE FILE, ISO/IEC 7816-9:2000, 6.2", () => {
  test("an EF, by its identifier; then it is not there, and there is no current one", () => {
    const session = new Session(source);
    session.done(PIN_ONE, IN_ONE, "00B0810001", "00E40200021001");
    expect(session.ask("00B0000001")).toBe("6986");
    expect(session.ask("00A4020C021001")).toBe("6A82");
    expect(session.ask("00A4020C021002")).toBe("9000");
  });

  test("the current DF with all that is in it; the parent is the current DF then", () => {
    const session = new Session(source);
    session.done(PIN_ONE, IN_ONE, "00E40000");
    expect(session.ask(IN_ONE)).toBe("6A82");
    expect(session.ask("00A4020C021001")).toBe("6A82");
    session.done("00A4010C021100");
  });

  test("the directory's rules do where the file's own do not", () => {
    const session = new Session(source);
    session.done(PIN_ONE, "00E40100021100");
    expect(session.ask("00A4010C021100")).toBe("6A82");
  });

  test("other channels leave what is deleted", () => {
    const session = new Session(source);
    session.done("0070000100", "0070000200", "01A4040C03A00001", "02A4040C03A00001", "02A4020C021001");
    session.done(PIN_ONE, "00E40800021000");
    expect(session.ask("01A4020C021001")).toBe("6A82");
    expect(session.ask("02B0000001")).toBe("6986");
    expect(session.ask("01A4010C021100")).toBe("9000");
  });

  test.each([
    ["before the PIN", [IN_ONE, "00E40200021001"], "6982"],
    ["what is not there", [PIN_ONE, IN_ONE, "00E40200022001"], "6A82"],
    ["the master file", [PIN_ONE, "00E40000"], "6985"],
    ["what can never be deleted", [PIN_ONE, "00A4000C021100", "00E40200021101"], "6982"],
    ["by nothing where something is asked for", [PIN_ONE, IN_ONE, "00E40200"], "6A87"],
    ["with other parameters", [PIN_ONE, "00E40001"], "6A86"],
  ])("refuses %s", (_name, commands, answer) => {
    const session = new Session(source);
    const before = JSON.stringify(session.card.toImage());
    expect(session.asks(...commands)).toBe(answer);
    expect(JSON.stringify(session.card.toImage())).toBe(before);
  });
});

describe("DEACTIVATE and ACTIVATE FILE, ISO/IEC 7816-9:2000, 6.3 and 6.4", () => {
  const deactivated = [IN_ONE, "00A4020C021001", "00040000"];

  test("a deactivated file is selected with a warning, and can neither be read nor written", () => {
    const session = new Session(source);
    session.done(...deactivated);
    expect(session.ask("00A4020402100100")).toMatch(/8A0104.*6283$/);
    expect(session.ask("00B0000001")).toBe("6985");
    expect(session.ask("00B0810001")).toBe("6985");
    expect(session.ask("00D6000001AA")).toBe("6985");
    expect(session.ask("00D0000001AA")).toBe("6985");
    expect(session.ask("000E0000")).toBe("6985");
  });

  test("activated again by whom its rules name, it is as it was", () => {
    const session = new Session(source);
    session.done(...deactivated);
    expect(session.ask("00440000")).toBe("6982");
    session.done(PIN_ONE, "00440200021001");
    expect(session.ask("00B0810000")).toBe("000102039000");
    expect(session.ask("00A4020402100100")).toMatch(/8A0105.*9000$/);
  });

  test("a deactivated DF takes all that is in it along", () => {
    const session = new Session({
      ...source,
      files: [
        {
          type: "df",
          id: "1000",
          lifeCycle: "deactivated",
          access: { activate: "always", createEf: "always" },
          objects: [{ tag: "5A", value: "01" }],
          files: [{ type: "transparent", id: "1001", content: "AA", access: { deactivate: "always" } }],
        },
      ],
    });
    expect(session.ask("00A4010C021000")).toBe("6283");
    expect(session.ask("00A4020C021001")).toBe("9000");
    expect(session.ask("00B0000001")).toBe("6985");
    expect(session.ask("00040000")).toBe("6985");
    expect(session.asks("00A4030C", "00A4010C021000", create("2001"))).toBe("6985");
    expect(session.ask("00CA005A00")).toBe("6985");
    session.done("00440000", "00A4020C021001", "00B0000001");
  });
});

describe("TERMINATE, ISO/IEC 7816-9:2000, 6.5 to 6.7", () => {
  test("an EF, for good: but it can be deleted", () => {
    const session = new Session(source);
    session.done(IN_ONE, "00A4020C021001", "00E80000");
    expect(session.ask("00A4020C021001")).toBe("6285");
    expect(session.ask("00B0000001")).toBe("6985");
    session.done(PIN_ONE);
    expect(session.ask("00440000")).toBe("6985");
    expect(session.ask("00040000")).toBe("6985");
    session.done("00E40000");
  });

  test("not the wrong kind of file, and not without leave", () => {
    const session = new Session(source);
    expect(session.asks(IN_ONE, "00E80000")).toBe("6981");
    expect(session.ask("00E60000")).toBe("6982");
    expect(session.ask("00FE0000")).toBe("6982");
  });

  test("card usage: nothing can be done with any file", () => {
    const session = new Session(source);
    session.done("002000810435363738", "00FE0000");
    session.card.reset();
    expect(session.ask("00A4000C")).toBe("6285");
    expect(session.asks(IN_ONE, "00B0810001")).toBe("6985");
    expect(session.asks(PIN_ONE, "00E40000")).toBe("6985");
  });
});
