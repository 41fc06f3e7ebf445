// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import type { Random } from "../../port/index.ts";
import { FileSystemCard } from "./file-system-card.ts";
import type { CardImageSource } from "./parse-card-image.ts";
import { parseCardImage } from "./parse-card-image.ts";

/** 01 02 03 … */
function counter(): Random {
  let next = 0;
  return { bytes: (length) => Uint8Array.from({ length }, () => ++next & 0xff) };
}

/**
 * 3F00
 *   2F00 transparent, sfi 30
 *   1000 DF A00001
 *     1001 transparent, sfi 1     1002 transparent, PIN 1     1003 transparent, never
 *     1100 DF A0000102
 *       1101 transparent
 *   2000 DF A0000103
 *     2001 linear-fixed, sfi 1    2002 linear-variable, sfi 2    2003 cyclic, sfi 3    2004 linear-fixed, PIN 1
 *   3000 transparent, 65,536 bytes, sfi 5
 */
const source: CardImageSource = {
  name: "test card",
  pins: [
    { reference: 1, value: { text: "1234" }, tries: 3 },
    { reference: 0x81, value: { text: "12345" }, padTo: 8, tries: 2 },
    { reference: 2, value: "0000", triesLeft: 0 },
  ],
  challengeBytes: 32,
  files: [
    { type: "transparent", id: "2F00", sfi: 30, content: "6100" },
    {
      type: "df",
      id: "1000",
      name: "A00001",
      label: "one",
      files: [
        { type: "transparent", id: "1001", sfi: 1, content: "00010203040506070809", access: { update: "always" } },
        { type: "transparent", id: "1002", content: "5EC2E7", access: { read: { pin: 1 }, update: { pin: 1 } } },
        { type: "transparent", id: "1003", sfi: 3, content: "DEAD", access: { read: "never" } },
        {
          type: "df",
          id: "1100",
          name: "A0000102",
          files: [{ type: "transparent", id: "1101", content: "1101" }],
        },
      ],
    },
    {
      type: "df",
      id: "2000",
      name: "A0000103",
      files: [
        {
          type: "linear-fixed",
          id: "2001",
          sfi: 1,
          records: ["0101", "0202", "0103"],
          maxRecords: 4,
          access: { update: "always" },
        },
        {
          type: "linear-variable",
          id: "2002",
          sfi: 2,
          records: ["01", "0202"],
          recordSize: 4,
          maxRecords: 3,
          access: { update: "always" },
        },
        { type: "cyclic", id: "2003", sfi: 3, recordSize: 1, maxRecords: 3, access: { update: "always" } },
        { type: "linear-fixed", id: "2004", sfi: 4, records: ["AA"], access: { read: { pin: 1 }, append: { pin: 1 } } },
      ],
    },
    { type: "transparent", id: "3000", sfi: 5, size: 65_536, content: "01", access: { update: "always" } },
  ],
};

function newCard(): FileSystemCard {
  const image = parseCardImage(source);
  if (!image.ok) throw new Error(JSON.stringify(image.error));
  const card = new FileSystemCard(image.value, counter());
  card.reset();
  return card;
}

/** A fresh card that has answered these commands, and its answer to the last. */
function session(...commands: readonly string[]): string {
  const card = newCard();
  let answer = "";
  for (const command of commands) answer = ask(card, command);
  return answer;
}

function ask(card: FileSystemCard, command: string): string {
  return encodeHex(card.process(hexBytes(command)));
}

const IN_ONE = "00A4040C03A00001";
const IN_THREE = "00A4040C04A0000103";
const PIN_ONE = "002000010431323334";

describe("class, instruction and length", () => {
  test.each([
    ["", "6700"],
    ["00A404", "6700"],
    ["00A4040C05A000", "6700"],
    ["80A4040C03A00001", "6E00"],
    ["FFCA000000", "6E00"],
    ["20A4040C03A00001", "6E00"],
    ["01A4040C03A00001", "6881"],
    ["40A4040C03A00001", "6881"],
    ["0CA4040C03A00001", "6882"],
    ["60A4040C03A00001", "6882"],
    ["0012000000", "6D00"],
  ])("%j: %s", (command, answer) => {
    expect(session(command)).toBe(answer);
  });
});

describe("SELECT, ISO/IEC 7816-4:2005, 7.1.1", () => {
  test.each([
    ["the master file, by no identifier", ["00A4000C"]],
    ["the master file, by its identifier", [IN_ONE, "00A4000C023F00"]],
    ["a child", ["00A4000C021000"]],
    ["the current DF itself", [IN_ONE, "00A4000C021000"]],
    ["the parent", [IN_ONE, "00A4000C021100", "00A4000C021000"]],
    ["a sibling", [IN_ONE, "00A4000C022000"]],
    ["a child DF", ["00A4010C021000"]],
    ["an EF under the current DF", [IN_ONE, "00A4020C021001"]],
    ["the parent, without an identifier", [IN_ONE, "00A4030C"]],
    ["a path from the master file", [IN_THREE, "00A4080C0410001001"]],
    ["the same with the master file in it, which is let pass", [IN_THREE, "00A4080C063F0010001001"]],
    ["a path from the current DF", [IN_ONE, "00A4090C0411001101"]],
    ["a DF name", ["00A4040C04A0000102"]],
    ["the beginning of a DF name", ["00A4040C01A0"]],
    ["an extended length", ["00A4040C000003A00001"]],
  ])("finds %s", (_name, commands) => {
    expect(session(...commands)).toBe("9000");
  });

  test.each([
    ["an unknown identifier", ["00A4000C021234"], "6A82"],
    ["a grandchild by its identifier alone", ["00A4000C021001"], "6A82"],
    ["an EF where a DF is asked for", ["00A4010C022F00"], "6A82"],
    ["a DF where an EF is asked for", ["00A4020C021000"], "6A82"],
    ["the parent of the master file", ["00A4030C"], "6A82"],
    ["a path through a file", ["00A4080C042F001001"], "6A82"],
    ["an unknown name", ["00A4040C02A1FF"], "6A82"],
    ["half an identifier", ["00A4000C013F"], "6A87"],
    ["an identifier and a half", ["00A4080C033F0010"], "6A87"],
    ["a name of no bytes", ["00A4040C"], "6A87"],
    ["a name of 17 bytes", [`00A4040C11${"A0".repeat(17)}`], "6A87"],
    ["the parent, by an identifier", [IN_ONE, "00A4030C023F00"], "6A87"],
    ["an invalid P1", ["00A4050C023F00"], "6A86"],
    ["an invalid P2", ["00A4001C023F00"], "6A86"],
    ["the next occurrence of an identifier", ["00A4000E023F00"], "6A86"],
  ])("refuses %s", (_name, commands, answer) => {
    expect(session(...commands)).toBe(answer);
  });

  test("occurrences of a partial name: first, next, next, none; last; previous", () => {
    const card = newCard();
    const names = ["00", "02", "02", "02", "01", "03", "03", "03"].map((p2) => {
      const answer = ask(card, `00A404${p2}01A000`);
      return answer.length === 4 ? answer : /84(03A00001|04A00001..)/.exec(answer)?.[1]?.slice(2);
    });
    expect(names).toEqual(["A00001", "A0000102", "A0000103", "6A82", "A0000103", "A0000102", "A00001", "6A82"]);
  });

  test("a SELECT that fails leaves the selection as it was", () => {
    expect(session(IN_ONE, "00A4000C021001", "00A4000C021234", "00B0000001")).toBe("009000");
  });

  test("selecting a DF leaves no current EF", () => {
    expect(session(IN_ONE, "00A4000C021001", IN_ONE, "00B0000001")).toBe("6986");
  });

  describe("control information, 5.3.3", () => {
    test.each([
      ["FCP of the master file", ["00A4000400"], "620A820138 83023F00 8A0105"],
      ["FCP of an application", ["00A4040403A0000100"], "620F820138 83021000 8403A00001 8A0105"],
      ["FCI of an application", ["00A4040003A0000100"], "6F14820138 83021000 8403A00001 8A0105 50036F6E65"],
      ["FMD of an application", ["00A4040803A0000100"], "640A 8403A00001 50036F6E65"],
      ["FMD of a file", [IN_ONE, "00A4020802100100"], "6400"],
      [
        "FCP of a transparent file: 10 bytes, short identifier 1; write, update and read always",
        [IN_ONE, "00A4020402100100"],
        "6218 8002000A 82020121 83021001 880108 8A0105 8C0407000000",
      ],
      [
        "FCP of one that PIN 1 guards",
        [IN_ONE, "00A4020402100200"],
        "6215 80020003 82020121 83021002 8A0105 8C0407111111",
      ],
      [
        "FCP of one that is never read",
        [IN_ONE, "00A4020402100300"],
        "6217 80020002 82020121 83021003 880118 8A0105 8C0303FFFF",
      ],
      [
        "FCP of a record file: at most 4 bytes, 2 records now; append, update, read",
        [IN_THREE, "00A4020402200200"],
        "6217 82050421000402 83022002 880110 8A0105 8C0407000000",
      ],
      [
        "FCP of a file of 65,536 bytes",
        ["00A4000402300000"],
        "6219 8003010000 82020121 83023000 880128 8A0105 8C0407000000",
      ],
    ])("%s", (_name, commands, expected) => {
      expect(session(...commands)).toBe(`${expected.replaceAll(" ", "")}9000`);
    });

    test("none without Le, and none where P2 asks for none", () => {
      expect(session("00A40400" + "03A00001")).toBe("9000");
      expect(session("00A4040C03A0000100")).toBe("9000");
    });

    test("an Le that is too small: 6Cxx tells the right one", () => {
      expect(session("00A4040403A0000105")).toBe("6C11");
      expect(session("00A4040403A0000111")).toMatch(/9000$/);
    });
  });
});

describe("READ BINARY, 7.2.3", () => {
  const one = [IN_ONE, "00A4000C021001"];
  test.each([
    ["all of it", [...one, "00B0000000"], "000102030405060708099000"],
    ["a part", [...one, "00B0000402"], "04059000"],
    ["exactly to the end", [...one, "00B0000802"], "08099000"],
    ["past the end", [...one, "00B0000803"], "08096282"],
    ["with extended Le", [...one, "00B00008000003"], "08096282"],
    ["all with extended Le", [...one, "00B0000800" + "0000"], "08099000"],
    ["by short identifier", [IN_ONE, "00B0810802"], "08099000"],
    ["after that, as the current file", [IN_ONE, "00B0810001", "00B0000101"], "019000"],
    ["an offset at the end", [...one, "00B0000A01"], "6B00"],
    ["a large offset", [...one, "00B07FFF01"], "6B00"],
    ["without Le", [...one, "00B00000"], "6700"],
    ["with data", [...one, "00B00000020000"], "6700"],
    ["with no current file", [IN_ONE, "00B0000001"], "6986"],
    ["an unknown short identifier", [IN_ONE, "00B0820001"], "6A82"],
    ["short identifier 31", [IN_ONE, "00B09F0001"], "6A86"],
    ["reserved bits beside a short identifier", [IN_ONE, "00B0A10001"], "6A86"],
    ["a file of records", [IN_THREE, "00B0810001"], "6981"],
    ["before its PIN", [IN_ONE, "00A4000C021002", "00B0000000"], "6982"],
    ["after its PIN", [PIN_ONE, IN_ONE, "00A4000C021002", "00B0000000"], "5EC2E79000"],
    ["one that never is", [PIN_ONE, IN_ONE, "00B0830000"], "6982"],
  ])("%s", (_name, commands, answer) => {
    expect(session(...commands)).toBe(answer);
  });

  test("a refused short identifier does not change the current file", () => {
    expect(session(...one, "00B0830000", "00B0000101")).toBe("019000");
  });

  test("65,536 bytes at once", () => {
    const answer = newCard().process(hexBytes("00B08500000000"));
    expect(answer).toHaveLength(65_538);
    expect([answer[0], answer[1], answer.at(-2), answer.at(-1)]).toEqual([1, 0, 0x90, 0x00]);
  });

  test.each([
    ["odd: an offset object in, a data object out", "00B10001035401080" + "0", "5302" + "08099000"],
    ["odd, by file identifier", "00B110010354010800", "530208099000"],
    ["odd, less than there is", "00B10001035401040" + "4", "530204059000"],
    ["odd, an offset past 15 bits", "00B10001045402FFFF00", "6B00"],
    ["odd, without an offset", "00B10001025300" + "00", "6A80"],
    ["odd, with nothing", "00B1000100", "6A80"],
    ["odd, without Le", "00B1000103540108", "6700"],
    ["odd, an unknown file", "00B112340354010000", "6A82"],
    ["odd, a DF", "00B111000354010000", "6A82"],
  ])("%s", (_name, command, answer) => {
    expect(session(IN_ONE, command)).toBe(answer);
  });

  test("odd, where the length field takes from Le", () => {
    for (const le of [129, 130, 131, 132]) {
      const answer = session(`00B1000503540100${le.toString(16)}`);
      expect(answer.length / 2 - 2).toBe(le === 130 ? 129 : le);
    }
  });
});

describe("UPDATE BINARY, 7.2.5", () => {
  test.each([
    ["in the middle", ["00D6810402AABB", "00B0000302"], "03AA9000"],
    ["to the end", ["00D6810802AABB", "00B0000802"], "AABB9000"],
    ["odd", ["00D700010754010453" + "02AABB", "00B0000402"], "AABB9000"],
  ])("%s", (_name, commands, answer) => {
    expect(session(IN_ONE, ...commands)).toBe(answer);
  });

  test.each([
    ["over the end", "00D6810902AABB", "6A84"],
    ["behind the end", "00D6810A01AA", "6B00"],
    ["without data", "00D68100", "6700"],
    ["never allowed", "00D6830001AA", "6982"],
    ["an unknown file", "00D6820001AA", "6A82"],
    ["odd, without data", "00D7000103540104", "6A80"],
    ["odd, without offset", "00D70001045302AABB", "6A80"],
    ["odd, over the end", "00D70001075401095302AABB", "6A84"],
  ])("%s", (_name, command, answer) => {
    expect(session(IN_ONE, command)).toBe(answer);
  });

  test("no byte is written where not all fit", () => {
    expect(session(IN_ONE, "00D6810902AABB", "00B0810901")).toBe("099000");
  });

  test("65,535 bytes at once; contents outlive a reset", () => {
    const card = newCard();
    expect(ask(card, `00D68501 00FFFF ${"5A".repeat(65_535)}`)).toBe("9000");
    card.reset();
    expect(ask(card, "00B085FF02")).toBe("5A5A9000");
    expect(ask(card, "00A4000C023000")).toBe("9000");
    expect(ask(card, "00B07FFF02")).toBe("5A5A9000");
  });
});

describe("READ RECORD, 7.3.3", () => {
  test.each([
    ["by number", ["00B2020C00"], "02029000"],
    ["less than the record", ["00B2020C01"], "029000"],
    ["more than the record", ["00B2020C03"], "02026282"],
    ["from a number to the last", ["00B2020D00"], "020201039000"],
    ["from the last to a number", ["00B2020E00"], "010302029000"],
    ["first, next, next", ["00B2000800", "00B2000200", "00B2000200"], "01039000"],
    ["next, with no record yet: the first", ["00B2000A00"], "01019000"],
    ["previous, with no record yet: the last", ["00B2000B00"], "01039000"],
    ["last, previous", ["00B2000900", "00B2000300"], "02029000"],
    ["the next with identifier 01", ["00B2010800", "00B2010200"], "01039000"],
    ["the current one", ["00B2000900", "00B2000400"], "01039000"],
    ["a number does not move the pointer", ["00B2000800", "00B2030400", "00B2000400"], "01019000"],
    ["behind the last", ["00B2000900", "00B2000200"], "6A83"],
    ["before the first", ["00B2000800", "00B2000300"], "6A83"],
    ["an unknown identifier", ["00B2070800"], "6A83"],
    ["an unknown number", ["00B2040C00"], "6A83"],
    ["the current one without a current record", ["00B2000C00"], "6A83"],
    ["an invalid P2", ["00B2010F00"], "6A86"],
    ["without Le", ["00B2010C"], "6700"],
    ["short identifier 31", ["00B201FC00"], "6A86"],
    ["no current file", ["00B2010400"], "6986"],
    ["an unknown file", ["00B2014C00"], "6A82"],
    ["before its PIN", ["00B2012400"], "6982"],
    ["after its PIN", [PIN_ONE, "00B2012400"], "AA9000"],
  ])("%s", (_name, commands, answer) => {
    expect(session(IN_THREE, ...commands)).toBe(answer);
  });

  test("a file without records", () => {
    expect(session(IN_ONE, "00B2010C00")).toBe("6981");
  });

  test("another file by its short identifier starts without a current record", () => {
    expect(session(IN_THREE, "00B2000800", "00B2011400", "00B2000400")).toBe("6A83");
  });

  test("selecting the file again forgets the record", () => {
    expect(session(IN_THREE, "00B2000900", "00A4000C022001", "00B2000400")).toBe("6A83");
  });
});

describe("UPDATE RECORD, 7.3.5", () => {
  test.each([
    ["by number", ["00DC020C02ABCD", "00B2020C00"], "ABCD9000"],
    ["the next one", ["00B2000800", "00DC000202ABCD", "00B2020C00"], "ABCD9000"],
    ["another length in a variable file", ["00DC011403ABCDEF", "00B2011400"], "ABCDEF9000"],
    ["the previous of a cyclic file is a new one", ["00DC001B0111", "00DC001B0122", "00B2011D00"], "22119000"],
    ["a record of a cyclic file by number", ["00E2001801AA", "00DC011C01BB", "00B2011D00"], "BB9000"],
    ["another length in a fixed file", ["00DC020C03ABCDEF"], "6700"],
    ["too long for a variable file", ["00DC011405ABCDEFABCD"], "6A84"],
    ["without data", ["00DC020C"], "6700"],
    ["an unknown number", ["00DC040C02ABCD"], "6A83"],
    ["an identifier", ["00DC010802ABCD"], "6A86"],
    ["an invalid P2", ["00DC010D02ABCD"], "6A86"],
    ["never allowed", ["00DC012401BB"], "6982"],
  ])("%s", (_name, commands, answer) => {
    expect(session(IN_THREE, ...commands)).toBe(answer);
  });
});

describe("APPEND RECORD, 7.3.6", () => {
  test.each([
    ["to a fixed file", ["00E2000802ABCD", "00B2040C00"], "ABCD9000"],
    ["to a variable file", ["00E2001001EE", "00B2031400"], "EE9000"],
    ["it is the current record", ["00E2000802ABCD", "00B2000400"], "ABCD9000"],
    ["to a full file", ["00E2000802ABCD", "00E2000802ABCD"], "6A84"],
    ["of the wrong length", ["00E2000801AB"], "6700"],
    ["without data", ["00E20008"], "6700"],
    ["with a P1", ["00E2010802ABCD"], "6A86"],
    ["with an invalid P2", ["00E2000C02ABCD"], "6A86"],
    ["before its PIN", ["00E2002001BB"], "6982"],
    ["after its PIN, to a full file", [PIN_ONE, "00E2002001BB"], "6A84"],
  ])("%s", (_name, commands, answer) => {
    expect(session(IN_THREE, ...commands)).toBe(answer);
  });

  test("a cyclic file: the newest is number 1, and the fourth pushes the first out", () => {
    const appended = ["11", "22", "33", "44"].map((record) => `00E2001801${record}`);
    expect(session(IN_THREE, ...appended, "00B2011D00")).toBe("4433229000");
  });
});

describe("VERIFY, 7.5.6", () => {
  const wrong = "002000010439393939";
  test.each([
    ["right", [PIN_ONE], "9000"],
    ["wrong", [wrong], "63C2"],
    ["wrong twice", [wrong, wrong], "63C1"],
    ["wrong thrice", [wrong, wrong, wrong], "63C0"],
    ["blocked, even if right", [wrong, wrong, wrong, PIN_ONE], "6983"],
    ["right sets the counter back", [wrong, wrong, PIN_ONE, "00200001", wrong], "63C2"],
    ["too short", ["0020000103313233"], "63C2"],
    ["too long", ["00200001053132333430"], "63C2"],
    ["query before", ["00200001"], "63C3"],
    ["query after", [PIN_ONE, "00200001"], "9000"],
    ["query with Le, as T=0 sends it", ["0020000100"], "63C3"],
    ["query of a blocked one", ["00200002"], "6983"],
    ["blocked from the start", ["00200002020000"], "6983"],
    ["wrong takes the verification back", [PIN_ONE, wrong, IN_ONE, "00A4000C021002", "00B0000000"], "6982"],
    ["another PIN opens nothing", ["00200081083132333435FFFFFF", IN_ONE, "00A4000C021002", "00B0000000"], "6982"],
    ["padded", ["00200081083132333435FFFFFF"], "9000"],
    ["not padded: wrong length, and no try lost", ["00200081053132333435", "00200081"], "63C2"],
    ["taken back", [PIN_ONE, "0020FF01", "00200001"], "63C3"],
    ["taken back, with data", [PIN_ONE, "0020FF010431323334"], "6A87"],
    ["unknown reference", ["002000030431323334"], "6A88"],
    ["an invalid P1", ["002001010431323334"], "6A86"],
  ])("%s", (_name, commands, answer) => {
    expect(session(...commands)).toBe(answer);
  });

  test("not padded: 6700", () => {
    expect(session("00200081053132333435")).toBe("6700");
  });

  test("a reset takes the verification back, and keeps the counter", () => {
    const card = newCard();
    ask(card, wrong);
    ask(card, "00200081083132333435FFFFFF");
    card.reset();
    expect(ask(card, "00200081")).toBe("63C2");
    expect(ask(card, "00200001")).toBe("63C2");
    ask(card, PIN_ONE);
    card.powerOff();
    card.reset();
    expect(ask(card, "00200001")).toBe("63C3");
  });

  test("a reset goes back to the master file", () => {
    const card = newCard();
    ask(card, IN_ONE);
    ask(card, "00A4000C021001");
    card.reset();
    expect(ask(card, "00B0000001")).toBe("6986");
    expect(ask(card, "00A4000C021001")).toBe("6A82");
  });
});

describe("GET CHALLENGE, 7.5.3", () => {
  test.each([
    ["as many bytes as asked for", "0084000004", "010203049000"],
    ["other parameters", "0084000104", "6A86"],
    ["without Le", "00840000", "6700"],
    ["with data", "0084000001AA04", "6700"],
    ["more than the card gives", "0084000021", "6700"],
  ])("%s", (_name, command, answer) => {
    expect(session(command)).toBe(answer);
  });

  test("Le of zeros: as many as the card gives", () => {
    expect(newCard().process(hexBytes("0084000000"))).toHaveLength(34);
    expect(newCard().process(hexBytes("00840000000000"))).toHaveLength(34);
  });
});

test("the image can serve many cards: none writes into it", () => {
  const image = parseCardImage(source);
  if (!image.ok) throw new Error("the source is a good one");
  const first = new FileSystemCard(image.value, counter());
  const second = new FileSystemCard(image.value, counter());
  ask(first, IN_ONE);
  ask(first, "00D6810001FF");
  ask(first, "002000010439393939");
  ask(second, IN_ONE);
  expect(ask(second, "00B0810001")).toBe("009000");
  expect(ask(second, "00200001")).toBe("63C3");
});

test("property: any bytes are answered with 2 to 65,538 bytes", () => {
  const header = fc.tuple(
    fc.constantFrom(0x00, 0x00, 0x00, 0x0c, 0x80),
    fc.constantFrom(0x20, 0x84, 0xa4, 0xb0, 0xb1, 0xb2, 0xd6, 0xd7, 0xdc, 0xe2, 0x00),
    fc.constantFrom(0x00, 0x01, 0x02, 0x04, 0x81, 0x83, 0x85, 0xff),
    fc.oneof(fc.constantFrom(0x00, 0x04, 0x0c, 0x0d, 0x18, 0x81), fc.nat(255)),
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.constantFrom(
      hexBytes("03A00001"),
      hexBytes("022001"),
      hexBytes("00"),
      hexBytes("000000"),
      hexBytes("0354010000"),
    ),
  );
  const command = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(header, body).map(([start, end]) => Uint8Array.from([...start, ...end])),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 20 }), (commands) => {
      const card = newCard();
      for (const bytesOfCommand of commands) {
        const answer = card.process(bytesOfCommand);
        expect(answer.length).toBeGreaterThanOrEqual(2);
        expect(answer.length).toBeLessThanOrEqual(65_538);
        expect([0x61, 0x62, 0x63, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x90]).toContain(answer.at(-2));
      }
    }),
    { numRuns: 200 },
  );
});
