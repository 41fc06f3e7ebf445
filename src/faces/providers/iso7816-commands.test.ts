// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex } from "../../base/binary/index.ts";
import { contentOf } from "./byte-buffer.ts";
import { ComError } from "./com-error.ts";
import { CSCardCmd, type ISCardCmd } from "./command.ts";
import { CSCardISO7816 } from "./iso7816-commands.ts";

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

const data = Uint8Array.of(0xaa, 0xbb);

describe("each method builds its command", () => {
  const builds: readonly [string, string, (iso: CSCardISO7816, cmd?: ISCardCmd) => ISCardCmd][] = [
    ["AppendRecord", "00E2000802AABB", (iso, cmd) => iso.AppendRecord(0x08, data, cmd)],
    ["EraseBinary", "000E010202AABB", (iso, cmd) => iso.EraseBinary(1, 2, data, cmd)],
    ["EraseBinary to the end", "000E0102", (iso, cmd) => iso.EraseBinary(1, 2, undefined, cmd)],
    ["ExternalAuthenticate", "0082018102AABB", (iso, cmd) => iso.ExternalAuthenticate(1, 0x81, data, cmd)],
    ["ExternalAuthenticate, asking", "00820000", (iso, cmd) => iso.ExternalAuthenticate(0, 0, undefined, cmd)],
    ["GetChallenge", "0084000008", (iso, cmd) => iso.GetChallenge(8, cmd)],
    ["GetChallenge of any length", "0084000000", (iso, cmd) => iso.GetChallenge(undefined, cmd)],
    ["GetData", "00CA9F7F2D", (iso, cmd) => iso.GetData(0x9f, 0x7f, 0x2d, cmd)],
    ["GetResponse", "00C0000010", (iso, cmd) => iso.GetResponse(0, 0, 16, cmd)],
    ["InternalAuthenticate", "0088018202AABB08", (iso, cmd) => iso.InternalAuthenticate(1, 0x82, data, 8, cmd)],
    ["ManageChannel, any", "0070000001", (iso, cmd) => iso.ManageChannel(0, 0, cmd)],
    ["ManageChannel, open 2", "00700002", (iso, cmd) => iso.ManageChannel(0, 2, cmd)],
    ["ManageChannel, close 2", "00708002", (iso, cmd) => iso.ManageChannel(0x80, 2, cmd)],
    ["PutData", "00DA010202AABB", (iso, cmd) => iso.PutData(1, 2, data, cmd)],
    ["ReadBinary", "00B0810004", (iso, cmd) => iso.ReadBinary(0x81, 0, 4, cmd)],
    ["ReadBinary of all", "00B0000000", (iso, cmd) => iso.ReadBinary(0, 0, 0, cmd)],
    ["ReadRecord", "00B2010C00", (iso, cmd) => iso.ReadRecord(1, 0x0c, 0, cmd)],
    ["SelectFile", "00A4040C02AABB", (iso, cmd) => iso.SelectFile(4, 0x0c, data, 0, cmd)],
    ["SelectFile with Le", "00A4000002AABB20", (iso, cmd) => iso.SelectFile(0, 0, data, 32, cmd)],
    ["SelectFile without data", "00A40000", (iso, cmd) => iso.SelectFile(0, 0, undefined, undefined, cmd)],
    ["UpdateBinary", "00D6000102AABB", (iso, cmd) => iso.UpdateBinary(0, 1, data, cmd)],
    ["UpdateRecord", "00DC010402AABB", (iso, cmd) => iso.UpdateRecord(1, 4, data, cmd)],
    ["Verify", "0020008102AABB", (iso, cmd) => iso.Verify(0x81, data, cmd)],
    ["Verify, asking", "00200000", (iso, cmd) => iso.Verify(undefined, undefined, cmd)],
    ["WriteBinary", "00D0000102AABB", (iso, cmd) => iso.WriteBinary(0, 1, data, cmd)],
    ["WriteRecord", "00D2010402AABB", (iso, cmd) => iso.WriteRecord(1, 4, data, cmd)],
  ];

  test.each(builds)("%s: %s", (_, apdu, build) => {
    const iso = new CSCardISO7816();
    expect(encodeHex(contentOf(build(iso).Apdu, "APDU"))).toBe(apdu);
    const own = new CSCardCmd();
    expect(build(iso, own)).toBe(own);
    expect(encodeHex(contentOf(own.Apdu, "APDU"))).toBe(apdu);
    iso.SetDefaultClassId(0x8c);
    expect(encodeHex(contentOf(build(iso).Apdu, "APDU"))).toBe(`8C${apdu.slice(2)}`);
  });

  test.each(builds)("%s refuses to build into anything but a command", (_, __, build) => {
    expect(failureOf(() => build(new CSCardISO7816(), {} as ISCardCmd))).toBe("E_INVALIDARG");
  });
});

describe("refused", () => {
  const iso = new CSCardISO7816();
  const none = undefined as never;
  const calls: readonly [string, string, () => unknown][] = [
    ["AppendRecord without data", "E_POINTER", () => iso.AppendRecord(0, none)],
    ["AppendRecord with P2 256", "E_INVALIDARG", () => iso.AppendRecord(256, data)],
    ["EraseBinary with P1 256", "E_INVALIDARG", () => iso.EraseBinary(256, 0)],
    ["EraseBinary of no bytes", "E_POINTER", () => iso.EraseBinary(0, 0, "" as never)],
    ["ExternalAuthenticate with algorithm 256", "E_INVALIDARG", () => iso.ExternalAuthenticate(256, 0)],
    ["ExternalAuthenticate of no bytes", "E_POINTER", () => iso.ExternalAuthenticate(0, 0, "" as never)],
    ["GetChallenge below 0", "E_INVALIDARG", () => iso.GetChallenge(-1)],
    ["GetData of too much", "E_INVALIDARG", () => iso.GetData(0, 0, 65_537)],
    ["GetResponse with P2 -1", "E_INVALIDARG", () => iso.GetResponse(0, -1, 0)],
    ["InternalAuthenticate without data", "E_POINTER", () => iso.InternalAuthenticate(0, 0, none, 0)],
    ["InternalAuthenticate with key 256", "E_INVALIDARG", () => iso.InternalAuthenticate(0, 256, data, 0)],
    ["ManageChannel 256", "E_INVALIDARG", () => iso.ManageChannel(0, 256)],
    ["PutData without data", "E_POINTER", () => iso.PutData(0, 0, none)],
    ["PutData with P1 256", "E_INVALIDARG", () => iso.PutData(256, 0, data)],
    ["ReadBinary below 0", "E_INVALIDARG", () => iso.ReadBinary(0, 0, -1)],
    ["ReadRecord 256", "E_INVALIDARG", () => iso.ReadRecord(256, 0, 0)],
    ["SelectFile with P1 256", "E_INVALIDARG", () => iso.SelectFile(256, 0)],
    ["SelectFile of no bytes", "E_POINTER", () => iso.SelectFile(0, 0, "3F00" as never)],
    ["SetDefaultClassId 256", "E_INVALIDARG", () => iso.SetDefaultClassId(256)],
    ["UpdateBinary without data", "E_POINTER", () => iso.UpdateBinary(0, 0, none)],
    ["UpdateBinary with P1 256", "E_INVALIDARG", () => iso.UpdateBinary(256, 0, data)],
    ["UpdateRecord without data", "E_POINTER", () => iso.UpdateRecord(0, 0, none)],
    ["UpdateRecord 256", "E_INVALIDARG", () => iso.UpdateRecord(256, 0, data)],
    ["Verify with P2 256", "E_INVALIDARG", () => iso.Verify(256)],
    ["Verify of no bytes", "E_POINTER", () => iso.Verify(0, "1234" as never)],
    ["WriteBinary without data", "E_POINTER", () => iso.WriteBinary(0, 0, none)],
    ["WriteBinary with P1 256", "E_INVALIDARG", () => iso.WriteBinary(256, 0, data)],
    ["WriteRecord without data", "E_POINTER", () => iso.WriteRecord(0, 0, none)],
    ["WriteRecord 256", "E_INVALIDARG", () => iso.WriteRecord(256, 0, data)],
  ];
  test.each(calls)("%s: %s", (_, code, call) => {
    expect(failureOf(call)).toBe(code);
  });
});

describe("data that a page says may be NULL may be null or left out", () => {
  const iso = new CSCardISO7816();
  const calls: readonly [string, (data: null | undefined) => ISCardCmd, string][] = [
    ["EraseBinary", (none) => iso.EraseBinary(0, 1, none), "000E0001"],
    ["ExternalAuthenticate", (none) => iso.ExternalAuthenticate(0, 1, none), "00820001"],
    ["SelectFile", (none) => iso.SelectFile(0, 0, none), "00A40000"],
    ["SelectFile with Le", (none) => iso.SelectFile(0, 0, none, 256), "00A4000000"],
    ["Verify", (none) => iso.Verify(1, none), "00200001"],
    ["BuildCmd", (none) => built(0, 0xb0, 0, 0, none, 256), "00B0000000"],
    ["BuildCmd without Le", (none) => built(0, 0xb0, 0, 0, none, none), "00B00000"],
  ];
  test.each(calls)("%s", (_, call, expected) => {
    for (const none of [null, undefined]) expect(encodeHex(contentOf(call(none).Apdu, "apdu"))).toBe(expected);
  });

  test("and a command that is null is made", () => {
    expect(encodeHex(contentOf(iso.Verify(1, null, null).Apdu, "apdu"))).toBe("00200001");
    expect(encodeHex(contentOf(iso.ReadBinary(0, 0, 4, null).Apdu, "apdu"))).toBe("00B0000004");
  });
});

function built(...parts: Parameters<ISCardCmd["BuildCmd"]>): ISCardCmd {
  const cmd = new CSCardCmd();
  cmd.BuildCmd(...parts);
  return cmd;
}
