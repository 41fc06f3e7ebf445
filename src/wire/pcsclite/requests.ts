// SPDX-License-Identifier: MIT

import { checkBytes, checkObject, checkText, checkWord, concatBytes, zeroBytes } from "../../base/binary/index.ts";
import { assertNever } from "../../port/index.ts";
import { encodeOffer } from "./extension.ts";
import { MAX_ATTRIBUTE_BYTES, MAX_CACHE_NAME_BYTES, MAX_TRAILING_BYTES } from "./limits.ts";
import {
  attributeStruct,
  beginStruct,
  cacheStruct,
  cancelStruct,
  commands,
  connectStruct,
  controlStruct,
  disconnectStruct,
  endStruct,
  establishStruct,
  headerStruct,
  holderStruct,
  type RequestKind,
  reconnectStruct,
  releaseStruct,
  statusStruct,
  transmitStruct,
  versionStruct,
} from "./messages.ts";

/**
 * The requests of a client. Numbers are those of pcsclite.h, translated by the tables of `pcsc` with the dialect `pcsclite`;
 * `context` and `card` are the handles that the server gave out.
 */
export type Request =
  | {
      readonly kind: "version";
      readonly major: number;
      readonly minor: number;
      /** The version of our extension that is offered, 1 to 255; absent for none. */
      readonly extension?: number;
    }
  | { readonly kind: "establish-context"; readonly scope: number }
  | { readonly kind: "release-context"; readonly context: number }
  | {
      readonly kind: "connect";
      readonly context: number;
      readonly reader: string;
      readonly shareMode: number;
      readonly preferredProtocols: number;
    }
  | {
      readonly kind: "reconnect";
      readonly card: number;
      readonly shareMode: number;
      readonly preferredProtocols: number;
      readonly initialization: number;
    }
  | { readonly kind: "disconnect"; readonly card: number; readonly disposition: number }
  | { readonly kind: "begin-transaction"; readonly card: number }
  | { readonly kind: "end-transaction"; readonly card: number; readonly disposition: number }
  | { readonly kind: "status"; readonly card: number }
  | TransmitRequest
  | {
      readonly kind: "control";
      readonly card: number;
      readonly code: number;
      readonly input: Uint8Array;
      /** Room that the client has for what the reader answers, in bytes. */
      readonly receiveLength: number;
    }
  | { readonly kind: "cancel"; readonly context: number }
  | {
      readonly kind: "get-attribute";
      readonly card: number;
      readonly attribute: number;
      /** Room for the value, in bytes: 264 from every libpcsclite. */
      readonly length: number;
    }
  | { readonly kind: "set-attribute"; readonly card: number; readonly attribute: number; readonly value: Uint8Array }
  | { readonly kind: "reader-table" }
  | { readonly kind: "wait-for-change" }
  | { readonly kind: "stop-waiting" }
  | { readonly kind: "reader-events" }
  | { readonly kind: "reader-table-size" }
  | { readonly kind: "whole-reader-table" }
  | HolderRequest
  | (CacheKey & { readonly kind: "read-cache" })
  | (CacheKey & { readonly kind: "write-cache"; readonly data: Uint8Array });

/** Asks for the holder of a reader: the one because of which the session was last refused there, or the current one. */
export interface HolderRequest {
  readonly kind: "holder";
  /** The session's context, or one of its cards. */
  readonly handle: number;
  readonly reader: string;
}

/** An item of the card cache. */
export interface CacheKey {
  readonly context: number;
  /** The GUID of the card, 16 bytes in the order of its text. */
  readonly card: Uint8Array;
  readonly freshness: number;
  readonly name: string;
}

/** One command for the card. The PCI structures come from the caller of SCardTransmit as they are. */
export interface TransmitRequest {
  readonly kind: "transmit";
  readonly card: number;
  readonly sendProtocol: number;
  readonly sendPciLength: number;
  readonly receiveProtocol: number;
  readonly receivePciLength: number;
  /** Room that the client has for the response, in bytes. */
  readonly receiveLength: number;
  readonly command: Uint8Array;
}

/** The request of one kind. */
export type RequestOf<K extends RequestKind> = Extract<Request, { readonly kind: K }>;

/**
 * Writes a request: header, body and what follows it, in one array.
 *
 * @throws TypeError for a kind of request that there is not, and for values of the wrong kind; RangeError for a number that does not fit its field, and for a text, value, command or input that is too long
 */
export function encodeRequest(request: Request): Uint8Array {
  checkKind(request, "encodeRequest");
  const { number, body } = commands[request.kind];
  const header = headerStruct.encode({ size: body?.size ?? 0, command: number });
  const parts = encodeParts(request);
  const encoded = concatBytes(header, ...parts);
  // The body with the value is a copy of ours; what follows a body is the caller's.
  if (request.kind === "set-attribute") parts.forEach(zeroBytes);
  return encoded;
}

const RV = 0;

/** The body, and what follows it. */
function encodeParts(request: Request): readonly Uint8Array[] {
  switch (request.kind) {
    case "version":
      return [versionStruct.encode({ ...request, rv: encodeOffer(request.extension ?? 0) })];
    case "establish-context":
      return [establishStruct.encode({ ...request, context: 0, rv: RV })];
    case "release-context":
      return [releaseStruct.encode({ ...request, rv: RV })];
    case "connect":
      return [connectStruct.encode({ ...request, card: 0, activeProtocol: 0, rv: RV })];
    case "reconnect":
      return [reconnectStruct.encode({ ...request, activeProtocol: 0, rv: RV })];
    case "disconnect":
      return [disconnectStruct.encode({ ...request, rv: RV })];
    case "begin-transaction":
      return [beginStruct.encode({ ...request, rv: RV })];
    case "end-transaction":
      return [endStruct.encode({ ...request, rv: RV })];
    case "status":
      return [statusStruct.encode({ ...request, rv: RV })];
    case "transmit":
      return [transmitStruct.encode({ ...request, sendLength: lengthOf(request.command), rv: RV }), request.command];
    case "control":
      return [
        controlStruct.encode({ ...request, sendLength: lengthOf(request.input), bytesReturned: 0, rv: RV }),
        request.input,
      ];
    case "cancel":
      return [cancelStruct.encode({ ...request, rv: RV })];
    case "get-attribute":
      return [attributeStruct.encode({ ...request, value: attributeField(new Uint8Array(0)), rv: RV })];
    case "set-attribute":
      return [
        attributeStruct.encode({
          ...request,
          value: attributeField(request.value),
          length: request.value.length,
          rv: RV,
        }),
      ];
    case "holder":
      return [holderStruct.encode({ ...request, ...noHolder, rv: RV })];
    case "read-cache":
      return encodeCache(request, new Uint8Array(0));
    case "write-cache":
      return encodeCache(request, request.data);
    case "reader-table":
    case "wait-for-change":
    case "stop-waiting":
    case "reader-events":
    case "reader-table-size":
    case "whole-reader-table":
      return [];
    default:
      return assertNever(request, "request");
  }
}

/** What a request for a holder has in the places of the answer. */
const noHolder = { known: 0, shareMode: 0, transaction: 0, pid: 0, heldMs: 0, client: "" } as const;

function encodeCache({ card, context, freshness, name }: CacheKey, data: Uint8Array): readonly Uint8Array[] {
  checkText(name, "encodeRequest: name");
  const text = new TextEncoder().encode(name);
  if (text.length > MAX_CACHE_NAME_BYTES) {
    throw new RangeError(`the name of an item has ${MAX_CACHE_NAME_BYTES} bytes at most, not ${text.length}`);
  }
  const [nameLength, dataLength] = [text.length, lengthOf(data)];
  return [cacheStruct.encode({ context, card, freshness, nameLength, dataLength, rv: RV }), text, data];
}

/**
 * Clears the bytes of a request that may hold a PIN: a command, the input of a control, the value of an attribute. To be
 * called with one that `RequestDecoder` read, when it is answered.
 */
export function wipeRequest(request: Request): void {
  checkKind(request, "wipeRequest");
  if (request.kind === "transmit") zeroBytes(request.command);
  if (request.kind === "control") zeroBytes(request.input);
  if (request.kind === "set-attribute") zeroBytes(request.value);
}

/** The length of what follows a body. Servers end the connection of a client that sends more than they take. */
function lengthOf(trailing: Uint8Array): number {
  checkBytes(trailing, "encodeRequest: what follows the body");
  if (trailing.length > MAX_TRAILING_BYTES) {
    throw new RangeError(`${MAX_TRAILING_BYTES} bytes at most follow a request, not ${trailing.length}`);
  }
  return trailing.length;
}

/** An attribute's value in its fixed place. @throws RangeError for a value of more than 264 bytes */
export function attributeField(value: Uint8Array): Uint8Array {
  checkBytes(value, "the value of an attribute");
  if (value.length > MAX_ATTRIBUTE_BYTES) {
    throw new RangeError(`the value of an attribute has ${MAX_ATTRIBUTE_BYTES} bytes at most, not ${value.length}`);
  }
  const field = new Uint8Array(MAX_ATTRIBUTE_BYTES);
  field.set(value);
  return field;
}

/** @throws TypeError */
function checkKind(request: unknown, operation: string): void {
  checkObject(request, `${operation}: request`, "pass an object with kind, and what that kind of request has");
  checkWord((request as Partial<Request>).kind, Object.keys(commands), `${operation}: request.kind`);
}
