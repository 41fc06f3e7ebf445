// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { GidsBench, PIN } from "./gids-bench.ts";

const FCI = "61124F0BA000000397425446590201730340" + "01C0";

describe("SELECT", () => {
  it("finds the application by its name and its beginning, with its template", async () => {
    const card = await GidsBench.ready();
    expect(await card.done("00A4040009A0000003974254465900")).toBe(FCI);
    expect(await card.done("00A404000BA00000039742544659020100")).toBe(FCI);
    expect(await card.ask("00A4040009A0000003974254465A00")).toBe("6A82");
  });

  it("returns control parameters and management data of the application", async () => {
    const card = new GidsBench();
    expect(await card.done("00A40004023FFF00")).toBe("62198201388A0103840BA0000003974254465902018C0423203030");
    expect(await card.done("00A40008023FFF00")).toBe("64095F2F01607F65028000");
    const ready = await GidsBench.ready();
    expect(await ready.done("00A40004023FFF00")).toContain("8A0105");
  });

  it("returns the parameters of a file with its life cycle", async () => {
    const card = await GidsBench.ready();
    expect(await card.done("00A4000002A01000")).toBe("620F8201398302A0108A01058C03033000");
    expect(await card.done("00A4000402000000")).toBe("620F8201398302A0108A01058C03033000");
    expect(await card.done("00A4000802A01000")).toBe("6400");
    expect(await card.ask("00A4000C02A01000")).toBe("9000");
    expect(await card.ask("00A4000002B09900")).toBe("6A82");
    // What failed has left the current file.
    expect(await card.done("00A4000402000000")).toContain("8302A010");
    await card.login();
    await card.done("00E000000E620C8201398302A0208C03033000");
    expect(await card.done("00A4000402000000")).toContain("8A0103");
    await card.done("00440000");
    expect(await card.done("00A4000402000000")).toContain("8A0107");
  });

  it("goes from file to file", async () => {
    const card = await GidsBench.ready();
    const found: string[] = [];
    for (let answer = await card.ask("00A4000400"); answer.endsWith("9000"); answer = await card.ask("00A4000600"))
      found.push(/8302(....)/.exec(answer)?.[1] ?? "");
    expect(found).toEqual(["A000", "A010", "A011", "A012", "A013", "A014", "B080"]);
    expect(await card.ask("00A4000600")).toBe("6A82");
  });

  it("does not end what was verified, where it is selected already", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.done("00A40400" + "09A0000003974254465900", "00200080");
  });

  it.each([
    ["by path", "00A4080002A010", "6A86"],
    ["the last file", "00A4000100", "6A86"],
    ["one byte of an identifier", "00A40000" + "01A0", "6A87"],
  ])("refuses %s", async (_, command, word) => {
    expect(await (await GidsBench.ready()).ask(command)).toBe(word);
  });
});

describe("the life of a card", () => {
  it("one from the factory has no PIN, and no rules", async () => {
    const card = new GidsBench();
    expect(await card.ask("00200080")).toBe("6A88");
    expect(await card.ask("00CB3FFF045C027F7100")).toBe("6A88");
    await card.done("00E000000E620C8201398302A0138C03033030", "00DBA01305DF2402ABCD");
    expect(await card.done("00CBA013045C02DF2400")).toBe("DF2402ABCD");
  });

  it("once it is activated, the rules of activated files hold", async () => {
    const card = await GidsBench.ready();
    expect(await card.ask("00DBA01005DF2402ABCD")).toBe("6982");
    expect(await card.ask("00E000000E620C8201398302A0208C03033000")).toBe("6982");
    expect(await card.ask("002401800431323334")).toBe("6985");
    await card.login();
    await card.done("00DBA01005DF2402ABCD");
  });

  it("its end is for the administrator, and for good", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.ask("00E60000")).toBe("6982");
    expect(await card.administrator()).toBe("9000");
    await card.done("00E60000");
    const again = card.restarted();
    expect(await again.ask("00A4040009A0000003974254465900")).toBe(`${FCI}6285`);
    expect(await again.ask(`0020008008${PIN}`)).toBe("6985");
    expect(await again.ask("00DBA01005DF2402ABCD")).toBe("6985");
    // What all may read is still there.
    expect(await again.done("00CBA010045C02DF2500")).toBe("DF2502ABCD");
    expect(await again.ask("00CBA013045C02DF2500")).toBe("6982");
    expect(await again.ask("00440000")).toBe("6985");
  });

  it("is the same after it was saved", async () => {
    const card = await GidsBench.ready();
    const saves = card.saves;
    expect(await card.verify("3939393939")).toBe("63C2");
    expect(card.saves).toBe(saves + 1);
    const again = card.restarted();
    expect(again.saved()).toEqual(card.saved());
    expect(await again.ask("00200080")).toBe("63C2");
    expect(await again.administrator()).toBe("9000");
  });
});

describe("CREATE FILE", () => {
  it.each([
    ["a file that is there", "620C8201398302A0108C03033000", "6A89"],
    ["an identifier of ISO/IEC 7816-4", "620C82013983023F008C03033000", "6A80"],
    ["no access rules", "62078201398302A020", "6A80"],
    ["no identifier", "62088201398C03033000", "6A80"],
    ["an unknown object", "620F8201398302A0208001008C03033000", "6A80"],
    ["a life cycle", "620F8201398302A0208A01058C03033000", "6A80"],
    ["a transparent file", "620C8201018302A0208C03033000", "6A80"],
    ["a condition that is missing", "620B8201398302A0208C020330", "6A80"],
    ["a condition without a meaning", "620C8201398302A0208C03034000", "6A80"],
    ["five rules", "62138201398302A0208C0A01000100010001000100", "6A80"],
    ["a key without a template", "620C8201188302B0818C03830000", "6A80"],
    ["another template", "620E6F0C8201398302A0208C03033000", "6A80"],
    ["bytes that end too early", "6220820139", "6A80"],
  ])("refuses %s", async (_, parameters, word) => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.send("00E00000", parameters)).toBe(word);
    expect(await card.ask("00A4000002A02000")).toBe("6A82");
  });

  it("makes a key of the administrator for the administrator alone", async () => {
    const card = await GidsBench.ready();
    const parameters = "621A8201188302B0828C04870020FFA50BA4098001028301829501C0";
    await card.login();
    expect(await card.send("00E00000", parameters)).toBe("6982");
    expect(await card.administrator()).toBe("9000");
    expect(await card.send("00E00000", parameters)).toBe("9000");
  });

  it("DELETE FILE removes the current file, and no other", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.ask("00E40000")).toBe("6985");
    await card.done("00A4000C02A013", "00E40000");
    expect(await card.ask("00A4000C02A013")).toBe("6A82");
    await card.done("00A4000C02A014");
    await card.logout();
    expect(await card.ask("00E40000")).toBe("6982");
    expect(await card.ask("00E4000001FF")).toBe("6700");
    expect(await card.ask("00E40100")).toBe("6A86");
  });
});

describe("data objects", () => {
  it("are made, changed, emptied and removed", async () => {
    const card = await GidsBench.ready();
    await card.login();
    const read = () => card.ask("00CBA010045C02DF2400");
    expect(await read()).toBe("6A88");
    await card.done("00DBA01003DF2400");
    expect(await read()).toBe("DF24009000");
    await card.done("00DBA01005DF2402ABCD");
    expect(await read()).toBe("DF2402ABCD9000");
    await card.done("00DBA01003DF2400");
    expect(await read()).toBe("DF24009000");
    await card.done("00DBA01003DF2400");
    expect(await read()).toBe("6A88");
  });

  it("in a chain, several are stored, or none", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.done("10DBA01005DF2402ABCD", "00DBA01004DF260177");
    expect(await card.done("00CBA010025C0000")).toBe("DF2502ABCDDF2402ABCDDF260177");
    expect(await card.ask("10DBA01005DF24021111")).toBe("9000");
    expect(await card.ask("00DBA01005DF26051111")).toBe("6A80");
    expect(await card.done("00CBA010025C0000")).toBe("DF2502ABCDDF2402ABCDDF260177");
  });

  it("are listed, by file and in all files that are open", async () => {
    const card = await GidsBench.ready();
    expect(await card.done("00CBA010035C015C00")).toBe("5C02DF25");
    expect(await card.done("00CB3FFF035C015C00")).toBe("5C04DF25DF20");
    expect(await card.done("00CB3FFF045C02DF2500")).toBe("DF2502ABCD");
    await card.login();
    await card.done("00DBA01304DF300111");
    expect(await card.done("00CB3FFF045C02DF3000")).toBe("DF300111");
    await card.logout();
    expect(await card.ask("00CB3FFF045C02DF3000")).toBe("6982");
    expect(await card.ask("00CB3FFF045C02DF3100")).toBe("6A88");
    expect(await card.done("00CB3FFF035C015C00")).toBe("5C04DF25DF20");
  });

  it("go into the current file, or into the only one that has such an object", async () => {
    const card = await GidsBench.ready();
    await card.login();
    await card.done("00A4000C02A010", "00DB000004DF280155");
    expect(await card.done("00CB0000045C02DF2800")).toBe("DF280155");
    await card.done("00DB3FFF04DF280166");
    expect(await card.done("00CBA010045C02DF2800")).toBe("DF280166");
    await card.done("00DBA01304DF280177");
    expect(await card.ask("00DB3FFF04DF280188")).toBe("6985");
    expect(await card.ask("00DB3FFF04DF290188")).toBe("6A88");
  });

  it("what the administrator writes, the user does not", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.ask("00DBA01204DF200111")).toBe("6982");
    expect(await card.ask("00CBA014045C02DF2000")).toBe("6982");
    expect(await card.administrator()).toBe("9000");
    await card.done("00DBA01204DF200111", "00DBA01404DF200111", "00CBA014045C02DF2000");
    // What is never read, the administrator does not read either.
    expect(await card.ask("00CBA011045C02DF2000")).toBe("6982");
  });

  it("EF.ATR and EF.DIR are read, and the current file stays", async () => {
    const card = await GidsBench.ready();
    await card.done("00A4000C02A010");
    expect(await card.done("00CB2F01025C0000")).toBe("4301F447030801CC460A73636172642047494453");
    expect(await card.done("00CB2F01035C014300")).toBe("4301F4");
    expect(await card.done("00CB2F00025C0000")).toBe(FCI);
    expect(await card.done("00A4000402000000")).toContain("8302A010");
    expect(await card.ask("00DB2F0003430100")).toBe("6A86");
  });

  it.each([
    ["a file that there is not", "00CBA099045C02DF2000", "6A82"],
    ["the file of a key", "00CBB080045C02DF2000", "6981"],
    ["no current file", "00CB0000045C02DF2000", "6986"],
    ["another request", "00CBA010045D02DF2000", "6A80"],
    ["two tags", "00CBA010065C04DF20DF2100", "6A80"],
    ["no request", "00CBA01000", "6A80"],
  ])("%s is not read", async (_, command, word) => {
    expect(await (await GidsBench.ready()).ask(command)).toBe(word);
  });

  it("more than there is room for is refused, and nothing is changed", async () => {
    const card = await GidsBench.ready();
    await card.login();
    const object = (tag: string, bytes: number) =>
      `${tag}82${bytes.toString(16).padStart(4, "0")}${"77".repeat(bytes)}`;
    for (const tag of ["DF30", "DF31", "DF32", "DF33"]) await card.ok("00DBA013", object(tag, 60_000));
    expect(await card.send("00DBA013", object("DF34", 60_000))).toBe("6A84");
    expect(await card.send("00CBA013", "5C02DF34")).toBe("6A88");
    const tags = Array.from({ length: 99 }, (_, at) => (0xdf01 + at + (at >= 0x24 ? 1 : 0)).toString(16));
    for (const tag of tags) await card.done(`00DBA01003${tag}00`);
    expect(await card.ask("00DBA01004DF700101")).toBe("6A84");
  });
});
