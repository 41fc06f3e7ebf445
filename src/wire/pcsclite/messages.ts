// SPDX-License-Identifier: MIT

import {
  bytes,
  checkWhole,
  cstring,
  type Field,
  i32le,
  type Padding,
  pad,
  type Struct,
  struct,
  u32le,
} from "../../base/binary/index.ts";
import { GUID_BYTES, MAX_ATR_BYTES } from "../../port/index.ts";
import { MAX_ATTRIBUTE_BYTES, MAX_CLIENT_NAME_BYTES, MAX_READER_NAME_BYTES } from "./limits.ts";

// The messages of src/winscard_msg.h and src/readers.h (eventhandler.h up to pcsc-lite 2.4.1), laid out as gcc does on
// every Linux. pcscd and its clients share a machine, so the wire has that machine's byte order; here it is little-endian,
// which every platform that Node.js still supports is, but for s390x and big-endian POWER.

/** A message of numbers, and of other fields where there are any. */
export type Message<Numbers extends string, Others = unknown> = Struct<{ [key in Numbers]: Field<number> } & Others>;

/** struct rxHeader: begins every request. Answers have no header. */
export const headerStruct: Message<"size" | "command"> = struct("rxHeader", {
  /** Bytes of the body. What follows the body of a transmit or a control is not counted. */
  size: u32le,
  command: u32le,
});

/** struct version_struct: what the sender speaks. */
export const versionStruct: Message<"major" | "minor" | "rv"> = struct("version_struct", {
  major: i32le,
  minor: i32le,
  rv: u32le,
});

/** struct establish_struct. */
export const establishStruct: Message<"scope" | "context" | "rv"> = struct("establish_struct", {
  scope: u32le,
  context: u32le,
  rv: u32le,
});

/** struct release_struct. */
export const releaseStruct: Message<"context" | "rv"> = struct("release_struct", { context: u32le, rv: u32le });

/** struct connect_struct. */
export const connectStruct: Message<
  "context" | "shareMode" | "preferredProtocols" | "card" | "activeProtocol" | "rv",
  { reader: Field<string> }
> = struct("connect_struct", {
  context: u32le,
  reader: cstring(MAX_READER_NAME_BYTES),
  shareMode: u32le,
  preferredProtocols: u32le,
  card: i32le,
  activeProtocol: u32le,
  rv: u32le,
});

/** struct reconnect_struct. */
export const reconnectStruct: Message<
  "card" | "shareMode" | "preferredProtocols" | "initialization" | "activeProtocol" | "rv"
> = struct("reconnect_struct", {
  card: i32le,
  shareMode: u32le,
  preferredProtocols: u32le,
  initialization: u32le,
  activeProtocol: u32le,
  rv: u32le,
});

/** struct disconnect_struct. */
export const disconnectStruct: Message<"card" | "disposition" | "rv"> = struct("disconnect_struct", {
  card: i32le,
  disposition: u32le,
  rv: u32le,
});

/** struct begin_struct. */
export const beginStruct: Message<"card" | "rv"> = struct("begin_struct", { card: i32le, rv: u32le });

/** struct end_struct. */
export const endStruct: Message<"card" | "disposition" | "rv"> = struct("end_struct", {
  card: i32le,
  disposition: u32le,
  rv: u32le,
});

/** struct cancel_struct. The header has its context signed, and all others unsigned: they are the same 32 bits. */
export const cancelStruct: Message<"context" | "rv"> = struct("cancel_struct", { context: u32le, rv: u32le });

/** struct status_struct. Everything else that SCardStatus tells comes out of the reader table. */
export const statusStruct: Message<"card" | "rv"> = struct("status_struct", { card: i32le, rv: u32le });

/**
 * struct transmit_struct. `sendLength` bytes follow a request. After an answer whose rv is 0, and no other,
 * `receiveLength` bytes follow; in a request that is the room that the client has for them.
 */
export const transmitStruct: Message<
  | "card"
  | "sendProtocol"
  | "sendPciLength"
  | "sendLength"
  | "receiveProtocol"
  | "receivePciLength"
  | "receiveLength"
  | "rv"
> = struct("transmit_struct", {
  card: i32le,
  sendProtocol: u32le,
  sendPciLength: u32le,
  sendLength: u32le,
  receiveProtocol: u32le,
  receivePciLength: u32le,
  receiveLength: u32le,
  rv: u32le,
});

/**
 * struct control_struct. `sendLength` bytes follow a request. After an answer whose rv is 0, and no other,
 * `bytesReturned` bytes follow; `receiveLength` is the room that the client has for them.
 */
export const controlStruct: Message<"card" | "code" | "sendLength" | "receiveLength" | "bytesReturned" | "rv"> = struct(
  "control_struct",
  {
    card: i32le,
    code: u32le,
    sendLength: u32le,
    receiveLength: u32le,
    bytesReturned: u32le,
    rv: u32le,
  },
);

/** struct getset_struct: the value always takes its full place, of which `length` bytes are used. */
export const attributeStruct: Message<"card" | "attribute" | "length" | "rv", { value: Field<Uint8Array> }> = struct(
  "getset_struct",
  {
    card: i32le,
    attribute: u32le,
    value: bytes(MAX_ATTRIBUTE_BYTES),
    length: u32le,
    rv: u32le,
  },
);

/** struct wait_reader_state_change: the signal that ends a wait, and the answer to a stop. `timeout` is 0 in both. */
export const waitStruct: Message<"timeout" | "rv"> = struct("wait_reader_state_change", { timeout: u32le, rv: u32le });

/** struct get_reader_events. */
export const readerEventsStruct: Message<"readerEvents" | "rv"> = struct("get_reader_events", {
  readerEvents: u32le,
  rv: u32le,
});

/** The answer to a request for the table's size: a bare int32_t. */
export const tableSizeStruct: Message<"entries"> = struct("array_size", { entries: u32le });

/**
 * Ours: the holder of a reader. The request names the reader; the answer has the rest filled in. `known` is 0
 * where there is no holder, and then nothing else counts.
 */
export const holderStruct: Message<
  "handle" | "known" | "shareMode" | "transaction" | "pid" | "heldMs" | "rv",
  { reader: Field<string>; client: Field<string> }
> = struct("holder", {
  /** The session's context, or one of its cards. */
  handle: u32le,
  reader: cstring(MAX_READER_NAME_BYTES),
  known: u32le,
  shareMode: u32le,
  /** 1 where its transaction is the reason, 0 where its share mode is. */
  transaction: u32le,
  /** 0 where it is not known. */
  pid: u32le,
  /** Milliseconds; what is longer than 49 days is that. */
  heldMs: u32le,
  client: cstring(MAX_CLIENT_NAME_BYTES),
  rv: u32le,
});

/**
 * Ours: an item of the card cache. The item's name follows a request, `nameLength` bytes of UTF-8, and behind it the data that is
 * to be kept, `dataLength` bytes. The data that was found, `dataLength` bytes, follows an answer to a read whose rv is 0.
 */
export const cacheStruct: Message<
  "context" | "freshness" | "nameLength" | "dataLength" | "rv",
  { card: Field<Uint8Array> }
> = struct("cache", {
  context: u32le,
  /** The GUID of the card, in the order of its text. */
  card: bytes(GUID_BYTES),
  freshness: u32le,
  nameLength: u32le,
  dataLength: u32le,
  rv: u32le,
});

/** struct pubReaderState (READER_STATE): one entry of the reader table. An entry without a name is not in use. */
export const readerStateStruct: Message<
  "eventCounter" | "readerState" | "readerSharing" | "cardAtrLength" | "cardProtocol",
  { readerName: Field<string>; cardAtr: Field<Uint8Array>; alignment: Padding }
> = struct("pubReaderState", {
  readerName: cstring(MAX_READER_NAME_BYTES),
  /** Insertions and removals, 0 to 65,535. */
  eventCounter: u32le,
  /** Bits of `cardStates`. */
  readerState: u32le,
  /** -1: one connection excludes all others. Otherwise how many connections there are. */
  readerSharing: i32le,
  cardAtr: bytes(MAX_ATR_BYTES),
  alignment: pad(3),
  /** 0 to 33, or {@link ATR_NOT_READ}. */
  cardAtrLength: u32le,
  /** A bit of `protocols`, or 0. */
  cardProtocol: u32le,
});

/** One entry of the reader table. */
export type ReaderStateEntry = Parameters<(typeof readerStateStruct)["encode"]>[0];

/**
 * `cardAtrLength` of an entry that is not in use, or whose reader has not been looked at yet (READER_NOT_INITIALIZED of
 * eventhandler.h). Every unused entry of pcscd has it, and clients of 4:6 need it: see `reader-table-reader.ts`.
 */
export const ATR_NOT_READ: number = MAX_ATR_BYTES + 1;

/** An unused entry. */
export const unusedReaderState: ReaderStateEntry = {
  readerName: "",
  eventCounter: 0,
  readerState: 0,
  readerSharing: 0,
  cardAtr: new Uint8Array(MAX_ATR_BYTES),
  cardAtrLength: ATR_NOT_READ,
  cardProtocol: 0,
};

/** A command's number, and the layout of its body; undefined without a body. */
export interface CommandRow {
  readonly number: number;
  readonly body: { readonly name: string; readonly size: number } | undefined;
  /** The version of our extension from which on it is understood; absent for pcscd's own. */
  readonly extension?: number;
}

const commandRows = {
  "establish-context": { number: 0x01, body: establishStruct },
  "release-context": { number: 0x02, body: releaseStruct },
  connect: { number: 0x04, body: connectStruct },
  reconnect: { number: 0x05, body: reconnectStruct },
  disconnect: { number: 0x06, body: disconnectStruct },
  "begin-transaction": { number: 0x07, body: beginStruct },
  "end-transaction": { number: 0x08, body: endStruct },
  transmit: { number: 0x09, body: transmitStruct },
  control: { number: 0x0a, body: controlStruct },
  status: { number: 0x0b, body: statusStruct },
  cancel: { number: 0x0d, body: cancelStruct },
  "get-attribute": { number: 0x0f, body: attributeStruct },
  "set-attribute": { number: 0x10, body: attributeStruct },
  version: { number: 0x11, body: versionStruct },
  /** The table of {@link FIXED_READERS} entries. */
  "reader-table": { number: 0x12, body: undefined },
  "wait-for-change": { number: 0x13, body: undefined },
  "stop-waiting": { number: 0x14, body: undefined },
  /** From 4:5 on. */
  "reader-events": { number: 0x15, body: undefined },
  /** From 4:6 on: how many entries the whole table has. */
  "reader-table-size": { number: 0x16, body: undefined },
  /** From 4:6 on: the whole table. */
  "whole-reader-table": { number: 0x17, body: undefined },
  // Ours, far from the numbers that pcscd counts up: see extension.ts.
  holder: { number: 0x5301, body: holderStruct, extension: 1 },
  "read-cache": { number: 0x5302, body: cacheStruct, extension: 1 },
  "write-cache": { number: 0x5303, body: cacheStruct, extension: 1 },
} satisfies Readonly<Record<string, CommandRow>>;

/** The kind of a request, in our terms. */
export type RequestKind = keyof typeof commandRows;

/**
 * Every command that a server answers: its number (enum pcsc_msg_commands) and the layout of its body, if it has one.
 * 0x03, 0x0C and 0x0E have a number in the header and no message; a server ends the connection of a client that sends
 * them, as it does for unknown numbers.
 */
export const commands: Readonly<Record<RequestKind, CommandRow>> = commandRows;

/** The major number of every version that we speak. */
export const PROTOCOL_MAJOR = 4;

/** A version of the protocol, as `major:minor`. */
export type ProtocolVersion = "4:4" | "4:5" | "4:6";

/** What a version of the protocol can do. */
export interface VersionRow {
  readonly major: number;
  readonly minor: number;
  /** The releases of pcsc-lite whose own version it is. */
  readonly releases: string;
  /** Whether there is a count of the readers that came and went. */
  readonly readerEvents: boolean;
  /** Whether the table has as many entries as the server says; {@link FIXED_READERS} otherwise. */
  readonly sizedTable: boolean;
  /** Whether a wait is answered by the table first. Otherwise the client asks for the table once it is registered. */
  readonly waitBringsTable: boolean;
}

/** The versions that we speak, oldest first, on either side. */
export const versions: Readonly<Record<ProtocolVersion, VersionRow>> = {
  "4:4": {
    major: PROTOCOL_MAJOR,
    minor: 4,
    releases: "1.8.24 to 2.2.3",
    readerEvents: false,
    sizedTable: false,
    waitBringsTable: true,
  },
  "4:5": {
    major: PROTOCOL_MAJOR,
    minor: 5,
    releases: "2.3.0 to 2.4.1",
    readerEvents: true,
    sizedTable: false,
    waitBringsTable: true,
  },
  "4:6": {
    major: PROTOCOL_MAJOR,
    minor: 6,
    releases: "2.5.0 on",
    readerEvents: true,
    sizedTable: true,
    waitBringsTable: false,
  },
};

/** The newest version that we speak. */
export const NEWEST_VERSION: ProtocolVersion = "4:6";

/** The version with these numbers; undefined for one that we do not speak. */
export function versionOf(major: number, minor: number): ProtocolVersion | undefined {
  checkWhole(major, -0x8000_0000, 0xffff_ffff, "versionOf: major");
  checkWhole(minor, -0x8000_0000, 0xffff_ffff, "versionOf: minor");
  const name = `${major}:${minor}`;
  return Object.hasOwn(versions, name) ? (name as ProtocolVersion) : undefined;
}
