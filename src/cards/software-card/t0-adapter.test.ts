// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { copyBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { decodeCommand, encodeCommand, encodeResponse, runExchange } from "../../base/iso7816/index.ts";
import type { SoftwareCard } from "./software-card.ts";
import { T0Adapter } from "./t0-adapter.ts";

/** A card that answers with a function and records its commands. */
function scripted(answer: (command: string) => Uint8Array): { card: SoftwareCard; asked: string[] } {
  const asked: string[] = [];
  const card: SoftwareCard = {
    reset: () => hexBytes("3B00"),
    powerOff: () => undefined,
    process(command) {
      asked.push(encodeHex(command));
      return answer(encodeHex(command));
    },
  };
  return { card, asked };
}

const ok = hexBytes("9000");

function counting(length: number, status = 0x9000): Uint8Array {
  return encodeResponse(
    Uint8Array.from({ length }, (_, index) => index & 0xff),
    status,
  );
}

async function exchange(adapter: T0Adapter, hex: string): Promise<string> {
  return encodeHex(await adapter.transmit(hexBytes(hex)));
}

describe("case 1, ISO/IEC 7816-3:2006, 12.2.2", () => {
  test("four bytes reach the card as they are", async () => {
    const { card, asked } = scripted(() => ok);
    expect(await exchange(new T0Adapter(card), "00A4000C")).toBe("9000");
    expect(asked).toEqual(["00A4000C"]);
  });

  test("P3 = 00 is offered as case 2 first, and as case 1 to a card that finds the length wrong", async () => {
    const { card, asked } = scripted((command) => (command.length > 8 ? hexBytes("6700") : ok));
    expect(await exchange(new T0Adapter(card), "0044000000")).toBe("9000");
    expect(asked).toEqual(["0044000000", "00440000"]);
  });
});

describe("case 2, ISO/IEC 7816-3:2006, 12.2.3", () => {
  test("the right Le gets the data at once", async () => {
    const { card } = scripted(() => counting(4));
    expect(await exchange(new T0Adapter(card), "00B0000004")).toBe("000102039000");
  });

  test("a wrong Le is answered 6Cxx; the command that comes again is not carried out again", async () => {
    const { card, asked } = scripted(() => counting(4, 0x6282));
    const adapter = new T0Adapter(card);
    expect(await exchange(adapter, "00B0000010")).toBe("6C04");
    expect(await exchange(adapter, "00B0000004")).toBe("000102036282");
    expect(asked).toEqual(["00B0000010"]);
    expect(await exchange(adapter, "00B0000004")).toBe("000102036282");
    expect(asked).toHaveLength(2);
  });

  test("Le = 00 means 256", async () => {
    const { card } = scripted(() => counting(256));
    expect(await exchange(new T0Adapter(card), "00B0000000")).toHaveLength(2 * 258);
  });

  test("256 bytes where fewer were asked for are announced as 6C00", async () => {
    const { card } = scripted(() => counting(256));
    const adapter = new T0Adapter(card);
    expect(await exchange(adapter, "00B0000010")).toBe("6C00");
    expect(await exchange(adapter, "00B0000000")).toHaveLength(2 * 258);
  });

  test("more than 256 bytes: the rest is fetched with GET RESPONSE", async () => {
    const { card } = scripted(() => counting(300));
    const adapter = new T0Adapter(card);
    const first = await exchange(adapter, "00B0000000");
    expect(first).toHaveLength(2 * 258);
    expect(first.slice(-4)).toBe("612C");
    expect((await exchange(adapter, "00C000002C")).slice(-4)).toBe("9000");
  });

  test("a status word without data goes through", async () => {
    const { card } = scripted(() => hexBytes("6A82"));
    expect(await exchange(new T0Adapter(card), "00B0000010")).toBe("6A82");
  });

  test("any other command in between drops the kept answer", async () => {
    const { card, asked } = scripted(() => counting(4));
    const adapter = new T0Adapter(card);
    await exchange(adapter, "00B0000010");
    await exchange(adapter, "00B0000104");
    await exchange(adapter, "00B0000004");
    expect(asked).toEqual(["00B0000010", "00B0000104", "00B0000004"]);
  });
});

describe("case 3, ISO/IEC 7816-3:2006, 12.2.4", () => {
  test("a card that takes no Le there is asked again without it", async () => {
    const { card, asked } = scripted((command) => (command === "00D60000020102" ? ok : hexBytes("6700")));
    expect(await exchange(new T0Adapter(card), "00D60000020102")).toBe("9000");
    expect(asked).toEqual(["00D6000002010200", "00D60000020102"]);
  });

  test.each(["00D600000201", "00D60000020102030405", "00D600000001", "00D60000000102"])(
    "%s is no TPDU: 6700, and the card does not see it",
    async (hex) => {
      const { card, asked } = scripted(() => ok);
      expect(await exchange(new T0Adapter(card), hex)).toBe("6700");
      expect(asked).toEqual([]);
    },
  );
});

describe("case 4, ISO/IEC 7816-3:2006, 12.2.5", () => {
  const command = "00A40000023F00";

  test("61xx announces the answer, GET RESPONSE fetches it with its status word", async () => {
    const { card, asked } = scripted(() => counting(3, 0x6283));
    const adapter = new T0Adapter(card);
    expect(await exchange(adapter, command)).toBe("6103");
    expect(await exchange(adapter, "00C0000003")).toBe("0001026283");
    expect(asked).toEqual([`${command}00`]);
  });

  test("a trailing Le is let pass", async () => {
    const { card, asked } = scripted(() => counting(3));
    expect(await exchange(new T0Adapter(card), `${command}10`)).toBe("6103");
    expect(asked).toEqual([`${command}00`]);
  });

  test("256 bytes or more are announced as 6100 and come in portions", async () => {
    const { card } = scripted(() => counting(600));
    const adapter = new T0Adapter(card);
    expect(await exchange(adapter, command)).toBe("6100");
    expect((await exchange(adapter, "00C0000000")).slice(-4)).toBe("6100");
    expect((await exchange(adapter, "00C0000040")).slice(-4)).toBe("6100");
    expect((await exchange(adapter, "00C0000000")).slice(-4)).toBe("6118");
    expect((await exchange(adapter, "00C0000018")).slice(-4)).toBe("9000");
  });

  test("GET RESPONSE for more than there is: 6Cxx, and the answer is kept", async () => {
    const { card } = scripted(() => counting(3));
    const adapter = new T0Adapter(card);
    await exchange(adapter, command);
    expect(await exchange(adapter, "00C0000000")).toBe("6C03");
    expect(await exchange(adapter, "00C0000003")).toBe("0001029000");
  });

  test("GET RESPONSE with other parameters: 6A86", async () => {
    const { card } = scripted(() => counting(3));
    const adapter = new T0Adapter(card);
    await exchange(adapter, command);
    expect(await exchange(adapter, "00C0010003")).toBe("6A86");
  });

  test("any other command drops the answer; GET RESPONSE is then the card's own affair", async () => {
    const { card, asked } = scripted((hex) => (hex.startsWith("00C0") ? hexBytes("6985") : counting(3)));
    const adapter = new T0Adapter(card);
    await exchange(adapter, command);
    await exchange(adapter, "00B0000003");
    expect(await exchange(adapter, "00C0000003")).toBe("6985");
    expect(asked.at(-1)).toBe("00C0000003");
  });

  test("the card's command is overwritten when the answer is there", async () => {
    let seen: Uint8Array | undefined;
    const card: SoftwareCard = {
      reset: () => hexBytes("3B00"),
      powerOff: () => undefined,
      process(request) {
        seen = request;
        return ok;
      },
    };
    await new T0Adapter(card).transmit(hexBytes("002000010431323334"));
    expect(seen?.every((byte) => byte === 0)).toBe(true);
  });
});

test("a card may answer in the command's own bytes", async () => {
  const card: SoftwareCard = {
    reset: () => ok,
    powerOff: () => undefined,
    process: (command) => command.subarray(0, 4),
  };
  const adapter = new T0Adapter(card);
  expect(await exchange(adapter, "11229000020102")).toBe("6102");
  expect(await exchange(adapter, "00C0000002")).toBe("11229000");
});

test("a promise of a card is awaited", async () => {
  const card: SoftwareCard = { reset: () => ok, powerOff: () => undefined, process: async () => counting(2) };
  expect(await exchange(new T0Adapter(card), "00B0000002")).toBe("00019000");
});

test("property: what follows 61xx and 6Cxx up gets exactly what the card answered", async () => {
  const header = fc.record({ cla: fc.constant(0), ins: fc.constantFrom(0xa4, 0xb0), p1: fc.nat(255), p2: fc.nat(255) });
  const data = fc.uint8Array({ maxLength: 40 });
  const le = fc.option(fc.integer({ min: 1, max: 256 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(header, data, le, fc.nat(1200), async (start, body, wanted, length) => {
      const answer = counting(length);
      const adapter = new T0Adapter(scripted(() => copyBytes(answer)).card);
      const decoded = decodeCommand(encodeCommand({ ...start, data: body, le: wanted, extended: undefined }));
      if (!decoded.ok) throw new Error(decoded.error.message);
      // A four-byte command expects no data, so none can be fetched for it.
      fc.pre(body.length > 0 || wanted !== undefined);
      const response = await runExchange((command) => adapter.transmit(command), decoded.value);
      expect(encodeHex(response.data)).toBe(encodeHex(answer.subarray(0, length)));
      expect(response.sw).toBe(0x9000);
    }),
    { numRuns: 60 },
  );
});

test("property: any bytes are answered with at most 258 bytes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 }),
      fc.nat(600),
      async (list, length) => {
        const adapter = new T0Adapter(scripted((hex) => (hex.length >= 10 ? counting(length) : hexBytes("6700"))).card);
        for (const command of list) {
          const answer = await adapter.transmit(command);
          expect(answer.length).toBeGreaterThanOrEqual(2);
          expect(answer.length).toBeLessThanOrEqual(258);
        }
      },
    ),
    { numRuns: 60 },
  );
});
