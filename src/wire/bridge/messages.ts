// SPDX-License-Identifier: MIT

import { type ByteCursor, concatBytes, decoding, type Result } from "../../base/binary/index.ts";
import {
  bytes,
  type FieldValues,
  f64,
  fixed,
  list,
  optional,
  record,
  text,
  truths,
  u8,
  u32,
  type WireField,
  word,
} from "../fields/index.ts";
import { MAX_DATA_BYTES, MAX_READER_STATES, MAX_TEXT_BYTES, PAIRING_ID_BYTES, PROOF_BYTES } from "./limits.ts";

const name = text(MAX_TEXT_BYTES);
const data = bytes(MAX_DATA_BYTES);
const proof = fixed(PROOF_BYTES);
const MAX_ATR = 64;
const MAX_PROTOCOLS = 16;
const MAX_LIST = 1024;

/** How a call is told of a signal: it has none, it has one, it has one that was aborted before the call. */
const signal = word(["none", "given", "aborted"]);

/** SmartCardReaderStateFlagsIn and SmartCardReaderStateFlagsOut, in the order of the IDL. */
const flagsIn = truths([
  "unaware",
  "ignore",
  "unavailable",
  "empty",
  "present",
  "exclusive",
  "inuse",
  "mute",
  "unpowered",
]);
const flagsOut = truths([
  "ignore",
  "changed",
  "unavailable",
  "unknown",
  "empty",
  "present",
  "exclusive",
  "inuse",
  "mute",
  "unpowered",
]);

/**
 * What a page says. `id` numbers a call, whose answer has the same number; `context` and `connection` are numbers that answers gave. Numbers and
 * words of the API travel as the page gave them: the service checks them, so that each rule stands once.
 */
const pageTable = {
  /** The first message: the version, a nonce, and the name of an earlier pairing. */
  hello: [1, { version: u8, nonce: proof, pairing: optional(fixed(PAIRING_ID_BYTES)) }],
  /** The page's share of the exchange, and that it knows the code which the service showed to its user. */
  pair: [2, { share: proof, proof }],
  establishContext: [3, { id: u32 }],
  /** The page has forgotten a context and all its connections. */
  releaseContext: [4, { context: u32 }],
  /** The signal of a call was aborted. */
  abort: [5, { id: u32 }],
  listReaders: [6, { id: u32, context: u32 }],
  getStatusChange: [
    7,
    {
      id: u32,
      context: u32,
      readerStates: list(
        record({ readerName: name, currentState: flagsIn, currentCount: optional(f64) }),
        MAX_READER_STATES,
      ),
      timeout: optional(f64),
      signal,
    },
  ],
  connect: [
    8,
    {
      id: u32,
      context: u32,
      readerName: name,
      accessMode: name,
      preferredProtocols: optional(list(name, MAX_PROTOCOLS)),
    },
  ],
  disconnect: [9, { id: u32, connection: u32, disposition: optional(name) }],
  transmit: [10, { id: u32, connection: u32, sendBuffer: data, protocol: optional(name) }],
  startTransaction: [11, { id: u32, connection: u32, signal }],
  /** The function of a transaction has ended: `id` is that of the call that started it. */
  endTransaction: [
    12,
    { id: u32, outcome: word(["undefined", "null", "disposition", "rejected"]), disposition: optional(name) },
  ],
  status: [13, { id: u32, connection: u32 }],
  control: [14, { id: u32, connection: u32, controlCode: f64, data }],
  getAttribute: [15, { id: u32, connection: u32, tag: f64 }],
  setAttribute: [16, { id: u32, connection: u32, tag: f64, value: data }],
  /** That the page has the secret of the pairing which it named: the answer to `challenge`. */
  prove: [17, { proof }],
  /** Asks whether the service is there, while calls are under way. */
  ping: [18, {}],
} as const;

/** What a page says beyond the API: what this package adds to it. Pages that do not use it do not have this table. */
const extensionTable = {
  /** Limits the wait of the call that comes next, with the same number: milliseconds, and a signal. */
  limit: [19, { id: u32, timeout: optional(f64), signal }],
  send: [20, { id: u32, connection: u32, command: data, longData: optional(name) }],
  reconnect: [
    21,
    {
      id: u32,
      connection: u32,
      accessMode: optional(name),
      initialization: optional(name),
      preferredProtocols: optional(list(name, MAX_PROTOCOLS)),
    },
  ],
  /** Ends a context or a connection: a card in a transaction is reset, others are left as they are. */
  end: [22, { id: u32, what: word(["context", "connection"]), number: u32 }],
} as const;

const wholeTable = /* @__PURE__ */ joined(pageTable, extensionTable);

/** What a service says. */
const serviceTable = {
  /** The page is paired; right after a pairing, `proof` is that the service knows the code, too. */
  welcome: [1, { version: u8, proof: optional(proof) }],
  /** The page has to be paired, with the code that the service shows: how often it may try, a nonce, and the service's share of the exchange. */
  pairingWanted: [2, { triesLeft: u8, nonce: proof, share: proof }],
  /** A call has succeeded; the member that its result is, where it has one. */
  done: [3, { id: u32 }],
  context: [4, { id: u32, context: u32 }],
  readers: [5, { id: u32, names: list(name, MAX_LIST) }],
  states: [
    6,
    {
      id: u32,
      states: list(
        record({ readerName: name, eventState: flagsOut, eventCount: u32, answerToReset: optional(bytes(MAX_ATR)) }),
        MAX_READER_STATES,
      ),
    },
  ],
  connection: [7, { id: u32, connection: u32, activeProtocol: optional(name) }],
  data: [8, { id: u32, data: bytes(MAX_DATA_BYTES) }],
  status: [9, { id: u32, readerName: name, state: name, answerToReset: optional(bytes(MAX_ATR)) }],
  /** A transaction has begun: the page runs its function now. */
  begun: [10, { id: u32 }],
  /**
   * A call has failed. `signal` and `callback` stand for the reason of the page's signal, and for what its function was rejected with: both
   * stay in the page.
   */
  failed: [
    11,
    {
      id: u32,
      error: word(["SmartCardError", "TypeError", "DOMException", "signal", "callback"]),
      /** The response code of a SmartCardError, the name of a DOMException. */
      name,
      message: name,
    },
  ],
  /** A nonce, and that the service knows the pairing which the page has named: the page proves itself then. */
  challenge: [12, { nonce: proof, proof }],
  /** The service is there. */
  pong: [13, {}],
} as const;

type MessageTable = Readonly<
  Record<string, readonly [number: number, fields: Readonly<Record<string, WireField<unknown>>>]>
>;

type MessageOf<T extends MessageTable> = {
  readonly [K in keyof T]: { readonly kind: K } & FieldValues<T[K][1]>;
}[keyof T];

/** A message of a page for the API as the draft has it. */
export type DraftMessage = MessageOf<typeof pageTable>;
/** A message of a page. */
export type PageMessage = DraftMessage | MessageOf<typeof extensionTable>;
/** A message of a service. */
export type ServiceMessage = MessageOf<typeof serviceTable>;

/** A function, so that a page's file leaves out what nothing there uses. */
function joined<A extends object, B extends object>(one: A, other: B): A & B {
  return { ...one, ...other };
}

function encoder<T extends MessageTable>(table: T): (message: MessageOf<T>) => Uint8Array {
  return (message) => {
    const [number, fields] = table[message.kind] as T[keyof T];
    const pieces = [Uint8Array.of(number)];
    record(fields).write(pieces, message as never);
    return concatBytes(...pieces);
  };
}

function decoder<T extends MessageTable>(table: T): (encoded: Uint8Array) => Result<MessageOf<T>> {
  const byNumber = new Map(Object.entries(table).map(([kind, [number, fields]]) => [number, { kind, fields }]));
  const read = (cursor: ByteCursor): MessageOf<T> => {
    const number = cursor.u8("the number of the message");
    const { fields, kind } = byNumber.get(number) ?? cursor.fail(`${number} is the number of no message`);
    return { kind, ...record(fields).read(cursor, kind) } as MessageOf<T>;
  };
  return (encoded) => decoding(encoded, read);
}

/** Writes what a page says. @throws TypeError for a text, a list or bytes that are longer than a message carries */
export const encodePageMessage: (message: PageMessage) => Uint8Array = /* @__PURE__ */ encoder(wholeTable);
/** The same for pages that use the API as the draft has it. */
export const encodeDraftMessage: (message: DraftMessage) => Uint8Array = /* @__PURE__ */ encoder(pageTable);
/** Reads what a page says. For any bytes the answer is a result. */
export const decodePageMessage: (encoded: Uint8Array) => Result<PageMessage> = /* @__PURE__ */ decoder(wholeTable);
/** Writes what a service says. @throws TypeError as {@link encodePageMessage} */
export const encodeServiceMessage: (message: ServiceMessage) => Uint8Array = /* @__PURE__ */ encoder(serviceTable);
/** Reads what a service says. */
export const decodeServiceMessage: (encoded: Uint8Array) => Result<ServiceMessage> =
  /* @__PURE__ */ decoder(serviceTable);

/** The version that a page names, in whatever version its first message is written: the byte after its number. Undefined for other messages. */
export function versionOfPage(encoded: Uint8Array): number | undefined {
  return encoded[0] === pageTable.hello[0] ? encoded[1] : undefined;
}
