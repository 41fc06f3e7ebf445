// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  cardStates,
  type Dialect,
  decodeReaderState,
  dispositions,
  type ErrorCode,
  encodeReaderState,
  errorCodes,
  errorFromNumber,
  errorName,
  errorNumber,
  fromNumber,
  initializations,
  type Protocol,
  protocolMask,
  protocols,
  protocolsInMask,
  type ReaderFlag,
  readerFlags,
  readerStateBits,
  scopes,
  shareModes,
  toNumber,
} from "./index.ts";

type Numbers = readonly [windows: number | undefined, pcsclite?: number];

/**
 * The headers, written down anew: winscard.h, winsmcrd.h and SCardErr.h of the Windows SDK; winscard.h and pcsclite.h
 * of pcsc-lite where the second number is given.
 */
const headers: Readonly<Record<string, Numbers>> = {
  SCARD_SCOPE_USER: [0],
  SCARD_SCOPE_TERMINAL: [1],
  SCARD_SCOPE_SYSTEM: [2],
  SCARD_SCOPE_GLOBAL: [undefined, 3],
  SCARD_SHARE_EXCLUSIVE: [1],
  SCARD_SHARE_SHARED: [2],
  SCARD_SHARE_DIRECT: [3],
  SCARD_LEAVE_CARD: [0],
  SCARD_RESET_CARD: [1],
  SCARD_UNPOWER_CARD: [2],
  SCARD_EJECT_CARD: [3],
  SCARD_PROTOCOL_T0: [1],
  SCARD_PROTOCOL_T1: [2],
  SCARD_PROTOCOL_RAW: [0x1_0000, 4],
  SCARD_PROTOCOL_T15: [undefined, 8],
  SCARD_UNKNOWN: [0, 0x01],
  SCARD_ABSENT: [1, 0x02],
  SCARD_PRESENT: [2, 0x04],
  SCARD_SWALLOWED: [3, 0x08],
  SCARD_POWERED: [4, 0x10],
  SCARD_NEGOTIABLE: [5, 0x20],
  SCARD_SPECIFIC: [6, 0x40],
  SCARD_STATE_IGNORE: [0x0001],
  SCARD_STATE_CHANGED: [0x0002],
  SCARD_STATE_UNKNOWN: [0x0004],
  SCARD_STATE_UNAVAILABLE: [0x0008],
  SCARD_STATE_EMPTY: [0x0010],
  SCARD_STATE_PRESENT: [0x0020],
  SCARD_STATE_ATRMATCH: [0x0040],
  SCARD_STATE_EXCLUSIVE: [0x0080],
  SCARD_STATE_INUSE: [0x0100],
  SCARD_STATE_MUTE: [0x0200],
  SCARD_STATE_UNPOWERED: [0x0400],
};

const errorHeader: readonly (readonly [name: string, windows: number, pcsclite?: number])[] = [
  ["SCARD_F_INTERNAL_ERROR", 0x8010_0001],
  ["SCARD_E_CANCELLED", 0x8010_0002],
  ["SCARD_E_INVALID_HANDLE", 0x8010_0003],
  ["SCARD_E_INVALID_PARAMETER", 0x8010_0004],
  ["SCARD_E_INVALID_TARGET", 0x8010_0005],
  ["SCARD_E_NO_MEMORY", 0x8010_0006],
  ["SCARD_F_WAITED_TOO_LONG", 0x8010_0007],
  ["SCARD_E_INSUFFICIENT_BUFFER", 0x8010_0008],
  ["SCARD_E_UNKNOWN_READER", 0x8010_0009],
  ["SCARD_E_TIMEOUT", 0x8010_000a],
  ["SCARD_E_SHARING_VIOLATION", 0x8010_000b],
  ["SCARD_E_NO_SMARTCARD", 0x8010_000c],
  ["SCARD_E_UNKNOWN_CARD", 0x8010_000d],
  ["SCARD_E_CANT_DISPOSE", 0x8010_000e],
  ["SCARD_E_PROTO_MISMATCH", 0x8010_000f],
  ["SCARD_E_NOT_READY", 0x8010_0010],
  ["SCARD_E_INVALID_VALUE", 0x8010_0011],
  ["SCARD_E_SYSTEM_CANCELLED", 0x8010_0012],
  ["SCARD_F_COMM_ERROR", 0x8010_0013],
  ["SCARD_F_UNKNOWN_ERROR", 0x8010_0014],
  ["SCARD_E_INVALID_ATR", 0x8010_0015],
  ["SCARD_E_NOT_TRANSACTED", 0x8010_0016],
  ["SCARD_E_READER_UNAVAILABLE", 0x8010_0017],
  ["SCARD_P_SHUTDOWN", 0x8010_0018],
  ["SCARD_E_PCI_TOO_SMALL", 0x8010_0019],
  ["SCARD_E_READER_UNSUPPORTED", 0x8010_001a],
  ["SCARD_E_DUPLICATE_READER", 0x8010_001b],
  ["SCARD_E_CARD_UNSUPPORTED", 0x8010_001c],
  ["SCARD_E_NO_SERVICE", 0x8010_001d],
  ["SCARD_E_SERVICE_STOPPED", 0x8010_001e],
  ["SCARD_E_UNEXPECTED", 0x8010_001f],
  ["SCARD_E_ICC_INSTALLATION", 0x8010_0020],
  ["SCARD_E_ICC_CREATEORDER", 0x8010_0021],
  ["SCARD_E_UNSUPPORTED_FEATURE", 0x8010_0022, 0x8010_001f],
  ["SCARD_E_DIR_NOT_FOUND", 0x8010_0023],
  ["SCARD_E_FILE_NOT_FOUND", 0x8010_0024],
  ["SCARD_E_NO_DIR", 0x8010_0025],
  ["SCARD_E_NO_FILE", 0x8010_0026],
  ["SCARD_E_NO_ACCESS", 0x8010_0027],
  ["SCARD_E_WRITE_TOO_MANY", 0x8010_0028],
  ["SCARD_E_BAD_SEEK", 0x8010_0029],
  ["SCARD_E_INVALID_CHV", 0x8010_002a],
  ["SCARD_E_UNKNOWN_RES_MNG", 0x8010_002b],
  ["SCARD_E_NO_SUCH_CERTIFICATE", 0x8010_002c],
  ["SCARD_E_CERTIFICATE_UNAVAILABLE", 0x8010_002d],
  ["SCARD_E_NO_READERS_AVAILABLE", 0x8010_002e],
  ["SCARD_E_COMM_DATA_LOST", 0x8010_002f],
  ["SCARD_E_NO_KEY_CONTAINER", 0x8010_0030],
  ["SCARD_E_SERVER_TOO_BUSY", 0x8010_0031],
  ["SCARD_E_PIN_CACHE_EXPIRED", 0x8010_0032],
  ["SCARD_E_NO_PIN_CACHE", 0x8010_0033],
  ["SCARD_E_READ_ONLY_CARD", 0x8010_0034],
  ["SCARD_W_UNSUPPORTED_CARD", 0x8010_0065],
  ["SCARD_W_UNRESPONSIVE_CARD", 0x8010_0066],
  ["SCARD_W_UNPOWERED_CARD", 0x8010_0067],
  ["SCARD_W_RESET_CARD", 0x8010_0068],
  ["SCARD_W_REMOVED_CARD", 0x8010_0069],
  ["SCARD_W_SECURITY_VIOLATION", 0x8010_006a],
  ["SCARD_W_WRONG_CHV", 0x8010_006b],
  ["SCARD_W_CHV_BLOCKED", 0x8010_006c],
  ["SCARD_W_EOF", 0x8010_006d],
  ["SCARD_W_CANCELLED_BY_USER", 0x8010_006e],
  ["SCARD_W_CARD_NOT_AUTHENTICATED", 0x8010_006f],
  ["SCARD_W_CACHE_ITEM_NOT_FOUND", 0x8010_0070],
  ["SCARD_W_CACHE_ITEM_STALE", 0x8010_0071],
  ["SCARD_W_CACHE_ITEM_TOO_BIG", 0x8010_0072],
  ["ERROR_INVALID_HANDLE", 6, 0x8010_0003],
  ["ERROR_NOT_SUPPORTED", 50, 0x8010_001f],
  ["ERROR_FILE_NOT_FOUND", 2, 0x8010_001f],
  ["ERROR_BROKEN_PIPE", 109, 0x8010_001d],
];

type Row = { readonly name: string; readonly windows: number | undefined; readonly pcsclite: number | undefined };

const tables: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  scopes,
  shareModes,
  dispositions,
  protocols,
  cardStates,
  readerStateBits,
};
const dialects = fc.constantFrom<Dialect>("windows", "pcsclite");
const codes = Object.keys(errorCodes) as ErrorCode[];

describe("the tables of terms", () => {
  it("have every constant of the headers once, with its numbers", () => {
    const rows = Object.values(tables).flatMap((table) => Object.values(table));
    expect(rows.map((row) => row.name).sort()).toEqual(Object.keys(headers).sort());
    for (const row of rows) {
      const [windows, pcsclite = windows] = headers[row.name] ?? [];
      expect([row.name, row.windows, row.pcsclite]).toEqual([row.name, windows, pcsclite]);
    }
  });

  it("offer as initialization what SCardReconnect takes: everything but eject", () => {
    expect(Object.values(initializations).map((row) => row.name)).toEqual([
      "SCARD_LEAVE_CARD",
      "SCARD_RESET_CARD",
      "SCARD_UNPOWER_CARD",
    ]);
    expect(fromNumber(initializations, 3)).toBeUndefined();
  });

  it.each(Object.entries(tables))("%s: a number leads back to its term, in both dialects", (_, table) => {
    for (const dialect of ["windows", "pcsclite"] as const) {
      for (const term of Object.keys(table)) {
        const value = toNumber(table, term, dialect);
        if (value !== undefined) expect(fromNumber(table, value, dialect)).toBe(term);
      }
    }
  });

  it("has no term for a number that the header does not have", () => {
    expect(fromNumber(scopes, 3, "windows")).toBeUndefined();
    expect(fromNumber(scopes, 3, "pcsclite")).toBe("global");
    expect(fromNumber(protocols, 4, "windows")).toBeUndefined();
    expect(fromNumber(protocols, 4, "pcsclite")).toBe("raw");
    expect(fromNumber(shareModes, 7)).toBeUndefined();
    expect(toNumber(protocols, "t15", "windows")).toBeUndefined();
  });
});

describe("the error codes", () => {
  it("are those of the headers, each once, with its numbers", () => {
    const rows = codes.map((code) => errorCodes[code]);
    expect(rows.map((row) => row.name).sort()).toEqual(errorHeader.map(([name]) => name).sort());
    for (const [name, windows, pcsclite = windows] of errorHeader) {
      const row = rows.find((candidate) => candidate.name === name);
      expect([name, row?.windows, row?.pcsclite]).toEqual([name, windows, pcsclite]);
    }
  });

  it("are spelt as the Web Smart Card API does: the SCARD_ name without prefix, in small letters", () => {
    for (const code of codes) {
      const name = errorName(code);
      if (!name.startsWith("SCARD_")) continue;
      expect(code).toBe(
        name
          .replace(/^SCARD_[EFPW]_/, "")
          .toLowerCase()
          .replaceAll("_", "-"),
      );
    }
  });

  it("lead from code to number and back on Windows, signed or unsigned", () => {
    for (const code of codes) {
      expect(errorFromNumber(errorNumber(code))).toBe(code);
      expect(errorFromNumber(errorNumber(code) | 0)).toBe(code);
    }
  });

  it("lead back to a code with the same number in pcsc-lite, where several codes share one", () => {
    for (const code of codes) {
      const number = errorNumber(code, "pcsclite");
      const back = errorFromNumber(number, "pcsclite");
      expect(back).toBeDefined();
      if (back !== undefined) expect(errorNumber(back, "pcsclite")).toBe(number);
    }
    expect(errorFromNumber(0x8010_001f, "pcsclite")).toBe("unsupported-feature");
    expect(errorFromNumber(0x8010_001f, "windows")).toBe("unexpected");
    expect(errorFromNumber(0x8010_0003, "pcsclite")).toBe("invalid-handle");
  });

  it("have no code for success or for a number out of the blue", () => {
    for (const dialect of ["windows", "pcsclite"] as const) {
      expect(errorFromNumber(0, dialect)).toBeUndefined();
      expect(errorFromNumber(0x8010_00ff, dialect)).toBeUndefined();
    }
    expect(errorFromNumber(6, "pcsclite")).toBeUndefined();
  });
});

describe("protocol masks", () => {
  const sets = fc.subarray(Object.keys(protocols) as Protocol[]);

  it("hold every protocol that the header knows, and give it back", () => {
    fc.assert(
      fc.property(sets, dialects, (list, dialect) => {
        const known = list.filter((protocol) => protocols[protocol][dialect] !== undefined);
        expect(protocolsInMask(protocolMask(list, dialect), dialect)).toEqual(known);
      }),
    );
  });

  it("any 32 bits are read, and bits that mean nothing are left out", () => {
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), dialects, (mask, dialect) => {
        const meant = protocolMask(protocolsInMask(mask, dialect), dialect);
        expect(meant & ~mask).toBe(0);
        expect(meant).toBe(mask & (dialect === "windows" ? 0x1_0003 : 0xf));
      }),
    );
  });
});

describe("reader states", () => {
  const flagSets = fc
    .subarray([...readerFlags])
    .map((list) => Object.fromEntries(list.map((flag) => [flag, true])) as { [flag in ReaderFlag]?: true });

  it("carry flags and event count there and back", () => {
    fc.assert(
      fc.property(flagSets, fc.nat({ max: 0xffff }), (flags, eventCount) => {
        const value = encodeReaderState(flags, eventCount);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(decodeReaderState(value)).toEqual({ flags, eventCount });
      }),
    );
  });

  it("have the event count in the high word, modulo 65,536", () => {
    expect(encodeReaderState({ present: true, inuse: true }, 0xfffe)).toBe(0xfffe_0120);
    expect(encodeReaderState({ empty: true }, 0x1_0001)).toBe(0x0001_0010);
    expect(encodeReaderState({}, 0)).toBe(0);
  });

  it("any 32 bits are read, signed or unsigned", () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }), (value) => {
        const { flags, eventCount } = decodeReaderState(value);
        expect(encodeReaderState(flags, eventCount)).toBe((value & 0xffff_07ff) >>> 0);
      }),
    );
  });
});
