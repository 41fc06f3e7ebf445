// SPDX-License-Identifier: MIT

import { checkList, checkMembers, checkObject, checkWhole, checkWord, quoteWord, shown } from "../base/binary/index.ts";
import type {
  CardState,
  Disposition,
  Initialization,
  Protocol,
  ReaderFlag,
  ReaderFlags,
  Scope,
  ShareMode,
} from "./vocabulary.ts";
import { readerFlags } from "./vocabulary.ts";

/**
 * Which header a number was taken from: Microsoft's (`windows`) or pcsc-lite's (`pcsclite`; macOS has the same values
 * in a 32-bit DWORD). Most constants agree; each table below gives both, so that the differences are written down.
 */
export type Dialect = "windows" | "pcsclite";

/** A constant in both headers. `undefined` where a header has no such constant. */
export interface Row<N extends number | undefined = number | undefined> {
  readonly name: string;
  readonly windows: N;
  readonly pcsclite: N;
}

export type Table<K extends string> = Readonly<Record<K, Row>>;

function same(name: string, value: number): Row<number> {
  return { name, windows: value, pcsclite: value };
}

/** SCARD_SCOPE_*: winscard.h; pcsc-lite adds GLOBAL. */
export const scopes: Table<Scope> = {
  user: same("SCARD_SCOPE_USER", 0),
  terminal: same("SCARD_SCOPE_TERMINAL", 1),
  system: same("SCARD_SCOPE_SYSTEM", 2),
  global: { name: "SCARD_SCOPE_GLOBAL", windows: undefined, pcsclite: 3 },
};

/** SCARD_SHARE_*. */
export const shareModes: Table<ShareMode> = {
  exclusive: same("SCARD_SHARE_EXCLUSIVE", 1),
  shared: same("SCARD_SHARE_SHARED", 2),
  direct: same("SCARD_SHARE_DIRECT", 3),
};

/** SCARD_LEAVE_CARD and its neighbours. */
export const dispositions: Table<Disposition> = {
  leave: same("SCARD_LEAVE_CARD", 0),
  reset: same("SCARD_RESET_CARD", 1),
  unpower: same("SCARD_UNPOWER_CARD", 2),
  eject: same("SCARD_EJECT_CARD", 3),
};

/** The dispositions that SCardReconnect accepts as initialization. */
export const initializations: Table<Initialization> = {
  leave: dispositions.leave,
  reset: dispositions.reset,
  unpower: dispositions.unpower,
};

/** SCARD_PROTOCOL_*: bits of a mask. RAW is 0x10000 in Microsoft's header and 4 in pcsc-lite's. */
export const protocols: Table<Protocol> = {
  t0: same("SCARD_PROTOCOL_T0", 1),
  t1: same("SCARD_PROTOCOL_T1", 2),
  raw: { name: "SCARD_PROTOCOL_RAW", windows: 0x0001_0000, pcsclite: 4 },
  t15: { name: "SCARD_PROTOCOL_T15", windows: undefined, pcsclite: 8 },
};

/** SCARD_UNKNOWN to SCARD_SPECIFIC: an enumeration on Windows, bits of a mask in pcsc-lite. */
export const cardStates: Readonly<Record<CardState, Row<number>>> = {
  unknown: { name: "SCARD_UNKNOWN", windows: 0, pcsclite: 0x0001 },
  absent: { name: "SCARD_ABSENT", windows: 1, pcsclite: 0x0002 },
  present: { name: "SCARD_PRESENT", windows: 2, pcsclite: 0x0004 },
  swallowed: { name: "SCARD_SWALLOWED", windows: 3, pcsclite: 0x0008 },
  powered: { name: "SCARD_POWERED", windows: 4, pcsclite: 0x0010 },
  negotiable: { name: "SCARD_NEGOTIABLE", windows: 5, pcsclite: 0x0020 },
  specific: { name: "SCARD_SPECIFIC", windows: 6, pcsclite: 0x0040 },
};

/** SCARD_STATE_*: bits of the low word, the same in every header. UNAWARE is the empty set, 0. */
export const readerStateBits: Readonly<Record<ReaderFlag, Row<number>>> = {
  ignore: same("SCARD_STATE_IGNORE", 0x0001),
  changed: same("SCARD_STATE_CHANGED", 0x0002),
  unknown: same("SCARD_STATE_UNKNOWN", 0x0004),
  unavailable: same("SCARD_STATE_UNAVAILABLE", 0x0008),
  empty: same("SCARD_STATE_EMPTY", 0x0010),
  present: same("SCARD_STATE_PRESENT", 0x0020),
  atrmatch: same("SCARD_STATE_ATRMATCH", 0x0040),
  exclusive: same("SCARD_STATE_EXCLUSIVE", 0x0080),
  inuse: same("SCARD_STATE_INUSE", 0x0100),
  mute: same("SCARD_STATE_MUTE", 0x0200),
  unpowered: same("SCARD_STATE_UNPOWERED", 0x0400),
};

const failures = {
  "internal-error": same("SCARD_F_INTERNAL_ERROR", 0x8010_0001),
  cancelled: same("SCARD_E_CANCELLED", 0x8010_0002),
  "invalid-handle": same("SCARD_E_INVALID_HANDLE", 0x8010_0003),
  "invalid-parameter": same("SCARD_E_INVALID_PARAMETER", 0x8010_0004),
  "invalid-target": same("SCARD_E_INVALID_TARGET", 0x8010_0005),
  "no-memory": same("SCARD_E_NO_MEMORY", 0x8010_0006),
  "waited-too-long": same("SCARD_F_WAITED_TOO_LONG", 0x8010_0007),
  "insufficient-buffer": same("SCARD_E_INSUFFICIENT_BUFFER", 0x8010_0008),
  "unknown-reader": same("SCARD_E_UNKNOWN_READER", 0x8010_0009),
  timeout: same("SCARD_E_TIMEOUT", 0x8010_000a),
  "sharing-violation": same("SCARD_E_SHARING_VIOLATION", 0x8010_000b),
  "no-smartcard": same("SCARD_E_NO_SMARTCARD", 0x8010_000c),
  "unknown-card": same("SCARD_E_UNKNOWN_CARD", 0x8010_000d),
  "cant-dispose": same("SCARD_E_CANT_DISPOSE", 0x8010_000e),
  "proto-mismatch": same("SCARD_E_PROTO_MISMATCH", 0x8010_000f),
  "not-ready": same("SCARD_E_NOT_READY", 0x8010_0010),
  "invalid-value": same("SCARD_E_INVALID_VALUE", 0x8010_0011),
  "system-cancelled": same("SCARD_E_SYSTEM_CANCELLED", 0x8010_0012),
  "comm-error": same("SCARD_F_COMM_ERROR", 0x8010_0013),
  "unknown-error": same("SCARD_F_UNKNOWN_ERROR", 0x8010_0014),
  "invalid-atr": same("SCARD_E_INVALID_ATR", 0x8010_0015),
  "not-transacted": same("SCARD_E_NOT_TRANSACTED", 0x8010_0016),
  "reader-unavailable": same("SCARD_E_READER_UNAVAILABLE", 0x8010_0017),
  shutdown: same("SCARD_P_SHUTDOWN", 0x8010_0018),
  "pci-too-small": same("SCARD_E_PCI_TOO_SMALL", 0x8010_0019),
  "reader-unsupported": same("SCARD_E_READER_UNSUPPORTED", 0x8010_001a),
  "duplicate-reader": same("SCARD_E_DUPLICATE_READER", 0x8010_001b),
  "card-unsupported": same("SCARD_E_CARD_UNSUPPORTED", 0x8010_001c),
  "no-service": same("SCARD_E_NO_SERVICE", 0x8010_001d),
  "service-stopped": same("SCARD_E_SERVICE_STOPPED", 0x8010_001e),
  unexpected: same("SCARD_E_UNEXPECTED", 0x8010_001f),
  "icc-installation": same("SCARD_E_ICC_INSTALLATION", 0x8010_0020),
  "icc-createorder": same("SCARD_E_ICC_CREATEORDER", 0x8010_0021),
  // pcsc-lite gave this the number of SCARD_E_UNEXPECTED.
  "unsupported-feature": { name: "SCARD_E_UNSUPPORTED_FEATURE", windows: 0x8010_0022, pcsclite: 0x8010_001f },
  "dir-not-found": same("SCARD_E_DIR_NOT_FOUND", 0x8010_0023),
  "file-not-found": same("SCARD_E_FILE_NOT_FOUND", 0x8010_0024),
  "no-dir": same("SCARD_E_NO_DIR", 0x8010_0025),
  "no-file": same("SCARD_E_NO_FILE", 0x8010_0026),
  "no-access": same("SCARD_E_NO_ACCESS", 0x8010_0027),
  "write-too-many": same("SCARD_E_WRITE_TOO_MANY", 0x8010_0028),
  "bad-seek": same("SCARD_E_BAD_SEEK", 0x8010_0029),
  "invalid-chv": same("SCARD_E_INVALID_CHV", 0x8010_002a),
  "unknown-res-mng": same("SCARD_E_UNKNOWN_RES_MNG", 0x8010_002b),
  "no-such-certificate": same("SCARD_E_NO_SUCH_CERTIFICATE", 0x8010_002c),
  "certificate-unavailable": same("SCARD_E_CERTIFICATE_UNAVAILABLE", 0x8010_002d),
  "no-readers-available": same("SCARD_E_NO_READERS_AVAILABLE", 0x8010_002e),
  "comm-data-lost": same("SCARD_E_COMM_DATA_LOST", 0x8010_002f),
  "no-key-container": same("SCARD_E_NO_KEY_CONTAINER", 0x8010_0030),
  "server-too-busy": same("SCARD_E_SERVER_TOO_BUSY", 0x8010_0031),
  "pin-cache-expired": same("SCARD_E_PIN_CACHE_EXPIRED", 0x8010_0032),
  "no-pin-cache": same("SCARD_E_NO_PIN_CACHE", 0x8010_0033),
  "read-only-card": same("SCARD_E_READ_ONLY_CARD", 0x8010_0034),
  "unsupported-card": same("SCARD_W_UNSUPPORTED_CARD", 0x8010_0065),
  "unresponsive-card": same("SCARD_W_UNRESPONSIVE_CARD", 0x8010_0066),
  "unpowered-card": same("SCARD_W_UNPOWERED_CARD", 0x8010_0067),
  "reset-card": same("SCARD_W_RESET_CARD", 0x8010_0068),
  "removed-card": same("SCARD_W_REMOVED_CARD", 0x8010_0069),
  "security-violation": same("SCARD_W_SECURITY_VIOLATION", 0x8010_006a),
  "wrong-chv": same("SCARD_W_WRONG_CHV", 0x8010_006b),
  "chv-blocked": same("SCARD_W_CHV_BLOCKED", 0x8010_006c),
  eof: same("SCARD_W_EOF", 0x8010_006d),
  "cancelled-by-user": same("SCARD_W_CANCELLED_BY_USER", 0x8010_006e),
  "card-not-authenticated": same("SCARD_W_CARD_NOT_AUTHENTICATED", 0x8010_006f),
  "cache-item-not-found": same("SCARD_W_CACHE_ITEM_NOT_FOUND", 0x8010_0070),
  "cache-item-stale": same("SCARD_W_CACHE_ITEM_STALE", 0x8010_0071),
  "cache-item-too-big": same("SCARD_W_CACHE_ITEM_TOO_BIG", 0x8010_0072),
  // Win32 codes that the subsystem returns; pcsc-lite has SCARD_ codes instead.
  "invalid-context": { name: "ERROR_INVALID_HANDLE", windows: 6, pcsclite: 0x8010_0003 },
  "not-supported": { name: "ERROR_NOT_SUPPORTED", windows: 50, pcsclite: 0x8010_001f },
  "provider-not-found": { name: "ERROR_FILE_NOT_FOUND", windows: 2, pcsclite: 0x8010_001f },
  "broken-pipe": { name: "ERROR_BROKEN_PIPE", windows: 109, pcsclite: 0x8010_001d },
} satisfies Readonly<Record<string, Row<number>>>;

/**
 * The name of a failure, for programs to compare with: spelt as the Web Smart Card API spells its response codes; the
 * others follow its rule (the SCARD_ name without prefix, in small letters). The last four are not SCARD_ codes.
 */
export type ErrorCode = keyof typeof failures;

/**
 * The failures: the number and the name that C programs know. See {@link ErrorCode} for the spelling.
 */
export const errorCodes: Readonly<Record<ErrorCode, Row<number>>> = failures;

/** The number that C code would see for a failure, as unsigned 32 bits. */
export function errorNumber(code: ErrorCode, dialect: Dialect = "windows"): number {
  checkCode(code, "errorNumber");
  checkDialect(dialect, "errorNumber");
  return errorCodes[code][dialect];
}

/** The SCARD_ (or ERROR_) name of a failure, as people search for it. */
export function errorName(code: ErrorCode): string {
  checkCode(code, "errorName");
  return errorCodes[code].name;
}

/**
 * The failure of a number; undefined for a number that no header has. Signed and unsigned forms are both accepted. Where
 * pcsc-lite has one number for several failures, the result is the name that its header prints.
 */
export function errorFromNumber(value: number, dialect: Dialect = "windows"): ErrorCode | undefined {
  checkDword(value, "errorFromNumber");
  checkDialect(dialect, "errorFromNumber");
  return errorsByNumber[dialect].get(value >>> 0);
}

const errorsByNumber: Readonly<Record<Dialect, ReadonlyMap<number, ErrorCode>>> = {
  windows: indexErrors("windows"),
  pcsclite: indexErrors("pcsclite"),
};

function indexErrors(dialect: Dialect): ReadonlyMap<number, ErrorCode> {
  const index = new Map<number, ErrorCode>();
  for (const [code, row] of Object.entries(errorCodes) as [ErrorCode, Row<number>][]) {
    if (dialect === "pcsclite" && !row.name.startsWith("SCARD_")) continue;
    index.set(row[dialect], code);
  }
  return index;
}

/** The number of one term of a table; undefined where that header has no such constant. */
export function toNumber<K extends string>(table: Table<K>, term: K, dialect: Dialect = "windows"): number | undefined {
  checkDialect(dialect, "toNumber");
  checkObject(table, "toNumber: table", "pass a table, such as shareModes");
  checkTerm(term, table, "toNumber: term");
  return table[term][dialect];
}

/** The term of a number in a table; undefined where the header has no such number. */
export function fromNumber<K extends string>(
  table: Table<K>,
  value: number,
  dialect: Dialect = "windows",
): K | undefined {
  checkObject(table, "fromNumber: table", "pass a table, such as shareModes");
  checkDialect(dialect, "fromNumber");
  // A JavaScript caller may pass undefined, which must not match a constant that a header lacks.
  if (value === undefined) return undefined;
  for (const [term, row] of Object.entries(table) as [K, Row][]) if (row[dialect] === value) return term;
  return undefined;
}

/** The bit mask of a list of protocols. Protocols that the header lacks are left out. */
export function protocolMask(list: readonly Protocol[], dialect: Dialect = "windows"): number {
  checkList(list, "protocols", "protocolMask: list");
  checkDialect(dialect, "protocolMask");
  let mask = 0;
  for (const protocol of list) checkTerm(protocol, protocols, "protocolMask: a protocol");
  for (const protocol of list) mask |= protocols[protocol][dialect] ?? 0;
  return mask >>> 0;
}

/** The protocols in a bit mask; bits that mean nothing in that header are ignored. */
export function protocolsInMask(mask: number, dialect: Dialect = "windows"): Protocol[] {
  checkDword(mask, "protocolsInMask");
  checkDialect(dialect, "protocolsInMask");
  return (Object.keys(protocols) as Protocol[]).filter((protocol) => {
    const bit = protocols[protocol][dialect];
    return bit !== undefined && (mask & bit) !== 0;
  });
}

/** A reader state as the DWORD of SCARD_READERSTATE: the flags, and the event count in the high word. */
export function encodeReaderState(flags: ReaderFlags, eventCount: number): number {
  checkMembers(flags, readerFlags, "encodeReaderState: flags");
  checkWhole(eventCount, 0, 0xffff_ffff, "encodeReaderState: eventCount");
  let value = (eventCount & 0xffff) << 16;
  for (const flag of readerFlags) if (flags[flag]) value |= readerStateBits[flag].windows;
  return value >>> 0;
}

/** The flags and the event count (0 to 65,535) in the DWORD of SCARD_READERSTATE. */
export function decodeReaderState(value: number): { flags: ReaderFlags; eventCount: number } {
  checkDword(value, "decodeReaderState");
  const flags: { [flag in ReaderFlag]?: true } = {};
  for (const flag of readerFlags) if ((value & readerStateBits[flag].windows) !== 0) flags[flag] = true;
  return { flags, eventCount: value >>> 16 };
}

function checkDialect(dialect: unknown, operation: string): void {
  checkWord(dialect, ["windows", "pcsclite"], `${operation}: dialect`);
}

/** A DWORD or LONG, in whichever sign C code has it. */
function checkDword(value: unknown, operation: string): void {
  checkWhole(value, -0x8000_0000, 0xffff_ffff, `${operation}: the number`);
}

function checkTerm(term: unknown, table: object, name: string): void {
  checkWord(term, Object.keys(table), name);
}

function checkCode(code: unknown, operation: string): void {
  if (typeof code === "string" && Object.hasOwn(errorCodes, code)) return;
  const given = typeof code === "string" ? quoteWord(code) : shown(code);
  throw new TypeError(`${operation}: code is ${given}; give one such as "timeout": the type ErrorCode has them all`);
}
