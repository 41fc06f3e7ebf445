// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { CardImageSource } from "../../src/entry/cards.ts";
import { apdu, Session } from "./session.ts";

/** PIN 1 is 1234, with the resetting code 87654321; PIN 2 is 00000000, fixed; PIN 3 is 333333, who resets PIN 1. */
const source: CardImageSource = {
  name: "PINs",
  pins: [
    {
      reference: 1,
      value: { text: "1234" },
      canDisable: true,
      resettingCode: { value: { text: "87654321" }, tries: 2 },
      access: { reset: { pin: 3 } },
    },
    { reference: 2, value: { text: "00" }, padTo: 4 },
    { reference: 3, value: { text: "333333" }, tries: 2 },
  ],
  files: [{ type: "transparent", id: "0001", sfi: 1, content: "AA", access: { read: { pin: 1 } } }],
};

const text = (value: string): string => Buffer.from(value).toString("hex");
const verify = (value: string, reference = "01"): string => apdu(`002000${reference}`, text(value));
const change = (value: string, reference = "01"): string => apdu(`002400${reference}`, text(value));
const reset = (p1: string, value: string): string => apdu(`002C${p1}01`, text(value));
const READ = "00B0810001";

describe("CHANGE REFERENCE DATA, ISO/IEC 7816-4:2005, 7.5.7", () => {
  test("old and new value: the new one is right from now on, and it was verified", () => {
    const session = new Session(source);
    session.done(change("1234567890"), READ);
    session.card.reset();
    expect(session.ask(verify("1234"))).toBe("63C2");
    session.done(verify("567890"));
  });

  test.each([
    ["a wrong old value costs a try", [change("9999567890")], "63C2"],
    ["so does one that is too short", [change("123")], "63C2"],
    ["and it takes back what was verified", [verify("1234"), change("9999567890"), READ], "6982"],
    ["a blocked PIN", [verify("9"), verify("9"), verify("9"), change("12345678")], "6983"],
    ["no new value", [change("1234")], "6A80"],
    ["one that is too long", [change(`1234${"5".repeat(65)}`)], "6A80"],
    ["of a fixed length", [apdu("00240002", "3030FFFF 3131FFFF"), apdu("00200002", "3131FFFF")], "9000"],
    ["of a fixed length, with another", [apdu("00240002", "3030FFFF 3131FF"), "00200002"], "63C3"],
    ["of a fixed length, with another, says", [apdu("00240002", "3030FFFF 3131FF")], "6700"],
    ["without data", ["00240001"], "6700"],
    ["of a PIN that is not there", [change("12345678", "04")], "6A88"],
    ["another P1", [apdu("00240201", "31")], "6A86"],
    ["the new value alone, without leave", [apdu("00240101", text("5678"))], "6982"],
    ["the new value alone", [verify("333333", "03"), apdu("00240101", text("5678")), verify("5678")], "9000"],
  ])("%s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });
});

describe("RESET RETRY COUNTER, ISO/IEC 7816-4:2005, 7.5.10", () => {
  const blocked = (): Session => {
    const session = new Session(source);
    expect(session.asks(verify("9"), verify("9"), verify("9"), verify("1234"))).toBe("6983");
    return session;
  };

  test("P1 = 00: resetting code and new value", () => {
    const session = blocked();
    session.done(reset("00", "876543215678"));
    expect(session.ask("00200001")).toBe("63C3");
    expect(session.ask(verify("1234"))).toBe("63C2");
    session.done(verify("5678"));
  });

  test("P1 = 01: resetting code alone", () => {
    const session = blocked();
    session.done(reset("01", "87654321"), verify("1234"));
  });

  test("P1 = 02: new value alone, for those who may", () => {
    const session = blocked();
    expect(session.ask(reset("02", "5678"))).toBe("6982");
    session.done(verify("333333", "03"), reset("02", "5678"), verify("5678"));
  });

  test("P1 = 03: nothing, for those who may", () => {
    const session = blocked();
    expect(session.ask("002C0301")).toBe("6982");
    session.done(verify("333333", "03"), "002C0301", verify("1234"));
  });

  test("the resetting code has a counter of its own, which outlives a reset", () => {
    const session = blocked();
    expect(session.ask(reset("00", "000000005678"))).toBe("63C1");
    session.card.reset();
    expect(session.ask(reset("01", "00000000"))).toBe("63C0");
    expect(session.ask(reset("01", "87654321"))).toBe("6983");
  });

  test("a new value counts as not verified on every channel", () => {
    const session = new Session(source);
    session.done("0070000100", `01${verify("1234").slice(2)}`, `01${READ.slice(2)}`, verify("1234"));
    session.done(reset("00", "876543215678"));
    expect(session.ask(READ)).toBe("6982");
    expect(session.ask(`01${READ.slice(2)}`)).toBe("6982");
  });

  test.each([
    ["no new value behind the code", [reset("00", "87654321")], "6A80"],
    ["nothing for P1 = 00", ["002C0001"], "6A87"],
    ["something for P1 = 03", [reset("03", "1")], "6A87"],
    ["a PIN without a resetting code", [apdu("002C0102", "00")], "6985"],
    ["a PIN that is not there", [apdu("002C0104", "00")], "6A88"],
    ["another P1", [reset("04", "1")], "6A86"],
  ])("refuses %s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });
});

describe("DISABLE and ENABLE VERIFICATION REQUIREMENT, ISO/IEC 7816-4:2005, 7.5.8 and 7.5.9", () => {
  test("what a disabled PIN guards is open; enabled again, it is not", () => {
    const session = new Session(source);
    session.done(apdu("00260001", text("1234")));
    session.card.reset();
    session.done("00200001", READ);
    session.done(apdu("00280001", text("1234")));
    session.card.reset();
    expect(session.ask(READ)).toBe("6982");
  });

  test.each([
    ["the wrong PIN", [apdu("00260001", text("9"))], "63C2"],
    ["one that cannot be disabled", [apdu("00260002", "3030FFFF")], "6985"],
    ["without the PIN", ["00260001"], "6700"],
    ["another P1", ["00280101"], "6A86"],
    ["a PIN that is not there", [apdu("00280004", "00")], "6A88"],
  ])("refuses %s", (_name, commands, answer) => {
    expect(new Session(source).asks(...commands)).toBe(answer);
  });
});
