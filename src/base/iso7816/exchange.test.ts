// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex } from "../binary/index.ts";
import { type CommandApdu, type CommandInit, decodeCommand, encodeCommand, type ResponseApdu } from "./apdu.ts";
import {
  beginExchange,
  type Exchange,
  type ExchangeOptions,
  type ExchangeStep,
  MAX_FOLLOW_UP_ROUNDS,
  stepExchange,
} from "./exchange.ts";

function command(cla: number, le: number | undefined = 256): CommandApdu {
  return { cla, ins: 0xb0, p1: 1, p2: 2, data: new Uint8Array(0), le, extended: false };
}

/** UPDATE BINARY of so many bytes, 00 01 02 … */
function update(length: number, more: Partial<CommandInit> = {}): CommandInit {
  return { cla: 0, ins: 0xd6, p1: 0, p2: 0, data: Uint8Array.from({ length }, (_, index) => index & 0xff), ...more };
}

function response(sw: number, data: Uint8Array = new Uint8Array(0)): ResponseApdu {
  return { data, sw1: sw >> 8, sw2: sw & 0xff, sw };
}

function send(step: ExchangeStep): { hex: string; step: Extract<ExchangeStep, { kind: "send" }> } {
  if (step.kind !== "send") throw new Error(step.kind);
  return { hex: encodeHex(encodeCommand(step.command)), step };
}

/** Answers 9000 to every part but the last: the exchange at its last part, and all parts. */
function toLastPart(first: Exchange): { exchange: Exchange; parts: CommandApdu[] } {
  let exchange = first;
  const parts = [exchange.command];
  while (exchange.at < exchange.carried.commands.length - 1) {
    ({ exchange } = send(stepExchange(exchange, response(0x9000))).step);
    parts.push(exchange.command);
  }
  return { exchange, parts };
}

describe("an exchange", () => {
  test("6Cxx, then 61xx twice, then the end: data is joined", () => {
    const repeat = send(stepExchange(beginExchange(command(0)), response(0x6c04)));
    expect(repeat.hex).toBe("00B0010204");
    const first = send(stepExchange(repeat.step.exchange, response(0x6102, Uint8Array.of(1, 2))));
    expect(first.hex).toBe("00C0000002");
    const second = send(stepExchange(first.step.exchange, response(0x6c01, Uint8Array.of(99))));
    expect(second.hex).toBe("00C0000001");
    expect(stepExchange(second.step.exchange, response(0x9000, Uint8Array.of(3)))).toEqual({
      kind: "done",
      response: { data: Uint8Array.of(1, 2, 3), sw1: 0x90, sw2: 0x00, sw: 0x9000 },
    });
  });

  test("an error at the end keeps the data before it", () => {
    const first = send(stepExchange(beginExchange(command(0)), response(0x6100, Uint8Array.of(1))));
    expect(stepExchange(first.step.exchange, response(0x6282))).toMatchObject({
      response: { data: Uint8Array.of(1), sw: 0x6282 },
    });
  });

  test.each([
    [0x6101, 0x6101],
    [0x6c01, 0x6c02],
  ])("a card that answers %i and %i for ever is given up after a number of rounds", (odd, even) => {
    let exchange = beginExchange(command(0));
    for (let round = 1; round < MAX_FOLLOW_UP_ROUNDS; round++) {
      exchange = send(stepExchange(exchange, response(round % 2 === 1 ? odd : even))).step.exchange;
    }
    expect(stepExchange(exchange, response(even))).toEqual({
      kind: "failed",
      code: "endless-response",
      reason: "no final response after 1024 commands",
    });
  });

  test("a card that asks for the Le that it was given has answered", () => {
    const repeated = send(stepExchange(beginExchange(command(0)), response(0x6c05)));
    expect(repeated.hex).toMatch(/05$/);
    expect(stepExchange(repeated.step.exchange, response(0x6c05))).toMatchObject({
      kind: "done",
      response: { sw: 0x6c05 },
    });
  });

  test("65,536 bytes of data are taken, and not one more", () => {
    const half = new Uint8Array(32_768);
    const first = send(stepExchange(beginExchange(command(0)), response(0x6100, half)));
    expect(stepExchange(first.step.exchange, response(0x9000, half))).toMatchObject({ kind: "done" });
    expect(stepExchange(first.step.exchange, response(0x9000, new Uint8Array(32_769)))).toEqual({
      kind: "failed",
      code: "response-too-long",
      reason: "more than 65536 bytes of response data",
    });
  });

  test("property: data cut into portions anywhere comes out whole", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 256 }), { minLength: 1, maxLength: 20 }), (portions) => {
        let exchange = beginExchange(command(0));
        let step: ExchangeStep | undefined;
        portions.forEach((portion, index) => {
          step = stepExchange(exchange, response(index + 1 < portions.length ? 0x6100 : 0x9000, portion));
          if (step.kind === "send") exchange = step.exchange;
        });
        const whole = portions.flatMap((portion) => [...portion]);
        expect(step?.kind === "done" && [...step.response.data]).toEqual(whole);
      }),
    );
  });
});

describe("a command as T=0 carries it, ISO/IEC 7816-3:2006, 12.2", () => {
  test.each<[string, CommandInit, string]>([
    ["1", { cla: 0, ins: 0x44, p1: 0, p2: 0 }, "00440000"],
    ["2S", { cla: 0, ins: 0xb0, p1: 0, p2: 0, le: 4 }, "00B0000004"],
    ["3S", update(2), "00D60000020001"],
    ["4S", update(2, { le: 4 }), "00D60000020001"],
    ["2E", { cla: 0, ins: 0xb0, p1: 0, p2: 0, le: 300 }, "00B0000000"],
    ["3E of a short length", update(2, { extended: true }), "00D60000020001"],
    ["4E of a short length", update(2, { le: 300 }), "00D60000020001"],
  ])("case %s", (_, given, hex) => {
    expect(encodeHex(encodeCommand(beginExchange(given, { protocol: "t0" }).command))).toBe(hex);
  });

  test("6C00 to the largest Le, and 6Cxx to a command that has data, are answers: the same bytes would go again", () => {
    const large = beginExchange({ cla: 0, ins: 0xb0, p1: 0, p2: 0, le: 65_536 }, { protocol: "t0" });
    expect(stepExchange(large, response(0x6c00))).toMatchObject({ kind: "done", response: { sw: 0x6c00 } });
    const verify = beginExchange(update(4), { protocol: "t0" });
    expect(stepExchange(verify, response(0x6c05))).toMatchObject({ kind: "done", response: { sw: 0x6c05 } });
  });

  test("6Cxx to case 1 asks for it as case 2", () => {
    const step = send(
      stepExchange(beginExchange({ cla: 0, ins: 0xb0, p1: 0, p2: 0 }, { protocol: "t0" }), response(0x6c05)),
    );
    expect(step.hex).toBe("00B0000005");
  });
});

describe("ENVELOPE, ISO/IEC 7816-3:2006, 12.2.7 and 12.2.8", () => {
  test("carries a command with extended length fields in parts of 255 bytes", () => {
    const { exchange, parts } = toLastPart(beginExchange(update(300, { le: 10 }), { protocol: "t0" }));
    expect(
      parts.map(({ data, ...rest }) => [encodeHex(encodeCommand({ ...rest, data: undefined })), data.length]),
    ).toEqual([
      ["00C20000", 255],
      ["00C20000", 54],
    ]);
    const content = decodeCommand(concatBytes(...parts.map(({ data }) => data)));
    expect(content.ok && content.value).toEqual({ ...update(300, { le: 10 }), extended: true });
    expect(stepExchange(exchange, response(0x9000))).toMatchObject({ kind: "done", response: { sw: 0x9000 } });
  });

  test("the answer waits for GET RESPONSE on the channel of the command", () => {
    const { exchange } = toLastPart(beginExchange(update(256, { cla: 0x03, le: 2 }), { protocol: "t0" }));
    expect(exchange.command).toMatchObject({ cla: 0x03, ins: 0xc2 });
    expect(send(stepExchange(exchange, response(0x6102))).hex).toBe("03C0000002");
  });

  test("is in the class that the caller names, as GET RESPONSE is", () => {
    const { exchange, parts } = toLastPart(beginExchange(update(256), { protocol: "t0", transportClass: 0x80 }));
    expect(parts.every(({ cla }) => cla === 0x80)).toBe(true);
    expect(send(stepExchange(exchange, response(0x6102))).hex).toBe("80C0000002");
  });

  test.each([0x6d00, 0x6e00])("a card that does not know it: %i to the first", (sw) => {
    const first = beginExchange(update(300), { protocol: "t0" });
    expect(stepExchange(first, response(sw))).toMatchObject({ kind: "failed", code: "no-envelope" });
    // From the second on it is the answer to what the envelopes carry.
    const longer = send(stepExchange(beginExchange(update(600), { protocol: "t0" }), response(0x9000)));
    for (const { exchange } of [longer.step, toLastPart(first)]) {
      expect(stepExchange(exchange, response(sw))).toMatchObject({ kind: "done", response: { sw } });
    }
  });

  test.each([0x6a80, 0x6c05, 0x6282])("%i to a part is the answer: the others are not sent", (sw) => {
    expect(stepExchange(beginExchange(update(600), { protocol: "t0" }), response(sw))).toMatchObject({
      kind: "done",
      response: { sw },
    });
  });

  test("6Cxx to the last has all of it sent again with that Le, and once only", () => {
    const { exchange } = toLastPart(beginExchange(update(300, { le: 10 }), { protocol: "t0" }));
    const again = toLastPart(send(stepExchange(exchange, response(0x6c05))).step.exchange);
    const content = decodeCommand(concatBytes(...again.parts.map(({ data }) => data)));
    expect(content.ok && content.value.le).toBe(5);
    expect(stepExchange(again.exchange, response(0x6c05))).toMatchObject({ kind: "done", response: { sw: 0x6c05 } });
  });

  test("a card that wants another Le each time is given up", () => {
    let { exchange } = toLastPart(beginExchange(update(65_535, { le: 10 }), { protocol: "t0" }));
    let step = stepExchange(exchange, response(0x6c01));
    let sent = 0;
    for (let le = 2; step.kind === "send"; le++) {
      ({ exchange } = toLastPart(step.exchange));
      sent += exchange.carried.commands.length;
      step = stepExchange(exchange, response(0x6c00 | (le & 0xff)));
    }
    expect(step).toMatchObject({ kind: "failed", code: "endless-response" });
    expect(sent).toBeLessThanOrEqual(MAX_FOLLOW_UP_ROUNDS);
  });
});

describe("command chaining, ISO/IEC 7816-4:2005, 5.1.1.1", () => {
  test.each<ExchangeOptions["protocol"]>(["t0", "t1", undefined])(
    "with %s: short commands, the last with Le",
    (protocol) => {
      const { parts } = toLastPart(beginExchange(update(600, { le: 300 }), { protocol, longData: "chaining" }));
      expect(parts.map(({ cla, data, le }) => [cla, data.length, le])).toEqual([
        [0x10, 255, undefined],
        [0x10, 255, undefined],
        [0x00, 90, protocol === "t0" ? undefined : 256],
      ]);
      expect(parts.every((part) => !part.extended)).toBe(true);
    },
  );

  test("what the caller's own chain says of the last stays", () => {
    const { parts } = toLastPart(beginExchange(update(256, { cla: 0x10 }), { longData: "chaining" }));
    expect(parts.map(({ cla }) => cla)).toEqual([0x10, 0x10]);
  });

  test("GET RESPONSE belongs to no chain", () => {
    const { exchange } = toLastPart(beginExchange(update(256, { cla: 0x01, le: 3 }), { longData: "chaining" }));
    expect(send(stepExchange(exchange, response(0x6103))).hex).toBe("01C0000003");
  });

  test("a card without it answers the first part, and that is the answer", () => {
    const first = beginExchange(update(256), { longData: "chaining" });
    expect(stepExchange(first, response(0x6884))).toMatchObject({ kind: "done", response: { sw: 0x6884 } });
  });
});

describe("beginExchange refuses", () => {
  test.each<[string, CommandInit, object, object]>([
    ["extended length fields over T=0", update(256), { protocol: "t0", longData: "extended" }, { code: "cannot-send" }],
    ["a chain in a proprietary class", update(256, { cla: 0x80 }), { longData: "chaining" }, { code: "cannot-send" }],
    ["too much data", update(65_536), { longData: "chaining" }, { name: "RangeError" }],
    ["an Le that there is not", update(1, { le: 65_537 }), { protocol: "t0" }, { name: "RangeError" }],
    ["an unknown protocol", update(1), { protocol: "T0" }, { name: "TypeError" }],
    ["an unknown way", update(1), { longData: "chain" }, { name: "TypeError" }],
    ["another value for follow", update(1), { follow: "no" }, { name: "TypeError" }],
    ["a class of two bytes", update(1), { transportClass: 256 }, { name: "RangeError" }],
    ["a misspelt option", update(1), { protocl: "t0" }, { name: "TypeError" }],
  ])("%s", (_, given, options, error) => {
    expect(() => beginExchange(given, options)).toThrow(expect.objectContaining(error));
  });
});

test("property: the parts of a command are never more than T=0 carries, and together are the whole command", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 3000 }),
      fc.option(fc.integer({ min: 1, max: 65_536 }), { nil: undefined }),
      fc.constantFrom("envelope" as const, "chaining" as const),
      (data, le, longData) => {
        const { parts } = toLastPart(
          beginExchange({ cla: 0, ins: 0xd6, p1: 1, p2: 2, data, le }, { protocol: "t0", longData }),
        );
        for (const part of parts) {
          const { length } = encodeCommand(part);
          expect(length).toBeLessThanOrEqual(5 + 255);
          expect(part.data.length === 0 || part.le === undefined).toBe(true);
        }
        const joined = concatBytes(...parts.map((part) => part.data));
        const content = parts[0]?.ins === 0xc2 ? decodeCommand(joined) : { ok: true as const, value: { data: joined } };
        expect(content.ok && encodeHex(content.value.data)).toBe(encodeHex(data));
      },
    ),
    { numRuns: 100 },
  );
});
