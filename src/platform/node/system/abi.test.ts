// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Abi,
  abiOf,
  decodeMultiString,
  encodeMultiString,
  encodeText,
  ioRequestStruct,
  readerStateStruct,
  signatures,
} from "./abi.ts";

/**
 * What the headers say. Windows: winscard.h and winsmcrd.h of the Windows SDK (`SCARD_READERSTATEW` with rgbAtr[36],
 * ULONG_PTR handles, 32-bit DWORD). macOS: PCSC/pcsclite.h and wintypes.h of the SDK (uint32_t, int32_t handles,
 * `#pragma pack(1)`, rgbAtr[33]). pcsc-lite: pcsclite.h and wintypes.h (unsigned long, long handles, rgbAtr[33]).
 */
const facts = [
  ["win32", "x64", { dword: 4, handle: 8, offsets: [0, 8, 16, 20, 24, 28], state: 64, request: 8 }],
  ["win32", "arm64", { dword: 4, handle: 8, offsets: [0, 8, 16, 20, 24, 28], state: 64, request: 8 }],
  ["win32", "ia32", { dword: 4, handle: 4, offsets: [0, 4, 8, 12, 16, 20], state: 56, request: 8 }],
  ["darwin", "x64", { dword: 4, handle: 4, offsets: [0, 8, 16, 20, 24, 28], state: 61, request: 8 }],
  ["darwin", "arm64", { dword: 4, handle: 4, offsets: [0, 8, 16, 20, 24, 28], state: 61, request: 8 }],
  ["linux", "x64", { dword: 8, handle: 8, offsets: [0, 8, 16, 24, 32, 40], state: 80, request: 16 }],
  ["linux", "arm64", { dword: 8, handle: 8, offsets: [0, 8, 16, 24, 32, 40], state: 80, request: 16 }],
  ["linux", "riscv64", { dword: 8, handle: 8, offsets: [0, 8, 16, 24, 32, 40], state: 80, request: 16 }],
  ["linux", "arm", { dword: 4, handle: 4, offsets: [0, 4, 8, 12, 16, 20], state: 56, request: 8 }],
  ["freebsd", "x64", { dword: 8, handle: 8, offsets: [0, 8, 16, 24, 32, 40], state: 80, request: 16 }],
] as const;

const abis: readonly Abi[] = [abiOf("win32", "x64"), abiOf("darwin", "arm64"), abiOf("linux", "x64")];

describe.each(facts)("%s on %s", (platform, architecture, fact) => {
  const abi = abiOf(platform, architecture);

  test("has the numbers and structures of its header", () => {
    const { offsetOf, size } = readerStateStruct(abi);
    const { szReader, pvUserData, dwCurrentState, dwEventState, cbAtr, rgbAtr } = offsetOf;
    expect([szReader, pvUserData, dwCurrentState, dwEventState, cbAtr, rgbAtr]).toEqual(fact.offsets);
    const request = ioRequestStruct(abi).size;
    expect({ ...fact, dword: abi.dwordBytes, handle: abi.handleBytes, state: size, request }).toEqual(fact);
  });
});

test("functions have the names that are exported", () => {
  const [windows, macos, pcsclite] = abis.map(({ functions }) => functions);
  // Those with text have two forms on Windows; SCardControl is a macro in the SDK of macOS (winscard.h).
  const wide = [
    "SCardConnectW",
    "SCardGetStatusChangeW",
    "SCardListReaderGroupsW",
    "SCardListReadersW",
    "SCardStatusW",
  ];
  expect(
    Object.values(windows ?? {})
      .filter((name) => name.endsWith("W"))
      .sort(),
  ).toEqual(wide);
  expect(macos).toEqual({ ...pcsclite, control: "SCardControl132" });
  for (const functions of [windows, macos, pcsclite])
    expect(Object.keys(functions ?? {})).toEqual(Object.keys(signatures));
});

test("only 32-bit Windows has a calling convention of its own", () => {
  const conventions = facts.map(([platform, architecture]) => abiOf(platform, architecture).convention);
  expect(conventions.filter((convention) => convention !== undefined)).toEqual(["__stdcall"]);
});

test.each(abis)("a reader state of $system comes out as it went in", (abi) => {
  const layout = readerStateStruct(abi);
  const word = fc.bigInt({ min: 0n, max: 2n ** BigInt(8 * abi.pointerBytes) - 1n });
  const dword = fc.nat({ max: 0xffff_ffff });
  const state = fc.record({
    szReader: word,
    pvUserData: word,
    dwCurrentState: dword,
    dwEventState: dword,
    cbAtr: dword,
    rgbAtr: fc.uint8Array({ minLength: abi.atrBytes, maxLength: abi.atrBytes }),
  });
  fc.assert(
    fc.property(state, (value) => {
      expect(layout.decode(layout.encode(value))).toEqual({ ok: true, value });
    }),
  );
});

test("a long that was extended by its sign is the same DWORD", () => {
  const layout = readerStateStruct(abiOf("linux", "x64"));
  const memory = new Uint8Array(layout.size);
  new DataView(memory.buffer).setBigInt64(layout.offsetOf.dwEventState, -0x7fef_fff6n, true);
  const decoded = layout.decode(memory);
  expect(decoded.ok && decoded.value.dwEventState).toBe(0x8010_000a);
});

test("text is UTF-16 on Windows and UTF-8 elsewhere", () => {
  const [windows, , pcsclite] = abis as [Abi, Abi, Abi];
  expect(encodeText(windows, "é€")).toEqual(Uint8Array.of(0xe9, 0x00, 0xac, 0x20, 0, 0));
  expect(encodeText(pcsclite, "é€")).toEqual(Uint8Array.of(0xc3, 0xa9, 0xe2, 0x82, 0xac, 0));
});

test.each(abis)("a list of names of $system comes out as it went in", (abi) => {
  const name = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 6 }), (names) => {
      expect(decodeMultiString(abi, encodeMultiString(abi, names))).toEqual(names);
    }),
  );
  expect(decodeMultiString(abi, new Uint8Array())).toEqual([]);
});
