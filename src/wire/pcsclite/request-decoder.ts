// SPDX-License-Identifier: MIT

import { checkBytes, failure, type Result, success, zeroBytes } from "../../base/binary/index.ts";
import { InputBuffer } from "../stream/index.ts";
import { decodeOffer } from "./extension.ts";
import { MAX_ATTRIBUTE_BYTES, MAX_CACHE_NAME_BYTES, MAX_TRAILING_BYTES } from "./limits.ts";
import {
  attributeStruct,
  beginStruct,
  type CommandRow,
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
import type { Request } from "./requests.ts";

const utf8 = new TextDecoder(undefined, { ignoreBOM: true });

const kindsByNumber: ReadonlyMap<number, RequestKind> = new Map(
  (Object.entries(commands) as [RequestKind, CommandRow][]).map(([kind, { number }]) => [number, kind]),
);

/**
 * Takes requests out of the byte stream of a client, in pieces of any size: header, body, and what follows the body of a
 * transmit or a control.
 *
 * No more is kept than what was pushed and not yet taken; a length that a client claims reserves nothing. Requests for which
 * pcscd closes the connection are failures here too: an unknown command, a body of the wrong size, more than 65,548 bytes after
 * it, an attribute of more than 264 bytes. A stream cannot be picked up again after one, so it stays failed.
 */
export class RequestDecoder {
  readonly #input = new InputBuffer();
  #consumed = 0;
  #failure: Result<never> | undefined;
  #extension = 0;

  /** Bytes that arrived and belong to no request that was taken yet. */
  get pendingBytes(): number {
    return this.#input.length;
  }

  /** Bytes of memory that are kept for what arrived. */
  get heldBytes(): number {
    return this.#input.length === 0 ? 0 : this.#input.capacity;
  }

  /** From now on the requests of that version of our extension are understood. */
  extend(extension: number): void {
    this.#extension = extension;
  }

  /** Takes in a copy of what arrived. After a failure it does nothing. */
  push(piece: Uint8Array): void {
    checkBytes(piece, "RequestDecoder.push: piece");
    if (this.#failure === undefined) this.#input.push(piece);
  }

  /** The next complete request; undefined while there is none. */
  next(): Result<Request> | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const input = this.#input;
    if (input.length < headerStruct.size) return undefined;
    const header = input.read(headerStruct);
    const kind = kindsByNumber.get(header.command);
    // Without the extension its numbers are unknown, as for pcscd.
    if (kind === undefined || (commands[kind].extension ?? 0) > this.#extension)
      return this.#fail(`no request has the number ${header.command}`);
    const { body } = commands[kind];
    // pcscd does not look at the size where it expects no body.
    if (body !== undefined && header.size !== body.size) {
      return this.#fail(`${body.name} has ${body.size} bytes, not ${header.size}`);
    }
    const bodyEnd = headerStruct.size + (body?.size ?? 0);
    if (input.length < bodyEnd) return undefined;
    const trailing = trailingLength(kind, input);
    const most = kind === "write-cache" ? MAX_CACHE_NAME_BYTES + MAX_TRAILING_BYTES : MAX_TRAILING_BYTES;
    if (trailing > most) return this.#fail(`${trailing} bytes are to follow a ${kind} request, and may be ${most}`);
    if (input.length < bodyEnd + trailing) return undefined;
    const request = readRequest(kind, input, trailing);
    if (request === undefined) return this.#fail(`a length in a ${kind} request is more than it may be`);
    input.drop(bodyEnd + trailing);
    this.#consumed += bodyEnd + trailing;
    return success(request);
  }

  /** Forgets what has arrived and was not taken: the connection has ended, and a PIN may be in it. */
  clear(): void {
    this.#input.clear();
  }

  #fail(message: string): Result<never> {
    this.#failure = failure(message, this.#consumed);
    this.#input.clear();
    return this.#failure;
  }
}

const at = headerStruct.size;

/** How many bytes follow the body, which has arrived. */
function trailingLength(kind: RequestKind, input: InputBuffer): number {
  if (kind === "transmit") return input.read(transmitStruct, at).sendLength;
  if (kind === "control") return input.read(controlStruct, at).sendLength;
  if (kind === "read-cache" || kind === "write-cache") {
    const { dataLength, nameLength } = input.read(cacheStruct, at);
    return nameLength + dataLength;
  }
  return 0;
}

/** Reads a request that has arrived whole; undefined for an attribute that claims to be longer than its place. */
function readRequest(kind: RequestKind, input: InputBuffer, trailing: number): Request | undefined {
  switch (kind) {
    case "version": {
      const { major, minor, rv } = input.read(versionStruct, at);
      const extension = decodeOffer(rv);
      return { kind, major, minor, ...(extension > 0 && { extension }) };
    }
    case "establish-context":
      return { kind, scope: input.read(establishStruct, at).scope };
    case "release-context":
      return { kind, context: input.read(releaseStruct, at).context };
    case "connect": {
      const { context, reader, shareMode, preferredProtocols } = input.read(connectStruct, at);
      return { kind, context, reader, shareMode, preferredProtocols };
    }
    case "reconnect": {
      const { card, shareMode, preferredProtocols, initialization } = input.read(reconnectStruct, at);
      return { kind, card, shareMode, preferredProtocols, initialization };
    }
    case "disconnect": {
      const { card, disposition } = input.read(disconnectStruct, at);
      return { kind, card, disposition };
    }
    case "begin-transaction":
      return { kind, card: input.read(beginStruct, at).card };
    case "end-transaction": {
      const { card, disposition } = input.read(endStruct, at);
      return { kind, card, disposition };
    }
    case "status":
      return { kind, card: input.read(statusStruct, at).card };
    case "transmit": {
      const { rv: _, sendLength: _length, ...terms } = input.read(transmitStruct, at);
      return { kind, ...terms, command: input.copy(at + transmitStruct.size, trailing) };
    }
    case "control": {
      const { card, code, receiveLength } = input.read(controlStruct, at);
      return { kind, card, code, receiveLength, input: input.copy(at + controlStruct.size, trailing) };
    }
    case "cancel":
      return { kind, context: input.read(cancelStruct, at).context };
    case "get-attribute":
    case "set-attribute": {
      const { card, attribute, value, length } = input.read(attributeStruct, at);
      if (length > MAX_ATTRIBUTE_BYTES) return undefined;
      if (kind === "get-attribute") return { kind, card, attribute, length };
      const set = { kind, card, attribute, value: value.slice(0, length) };
      zeroBytes(value);
      return set;
    }
    case "holder": {
      const { handle, reader } = input.read(holderStruct, at);
      return { kind, handle, reader };
    }
    case "read-cache":
    case "write-cache":
      return readCacheRequest(kind, input);
    default:
      return { kind };
  }
}

/** Undefined for a name that is longer than any, and for a read that brings data. */
function readCacheRequest(kind: "read-cache" | "write-cache", input: InputBuffer): Request | undefined {
  const { card, context, dataLength, freshness, nameLength } = input.read(cacheStruct, at);
  if (nameLength > MAX_CACHE_NAME_BYTES || dataLength > MAX_TRAILING_BYTES || (kind === "read-cache" && dataLength > 0))
    return undefined;
  const name = utf8.decode(input.copy(at + cacheStruct.size, nameLength));
  if (kind === "read-cache") return { kind, context, card, freshness, name };
  return { kind, context, card, freshness, name, data: input.copy(at + cacheStruct.size + nameLength, dataLength) };
}
