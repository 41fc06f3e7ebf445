// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { pinModifyStructure, pinVerifyStructure } from "../../src/port/index.ts";
import {
  atrs,
  type CcidBench,
  type CcidBenchOptions,
  cardLine,
  ccidBench,
  codeOf,
  content,
  readCommand,
  ready,
  settled,
} from "./ccid-bench.ts";
import type { PinPadUser, Preset, RigCard } from "./models/index.ts";

const VERIFY = 0x4233_0006;
const MODIFY = 0x4233_0007;
/** VERIFY with room for eight characters. */
const verifyCommand = hexBytes(`0020000108${"FF".repeat(8)}`);
const changeCommand = hexBytes(`0024000110${"FF".repeat(16)}`);

type VerifyFields = Parameters<typeof pinVerifyStructure.encode>[0];
type ModifyFields = Parameters<typeof pinModifyStructure.encode>[0];

/** ASCII, at the left of a block of eight bytes, 4 to 8 digits, ended by the enter key. */
function verifyInput(changes: Partial<VerifyFields> = {}, command: Uint8Array = verifyCommand): Uint8Array {
  const head = pinVerifyStructure.encode({
    ...{ timerOut: 30, timerOut2: 30, formatString: 0x82, pinBlockString: 0x08, pinLengthFormat: 0 },
    ...{ pinMaxExtraDigit: 0x0408, entryValidationCondition: 2, numberMessage: 1, langId: 0x0409, msgIndex: 0 },
    ...{ teoPrologue: new Uint8Array(3), dataLength: command.length },
    ...changes,
  });
  return concatBytes(head, command);
}

function modifyInput(changes: Partial<ModifyFields> = {}, command: Uint8Array = changeCommand): Uint8Array {
  const head = pinModifyStructure.encode({
    ...{ timerOut: 30, timerOut2: 30, formatString: 0x82, pinBlockString: 0x08, pinLengthFormat: 0 },
    ...{ insertionOffsetOld: 0, insertionOffsetNew: 8, pinMaxExtraDigit: 0x0408, confirmPin: 3 },
    ...{ entryValidationCondition: 2, numberMessage: 3, langId: 0x0409, msgIndex1: 0, msgIndex2: 1, msgIndex3: 2 },
    ...{ teoPrologue: new Uint8Array(3), dataLength: command.length },
    ...changes,
  });
  return concatBytes(head, command);
}

interface PinBench extends CcidBench {
  readonly card: RigCard;
  /** abData of every PC_to_RDR_Secure, in hexadecimal. */
  readonly secured: readonly string[];
}

async function pinBench(preset: Preset, protocol: "t0" | "t1", options: CcidBenchOptions = {}): Promise<PinBench> {
  const { card, line } = cardLine({ atr: atrs[protocol] });
  const secured: string[] = [];
  const bench = await ccidBench(preset, {
    ...options,
    model: { pinSupport: 3, vendorId: 0x1234, ...options.model },
    before: (model) => model.insert(line),
    wrap: (usb) => ({
      description: usb.description,
      async bulkOut(bytes, signal) {
        if (bytes[0] === 0x69) secured.push(encodeHex(bytes.subarray(10)));
        await usb.bulkOut(bytes, signal);
      },
      bulkIn: (most, signal) => usb.bulkIn(most, signal),
      interruptIn: (most, signal) => usb.interruptIn(most, signal),
      controlIn: (request, most, signal) => usb.controlIn(request, most, signal),
      controlOut: (request, data, signal) => usb.controlOut(request, data, signal),
      clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
      close: () => usb.close(),
    }),
  });
  await ready(bench, protocol);
  return { ...bench, card, secured };
}

const levels: readonly (readonly [Preset, "t0" | "t1"])[] = [
  ["extended APDU", "t1"],
  ["short APDU", "t1"],
  ["TPDU", "t1"],
  ["TPDU", "t0"],
];

const hexOfPin = (pin: string): string => encodeHex(new TextEncoder().encode(pin));

describe.each(levels)("%s, %s", (preset, protocol) => {
  test("a PIN is entered at the reader and goes to the card", async () => {
    const bench = await pinBench(preset, protocol);
    const answer = await bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal));
    expect(encodeHex(answer)).toBe("9000");
    expect(encodeHex(bench.card.lastPin ?? new Uint8Array(0))).toBe(`${hexOfPin("1234")}FFFFFFFF`);
    // The exchange goes on: its sequence numbers are right.
    for (const length of [10, 200, 3]) {
      const response = await bench.until(bench.reader.transmit(readCommand(length), protocol, bench.signal));
      expect(encodeHex(response)).toBe(content(length));
    }
  });

  test("a card that asks for more time before it judges the PIN gets it", async () => {
    const { card, line } = cardLine({ atr: atrs[protocol] }, { waits: () => [9] });
    const bench = await ccidBench(preset, { model: { pinSupport: 3 }, before: (model) => model.insert(line) });
    await ready(bench, protocol);
    expect(encodeHex(await bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal)))).toBe("9000");
    expect(encodeHex(card.lastPin ?? new Uint8Array(0))).toBe(`${hexOfPin("1234")}FFFFFFFF`);
    const response = await bench.until(bench.reader.transmit(readCommand(9), protocol, bench.signal));
    expect(encodeHex(response)).toBe(content(9));
  });

  test("a PIN is changed at the reader", async () => {
    const entries = ["1234", "87654321", "87654321"];
    const user: PinPadUser = (prompt) => ({ digits: entries[prompt] ?? "", key: "enter" });
    const bench = await pinBench(preset, protocol, { model: { user } });
    const answer = await bench.until(bench.reader.control(MODIFY, modifyInput(), bench.signal));
    expect(encodeHex(answer)).toBe("9000");
    const expected = `${hexOfPin("1234")}FFFFFFFF${hexOfPin("87654321")}`;
    expect(encodeHex(bench.card.lastPin ?? new Uint8Array(0))).toBe(expected);
  });

  test.each([
    ["cancel", "6401"],
    ["none", "6400"],
  ] as const)("the entry ends by %s: nothing goes to the card, and the exchange goes on", async (key, expected) => {
    const bench = await pinBench(preset, protocol, { model: { user: () => ({ digits: "12", key }) } });
    const before = bench.card.commands;
    const answer = await bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal));
    expect(encodeHex(answer)).toBe(expected);
    expect(bench.card.commands).toBe(before);
    const response = await bench.until(bench.reader.transmit(readCommand(20), protocol, bench.signal));
    expect(encodeHex(response)).toBe(content(20));
  });

  test("no PIN in any trace or error", async () => {
    const user: PinPadUser = () => ({ digits: "86420864", key: "enter" });
    for (const fault of ["none", "garbage", "short", "stall"] as const) {
      let isFaulty = false;
      const bench = await pinBench(preset, protocol, {
        model: { user, answerFaults: () => (isFaulty ? fault : undefined) },
      });
      isFaulty = true;
      let text = "";
      try {
        await settled(bench.runtime, bench.reader.control(VERIFY, verifyInput(), bench.signal));
      } catch (error) {
        for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
          text += `${cause.message} ${cause.stack}`;
      }
      expect(text, fault).not.toBe("");
      text += JSON.stringify(bench.runtime.events);
      expect(text).not.toContain("86420864");
      expect(text.toUpperCase()).not.toContain(hexOfPin("86420864"));
    }
  });

  test("the template, which may hold a PIN, is not in the memory of the driver afterwards", async () => {
    const sent: Uint8Array[] = [];
    const { line } = cardLine({ atr: atrs[protocol] });
    const bench = await ccidBench(preset, {
      model: { pinSupport: 3 },
      before: (model) => model.insert(line),
      wrap: (usb) => ({
        description: usb.description,
        async bulkOut(bytes, signal) {
          sent.push(bytes);
          await usb.bulkOut(bytes, signal);
        },
        bulkIn: (most, signal) => usb.bulkIn(most, signal),
        interruptIn: (most, signal) => usb.interruptIn(most, signal),
        controlIn: (request, most, signal) => usb.controlIn(request, most, signal),
        controlOut: (request, data, signal) => usb.controlOut(request, data, signal),
        clearHalt: (endpoint, signal) => usb.clearHalt(endpoint, signal),
        close: () => usb.close(),
      }),
    });
    await ready(bench, protocol);
    const verify = hexBytes("002000010431323334");
    expect(encodeHex(await bench.until(bench.reader.transmit(verify, protocol, bench.signal)))).toBe("9000");
    await bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal));
    expect(encodeHex(verify)).toBe("002000010431323334");
    for (const bytes of sent) expect(bytes.every((byte) => byte === 0)).toBe(true);
  });
});

describe("what goes to the reader, CCID 1.1, 6.1.11", () => {
  const message = "01020304";

  test.each<[string, object, Partial<VerifyFields>, string]>([
    ["as it is", {}, {}, "001E82080008040201090400000000"],
    ["a condition that breaks readers", {}, { entryValidationCondition: 0 }, "001E82080008040201090400000000"],
    ["a reserved condition", {}, { entryValidationCondition: 0x18 }, "001E82080008040201090400000000"],
    [
      "GemPC Pinpad: one message, the enter key",
      { vendorId: 0x08e6, productId: 0x3478 },
      { numberMessage: 0, entryValidationCondition: 7 },
      "001E82080008040201090400000000",
    ],
    ["Dell SCRK: no message", { vendorId: 0x413c, productId: 0x2101 }, {}, "001E82080008040200090400000000"],
    ["Dell SK: the digits swapped", { vendorId: 0x413c, productId: 0x2100 }, {}, "001E82080004080200090400000000"],
  ])("verification: %s", async (_name, model, changes, head) => {
    const bench = await pinBench("short APDU", "t1", { model });
    await bench.until(bench.reader.control(VERIFY, verifyInput(changes), bench.signal)).catch(() => undefined);
    expect(bench.secured).toEqual([head + encodeHex(verifyCommand)]);
  });

  test.each<[string, object, Partial<ModifyFields>, string]>([
    ["three messages", {}, {}, "011E820800000808040302030904000102000000"],
    ["two messages", {}, { numberMessage: 2 }, "011E8208000008080403020209040001000000"],
    ["no message", {}, { numberMessage: 0 }, "011E82080000080804030200090400000000"],
    [
      "SPR 532: all indexes, none counted",
      { vendorId: 0x04e6, productId: 0xe003, release: 0x0600 },
      {},
      "011E820800000808040302000904000000000000",
    ],
    [
      "Cherry XX44: three messages",
      { vendorId: 0x046a, productId: 0x0010 },
      { numberMessage: 0 },
      "011E820800000808040302030904000102000000",
    ],
    [
      "Cherry KC 1000 SC: the default message",
      { vendorId: 0x046a, productId: 0x00a1, release: 0x0200 },
      { numberMessage: 0 },
      "011E8208000008080403" + "02FF0904000102000000",
    ],
    [
      "Gemalto: all indexes, counted as asked",
      { vendorId: 0x08e6, productId: 0x3437 },
      { numberMessage: 0 },
      "011E820800000808040302000904000102000000",
    ],
  ])("modification: %s", async (_name, model, changes, head) => {
    const bench = await pinBench("short APDU", "t1", { model });
    await bench.until(bench.reader.control(MODIFY, modifyInput(changes), bench.signal)).catch(() => undefined);
    expect(bench.secured).toEqual([head + encodeHex(changeCommand)]);
  });

  test("under T=1 at the level of TPDUs the prologue is that of the block", async () => {
    const bench = await pinBench("TPDU", "t1");
    await bench.until(bench.reader.control(VERIFY, verifyInput({ teoPrologue: hexBytes("AABBCC") }), bench.signal));
    await bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal));
    expect(bench.secured.map((hex) => hex.slice(24, 30))).toEqual(["00000D", "00400D"]);
  });

  test("a structure that a big-endian machine wrote", async () => {
    const bench = await pinBench("short APDU", "t1");
    const input = verifyInput({ pinMaxExtraDigit: 0x0804, langId: 0x0904 });
    new DataView(input.buffer).setUint32(pinVerifyStructure.offsetOf.dataLength, verifyCommand.length, false);
    await bench.until(bench.reader.control(VERIFY, input, bench.signal));
    expect(bench.secured).toEqual([`001E82080008040201090400000000${encodeHex(verifyCommand)}`]);
  });

  test.each<[string, Uint8Array, number]>([
    ["too short", hexBytes(message), VERIFY],
    ["without a command", verifyInput({}, new Uint8Array(0)), VERIFY],
    ["another length", verifyInput({ dataLength: 7 }), VERIFY],
    ["a modification that is too short", hexBytes(message), MODIFY],
    ["four messages", modifyInput({ numberMessage: 4 }), MODIFY],
  ])("a structure that is wrong is refused, and nothing is sent: %s", async (_name, input, code) => {
    const bench = await pinBench("short APDU", "t1");
    expect(await codeOf(bench.until(bench.reader.control(code, input, bench.signal)))).toBe("invalid-parameter");
    expect(bench.secured).toEqual([]);
  });

  test("a reader that has bad values of its own says so", async () => {
    const bench = await pinBench("short APDU", "t1");
    const input = verifyInput({ pinMaxExtraDigit: 0x0804 });
    expect(await codeOf(bench.until(bench.reader.control(VERIFY, input, bench.signal)))).toBe("invalid-parameter");
  });

  test("a slow person is waited for: as long as the structure says, and 90 s at least", async () => {
    const bench = await pinBench("short APDU", "t1", { model: { answerMs: 0 } });
    const slow = await pinBench("short APDU", "t1", {
      model: { answerFaults: ({ command }) => (command.type === 0x69 ? "late" : undefined), lateMs: 85_000 },
    });
    expect(encodeHex(await slow.until(slow.reader.control(VERIFY, verifyInput(), slow.signal)))).toBe("9000");
    const mute = await pinBench("short APDU", "t1", {
      model: { answerFaults: ({ command }) => (command.type === 0x69 ? "none" : undefined) },
    });
    const { runtime } = mute;
    const start = runtime.clock.now();
    expect(
      await codeOf(settled(runtime, mute.reader.control(VERIFY, verifyInput({ timerOut: 200 }), mute.signal))),
    ).toBe("comm-error");
    expect(runtime.clock.now() - start).toBeGreaterThanOrEqual(210_000);
    expect(runtime.clock.now() - start).toBeLessThan(220_000);
    await bench.until(bench.device.close());
  });

  test("the person is not waited for when the program cancels", async () => {
    const bench = await pinBench("short APDU", "t1", {
      model: { answerFaults: ({ command }) => (command.type === 0x69 ? "none" : undefined) },
    });
    const controller = new AbortController();
    const running = codeOf(settled(bench.runtime, bench.reader.control(VERIFY, verifyInput(), controller.signal)));
    await bench.runtime.settle();
    controller.abort();
    expect(await running).toBe("cancelled");
    expect(bench.runtime.clock.now()).toBeLessThan(5_000);
  });

  test("readers whose PIN pad is unsafe have none", async () => {
    const bench = await pinBench("short APDU", "t1", { model: { vendorId: 0x03f0, productId: 0x1024 } });
    expect(await codeOf(bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal)))).toBe(
      "unsupported-feature",
    );
    expect(bench.device.notes).toEqual([expect.stringContaining("sent to the computer")]);
  });

  test("without power, and without a protocol", async () => {
    const bench = await ccidBench("short APDU", {
      model: { pinSupport: 3 },
      before: (model) => model.insert(cardLine().line),
    });
    expect(await codeOf(bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal)))).toBe("unpowered-card");
    await bench.until(bench.reader.power("cold-reset", bench.signal));
    expect(await codeOf(bench.until(bench.reader.control(VERIFY, verifyInput(), bench.signal)))).toBe("proto-mismatch");
  });
});
