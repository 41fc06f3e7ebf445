// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { copyBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { encodeCommand } from "../../base/iso7816/index.ts";
import { T0Adapter } from "../software-card/index.ts";
import { ApplicationCard, type ApplicationCardOptions } from "./application-card.ts";
import type { ApplicationCommand, CardApplication } from "./card-application.ts";

const atr = hexBytes("3B00");
const PIV = "A000000308000010000100";
const PIV_2 = "A0000003080000200001";
const OPENPGP = "D27600012401";

/** An application that writes down what happens to it, and answers with a function. */
function recorded(
  aid: string,
  answer: (command: ApplicationCommand) => ReturnType<CardApplication["process"]> = () => ({ status: 0x9000 }),
  more: Partial<CardApplication> = {},
): CardApplication & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    aid: hexBytes(aid),
    select({ aid: name, channel, again }) {
      log.push(`select ${encodeHex(name)} on ${channel}${again ? " again" : ""}`);
      return { data: hexBytes(aid), status: 0x9000 };
    },
    deselect: (channel) => void log.push(`deselect on ${channel}`),
    reset: () => void log.push("reset"),
    process(command) {
      const { cla, ins, p1, p2, data, channel } = command;
      log.push(`${encodeHex(Uint8Array.of(cla, ins, p1, p2))} ${encodeHex(data)} on ${channel}`);
      return answer(command);
    },
    ...more,
  };
}

interface Bench {
  readonly card: ApplicationCard;
  send(hex: string): Promise<string>;
  select(name: string, cla?: string, p2?: string): Promise<string>;
}

function cardOf(applications: readonly CardApplication[], options: Partial<ApplicationCardOptions> = {}): Bench {
  const card = new ApplicationCard({ applications, atr, ...options });
  const send = async (hex: string): Promise<string> => encodeHex(await card.process(hexBytes(hex)));
  const select = (name: string, cla = "00", p2 = "00"): Promise<string> =>
    send(`${cla}A404${p2}${encodeHex(Uint8Array.of(name.length / 2))}${name}00`);
  return { card, send, select };
}

describe("selection by name, ISO/IEC 7816-4:2005, 7.1.1", () => {
  test("by the whole identifier, and by the beginning of it", async () => {
    const one = recorded(PIV);
    const { select, send } = cardOf([recorded(OPENPGP), one]);
    expect(await select(PIV)).toBe(`${PIV}9000`);
    expect(await select("A000000308")).toBe(`${PIV}9000`);
    expect(await send("00CB3FFF00")).toBe("9000");
    expect(one.log).toEqual([`select ${PIV} on 0`, "select A000000308 on 0 again", "00CB3FFF  on 0"]);
  });

  test("an identifier that is longer than the application's own is another one", async () => {
    const { select } = cardOf([recorded("A000000308")]);
    expect(await select(PIV)).toBe("6A82");
  });

  test("first, last, next and previous occurrence", async () => {
    const { select } = cardOf([recorded(PIV), recorded(OPENPGP), recorded(PIV_2)]);
    expect(await select("A0000003", "00", "02")).toBe(`${PIV}9000`);
    expect(await select("A0000003", "00", "02")).toBe(`${PIV_2}9000`);
    expect(await select("A0000003", "00", "02")).toBe("6A82");
    expect(await select("A0000003", "00", "03")).toBe(`${PIV}9000`);
    expect(await select("A0000003", "00", "03")).toBe("6A82");
    expect(await select("A0000003", "00", "01")).toBe(`${PIV_2}9000`);
    expect(await select("A0000003", "00", "00")).toBe(`${PIV}9000`);
    await select(OPENPGP);
    expect(await select("A0000003", "00", "03")).toBe(`${PIV_2}9000`);
  });

  test("a SELECT that fails leaves everything as it was", async () => {
    const one = recorded(PIV);
    const broken = recorded(OPENPGP, undefined, { select: () => ({ status: 0x6985 }) });
    const { select, send } = cardOf([one, broken]);
    await select(PIV);
    expect(await select("A0000099")).toBe("6A82");
    expect(await select(OPENPGP)).toBe("6985");
    expect(await select(PIV, "00", "10")).toBe("6A86");
    await send("00200080");
    expect(one.log.slice(1)).toEqual(["00200080  on 0"]);
  });

  test("a warning selects, and the application before is told", async () => {
    const one = recorded(PIV);
    const terminated = recorded(OPENPGP, undefined, { select: () => ({ status: 0x6285 }) });
    const { select } = cardOf([one, terminated]);
    await select(PIV);
    expect(await select(OPENPGP)).toBe("6285");
    expect(one.log.at(-1)).toBe("deselect on 0");
  });

  test("the default application is current after a reset, and is found without a name", async () => {
    const one = recorded(PIV);
    const two = recorded(OPENPGP);
    const { card, select, send } = cardOf([two, one], { defaultApplication: one });
    expect(await send("00CB3FFF00")).toBe("9000");
    await select(OPENPGP);
    expect(await send("00A4040000")).toBe(`${PIV}9000`);
    await select(OPENPGP);
    expect(card.reset("warm")).toEqual(atr);
    one.log.length = 0;
    await send("00CB3FFF00");
    expect(one.log).toEqual(["00CB3FFF  on 0"]);
  });

  test("without a current application there is no file and no instruction", async () => {
    const { send } = cardOf([recorded(PIV)]);
    expect(await send("00A40000023F00")).toBe("6A82");
    expect(await send("00CB3FFF00")).toBe("6D00");
    expect(await send("00A4040000")).toBe("6A82");
  });

  test("other ways to select belong to the application", async () => {
    const one = recorded(PIV, () => ({ status: 0x6a81 }));
    const { select, send } = cardOf([one]);
    await select(PIV);
    expect(await send("00A40000023F00")).toBe("6A81");
  });
});

describe("logical channels, ISO/IEC 7816-4:2005, 5.1.1 and 7.1.2", () => {
  test("20 of them, each with its own application", async () => {
    const applications = Array.from({ length: 20 }, (_, index) => recorded(`F0000000${(16 + index).toString(16)}`));
    const { select, send } = cardOf(applications);
    for (let channel = 1; channel < 20; channel++) {
      expect(await send("0070000001")).toBe(`${encodeHex(Uint8Array.of(channel))}9000`);
    }
    expect(await send("0070000001")).toBe("6A81");
    for (let channel = 0; channel < 20; channel++) {
      const cla = encodeHex(Uint8Array.of(channel < 4 ? channel : 0x40 + channel - 4));
      expect(await select(encodeHex(applications[channel]?.aid ?? atr), cla)).toMatch(/9000$/);
      await send(`${cla}CA0000`);
      expect(applications[channel]?.log.at(-1)).toBe(`00CA0000  on ${channel}`);
    }
  });

  test("a channel that is not open: 6881; closed again, its application is told", async () => {
    const one = recorded(PIV);
    const { select, send } = cardOf([one]);
    expect(await send("01CA0000")).toBe("6881");
    expect(await send("00700003")).toBe("9000");
    await select(PIV, "03");
    expect(await send("00708003")).toBe("9000");
    expect(one.log.at(-1)).toBe("deselect on 3");
    expect(await send("03CA0000")).toBe("6881");
    expect(await send("00708000")).toBe("6A86");
  });

  test("an application is current on one channel only, unless it says otherwise", async () => {
    const one = recorded(PIV);
    const many = recorded(OPENPGP, undefined, { multiSelectable: true });
    const { select, send } = cardOf([one, many]);
    await send("00700001");
    await select(PIV);
    expect(await select(PIV, "01")).toBe("6985");
    await select(OPENPGP);
    expect(await select(OPENPGP, "01")).toBe(`${OPENPGP}9000`);
  });

  test("proprietary classes of GlobalPlatform have a channel, others are the application's own", async () => {
    const one = recorded(PIV);
    const { select, send } = cardOf([one]);
    await send("00700001");
    await select(PIV, "01");
    await send("81CA0000");
    expect(one.log.at(-1)).toBe("80CA0000  on 1");
    expect(await send("90600000")).toBe("6D00");
    await send("01708000");
    await select(PIV);
    await send("90600000");
    expect(one.log.at(-1)).toBe("90600000  on 0");
  });

  test.each(["0CCA000000", "60CA000000"])("secure messaging is refused: %s", async (hex) => {
    expect(await cardOf([recorded(PIV)]).send(hex)).toBe("6882");
  });

  test.each(["20CA000000", "3FCA000000", "FFCA000000"])("%s has a class that no card takes", async (hex) => {
    expect(await cardOf([recorded(PIV)]).send(hex)).toBe("6E00");
  });
});

describe("command chaining, ISO/IEC 7816-4:2005, 5.1.1.1", () => {
  test("the application gets one command with all data", async () => {
    const one = recorded(PIV);
    const { select, send } = cardOf([one]);
    await select(PIV);
    expect(await send("10DB3FFF0401020304")).toBe("9000");
    expect(await send("10DB3FFF0405060708")).toBe("9000");
    expect(await send("00DB3FFF0109")).toBe("9000");
    expect(one.log.at(-1)).toBe("00DB3FFF 010203040506070809 on 0");
  });

  test("another command ends the chain", async () => {
    const one = recorded(PIV);
    const { select, send } = cardOf([one]);
    await select(PIV);
    await send("10DB3FFF020102");
    await send("00DB00000103");
    await send("10DB3FFF020102");
    await send("00C0000000");
    await send("00DB3FFF0104");
    expect(one.log.slice(1)).toEqual(["00DB0000 03 on 0", "00DB3FFF 04 on 0"]);
  });

  test("a chain has a bound", async () => {
    const one = recorded(PIV);
    const { card, select, send } = cardOf([one]);
    await select(PIV);
    const part = encodeCommand({ cla: 0x10, ins: 0xdb, p1: 0x3f, p2: 0xff, data: new Uint8Array(65_535) });
    expect(encodeHex(await card.process(part))).toBe("9000");
    expect(await send("00DB3FFF0101")).toBe("6A84");
    await card.process(part);
    expect(await send("10DB3FFF0101")).toBe("6A84");
    await send("00DB3FFF0101");
    expect(one.log.at(-1)).toBe("00DB3FFF 01 on 0");
  });

  test("6700 after a chain is not 6700, which a T=0 reader would repeat", async () => {
    const { select, send } = cardOf([recorded(PIV, () => ({ status: 0x6700 }))]);
    await select(PIV);
    expect(await send("00DB3FFF0101")).toBe("6700");
    await send("10DB3FFF0101");
    expect(await send("00DB3FFF0101")).toBe("6A87");
  });

  test("the data is overwritten after the answer", async () => {
    const seen: Uint8Array[] = [];
    const keeping = recorded(PIV, ({ data }) => {
      seen.push(data);
      return { status: 0x9000 };
    });
    const { select, send } = cardOf([keeping]);
    await select(PIV);
    await send("00200080043132333400");
    await send("10200080023132");
    await send("00200080023334");
    expect(seen.map((data) => encodeHex(data))).toEqual(["00000000", "00000000"]);
  });
});

describe("long answers, ISO/IEC 7816-4:2005, 5.1.3 and 7.6.1", () => {
  const long = Uint8Array.from({ length: 600 }, (_, index) => index & 0xff);
  const reading = () => recorded(PIV, () => ({ data: long, status: 0x9000 }));

  test("61xx says how much is left, GET RESPONSE fetches it", async () => {
    const { select, send } = cardOf([reading()]);
    await select(PIV);
    const parts = [await send("00CB3FFF00"), await send("00C0000000"), await send("00C0000058")];
    expect(parts.map((part) => part.slice(-4))).toEqual(["6100", "6158", "9000"]);
    expect(parts.map((part) => part.slice(0, -4)).join("")).toBe(encodeHex(long));
    expect(await send("00C0000000")).toBe("6985");
    expect((await send("00CB3FFF00")).slice(-4)).toBe("6100");
  });

  test("a shorter Le gets as much, and an extended one all of it", async () => {
    const { select, send } = cardOf([reading()]);
    await select(PIV);
    expect(await send("00CB3FFF04")).toBe("000102036100");
    expect(await send("00CB3FFF000000")).toBe(`${encodeHex(long)}9000`);
    expect(await send("00CB3FFF000255")).toHaveLength(2 * (597 + 2));
    expect(await send("00C0000000")).toBe("5556579000");
  });

  test("without Le, up to 256 bytes come all the same", async () => {
    const { select, send } = cardOf([reading()]);
    await select(PIV);
    expect((await send("00CB3FFF0101")).slice(-4)).toBe("6100");
    expect(await send("00CB3FFF00000101"), "with extended length, all of it").toBe(`${encodeHex(long)}9000`);
  });

  test("another command in between drops the rest", async () => {
    const { select, send } = cardOf([reading()]);
    await select(PIV);
    await send("00CB3FFF04");
    await send("00A4040001FF");
    expect(await send("00C0000000")).toBe("6985");
  });

  test("each channel has its own", async () => {
    const { select, send } = cardOf([reading(), recorded(OPENPGP)]);
    await send("00700001");
    await select(PIV);
    await select(OPENPGP, "01");
    await send("00CB3FFF04");
    expect(await send("01C0000000")).toBe("6985");
    expect((await send("00C0000002")).slice(0, 4)).toBe("0405");
  });

  test("over T=0, also where a command goes both ways", async () => {
    const { card } = cardOf([reading()]);
    const t0 = new T0Adapter(card);
    const send = async (hex: string): Promise<string> => encodeHex(await t0.transmit(hexBytes(hex)));
    expect(await send(`00A404000B${PIV}`)).toBe("610B");
    expect(await send("00C000000B")).toBe(`${PIV}9000`);
    expect(await send("00CB3FFF0101")).toBe("6100");
    let whole = "";
    let word = "6100";
    while (word.startsWith("61")) {
      const part = await send(`00C00000${word.slice(2)}`);
      whole += part.slice(0, -4);
      word = part.slice(-4);
    }
    expect(whole).toBe(encodeHex(long));
    expect(word).toBe("9000");
  });
});

describe("faults of an application stay inside", () => {
  const failures: readonly [string, () => ReturnType<CardApplication["process"]>][] = [
    [
      "throws",
      () => {
        throw new Error("PIN 123456");
      },
    ],
    ["rejects", () => Promise.reject(new Error("PIN 123456"))],
    ["answers no status word", () => ({ status: Number.NaN })],
    ["answers a status word that there is not", () => ({ status: 0x0000 })],
  ];
  test.each(failures)("one that %s: 6F00", async (_, fail) => {
    const { select, send } = cardOf([recorded(PIV, fail)]);
    await select(PIV);
    expect(await send("00200080")).toBe("6F00");
  });

  test.each(["", "00", "00A404", "00A404000512", "00A4040C00000000"])("%s is no command: 6700", async (hex) => {
    expect(await cardOf([recorded(PIV)]).send(hex)).toBe("6700");
  });

  test("a command that a reset overtakes is abandoned", async () => {
    let finish = (): void => undefined;
    const seen: boolean[] = [];
    const slow = recorded(PIV, async (command) => {
      seen.push(command.abandoned);
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      seen.push(command.abandoned);
      return { data: new Uint8Array(300), status: 0x9000 };
    });
    const { card, select, send } = cardOf([slow]);
    await select(PIV);
    const answer = send("0047009A00");
    card.reset("warm");
    finish();
    expect(await answer).toBe("6F00");
    expect(seen).toEqual([false, true]);
    expect(await send("00C0000000")).toBe("6985");
  });

  test("the answer is copied: the application may keep what it answers", async () => {
    const kept = hexBytes("0102030405");
    const before = copyBytes(kept);
    const { select, send } = cardOf([recorded(PIV, () => ({ data: kept, status: 0x9000 }))]);
    await select(PIV);
    expect(await send("00CB3FFF02")).toBe("01026103");
    await send("00CB3FFF00");
    expect(kept).toEqual(before);
  });
});

test("power loss clears all applications and channels", async () => {
  const one = recorded(PIV);
  const { card, send } = cardOf([one]);
  await send("00700001");
  card.powerOff();
  card.reset("cold");
  expect(one.log).toEqual(["reset", "reset"]);
  expect(await send("01CA0000")).toBe("6881");
});

test("applications must be some, each once, and the default one among them", () => {
  const one = recorded(PIV);
  const wrong = expect.objectContaining({ code: "invalid-parameter" });
  expect(() => cardOf([])).toThrow(wrong);
  expect(() => cardOf([one, one])).toThrow(wrong);
  expect(() => cardOf(Array.from({ length: 33 }, () => recorded(PIV)))).toThrow(wrong);
  expect(() => cardOf([one], { defaultApplication: recorded(PIV) })).toThrow(wrong);
});
