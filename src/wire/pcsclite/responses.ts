// SPDX-License-Identifier: MIT

import { checkObject, checkWord, concatBytes } from "../../base/binary/index.ts";
import { assert } from "../../port/index.ts";
import { encodeAcceptance } from "./extension.ts";
import { MAX_CLIENT_NAME_BYTES } from "./limits.ts";
import {
  attributeStruct,
  beginStruct,
  cacheStruct,
  cancelStruct,
  connectStruct,
  controlStruct,
  disconnectStruct,
  endStruct,
  establishStruct,
  holderStruct,
  readerEventsStruct,
  reconnectStruct,
  releaseStruct,
  statusStruct,
  tableSizeStruct,
  transmitStruct,
  versionStruct,
  waitStruct,
} from "./messages.ts";
import { attributeField, type Request, type RequestOf } from "./requests.ts";

/** The outcome alone: 0 or an error's number in the dialect `pcsclite`. */
export interface Outcome {
  readonly rv: number;
}

/** The answer to each request. Fields that a failure does not use may be left out, and are 0 or empty then. */
export interface Answers {
  /** The version agreed on; the server's newest in a refusal. */
  readonly version: Outcome & {
    readonly major: number;
    readonly minor: number;
    /** The version of our extension that is accepted; it takes the place of an rv of 0. */
    readonly extension?: number;
  };
  readonly "establish-context": Outcome & { readonly context?: number };
  readonly "release-context": Outcome;
  readonly connect: Outcome & { readonly card?: number; readonly activeProtocol?: number };
  readonly reconnect: Outcome & { readonly activeProtocol?: number };
  readonly disconnect: Outcome;
  readonly "begin-transaction": Outcome;
  readonly "end-transaction": Outcome;
  readonly status: Outcome;
  readonly transmit: Outcome & {
    /** The protocol of the receive PCI; that of the request where it is left out. */
    readonly receiveProtocol?: number;
    /** Sent only where rv is 0. */
    readonly response?: Uint8Array;
    /** How long the response is that the client has no room for. */
    readonly neededLength?: number;
  };
  readonly control: Outcome & {
    /** Sent only where rv is 0. */
    readonly output?: Uint8Array;
    /** How long the output is that the client has no room for. */
    readonly neededLength?: number;
  };
  readonly cancel: Outcome;
  readonly "get-attribute": Outcome & {
    readonly value?: Uint8Array;
    /** How long the value is that the client has no room for. */
    readonly neededLength?: number;
  };
  readonly "set-attribute": Outcome;
  /** Without a holder the reader is free. */
  readonly holder: Outcome & { readonly holder?: WireHolder };
  readonly "read-cache": Outcome & { readonly data?: Uint8Array };
  readonly "write-cache": Outcome;
  readonly "reader-events": { readonly readerEvents: number };
  /** At least 1. */
  readonly "reader-table-size": { readonly entries: number };
}

/** The holder of a reader. */
export interface WireHolder {
  /** A name that is longer than 255 bytes is cut. */
  readonly client: string;
  /** Undefined where it is not known. */
  readonly pid: number | undefined;
  readonly shareMode: number;
  readonly transaction: boolean;
  readonly heldMs: number;
}

/** The requests that {@link encodeResponse} can answer. Waits end with a signal, and tables are tables. */
export type AnsweredKind = keyof Answers;

type Encoders = {
  readonly [K in AnsweredKind]: (request: RequestOf<K>, answer: Answers[K]) => Uint8Array;
};

const noBytes = new Uint8Array(0);

const encoders: Encoders = {
  version: (_, { extension = 0, major, minor, rv }) =>
    versionStruct.encode({ major, minor, rv: rv === 0 && extension > 0 ? encodeAcceptance(extension) : rv }),
  "establish-context": ({ scope }, { context = 0, rv }) => establishStruct.encode({ scope, context, rv }),
  "release-context": ({ context }, { rv }) => releaseStruct.encode({ context, rv }),
  connect: (request, { card = 0, activeProtocol = 0, rv }) =>
    connectStruct.encode({ ...request, card, activeProtocol, rv }),
  reconnect: (request, { activeProtocol = 0, rv }) => reconnectStruct.encode({ ...request, activeProtocol, rv }),
  disconnect: (request, { rv }) => disconnectStruct.encode({ ...request, rv }),
  "begin-transaction": ({ card }, { rv }) => beginStruct.encode({ card, rv }),
  "end-transaction": (request, { rv }) => endStruct.encode({ ...request, rv }),
  status: ({ card }, { rv }) => statusStruct.encode({ card, rv }),
  transmit(request, { rv, receiveProtocol = request.receiveProtocol, response = noBytes, neededLength }) {
    // Each field by itself, for this is what every APDU goes through: copying the request takes several times as long.
    const body = transmitStruct.encode({
      card: request.card,
      sendProtocol: request.sendProtocol,
      sendPciLength: request.sendPciLength,
      sendLength: request.command.length,
      receiveProtocol,
      receivePciLength: request.receivePciLength,
      receiveLength: neededLength ?? response.length,
      rv,
    });
    return withTrailing(body, rv === 0 ? response : noBytes);
  },
  control(request, { rv, output = noBytes, neededLength }) {
    const sendLength = request.input.length;
    const bytesReturned = neededLength ?? output.length;
    return withTrailing(
      controlStruct.encode({ ...request, sendLength, bytesReturned, rv }),
      rv === 0 ? output : noBytes,
    );
  },
  cancel: ({ context }, { rv }) => cancelStruct.encode({ context, rv }),
  "get-attribute": ({ card, attribute }, { rv, value = noBytes, neededLength = value.length }) =>
    attributeStruct.encode({ card, attribute, value: attributeField(value), length: neededLength, rv }),
  "set-attribute": ({ card, attribute, value }, { rv }) =>
    attributeStruct.encode({ card, attribute, value: attributeField(value), length: value.length, rv }),
  holder: ({ handle, reader }, { holder, rv }) => holderStruct.encode({ handle, reader, ...holderFields(holder), rv }),
  "read-cache": (request, { data = noBytes, rv }) =>
    withTrailing(cacheStruct.encode({ ...request, nameLength: 0, dataLength: data.length, rv }), data),
  "write-cache": (request, { rv }) => cacheStruct.encode({ ...request, nameLength: 0, dataLength: 0, rv }),
  "reader-events": (_, { readerEvents }) => readerEventsStruct.encode({ readerEvents, rv: 0 }),
  "reader-table-size"(_, { entries }) {
    // A client that is being told of changes takes a 0 for the beginning of a signal.
    assert(entries > 0, "a reader table has entries");
    return tableSizeStruct.encode({ entries });
  },
};

/**
 * Writes the answer to a request. An answer has no header: it is the request's own structure with the results filled in,
 * and what the card or the reader answered after it.
 *
 * @throws RangeError for a number that does not fit its field, and for a value of more than 264 bytes
 */
export function encodeResponse<K extends AnsweredKind>(request: RequestOf<K>, answer: Answers[K]): Uint8Array {
  checkObject(request, "encodeResponse: request", "pass the request that is answered");
  const { kind }: Request = request;
  checkWord(kind, Object.keys(encoders), "encodeResponse: request.kind");
  checkObject(answer, "encodeResponse: answer", "pass an object with what the request is answered with");
  const encode: (request: RequestOf<K>, answer: Answers[K]) => Uint8Array = encoders[kind as K];
  return encode(request, answer);
}

/**
 * Writes the message that ends a wait: 0 for a change, and for a stop while the client was still registered; an error's
 * number for a wait that was cancelled.
 */
export function encodeSignal(rv: number): Uint8Array {
  return waitStruct.encode({ timeout: 0, rv });
}

function holderFields(holder: WireHolder | undefined) {
  const { client = "", heldMs = 0, pid = 0, shareMode = 0, transaction = false } = holder ?? {};
  return {
    known: holder === undefined ? 0 : 1,
    shareMode,
    transaction: transaction ? 1 : 0,
    pid,
    heldMs: Math.min(Math.max(0, Math.round(heldMs)), 0xffff_ffff),
    client: cutText(client, MAX_CLIENT_NAME_BYTES - 1),
  };
}

/** Cuts a text to so many bytes of UTF-8, between characters, and before a NUL. */
function cutText(text: string, bytes: number): string {
  const [upToNul = ""] = text.split("\0", 1);
  const { read } = new TextEncoder().encodeInto(upToNul, new Uint8Array(bytes));
  return upToNul.slice(0, read);
}

function withTrailing(body: Uint8Array, trailing: Uint8Array): Uint8Array {
  return trailing.length === 0 ? body : concatBytes(body, trailing);
}
