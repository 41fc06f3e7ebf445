// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { ascii, attributes, OpenPgpBench } from "./openpgp-bench.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
/** Tries left of PW1, the resetting code and PW3. OpenPGP card 3.4.1, 4.4.3.10. */
const tries = async (bench: OpenPgpBench): Promise<string> => (await bench.get("C4")).slice(8);

describe("VERIFY, 7.2.2", () => {
  test("without data it says what it would say", async () => {
    const bench = new OpenPgpBench();
    expect(await bench.send("00200081")).toBe("63C3");
    expect(await bench.verify("81", "123456")).toBe("9000");
    expect(await bench.send("00200081")).toBe("9000");
    expect(await bench.send("00200082")).toBe("63C3");
    expect(await bench.send("00200083")).toBe("63C3");
  });

  test("three wrong tries block, and the right password does not help any more", async () => {
    const bench = new OpenPgpBench();
    expect(await bench.verify("82", "000000")).toBe("6982");
    expect(await bench.verify("81", "000000")).toBe("6982");
    expect(await tries(bench)).toBe("010003");
    expect(await bench.verify("81", "000000")).toBe("6983");
    expect(await bench.verify("81", "123456")).toBe("6983");
    expect(await bench.verify("82", "123456")).toBe("6983");
    expect(await bench.send("00200082")).toBe("63C0");
    expect(await tries(bench.restarted())).toBe("000003");
  });

  test("a right one gives all tries back", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "00000000");
    expect(await tries(bench)).toBe("030002");
    expect(await bench.verify("83", "12345678")).toBe("9000");
    expect(await tries(bench)).toBe("030003");
  });

  test("a wrong one ends what was verified with it", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    expect(await bench.put("5B", ascii("A"))).toBe("9000");
    await bench.verify("83", "00000000");
    expect(await bench.put("5B", ascii("B"))).toBe("6982");
  });

  test("P1 FF ends it too, for its own mode", async () => {
    const bench = new OpenPgpBench();
    for (const mode of ["81", "82"] as const) await bench.verify(mode, "123456");
    expect(await bench.send("0020FF81")).toBe("9000");
    expect(await bench.send("00200081")).toBe("63C3");
    expect(await bench.send("00200082")).toBe("9000");
  });

  test.each(["00200080", "00200084", "00200181", "0020FF80"])("%s is refused", async (header) => {
    expect(await new OpenPgpBench().send(header)).toBe("6B00");
  });

  test("a reset, and a new SELECT, end all", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("81", "123456");
    await bench.send("00A40400", "D27600012401");
    expect(await bench.send("00200081")).toBe("63C3");
    await bench.verify("81", "123456");
    bench.card.reset();
    expect(await bench.send("00200081")).toBe("63C3");
  });
});

describe("CHANGE REFERENCE DATA, 7.2.3", () => {
  test("the old and the new password", async () => {
    const bench = new OpenPgpBench();
    expect(await bench.send("00240081", text("123456abcdefgh"))).toBe("9000");
    expect(await bench.verify("81", "123456")).toBe("6982");
    expect(await bench.verify("81", "abcdefgh")).toBe("9000");
    expect(await bench.send("00240083", text("1234567887654321"))).toBe("9000");
    expect(await bench.restarted().verify("83", "87654321")).toBe("9000");
  });

  test.each([
    ["a wrong old one costs a try", "00240081", "654321abcdef", "6982", "020003"],
    ["so does data that is shorter than the old one", "00240081", "123", "6982", "020003"],
    ["a new one that is too short", "00240081", "12345612345", "6A80", "030003"],
    ["a new PW3 of seven bytes", "00240083", "123456781234567", "6A80", "030003"],
    ["one of 128 bytes", "00240081", `123456${"x".repeat(128)}`, "6A80", "030003"],
    ["mode 82 has no password of its own", "00240082", "123456abcdef", "6B00", "030003"],
  ])("%s", async (_, header, data, expected, left) => {
    const bench = new OpenPgpBench();
    expect(await bench.send(header, text(data))).toBe(expected);
    expect(await tries(bench)).toBe(left);
    expect(await bench.verify("81", "123456")).toBe("9000");
    expect(await bench.verify("83", "12345678")).toBe("9000");
  });
});

describe("RESET RETRY COUNTER, 7.2.4", () => {
  async function blocked(): Promise<OpenPgpBench> {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    expect(await bench.put("D3", ascii("resetcode"))).toBe("9000");
    for (let count = 0; count < 3; count++) await bench.verify("81", "000000");
    expect(await tries(bench)).toBe("000303");
    return bench;
  }

  test("with the resetting code", async () => {
    const bench = (await blocked()).restarted();
    expect(await bench.send("002C0081", text("resetcode654321"))).toBe("9000");
    expect(await tries(bench)).toBe("030303");
    expect(await bench.verify("81", "654321")).toBe("9000");
  });

  test("three wrong codes block it", async () => {
    const bench = await blocked();
    for (const expected of ["6982", "6982", "6983", "6983"]) {
      expect(await bench.send("002C0081", text("resetcodf654321"))).toBe(expected);
    }
    expect(await bench.send("002C0081", text("resetcode654321"))).toBe("6983");
    expect(await tries(bench)).toBe("000003");
  });

  test("after VERIFY of PW3", async () => {
    const bench = await blocked();
    expect(await bench.send("002C0281", text("654321"))).toBe("9000");
    expect(await tries(bench)).toBe("030303");
    expect(await bench.send("00200081")).toBe("63C3");
    expect(await bench.verify("81", "654321")).toBe("9000");
  });

  test.each([
    ["without VERIFY of PW3", "002C0281", "654321", "6982"],
    ["without a resetting code", "002C0081", "resetcode654321", "6982"],
    ["for another password", "002C0283", "654321", "6B00"],
  ])("%s it is refused", async (_, header, data, expected) => {
    expect(await new OpenPgpBench().send(header, text(data))).toBe(expected);
  });

  test("the resetting code is 8 bytes at least, and empty data removes it", async () => {
    const bench = await blocked();
    expect(await bench.put("D3", ascii("1234567"))).toBe("6A80");
    expect(await bench.put("D3", "")).toBe("9000");
    expect(await tries(bench)).toBe("000003");
    expect(await bench.send("002C0081", text("resetcode654321"))).toBe("6982");
  });
});

describe("TERMINATE DF and ACTIVATE FILE, 7.2.16 and 7.2.17", () => {
  test("with PW3: the card is as it left the factory", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    await bench.put("5E", ascii("jane"));
    await bench.put("C1", attributes.ed25519);
    await bench.ok("00478000", "B600");
    expect(await bench.send("00E60000")).toBe("9000");
    expect(await bench.send("00A4040C", "D27600012401")).toBe("6285");
    expect(await bench.send("00CA005E")).toBe("6985");
    const next = bench.restarted();
    expect(await next.send("00440000")).toBe("9000");
    expect(await next.get("5E")).toBe("");
    expect(await next.get("C1")).toBe(attributes.rsa2048);
    expect(await next.get("DE")).toBe("010002000300");
    expect(await next.verify("83", "12345678")).toBe("9000");
  });

  test("without it only where PW3 is blocked", async () => {
    const bench = new OpenPgpBench();
    expect(await bench.send("00E60000")).toBe("6982");
    for (let count = 0; count < 3; count++) await bench.verify("83", "00000000");
    expect(await bench.send("00E60000")).toBe("9000");
    expect(await bench.send("00440000")).toBe("9000");
    expect(await bench.verify("83", "12345678")).toBe("9000");
  });

  test("ACTIVATE FILE alone changes nothing", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    await bench.put("5E", ascii("jane"));
    expect(await bench.send("00440000")).toBe("9000");
    expect(await bench.get("5E")).toBe(ascii("jane"));
  });
});

describe("a KDF, 4.3.2", () => {
  const salt = "8408AAAAAAAAAAAAAAAA";
  const whole = `81010382010883040003D090${salt}8508BBBBBBBBBBBBBBBB8608CCCCCCCCCCCCCCCC8720${"11".repeat(32)}8820${"22".repeat(32)}`;

  test("a first password has both forms, plain and hash, until it is changed", async () => {
    const bench = new OpenPgpBench();
    expect(await bench.get("F9")).toBe("810100");
    await bench.verify("83", "12345678");
    expect(await bench.put("F9", whole)).toBe("9000");
    const next = bench.restarted();
    expect(await next.get("F9")).toBe(whole);
    expect(await next.verify("81", "123456")).toBe("9000");
    expect(await next.send("00200081", "11".repeat(32))).toBe("9000");
    expect(await next.send("00240081", ascii("123456") + "33".repeat(32))).toBe("9000");
    expect(await next.send("00240083", "22".repeat(32) + "44".repeat(32))).toBe("9000");
    expect(await next.verify("81", "123456")).toBe("6982");
    expect(await next.send("00200081", "11".repeat(32))).toBe("6982");
    expect(await next.send("00200083", "44".repeat(32))).toBe("9000");
  });

  test("a password that is not the first one any more becomes the hash in the object", async () => {
    const bench = new OpenPgpBench();
    await bench.send("00240081", text("123456abcdefgh"));
    await bench.verify("83", "12345678");
    expect(await bench.put("F9", whole)).toBe("9000");
    expect(await bench.verify("81", "abcdefgh")).toBe("6982");
    expect(await bench.send("00200081", "11".repeat(32))).toBe("9000");
  });

  test("without a KDF the first passwords are there again, and the last hash changes them", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    await bench.put("F9", whole);
    await bench.send("00240081", ascii("123456") + "33".repeat(32));
    expect(await bench.put("F9", "")).toBe("9000");
    expect(await bench.get("F9")).toBe("810100");
    expect(await bench.verify("81", "123456")).toBe("9000");
    expect(await bench.verify("83", "12345678")).toBe("9000");
    expect(await bench.send("00240081", "33".repeat(32) + ascii("123456"))).toBe("9000");
    expect(await bench.send("00200081", "33".repeat(32))).toBe("6982");
    expect(await bench.verify("81", "123456")).toBe("9000");
  });

  test("on a YubiKey it brings the first passwords", async () => {
    const bench = new OpenPgpBench({ firmware: "5.4.3" });
    await bench.verify("83", "12345678");
    expect(await bench.put("F9", whole)).toBe("9000");
    expect(await bench.send("00200081", "11".repeat(32))).toBe("9000");
    expect(await bench.send("00200083", "22".repeat(32))).toBe("9000");
    expect(await bench.put("F9", "810100")).toBe("9000");
    expect(await bench.verify("83", "12345678")).toBe("9000");
  });

  test.each([
    ["an unknown algorithm", "810101"],
    ["no hash", `81010383040003D090${salt}`],
    ["an unknown hash", `81010382010283040003D090${salt}`],
    ["no count", `810103820108${salt}`],
    ["a count of three bytes", `810103820108830303D090${salt}`],
    ["a salt of seven bytes", "81010382010883040003D0908407AAAAAAAAAAAAAA"],
    ["a first hash of the other length", `81010382010A83040003D090${salt}8720${"11".repeat(32)}`],
    ["more with no KDF", `810100${salt}`],
    ["no data objects", "8101"],
  ])("%s: refused, because it would lock all users out", async (_, data) => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    expect(await bench.put("F9", data)).toBe("6A80");
    expect(await bench.get("F9")).toBe("810100");
  });
});

describe("a card without PW3 (Gnuk's admin-less mode)", () => {
  async function adminless(): Promise<OpenPgpBench> {
    const bench = new OpenPgpBench({ adminless: true });
    await bench.verify("83", "12345678");
    await bench.put("C1", attributes.ed25519);
    await bench.ok("00478000", "B600");
    expect(await bench.send("00240081", text("123456abcdef"))).toBe("9000");
    return bench;
  }

  test("the first PW1 of the user's own, with keys on the card, is PW3 as well", async () => {
    const bench = (await adminless()).restarted();
    expect(await bench.put("5B", ascii("A"))).toBe("6982");
    expect(await bench.verify("83", "12345678")).toBe("6982");
    expect(await bench.verify("83", "abcdef")).toBe("9000");
    expect(await bench.put("5B", ascii("A"))).toBe("9000");
  });

  test("a new PW3 ends the mode", async () => {
    const bench = await adminless();
    expect(await bench.send("00240083", text("abcdef87654321"))).toBe("9000");
    expect(await bench.verify("83", "abcdef")).toBe("6982");
    expect(await bench.verify("83", "87654321")).toBe("9000");
    expect(await bench.verify("81", "abcdef")).toBe("9000");
  });

  test("a card that is not made for it keeps PW3", async () => {
    const bench = new OpenPgpBench();
    await bench.verify("83", "12345678");
    await bench.put("C1", attributes.ed25519);
    await bench.ok("00478000", "B600");
    await bench.send("00240081", text("123456abcdef"));
    expect(await bench.verify("83", "abcdef")).toBe("6982");
    expect(await bench.verify("83", "12345678")).toBe("9000");
  });
});

describe("Yubico's extensions", () => {
  test("GET VERSION and SET PIN RETRIES", async () => {
    const bench = new OpenPgpBench({ firmware: "5.14.3" });
    expect(await bench.ok("00F10000", "", 256)).toBe("051403");
    expect(await bench.send("00F20000", "050019")).toBe("6982");
    await bench.verify("83", "12345678");
    expect(await bench.send("00F20000", "05000A")).toBe("9000");
    expect(await tries(bench.restarted())).toBe("05000A");
    await bench.put("D3", ascii("resetcode"));
    expect(await tries(bench)).toBe("05000A");
    expect(await bench.send("00F20000", "000303")).toBe("6A80");
  });

  test("what cannot be a password costs no try", async () => {
    const bench = new OpenPgpBench({ firmware: "5.4.3" });
    expect(await bench.verify("81", "wrong")).toBe("6A80");
    expect(await tries(bench)).toBe("030003");
  });

  test("other cards have none of them", async () => {
    expect(await new OpenPgpBench().send("00F10000", "", 256)).toBe("6D00");
  });
});
