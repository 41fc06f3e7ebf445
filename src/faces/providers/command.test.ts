// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import { encodeCommand } from "../../base/iso7816/index.ts";
import { contentOf, type IByteBuffer } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { CSCardCmd } from "./command.ts";
import { ISO_APDU_TYPE } from "./enumerations.ts";

/** The name of the HRESULT that a call fails with. */
function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ComError) return error.hresultName;
    throw error;
  }
  throw new Error("the call succeeded where an error was expected");
}

const { ISO_CASE_1, ISO_CASE_2, ISO_CASE_3, ISO_CASE_4 } = ISO_APDU_TYPE;

function hex(buffer: IByteBuffer | undefined): string | undefined {
  return buffer && encodeHex(contentOf(buffer, "buffer"));
}

describe("BuildCmd makes each case", () => {
  const cases: readonly [string, string, ISO_APDU_TYPE, (cmd: CSCardCmd) => void][] = [
    ["1", "00700000", ISO_CASE_1, (cmd) => cmd.BuildCmd(0x00, 0x70)],
    ["2, with Le 256 as 00", "00B0000000", ISO_CASE_2, (cmd) => cmd.BuildCmd(0x00, 0xb0, 0, 0, undefined, 256)],
    ["3", "00D60001020102", ISO_CASE_3, (cmd) => cmd.BuildCmd(0x00, 0xd6, 0, 1, Uint8Array.of(1, 2))],
    ["3 where Le is 0", "00A40000023F00", ISO_CASE_3, (cmd) => cmd.BuildCmd(0, 0xa4, 0, 0, hexBytes("3F00"), 0)],
    ["4", "80A4040C02A00010", ISO_CASE_4, (cmd) => cmd.BuildCmd(0x80, 0xa4, 4, 12, hexBytes("A000"), 16)],
    ["2 extended", "00B0000000012C", ISO_CASE_2, (cmd) => cmd.BuildCmd(0x00, 0xb0, 0, 0, undefined, 300)],
  ];
  test.each(cases)("%s: %s", (_, apdu, type, build) => {
    const cmd = new CSCardCmd();
    build(cmd);
    expect(hex(cmd.Apdu)).toBe(apdu);
    expect(cmd.ApduLength).toBe(apdu.length / 2);
    expect(cmd.Type).toBe(type);
  });
});

test("the fields of a command are put and got one by one", () => {
  const cmd = new CSCardCmd();
  expect([cmd.ApduLength, cmd.ClassId, cmd.InstructionId, cmd.P1, cmd.P2, cmd.P3, cmd.LeField]).toEqual(
    new Array(7).fill(0),
  );
  cmd.ClassId = 0x80;
  cmd.InstructionId = 0xca;
  cmd.P1 = 0x9f;
  cmd.P2 = 0x7f;
  expect(hex(cmd.Apdu)).toBe("80CA9F7F");
  cmd.Data = Uint8Array.of(1, 2, 3);
  expect(hex(cmd.Data)).toBe("010203");
  expect([cmd.ClassId, cmd.InstructionId, cmd.P1, cmd.P2, cmd.P3]).toEqual([0x80, 0xca, 0x9f, 0x7f, 3]);
  cmd.Apdu = hexBytes("00B0000004");
  expect([cmd.LeField, cmd.P3, cmd.Type]).toEqual([4, 0, ISO_CASE_2]);
});

describe("the reply", () => {
  test("is empty until a command was sent", () => {
    const cmd = new CSCardCmd();
    expect(cmd.ApduReply).toBeUndefined();
    expect([cmd.ApduReplyLength, cmd.ReplyStatus]).toEqual([0, 0]);
    expect(failureOf(() => cmd.ReplyNad)).toBe("E_ACCESSDENIED");
  });

  test("has data and a status, which are put apart", () => {
    const cmd = new CSCardCmd();
    cmd.ReplyStatus = 0x6a82;
    cmd.ApduReply = Uint8Array.of(1, 2, 3);
    expect([cmd.ReplyStatus, cmd.ReplyStatusSW1, cmd.ReplyStatusSW2]).toEqual([0x6a82, 0x6a, 0x82]);
    cmd.ApduReplyLength = 2;
    expect(hex(cmd.ApduReply)).toBe("0102");
    cmd.ApduReplyLength = 3;
    expect(hex(cmd.ApduReply)).toBe("010200");
    cmd.ReplyNad = 0x21;
    expect(cmd.ReplyNad).toBe(0x21);
  });
});

test("node address and alternate class", () => {
  const cmd = new CSCardCmd();
  expect(cmd.Nad).toBe(0);
  cmd.Nad = 0x12;
  expect(cmd.Nad).toBe(0x12);
  expect(failureOf(() => cmd.AlternateClassId)).toBe("E_ACCESSDENIED");
  cmd.AlternateClassId = 0xa0;
  expect(cmd.AlternateClassId).toBe(0xa0);
});

test("Clear empties both buffers", () => {
  const cmd = new CSCardCmd();
  cmd.BuildCmd(0, 0x20, 0, 1, hexBytes("31323334"));
  cmd.ApduReply = Uint8Array.of(1);
  cmd.Clear();
  expect([cmd.ApduLength, cmd.ApduReplyLength, cmd.ReplyStatus]).toEqual([0, 0, 0]);
  expect(cmd.ApduReply).toBeUndefined();
});

describe("Encapsulate", () => {
  test("wraps a command in an ENVELOPE of the same class, with an answer where the inner one has one", () => {
    const cmd = new CSCardCmd();
    cmd.ClassId = 0x0c;
    cmd.Encapsulate(hexBytes("00B0000004"), ISO_CASE_2);
    expect(hex(cmd.Apdu)).toBe("0CC200000500B000000400");
    cmd.Encapsulate(hexBytes("00D600000101"), ISO_CASE_3);
    expect(hex(cmd.Apdu)).toBe("0CC200000600D600000101");
  });

  test("refuses a malformed command, and one of another case", () => {
    const cmd = new CSCardCmd();
    expect(failureOf(() => cmd.Encapsulate(hexBytes("00B0"), ISO_CASE_1))).toBe("E_INVALIDARG");
    expect(failureOf(() => cmd.Encapsulate(hexBytes("00B0000004"), ISO_CASE_1))).toBe("E_INVALIDARG");
  });
});

describe("refused, with nothing changed", () => {
  const none = undefined as never;
  const calls: readonly [string, string, (cmd: CSCardCmd) => void][] = [
    ["a class of 256", "E_INVALIDARG", (cmd) => cmd.BuildCmd(256, 0)],
    ["an instruction below 0", "E_INVALIDARG", (cmd) => cmd.BuildCmd(0, -1)],
    ["half a P1", "E_INVALIDARG", (cmd) => cmd.BuildCmd(0, 0, 0.5)],
    ["an Le below 0", "E_INVALIDARG", (cmd) => cmd.BuildCmd(0, 0, 0, 0, undefined, -1)],
    ["an Le over 65,536", "E_INVALIDARG", (cmd) => cmd.BuildCmd(0, 0, 0, 0, undefined, 65_537)],
    ["too much data", "E_INVALIDARG", (cmd) => cmd.BuildCmd(0, 0, 0, 0, new Uint8Array(65_536))],
    ["no bytes as data", "E_POINTER", (cmd) => cmd.BuildCmd(0, 0, 0, 0, "00" as never)],
    ["no APDU", "E_POINTER", (cmd) => cmd.Encapsulate(none, ISO_CASE_1)],
    ["no APDU put", "E_POINTER", (cmd) => Object.assign(cmd, { Apdu: none })],
    ["an invalid APDU", "E_INVALIDARG", (cmd) => Object.assign(cmd, { Apdu: hexBytes("00A4") })],
    ["no data put", "E_POINTER", (cmd) => Object.assign(cmd, { Data: none })],
    ["no reply put", "E_POINTER", (cmd) => Object.assign(cmd, { ApduReply: none })],
    ["a reply too long", "E_INVALIDARG", (cmd) => Object.assign(cmd, { ApduReply: new Uint8Array(65_537) })],
    ["a reply length below 0", "E_INVALIDARG", (cmd) => Object.assign(cmd, { ApduReplyLength: -1 })],
    ["a class", "E_INVALIDARG", (cmd) => Object.assign(cmd, { ClassId: 256 })],
    ["an instruction", "E_INVALIDARG", (cmd) => Object.assign(cmd, { InstructionId: 256 })],
    ["a P1", "E_INVALIDARG", (cmd) => Object.assign(cmd, { P1: -1 })],
    ["a P2", "E_INVALIDARG", (cmd) => Object.assign(cmd, { P2: -1 })],
    ["a status", "E_INVALIDARG", (cmd) => Object.assign(cmd, { ReplyStatus: 0x10000 })],
    ["a node address", "E_INVALIDARG", (cmd) => Object.assign(cmd, { Nad: 256 })],
    ["a node address of the reply", "E_INVALIDARG", (cmd) => Object.assign(cmd, { ReplyNad: 256 })],
    ["an alternate class", "E_INVALIDARG", (cmd) => Object.assign(cmd, { AlternateClassId: 256 })],
  ];
  test.each(calls)("%s: %s", (_, code, call) => {
    const cmd = new CSCardCmd();
    cmd.BuildCmd(0, 0xa4, 1, 2, hexBytes("3F00"), 9);
    const before = hex(cmd.Apdu);
    expect(failureOf(() => call(cmd))).toBe(code);
    expect(hex(cmd.Apdu)).toBe(before);
    expect(cmd.ApduReply).toBeUndefined();
  });
});

test("every command that can be built can be put and got", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const command = fc.record({
    ...{ cla: byte, ins: byte, p1: byte, p2: byte, data: fc.uint8Array({ maxLength: 300 }) },
    le: fc.option(fc.integer({ min: 1, max: 65_536 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(command, ({ cla, ins, p1, p2, data, le }) => {
      const cmd = new CSCardCmd();
      cmd.BuildCmd(cla, ins, p1, p2, data, le);
      const apdu = encodeCommand({ cla, ins, p1, p2, data, le });
      expect(hex(cmd.Apdu)).toBe(encodeHex(apdu));
      const other = new CSCardCmd();
      other.Apdu = cmd.Apdu;
      expect([other.ClassId, other.InstructionId, other.P1, other.P2]).toEqual([cla, ins, p1, p2]);
      expect(other.LeField).toBe(le ?? 0);
      expect(hex(other.Data)).toBe(encodeHex(data));
    }),
  );
});
