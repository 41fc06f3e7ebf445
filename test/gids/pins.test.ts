// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { GidsBench, PIN } from "./gids-bench.ts";

const WRONG = "3939393939393939";
const NEW = "3837363534333231";
const PUK = "3031323334353637";

/** A card with a resetting code, which is set while the card is set up. */
async function withPuk(): Promise<GidsBench> {
  const blank = new GidsBench();
  await blank.done(`0024018008${PIN}`, `0024018108${PUK}`, "00A4000C023FFF", "00440000");
  return blank;
}

describe("VERIFY", () => {
  it("says what is verified, and how many tries are left", async () => {
    const card = await GidsBench.ready();
    expect(await card.ask("00200080")).toBe("63C3");
    expect(await card.done("00CB3FFF045C027F7100")).toBe("7F7106970103930103");
    expect(await card.verify(WRONG)).toBe("63C2");
    expect(await card.done("00CB3FFF045C027F7200")).toBe("7F7206970102930103");
    await card.login();
    expect(await card.ask("00200080")).toBe("9000");
    expect(await card.done("00CB3FFF045C027F7100")).toBe("7F7106970103930103");
    expect(await card.ask("00CB3FFF045C027F7300")).toBe("6A88");
  });

  it("three wrong ones block, whatever their length", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.verify("31")).toBe("63C2");
    // A wrong PIN ends what was verified before.
    expect(await card.ask("00200080")).toBe("63C2");
    expect(await card.verify("31".repeat(200))).toBe("63C1");
    expect(await card.verify(WRONG)).toBe("63C0");
    expect(await card.verify(WRONG)).toBe("6983");
    expect(await card.verify()).toBe("6983");
    expect(await card.ask("00200080")).toBe("6983");
    expect(await card.restarted().verify()).toBe("6983");
  });

  it("takes the PIN as the global one too", async () => {
    const card = await GidsBench.ready();
    expect(await card.ask(`0020000008${WRONG}`)).toBe("63C2");
    expect(await card.ask(`0020000008${PIN}`)).toBe("9000");
    expect(await card.ask("00200080")).toBe("9000");
  });

  it("with the reference of the security status, it ends what was verified", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.administrator()).toBe("9000");
    await card.done("0020008204FFFFFFFF");
    expect(await card.ask("00200080")).toBe("63C3");
    expect(await card.ask("00DBA01204DF200111")).toBe("6982");
  });

  it("is forgotten after a reset, and stays after a SELECT that fails", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.ask("00A4040005A000000001")).toBe("6A82");
    expect(await card.ask("00200080")).toBe("9000");
    card.card.reset();
    expect(await card.ask("00200080")).toBe("63C3");
  });

  it.each([
    ["P1", `0020018008${PIN}`, "6A86"],
    ["a reference that there is not", `0020007908${PIN}`, "6A88"],
    ["the resetting code of a card without one", `0020008108${PIN}`, "6A88"],
    ["the form for templates", `0021008008${PIN}`, "6D00"],
  ])("refuses %s", async (_, command, word) => {
    expect(await (await GidsBench.ready()).ask(command)).toBe(word);
  });
});

describe("CHANGE REFERENCE DATA", () => {
  it("changes the PIN, and it is verified then", async () => {
    const card = await GidsBench.ready();
    await card.done(`0024008010${PIN}${NEW}`);
    expect(await card.ask("00200080")).toBe("9000");
    const again = card.restarted();
    expect(await again.verify()).toBe("63C2");
    expect(await again.verify(NEW)).toBe("9000");
  });

  it("a wrong old one costs a try, and says nothing of its length", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.ask(`0024008010${WRONG}${NEW}`)).toBe("63C2");
    expect(await card.ask("00200080")).toBe("63C2");
    expect(await card.ask("002400800431323334")).toBe("63C1");
    expect(await card.ask(`0024008010${PIN}${NEW}`)).toBe("9000");
  });

  it("refuses a new one that is too short or too long, and keeps the old one", async () => {
    const card = await GidsBench.ready();
    for (const value of ["", "313233", "31".repeat(128)]) expect(await card.send("00240080", PIN + value)).toBe("6A80");
    expect(await card.verify()).toBe("9000");
    await card.ok("00240080", PIN + "31".repeat(127));
    await card.ok("00240080", `${"31".repeat(127)}31323334`);
  });

  it("sets a first PIN while the card is set up, and never afterwards", async () => {
    const card = new GidsBench();
    expect(await card.ask("0024018003313233")).toBe("6A80");
    await card.done(`0024018008${WRONG}`, `0024018008${PIN}`);
    expect(await card.verify()).toBe("9000");
    expect(await (await GidsBench.ready()).ask(`0024018008${NEW}`)).toBe("6985");
    expect(await card.ask(`0024028008${NEW}`)).toBe("6A86");
    expect(await card.ask(`0024018508${NEW}`)).toBe("6A88");
  });
});

describe("RESET RETRY COUNTER", () => {
  it("with the administrator's key unblocks, and ends what was shown", async () => {
    const card = await GidsBench.ready();
    for (let tries = 0; tries < 3; tries++) await card.verify(WRONG);
    expect(await card.ask(`002C028008${NEW}`)).toBe("6982");
    expect(await card.administrator()).toBe("9000");
    expect(await card.ask("002C028003313233")).toBe("6A80");
    await card.done(`002C028008${NEW}`);
    expect(await card.ask("00DBA01204DF200111")).toBe("6982");
    expect(await card.ask(`002C028008${PIN}`)).toBe("6982");
    expect(await card.ask("00200080")).toBe("63C3");
    expect(await card.verify(NEW)).toBe("9000");
  });

  it("the user alone does not unblock", async () => {
    const card = await GidsBench.ready();
    await card.login();
    expect(await card.ask(`002C028008${NEW}`)).toBe("6982");
    expect(await card.ask(`002C008010${PIN}${NEW}`)).toBe("6A88");
    expect(await card.ask(`002C018008${NEW}`)).toBe("6A86");
    expect(await card.ask(`002C028108${NEW}`)).toBe("6A88");
    expect(await new GidsBench().ask(`002C028008${NEW}`)).toBe("6A88");
  });

  it("with a resetting code, it is the only way", async () => {
    const card = await withPuk();
    expect(await card.done("00CB3FFF045C027F7300")).toBe("7F7306970103930103");
    for (let tries = 0; tries < 3; tries++) await card.verify(WRONG);
    expect(await card.ask(`002C028008${NEW}`)).toBe("6985");
    expect(await card.ask(`002C008010${WRONG}${NEW}`)).toBe("63C2");
    expect(await card.ask(`002C00800B${PUK}313233`)).toBe("6A80");
    await card.done(`002C008010${PUK}${NEW}`);
    expect(await card.ask("00200080")).toBe("63C3");
    expect(await card.verify(NEW)).toBe("9000");
    await card.done(`0024008110${PUK}${NEW}`);
    expect(await card.restarted().ask(`0020008108${NEW}`)).toBe("9000");
    for (let tries = 0; tries < 3; tries++) await card.ask(`002C008010${WRONG}${PIN}`);
    expect(await card.ask(`002C008010${NEW}${PIN}`)).toBe("6983");
  });
});
