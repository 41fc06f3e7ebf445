// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { CardImageSource } from "../../src/entry/cards.ts";
import { apdu, Session, tlv } from "./session.ts";

const source: CardImageSource = {
  name: "channels",
  pins: [
    { reference: 1, value: { text: "1234" } },
    { reference: 2, value: { text: "12345678" }, padTo: 8 },
  ],
  access: { putData: { pin: 1 } },
  objects: [
    { tag: "5A", value: "99 99", access: { update: "always" } },
    { tag: "5F20", value: { text: "A name" }, access: { read: { pin: 1 } } },
  ],
  files: [
    {
      type: "df",
      id: "1000",
      files: [
        { type: "transparent", id: "1001", sfi: 1, content: "AA", access: { read: { pin: 1 } } },
        { type: "transparent", id: "1002", sfi: 2, size: 600, access: { update: "always" } },
      ],
    },
    { type: "transparent", id: "2000", sfi: 3, content: "00 FF 0F", access: { update: "always" } },
    {
      type: "linear-variable",
      id: "3000",
      sfi: 4,
      records: [{ text: "one fish" }, { text: "two fish" }, { text: "red" }, { text: "blue fish" }],
      access: { update: "always", append: "always" },
    },
    { type: "cyclic", id: "4000", sfi: 5, recordSize: 1, maxRecords: 2, access: { append: "always" } },
    { type: "df", id: "5000", name: "A0" },
  ],
};

const PIN_ONE = "002000010431323334";

describe("logical channels, ISO/IEC 7816-4:2005, 5.1.1.2 and 7.1.2", () => {
  test("the card chooses a number, or the terminal does", () => {
    const session = new Session(source);
    expect(session.ask("0070000001")).toBe("019000");
    expect(session.ask("0070000001")).toBe("029000");
    session.done("0070001300");
    expect(session.ask("4FA4010C021000")).toBe("9000");
  });

  test("each has a file and a security status of its own", () => {
    const session = new Session(source);
    session.done("0070000100", "01A4010C021000", PIN_ONE, "00A4010C021000", "00B0810001");
    expect(session.ask("01B0810001")).toBe("6982");
    session.done("00A4000C", "01B0820001");
    expect(session.ask("00B0820001")).toBe("6A82");
  });

  test("one that is opened from another one begins as that", () => {
    const session = new Session(source);
    session.done("0070000100", "01A4010C021000", `01${PIN_ONE.slice(2)}`, "0170000200");
    session.done("02B0810001", "0070000300");
    expect(session.ask("03B0810001")).toBe("6A82");
  });

  test("a closed one is gone, and begins anew", () => {
    const session = new Session(source);
    session.done("0070000100", `01${PIN_ONE.slice(2)}`, "0070800100");
    expect(session.ask("01A4000C")).toBe("6881");
    session.done("0070000100");
    expect(session.ask("0120000100")).toBe("63C3");
    session.done("0170800000");
    expect(session.ask("01A4000C")).toBe("6881");
  });

  test("a reset closes all but the basic one", () => {
    const session = new Session(source);
    session.done("0070000100");
    session.card.reset();
    expect(session.ask("01A4000C")).toBe("6881");
    session.done("00A4000C");
  });

  test("there are twenty", () => {
    const session = new Session(source);
    for (let number = 1; number < 20; number++) {
      expect(session.ask("0070000001")).toBe(`${number.toString(16).padStart(2, "0").toUpperCase()}9000`);
    }
    expect(session.ask("0070000001")).toBe("6A81");
  });

  test.each([
    ["a channel that is open", ["0070000100", "0070000100"], "6A86"],
    ["channel 20", ["0070001400"], "6A86"],
    ["a number without a file", ["00700000"], "6700"],
    ["data", ["007000000100"], "6700"],
    ["another P1", ["0070400100"], "6A86"],
    ["closing the basic channel", ["0070800000"], "6A86"],
    ["closing what is not open: a warning", ["0070800100"], "6200"],
    ["a channel that is not open", ["01A4000C"], "6881"],
    ["secure messaging", ["0CA4000C"], "6882"],
  ])("%s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });
});

describe("command chaining, ISO/IEC 7816-4:2005, 5.1.1.1", () => {
  test("the data of all commands is carried out with the last", () => {
    const session = new Session(source);
    session.done("00A4010C021000", "00A4020C021002");
    session.done(apdu("10D60000", "AA".repeat(200)), apdu("10D60000", "BB".repeat(200)), apdu("00D60000", "CC"));
    expect(session.ask("00B00000000191")).toBe(`${"AA".repeat(200)}${"BB".repeat(200)}CC9000`);
  });

  test("another command ends a chain, and is carried out", () => {
    const session = new Session(source);
    session.done("10200001023132", "00A4000C");
    expect(session.ask("00200001023334")).toBe("63C2");
    session.done("10200001023132", "00200001023334");
  });

  test("a chain on another channel is another chain", () => {
    const session = new Session(source);
    session.done("0070000100", "10200001023132", "11200001023132", "01200001023334");
    session.done("00200001023334");
  });

  test("a reset forgets it", () => {
    const session = new Session(source);
    session.done("10200001023132");
    session.card.reset();
    expect(session.ask("00200001023334")).toBe("63C2");
  });

  test("it has at most as much data as a command with extended length", () => {
    const session = new Session(source);
    for (let count = 0; count < 257; count++) session.done(apdu("10D68300", "00".repeat(255)));
    expect(session.ask(apdu("00D68300", "00"))).toBe("6A84");
    for (let count = 0; count < 257; count++) session.done(apdu("10D68300", "00".repeat(255)));
    expect(session.ask(apdu("10D68300", "00"))).toBe("6A84");
  });

  test("never 6700 at its end: a reader that speaks T=0 would try again without the chain", () => {
    const session = new Session(source);
    session.done("10200002023132");
    expect(session.ask("00200002023334")).toBe("6A87");
  });

  test("the instruction has to be known", () => {
    expect(new Session(source).ask("1012000001AA")).toBe("6D00");
  });
});

describe("ENVELOPE, ISO/IEC 7816-4:2005, 7.6.2", () => {
  test("carries a command, in one or several parts", () => {
    const session = new Session(source);
    expect(session.ask(apdu("00C20000", "00B0830000"))).toBe("00FF0F9000");
    session.done(apdu("00C20000", "00B083000000"));
    expect(session.ask(apdu("00C20000", "02"))).toBe("00FF9000");
  });

  test("also in a chain", () => {
    const session = new Session(source);
    session.done(apdu("10C20000", "00B083"));
    expect(session.ask(apdu("00C20000", "0001"))).toBe("009000");
  });

  test("an empty one says that there is no more", () => {
    expect(new Session(source).asks(apdu("00C20000", "00D6830002AA"), "00C20000")).toBe("6A80");
  });

  test("any other command forgets what was begun", () => {
    const session = new Session(source);
    session.done(apdu("00C20000", "00D6830002AA"), "00A4000C");
    expect(session.ask(apdu("00C20000", "00B0830000"))).toBe("00FF0F9000");
  });

  test.each([
    ["an envelope in an envelope", [apdu("00C20000", "00C200000400A4000C")], "6D00"],
    ["other parameters", [apdu("00C20001", "00B0830000")], "6A86"],
  ])("%s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });

  test("a command that never ends is given up", () => {
    const session = new Session(source);
    session.done(apdu("00C20000", `00D6830000FFFF${"00".repeat(248)}`));
    // Never whole: what is in the envelope counts on as data, and one byte too many makes it no command for good.
    let answer = "9000";
    for (let count = 0; count < 300 && answer === "9000"; count++) {
      answer = session.ask(apdu("00C20000", "00".repeat(254)));
    }
    expect(answer).toBe("6A80");
  });
});

describe("GET DATA and PUT DATA, ISO/IEC 7816-4:2005, 7.4", () => {
  test.each([
    ["an object of one byte of tag", ["00CA005A00"], "99999000"],
    ["of two", [PIN_ONE, "00CA5F2000"], "41206E616D659000"],
    ["before its PIN", ["00CA5F2000"], "6982"],
    ["one that is not there", ["00CA004200"], "6A88"],
    ["of another directory", ["00A4010C021000", "00CA005A00"], "6A88"],
    ["without Le", ["00CA005A"], "6700"],
    ["with too small an Le", [PIN_ONE, "00CA5F2001"], "6C06"],
    ["a new value", ["00DA005A01AB", "00CA005A00"], "AB9000"],
    ["no value", ["00DA005A", "00CA005A00"], "9000"],
    ["a new value where it is never allowed", [PIN_ONE, "00DA5F2001AB"], "6982"],
    ["a new object before the PIN", ["00DA004201AB"], "6982"],
    ["a new object", [PIN_ONE, "00DA004201AB", "00CA004200"], "AB9000"],
    ["an invalid tag", [PIN_ONE, "00DA001F01AB"], "6A86"],
    ["a tag of two bytes with another behind", [PIN_ONE, "00DA5FA001AB"], "6A86"],
    ["more than fits", [`00DA005A00 1001 ${"00".repeat(4097)}`], "6A84"],
  ])("%s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });

  test("a directory has at most 64", () => {
    const session = new Session(source);
    session.done(PIN_ONE);
    for (let index = 0; index < 62; index++) session.done(`00DA5F${(0x21 + index).toString(16)}0100`);
    expect(session.ask("00DA7F210100")).toBe("6A84");
    session.done("00DA5F210101");
  });
});

describe("SELECT without data walks through a directory", () => {
  const walk = (session: Session, p1: string): string[] => {
    const found: string[] = [];
    for (let count = 0; count < 20; count++) {
      const answer = session.ask(`00A4${p1}0600`);
      if (answer === "6A82") return found;
      found.push(/8302(....)/.exec(answer)?.[1] ?? answer);
    }
    throw new Error("the walk does not end");
  };

  test("all children, directories among them", () => {
    const session = new Session(source);
    expect(walk(session, "00")).toEqual(["1000", "2000", "3000", "4000", "5000"]);
    // The end leaves everything as it was.
    expect(session.ask("00A4000600")).toBe("6A82");
    expect(session.ask("00A4000700")).toContain("83024000");
  });

  test("directories only, elementary files only", () => {
    const session = new Session(source);
    expect(walk(session, "01")).toEqual(["1000", "5000"]);
    session.done("00A4000C");
    expect(walk(session, "02")).toEqual(["2000", "3000", "4000"]);
  });

  test("any other SELECT begins a new one", () => {
    const session = new Session(source);
    session.done("00A4000600", "00A4000600", "00A4010C021000");
    expect(walk(session, "00")).toEqual(["1001", "1002"]);
    session.done("00A4040C01A0");
    expect(walk(session, "00")).toEqual([]);
  });

  test("first, last, previous", () => {
    const session = new Session(source);
    expect(session.ask("00A4010400")).toContain("83021000");
    session.done("00A4000C");
    expect(session.ask("00A4020400")).toContain("83022000");
    expect(session.ask("00A4020500")).toContain("83024000");
    expect(session.ask("00A4010700")).toContain("83021000");
    expect(session.ask("00A4010700")).toBe("6A82");
    session.done("00A4000C");
    expect(session.ask("00A4000700")).toContain("83025000");
  });

  test("creating and deleting begin a new one: a directory is emptied by deleting what comes next", () => {
    const session = new Session({
      ...source,
      access: { deleteChild: "always", createEf: "always" },
    });
    for (let count = 0; count < 5; count++) session.done("00A4000E", "00E40000");
    expect(session.ask("00A4000E")).toBe("6A82");
    session.done(apdu("00E00000", tlv("62", "80020004 820101 83022001")), "00A4000E");
  });
});

describe("WRITE and ERASE BINARY, ISO/IEC 7816-4:2005, 7.2.4 and 7.2.7", () => {
  test.each([
    ["writing sets bits", ["00D0830002F00F", "00B0830000"], "F0FF0F9000"],
    ["writing over the end", ["00D0830202AABB"], "6A84"],
    ["writing nothing", ["00D08300"], "6700"],
    ["erasing to the end", ["000E8301", "00B0830000"], "0000009000"],
    ["erasing up to an offset", ["000E83000102", "00B0830000"], "00000F9000"],
    ["erasing from behind the end", ["000E8303"], "6B00"],
    ["erasing to behind the end", ["000E83000104"], "6B00"],
    ["erasing nothing", ["000E83010101"], "6A80"],
    ["erasing to an offset of five bytes", ["000E8300050000000001"], "6A80"],
    ["erasing what can never be updated", ["00A4010C021000", "000E8100"], "6982"],
    ["writing to a file of records", ["00D0840001AA"], "6981"],
  ])("%s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });
});

describe("WRITE and SEARCH RECORD, ISO/IEC 7816-4:2005, 7.3.4 and 7.3.7", () => {
  const fish = "66697368";
  test.each([
    ["writing sets bits", ["00D2032403808080", "00B2032400"], "F2E5E49000"],
    ["writing another length", ["00D20324028080"], "6700"],
    [
      "writing a new record of a cyclic file",
      ["00D2002B0111", "00D2002B0122", "00D2002B0133", "00B2012D00"],
      "33229000",
    ],
    ["writing what is not there", ["00D2092401AA"], "6A83"],
    ["writing where it is never allowed", ["00DC002B0111"], "6982"],
    ["forward from record 1", [apdu("00A20124", fish, "00")], "0102049000"],
    ["forward from record 2", [apdu("00A20224", fish, "00")], "02049000"],
    ["backward from record 3", [apdu("00A20325", fish, "00")], "02019000"],
    ["as many as Le asks for", [apdu("00A20124", fish, "02")], "01029000"],
    ["the first one found is the current one", [apdu("00A20224", fish, "00"), "00B2000400"], "74776F20666973689000"],
    ["from the current one", [apdu("00A20424", fish, "00"), apdu("00A20004", fish, "00")], "049000"],
    ["nothing found", [apdu("00A20124", "00", "00")], "6282"],
    ["what is longer than the record", [apdu("00A20324", "72656464", "00")], "6282"],
    ["from a record that is not there", [apdu("00A20924", fish, "00")], "6A83"],
    ["enhanced search", [apdu("00A20126", fish, "00")], "6A86"],
    ["without Le", [apdu("00A20124", fish)], "6700"],
    ["in a transparent file", [apdu("00A2011C", fish, "00")], "6981"],
  ])("%s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });
});
