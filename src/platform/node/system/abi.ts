// SPDX-License-Identifier: MIT

import { bytes, type Field, type Padding, pad, type Struct, struct } from "../../../base/binary/index.ts";
import type { Dialect } from "../../../port/index.ts";

/** How an argument is passed: by value as a DWORD or as a handle, or by address. */
export type ParameterKind = "dword" | "handle" | "pointer";

const signatureRows = {
  /** scope, reserved, reserved, context */
  establishContext: ["dword", "pointer", "pointer", "pointer"],
  releaseContext: ["handle"],
  /** context, groups, names, characters of the names */
  listReaders: ["handle", "pointer", "pointer", "pointer"],
  /** context, names, characters of the names */
  listReaderGroups: ["handle", "pointer", "pointer"],
  /** context, milliseconds, states, count of the states */
  getStatusChange: ["handle", "dword", "pointer", "dword"],
  cancel: ["handle"],
  /** context, reader, share mode, protocols, card, protocol */
  connect: ["handle", "pointer", "dword", "dword", "pointer", "pointer"],
  /** card, share mode, protocols, initialization, protocol */
  reconnect: ["handle", "dword", "dword", "dword", "pointer"],
  disconnect: ["handle", "dword"],
  beginTransaction: ["handle"],
  endTransaction: ["handle", "dword"],
  /** card, name, characters of the name, state, protocol, ATR, bytes of the ATR */
  status: ["handle", "pointer", "pointer", "pointer", "pointer", "pointer", "pointer"],
  /** card, sent protocol information, command, its bytes, received protocol information, answer, its bytes */
  transmit: ["handle", "pointer", "pointer", "dword", "pointer", "pointer", "pointer"],
  /** card, code, input, its bytes, output, room for it, its bytes */
  control: ["handle", "dword", "pointer", "dword", "pointer", "dword", "pointer"],
  /** card, attribute, value, its bytes */
  getAttrib: ["handle", "dword", "pointer", "pointer"],
  setAttrib: ["handle", "dword", "pointer", "dword"],
} satisfies Readonly<Record<string, readonly ParameterKind[]>>;

/** A function of the WinSCard API, without its prefix. */
export type NativeFunction = keyof typeof signatureRows;

/** The arguments of each function, in their order; all of them answer with a LONG. The same on every system. */
export const signatures: Readonly<Record<NativeFunction, readonly ParameterKind[]>> = signatureRows;

/** What the reader name `\\?PnP?\Notification` does in SCardGetStatusChange. */
type Notification =
  /** The high word of its state is the number of readers. */
  | "counts-readers"
  /** The high word is a count of readers that came and went, or always 0 (up to pcsc-lite 1.9.9). */
  | "counts-events"
  /** It has no pseudo reader: the readers must be polled. */
  | "none";

/**
 * All differences between the three libraries, from their C headers. No other file in this folder depends on the system.
 */
export interface Abi {
  readonly system: "windows" | "macos" | "pcsclite";
  /** Where to find the library, in this order. */
  readonly libraries: readonly string[];
  /** The remedy if there is no library. */
  readonly remedy: string;
  /** The header with its constants and codes. */
  readonly dialect: Dialect;
  /** The calling convention, where it is not the usual one of the machine. */
  readonly convention: "__stdcall" | undefined;
  readonly pointerBytes: 4 | 8;
  /** DWORD and LONG. */
  readonly dwordBytes: 4 | 8;
  /** SCARDCONTEXT and SCARDHANDLE. */
  readonly handleBytes: 4 | 8;
  /** rgbAtr of SCARD_READERSTATE. */
  readonly atrBytes: 33 | 36;
  /** Whether structures are laid out without padding (`#pragma pack(1)`). */
  readonly packed: boolean;
  /** Text is UTF-8 in bytes, or UTF-16 in units of two. */
  readonly characterBytes: 1 | 2;
  /** The names under which the library exports the functions. */
  readonly functions: Readonly<Record<NativeFunction, string>>;
  readonly notification: Notification;
  /** Most readers in one SCardGetStatusChange, the pseudo reader included. */
  readonly statesPerCall: number;
  /** Whether it supports reader groups. */
  readonly hasGroups: boolean;
  /** Whether it has functions on a smart card database. */
  readonly hasDatabase: boolean;
  /** Whether a call beside another program's transaction is refused, with PCSCLITE_NO_BLOCKING; it waits otherwise. */
  readonly refuses: boolean;
}

const plainNames: Readonly<Record<NativeFunction, string>> = {
  establishContext: "SCardEstablishContext",
  releaseContext: "SCardReleaseContext",
  listReaders: "SCardListReaders",
  listReaderGroups: "SCardListReaderGroups",
  getStatusChange: "SCardGetStatusChange",
  cancel: "SCardCancel",
  connect: "SCardConnect",
  reconnect: "SCardReconnect",
  disconnect: "SCardDisconnect",
  beginTransaction: "SCardBeginTransaction",
  endTransaction: "SCardEndTransaction",
  status: "SCardStatus",
  transmit: "SCardTransmit",
  control: "SCardControl",
  getAttrib: "SCardGetAttrib",
  setAttrib: "SCardSetAttrib",
};

/**
 * winscard.dll: winscard.h and winsmcrd.h of the Windows SDK. DWORD and LONG have 32 bits also where pointers have 64;
 * SCARDCONTEXT and SCARDHANDLE are ULONG_PTR.
 */
function windowsAbi(pointerBytes: 4 | 8): Abi {
  return {
    system: "windows",
    libraries: ["winscard.dll"],
    remedy: "It is part of Windows; Nano Server and some container images do without it",
    dialect: "windows",
    // Of the machines that Node runs on only the 32-bit one has more than one convention.
    convention: pointerBytes === 4 ? "__stdcall" : undefined,
    pointerBytes,
    dwordBytes: 4,
    handleBytes: pointerBytes,
    atrBytes: 36,
    packed: false,
    characterBytes: 2,
    functions: {
      ...plainNames,
      listReaders: "SCardListReadersW",
      listReaderGroups: "SCardListReaderGroupsW",
      getStatusChange: "SCardGetStatusChangeW",
      connect: "SCardConnectW",
      status: "SCardStatusW",
    },
    notification: "counts-readers",
    // MAXIMUM_SMARTCARD_READERS of winsmcrd.h, and one for the pseudo reader (MS-RDPESC 2.2.2.11 allows 11 as well).
    statesPerCall: 11,
    hasGroups: true,
    hasDatabase: true,
    refuses: false,
  };
}

/** PCSC.framework: pcsclite.h and wintypes.h of the macOS SDK. All numbers have 32 bits, structures are packed. */
const macosAbi: Abi = {
  system: "macos",
  libraries: ["/System/Library/Frameworks/PCSC.framework/PCSC"],
  remedy: "It is part of macOS",
  dialect: "pcsclite",
  convention: undefined,
  pointerBytes: 8,
  dwordBytes: 4,
  handleBytes: 4,
  atrBytes: 33,
  packed: true,
  characterBytes: 1,
  // winscard.h has #define SCardControl SCardControl132; SCardControl itself takes other arguments.
  functions: { ...plainNames, control: "SCardControl132" },
  // Unusable from 10.6.2 on: see the reader-pcsc driver of OpenSC.
  notification: "none",
  statesPerCall: 16,
  hasGroups: false,
  hasDatabase: false,
  refuses: false,
};

/** libpcsclite: pcsclite.h and wintypes.h of pcsc-lite. DWORD is `unsigned long`, LONG and the handles are `long`. */
function pcscliteAbi(longBytes: 4 | 8): Abi {
  return {
    system: "pcsclite",
    libraries: ["libpcsclite.so.1", "/usr/local/lib/libpcsclite.so.1", "libpcsclite.so"],
    remedy: "Install it (Debian, Ubuntu: libpcsclite1; Fedora, Alpine: pcsc-lite-libs; Arch: pcsclite)",
    dialect: "pcsclite",
    convention: undefined,
    pointerBytes: longBytes,
    dwordBytes: longBytes,
    handleBytes: longBytes,
    atrBytes: 33,
    packed: false,
    characterBytes: 1,
    functions: plainNames,
    notification: "counts-events",
    // PCSCLITE_MAX_READERS_CONTEXTS: more are SCARD_E_INVALID_PARAMETER.
    statesPerCall: 16,
    hasGroups: false,
    hasDatabase: false,
    refuses: true,
  };
}

const narrow: ReadonlySet<string> = new Set(["ia32", "arm", "mips", "mipsel"]);

/**
 * The library of a system.
 *
 * @param platform and `architecture` as Node has them in `process.platform` and `process.arch`
 */
export function abiOf(platform: string, architecture: string): Abi {
  const wordBytes = narrow.has(architecture) ? 4 : 8;
  if (platform === "win32") return windowsAbi(wordBytes);
  return platform === "darwin" ? macosAbi : pcscliteAbi(wordBytes);
}

/** A DWORD. Where it has 64 bits the upper half is ignored: pcsc-lite's own numbers have 32 on the wire. */
export function dword(abi: Abi): Field<number> {
  return {
    size: abi.dwordBytes,
    read: (view, offset) => view.getUint32(offset, true),
    write(view, offset, value) {
      if (abi.dwordBytes === 8) view.setBigUint64(offset, BigInt(value >>> 0), true);
      else view.setUint32(offset, value >>> 0, true);
    },
  };
}

/**
 * A handle or an address, unsigned: a handle of Windows does not fit a number. Least significant byte first, as on every
 * machine that koffi is built for.
 */
export function word(size: 4 | 8): Field<bigint> {
  return {
    size,
    read: (view, offset) => (size === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true))),
    write(view, offset, value) {
      if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, value), true);
      else view.setUint32(offset, Number(BigInt.asUintN(32, value)), true);
    },
  };
}

/** The fields of SCARD_READERSTATE, named as in the headers. */
export type ReaderStateStruct = Struct<{
  readonly szReader: Field<bigint>;
  readonly pvUserData: Field<bigint>;
  readonly dwCurrentState: Field<number>;
  readonly dwEventState: Field<number>;
  readonly cbAtr: Field<number>;
  readonly rgbAtr: Field<Uint8Array>;
  readonly end: Padding;
}>;

/** SCARD_READERSTATE. Its members are in such an order that padding can only be at the end. */
export function readerStateStruct(abi: Abi): ReaderStateStruct {
  const used = 2 * abi.pointerBytes + 3 * abi.dwordBytes + abi.atrBytes;
  const alignment = abi.packed ? 1 : Math.max(abi.pointerBytes, abi.dwordBytes);
  return struct("SCARD_READERSTATE", {
    szReader: word(abi.pointerBytes),
    pvUserData: word(abi.pointerBytes),
    dwCurrentState: dword(abi),
    dwEventState: dword(abi),
    cbAtr: dword(abi),
    rgbAtr: bytes(abi.atrBytes),
    end: pad((alignment - (used % alignment)) % alignment),
  });
}

/** The fields of SCARD_IO_REQUEST, named as in the headers. */
export type IoRequestStruct = Struct<{ readonly dwProtocol: Field<number>; readonly cbPciLength: Field<number> }>;

/** SCARD_IO_REQUEST: the protocol that a command is sent with. */
export function ioRequestStruct(abi: Abi): IoRequestStruct {
  return struct("SCARD_IO_REQUEST", { dwProtocol: dword(abi), cbPciLength: dword(abi) });
}

/** Text as the library takes it, with the NUL at its end. */
export function encodeText(abi: Abi, text: string): Uint8Array {
  const terminated = `${text}\0`;
  if (abi.characterBytes === 1) return new TextEncoder().encode(terminated);
  const encoded = new Uint8Array(2 * terminated.length);
  const view = new DataView(encoded.buffer);
  for (let index = 0; index < terminated.length; index++) view.setUint16(2 * index, terminated.charCodeAt(index), true);
  return encoded;
}

/** Strings one behind the other, each with its NUL, and one NUL more. */
export function encodeMultiString(abi: Abi, strings: readonly string[]): Uint8Array {
  return encodeText(abi, strings.map((text) => `${text}\0`).join(""));
}

/** The strings of a multi-string, up to the empty one that ends it, or to the end of the bytes. */
export function decodeMultiString(abi: Abi, encoded: Uint8Array): string[] {
  const decoder = new TextDecoder(abi.characterBytes === 1 ? "utf-8" : "utf-16le", { ignoreBOM: true });
  const strings = decoder.decode(encoded).split("\0");
  const end = strings.indexOf("");
  return end < 0 ? strings : strings.slice(0, end);
}
