// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { decodeBerTlv, findBerTlv } from "../../src/base/iso7816/index.ts";
import { ascii, attributes, OpenPgpBench } from "./openpgp-bench.ts";

const zeros = (bytes: number): string => "00".repeat(bytes);

async function admin(source = {}): Promise<OpenPgpBench> {
  const bench = new OpenPgpBench(source);
  expect(await bench.verify("83", "12345678")).toBe("9000");
  return bench;
}

describe("GET DATA, 7.2.6", () => {
  test("an empty card", async () => {
    const bench = new OpenPgpBench({ serialNumber: "0000A1B2" });
    const expected = {
      "4F": "D276000124010304FFFF0000A1B20000",
      "5E": "",
      "5F50": "",
      "5F52": "0031F573C00160059000",
      "65": "5B005F2D005F350139",
      "7A": "9303000000",
      C4: "007F7F7F030003",
      C5: zeros(60),
      C6: zeros(60),
      CD: zeros(12),
      DE: "010002000300",
      D6: "0020",
      F9: "810100",
      "7F21": "",
      "7F66": "0202200002022000",
      "7F74": "810120",
      "0101": "",
      "0102": "",
    };
    for (const [tag, value] of Object.entries(expected)) expect(await bench.get(tag), tag).toBe(value);
  });

  test("6E has what clients look for, and YubiKeys return it with its tag", async () => {
    const inside = hexBytes(await new OpenPgpBench().get("6E"));
    const decoded = decodeBerTlv(inside);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const [first, second] = decoded.value;
    expect([first?.tag, second?.tag]).toEqual([0x4f, 0x5f52]);
    const capabilities = findBerTlv(decoded.value, 0x73, 0xc0)?.value ?? new Uint8Array(0);
    expect(encodeHex(capabilities)).toBe("7F000800100008000001");
    const found = findBerTlv(decoded.value, 0x73)?.children?.map(({ tag }) => tag);
    expect(found).toEqual([0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xcd, 0xde, 0xd6, 0xd7, 0xd8]);
    expect(await new OpenPgpBench({ firmware: "5.4.3" }).get("6E")).toMatch(
      /^6E82....4F10D276000124010304000600000001/,
    );
  });

  test("FA lists every algorithm of each key", async () => {
    const decoded = decodeBerTlv(hexBytes(await new OpenPgpBench().get("FA")));
    if (!decoded.ok) throw new Error(decoded.error.message);
    expect(decoded.value.map(({ tag }) => tag)).toEqual([0xc1, 0xc2, 0xc3].flatMap((tag) => Array(11).fill(tag)));
    const values = decoded.value.map(({ value }) => encodeHex(value));
    for (const one of Object.values(attributes)) expect(values).toContain(one);
  });

  test.each(["0000", "00C0", "00C7", "00D3", "00D5", "00D9", "FFFF", "5F51"])(
    "%s is no object to read",
    async (tag) => {
      expect(await new OpenPgpBench().send(`00CA${tag}`, "", 256)).toBe("6A88");
    },
  );
});

describe("PUT DATA, 7.2.8", () => {
  test("what it stores is read again, and kept", async () => {
    const bench = await admin();
    await bench.verify("82", "123456");
    const values: Readonly<Record<string, string>> = {
      "5B": ascii("Doe<<Jane"),
      "5F2D": ascii("deen"),
      "5F35": ascii("2"),
      "5E": ascii("jane"),
      "5F50": ascii("https://example.org/key.asc"),
      "0101": "AA".repeat(2048),
      "0102": "BB",
      "0103": "CC",
      "0104": "DD",
      D7: "0120",
      C3: attributes.ed25519,
      "7F21": "30820102".padEnd(8192, "0"),
    };
    for (const [tag, value] of Object.entries(values)) expect(await bench.put(tag, value), tag).toBe("9000");
    const next = bench.restarted();
    await next.verify("83", "12345678");
    await next.verify("82", "123456");
    for (const [tag, value] of Object.entries(values)) expect(await next.get(tag), tag).toBe(value);
    expect(await next.get("65")).toBe(`5B09${ascii("Doe<<Jane")}5F2D04${ascii("deen")}5F350132`);
  });

  test("fingerprints and times of the keys", async () => {
    const bench = await admin();
    for (const [at, tag] of ["C7", "C8", "C9", "CA", "CB", "CC"].entries()) {
      expect(await bench.put(tag, `0${at + 1}`.repeat(20))).toBe("9000");
    }
    for (const [at, tag] of ["CE", "CF", "D0"].entries()) expect(await bench.put(tag, `0${at}00000F`)).toBe("9000");
    expect(await bench.get("C5")).toBe("01".repeat(20) + "02".repeat(20) + "03".repeat(20));
    expect(await bench.get("C6")).toBe("04".repeat(20) + "05".repeat(20) + "06".repeat(20));
    expect(await bench.get("CD")).toBe("0000000F0100000F0200000F");
  });

  test("the access rules: PW1 (82) for 0101 and 0103, PW3 for all else", async () => {
    const user = new OpenPgpBench();
    await user.verify("81", "123456");
    expect(await user.put("0101", "00")).toBe("6982");
    expect(await user.send("00CA0103", "", 256)).toBe("6982");
    await user.verify("82", "123456");
    expect(await user.put("0101", "00")).toBe("9000");
    expect(await user.put("0103", "00")).toBe("9000");
    expect(await user.get("0103")).toBe("00");
    for (const tag of ["0102", "0104", "5B", "5E", "C1", "C4", "C7", "CE", "D3", "D5", "D6", "F9", "7F21"]) {
      expect(await user.put(tag, ""), tag).toBe("6982");
    }
    expect(await user.send("00CA0104", "", 256)).toBe("6982");
    expect(await (await admin()).put("0103", "00")).toBe("6982");
  });

  test.each([
    ["5B", "41".repeat(40), "6700"],
    ["5F2D", "646565", "6700"],
    ["5F35", "", "6700"],
    ["5F35", "33", "6A80"],
    ["5E", "00".repeat(2049), "6700"],
    ["7F21", "00".repeat(4097), "6700"],
    ["C1", "010800", "6A80"],
    ["C1", "010400002000", "6A80"],
    ["C1", "010800004000", "6A80"],
    ["C1", "010800002004", "6A80"],
    ["C1", "122A8648CE3D030107", "6A80"],
    ["C2", "132A8648CE3D030107", "6A80"],
    ["C2", "162B06010401DA470F01", "6A80"],
    ["C4", "02", "6A80"],
    ["C4", "0001", "6700"],
    ["C4", "007F7F08", "6A80"],
    ["C7", "00".repeat(19), "6700"],
    ["CE", "0000", "6700"],
    ["D5", "00".repeat(24), "6700"],
    ["D6", "0320", "6A80"],
    ["D6", "0100", "6A80"],
    ["D6", "01", "6700"],
    ["4F", "00", "6A88"],
    ["C5", "00", "6A88"],
    ["93", "000000", "6A88"],
  ])("$#. %s: refused, and nothing has changed", async (tag, data, expected) => {
    const bench = await admin();
    const saves = bench.saves;
    const before = await bench.get("6E");
    expect(await bench.put(tag, data)).toBe(expected);
    expect(await bench.get("6E")).toBe(before);
    expect(bench.saves).toBe(saves);
  });

  test("other attributes remove the key, with its fingerprint and its time; the same ones do not", async () => {
    const bench = await admin();
    await bench.put("C1", attributes.ed25519);
    await bench.ok("00478000", "B600");
    await bench.put("C7", "AA".repeat(20));
    await bench.put("CE", "00000001");
    await bench.put("C1", attributes.ed25519);
    expect(await bench.get("DE")).toBe("010102000300");
    await bench.put("C1", attributes.p256);
    expect(await bench.get("DE")).toBe("010002000300");
    expect(await bench.get("C5")).toBe(zeros(60));
    expect(await bench.get("CD")).toBe(zeros(12));
  });

  test("a permanent user interaction flag stays until a factory reset", async () => {
    const bench = await admin();
    expect(await bench.put("D6", "0220")).toBe("9000");
    expect(await bench.put("D6", "0020")).toBe("6985");
    await bench.send("00E60000");
    await bench.send("00440000");
    expect(await bench.get("D6")).toBe("0020");
  });
});

describe("certificates: SELECT DATA and GET NEXT DATA, 7.2.5 and 7.2.7", () => {
  const select = (bench: OpenPgpBench, occurrence: number): Promise<string> =>
    bench.send(`00A50${occurrence}04`, "60045C027F21");

  async function filled(): Promise<OpenPgpBench> {
    const bench = await admin();
    for (const at of [0, 1, 2]) {
      expect(await select(bench, at)).toBe("9000");
      expect(await bench.put("7F21", `3001${at}0`)).toBe("9000");
    }
    return bench;
  }

  test("three of them, in a row", async () => {
    const bench = (await filled()).restarted();
    expect(await bench.get("7F21")).toBe("300100");
    expect(await bench.ok("00CC7F21", "", 256)).toBe("300110");
    expect(await bench.ok("00CC7F21", "", 256)).toBe("300120");
    expect(await bench.send("00CC7F21", "", 256)).toBe("6A88");
    expect(await bench.get("7F21")).toBe("300120");
  });

  test("by their number, until another object is read", async () => {
    const bench = await filled();
    await select(bench, 1);
    expect(await bench.get("7F21")).toBe("300110");
    await bench.get("4F");
    expect(await bench.get("7F21")).toBe("300100");
    expect(await select(bench, 3)).toBe("6B00");
    expect(await bench.send("00A50004", "60035C017F")).toBe("6A88");
    expect(await bench.send("00A50004", "5C027F21")).toBe("6A80");
    expect(await bench.send("00A50104", "60035C014F")).toBe("6A88");
    expect(await bench.send("00CC005E", "", 256)).toBe("6985");
  });

  test("Yubico's tools send the length twice", async () => {
    const bench = await admin({ firmware: "5.4.3" });
    expect(await bench.send("00A50104", "0660045C027F21")).toBe("9000");
    expect(await bench.put("7F21", "AA")).toBe("9000");
    expect(await bench.get("7F21")).toBe("AA");
    expect(await (await admin()).send("00A50104", "0660045C027F21")).toBe("6A80");
  });
});

test("GET CHALLENGE, 7.2.15", async () => {
  const bench = new OpenPgpBench();
  const first = await bench.ok("00840000", "", 8);
  expect(first).toHaveLength(16);
  expect(await bench.ok("00840000", "", 8)).not.toBe(first);
  expect(await bench.ok("00840000", "", 2048)).toHaveLength(4096);
  expect(await bench.ok("00840000", "", 65_536)).toHaveLength(4096);
  expect(await bench.send("00840100", "", 8)).toBe("6B00");
});

test("what the card is not: other instructions and classes", async () => {
  const bench = new OpenPgpBench();
  expect(await bench.send("00B00000", "", 8)).toBe("6D00");
  expect(await bench.send("80CA004F", "", 256)).toBe("6E00");
});
