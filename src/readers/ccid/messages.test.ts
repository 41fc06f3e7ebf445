// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  type AnswerName,
  answerTo,
  type CommandName,
  decodeAnswer,
  decodeCommand,
  decodeInterrupt,
  encodeAnswer,
  encodeCommand,
  encodeSlotChange,
  interruptBytes,
  messageBytes,
} from "./messages.ts";

/** bMessageType, and the names of the bytes 7 to 9. CCID 1.1, 6.1. */
const commands: readonly (readonly [CommandName, number, AnswerName])[] = [
  ["icc-power-on", 0x62, "data-block"],
  ["icc-power-off", 0x63, "slot-status"],
  ["get-slot-status", 0x65, "slot-status"],
  ["xfr-block", 0x6f, "data-block"],
  ["get-parameters", 0x6c, "parameters"],
  ["reset-parameters", 0x6d, "parameters"],
  ["set-parameters", 0x61, "parameters"],
  ["escape", 0x6b, "escape"],
  ["icc-clock", 0x6e, "slot-status"],
  ["t0-apdu", 0x6a, "slot-status"],
  ["secure", 0x69, "data-block"],
  ["mechanical", 0x71, "slot-status"],
  ["abort", 0x72, "slot-status"],
  ["set-data-rate-and-clock-frequency", 0x73, "data-rate-and-clock-frequency"],
];

const withParameter: ReadonlySet<CommandName> = new Set([
  "icc-power-on",
  "xfr-block",
  "set-parameters",
  "icc-clock",
  "t0-apdu",
  "secure",
  "mechanical",
]);
const withLevel: ReadonlySet<CommandName> = new Set(["xfr-block", "secure"]);

const anyByte = fc.integer({ min: 0, max: 255 });
const anyData = fc.uint8Array({ maxLength: 300 });

describe("commands, CCID 1.1, 6.1", () => {
  test.each(commands)("%s", (name, code, answer) => {
    expect(encodeCommand({ name }, 3, 0x41)[0]).toBe(code);
    expect(answerTo(name)).toBe(answer);
  });

  test.each([
    ["power at 3 V", { name: "icc-power-on", parameter: 2 }, "62000000000307020000"],
    [
      "a block",
      { name: "xfr-block", parameter: 4, level: 0x0102, data: hexBytes("00A4") },
      "6F0200000003070402" + "0100A4",
    ],
    ["parameters of T=1", { name: "set-parameters", parameter: 1, data: hexBytes("11") }, "6101000000030701000011"],
    ["lock", { name: "mechanical", parameter: 4 }, "71000000000307040000"],
    ["stop the clock", { name: "icc-clock", parameter: 1 }, "6E000000000307010000"],
  ] as const)("%s", (_name, command, bytes) => {
    expect(encodeHex(encodeCommand(command, 3, 7))).toBe(bytes);
  });

  test("what is written is read", () => {
    const anyCommand = fc.record({
      name: fc.constantFrom(...commands.map(([name]) => name)),
      parameter: anyByte,
      level: fc.integer({ min: 0, max: 0xffff }),
      data: anyData,
    });
    fc.assert(
      fc.property(anyCommand, anyByte, anyByte, (command, slot, sequence) => {
        const decoded = decodeCommand(encodeCommand(command, slot, sequence));
        expect(decoded).toEqual({
          ok: true,
          value: {
            ...command,
            parameter: withParameter.has(command.name) ? command.parameter : 0,
            level: withLevel.has(command.name) ? command.level : 0,
            slot,
            sequence,
          },
        });
      }),
    );
  });

  test.each(["", "65", "65000000000000", "FF000000000000000000", "65010000000000000000", "6500000000000000000000"])(
    "no command: %s",
    (bytes) => expect(decodeCommand(hexBytes(bytes))).toMatchObject({ ok: false }),
  );
});

describe("answers, CCID 1.1, 6.2", () => {
  const anyAnswer = fc.record({
    name: fc.constantFrom<AnswerName>(
      "data-block",
      "slot-status",
      "parameters",
      "escape",
      "data-rate-and-clock-frequency",
    ),
    slot: anyByte,
    sequence: anyByte,
    icc: fc.constantFrom("active" as const, "inactive" as const, "absent" as const, "reserved" as const),
    status: fc.constantFrom("done" as const, "failed" as const, "time-extension" as const, "reserved" as const),
    error: anyByte,
    parameter: anyByte,
    data: anyData,
  });

  test("what is written is read", () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        const message = encodeAnswer(answer);
        expect(messageBytes(message)).toBe(message.length);
        expect(decodeAnswer(message)).toEqual({ ok: true, value: answer });
      }),
    );
  });

  test("an IccPowerOn without a card fails, and yet carries an ATR: QEMU's reader", () => {
    expect(decodeAnswer(hexBytes("8002000000000742FE00" + "3B00"))).toEqual({
      ok: true,
      value: {
        name: "data-block",
        slot: 0,
        sequence: 7,
        icc: "absent",
        status: "failed",
        error: 0xfe,
        parameter: 0,
        data: hexBytes("3B00"),
      },
    });
  });

  test.each([
    ["too short", "800000000000000000", /10 bytes or more/],
    ["another type", "7F000000000000000000", /no answer/],
    ["more than dwLength", "8000000000000000000001", /dwLength is 0/],
    ["less than dwLength", "80FFFFFFFF0000000000", /dwLength is 4294967295/],
  ])("%s", (_name, bytes, message) => {
    const decoded = decodeAnswer(hexBytes(bytes));
    expect(decoded).toMatchObject({ ok: false, error: { message: expect.stringMatching(message) } });
  });

  test("any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeAnswer(bytes)));
  });
});

describe("the interrupt endpoint, CCID 1.1, 6.3", () => {
  test("two bits a slot, the first slot lowest", () => {
    const decoded = decodeInterrupt(hexBytes("50" + "0E" + "03"), 5);
    const none = { present: false, changed: false };
    expect(decoded).toEqual({
      ok: true,
      value: {
        kind: "notify-slot-change",
        slots: [
          { present: false, changed: true },
          { present: true, changed: true },
          none,
          none,
          { present: true, changed: true },
        ],
      },
    });
  });

  test("a message that is too short says nothing of the slots that are missing", () => {
    expect(decodeInterrupt(hexBytes("50FF"), 8)).toMatchObject({ ok: true, value: { slots: { length: 4 } } });
    expect(decodeInterrupt(hexBytes("50"), 8)).toMatchObject({ ok: true, value: { slots: [] } });
  });

  test("what is written is read, and fits", () => {
    const anySlots = fc.array(fc.record({ present: fc.boolean(), changed: fc.boolean() }), {
      minLength: 1,
      maxLength: 32,
    });
    fc.assert(
      fc.property(anySlots, (slots) => {
        const message = encodeSlotChange(slots);
        expect(message.length).toBeLessThanOrEqual(interruptBytes(slots.length));
        expect(decodeInterrupt(message, slots.length)).toEqual({
          ok: true,
          value: { kind: "notify-slot-change", slots },
        });
      }),
    );
  });

  test("a hardware error", () => {
    expect(decodeInterrupt(hexBytes("51020901"), 1)).toEqual({
      ok: true,
      value: { kind: "hardware-error", slot: 2, sequence: 9, code: 1 },
    });
    expect(decodeInterrupt(hexBytes("5102"), 1)).toMatchObject({ ok: false });
    expect(decodeInterrupt(hexBytes("42"), 1)).toMatchObject({ ok: false });
    expect(decodeInterrupt(hexBytes(""), 1)).toMatchObject({ ok: false });
  });
});
