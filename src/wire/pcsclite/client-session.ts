// SPDX-License-Identifier: MIT

import { type Field, zeroBytes } from "../../base/binary/index.ts";
import {
  anyText,
  byteString,
  callback,
  having,
  optionsOf,
  refuse,
  SmartCardError,
  shown,
  wholeNumber,
  word,
} from "../../port/index.ts";
import { bodyReader } from "./answer-readers.ts";
import { type Change, ClientLine, type ClientLineOptions, exchange, type Steps } from "./client-line.ts";
import {
  type ConnectOutcome,
  type ConnectTerms,
  type ControlOutcome,
  encode,
  type Outcome,
  type PreparedRequest,
  prepare,
  prepareConnect,
  prepareControl,
  prepareReconnect,
  prepareTransmit,
  type ReceiveOptions,
  type ReconnectOutcome,
  type ReconnectTerms,
  type TransmitOutcome,
} from "./client-requests.ts";
import { MAX_ATTRIBUTE_BYTES, MAX_TRAILING_BYTES } from "./limits.ts";
import {
  attributeStruct,
  beginStruct,
  cacheStruct,
  cancelStruct,
  disconnectStruct,
  endStruct,
  establishStruct,
  holderStruct,
  NEWEST_VERSION,
  type ProtocolVersion,
  releaseStruct,
  statusStruct,
  versions,
} from "./messages.ts";
import { type ChangeWait, ReaderCalls } from "./reader-calls.ts";
import type { ReaderState } from "./reader-table-reader.ts";
import type { CacheKey, Request } from "./requests.ts";
import type { WireHolder } from "./responses.ts";
import { agreeOnVersion } from "./version-agreement.ts";

/** What a session needs from its connection. */
export type ClientSessionOptions = ClientLineOptions;

const noBytes = new Uint8Array(0);
const number = wholeNumber(0, 0xffff_ffff);
const sessionOptions = optionsOf<ClientSessionOptions>({
  send: callback<ClientSessionOptions["send"]>("a function that sends bytes"),
  ended: callback<ClientSessionOptions["ended"]>("a function that is told why the session ended"),
});
const cacheKey = optionsOf<CacheKey>({ context: number, card: byteString, freshness: number, name: anyText });
const protocolVersion = word<ProtocolVersion>(versions, "protocol version");
const MADE = "what prepareTransmit() or prepareControl() gives";
const preparedRequest = optionsOf<PreparedRequest<never>>({
  request: byteString,
  reader: having<PreparedRequest<never>["reader"]>(["read"], MADE),
});

/**
 * The client's side of one connection to pcscd, or to another service with its protocol: 4:4 to 4:6. The platform passes it
 * arriving bytes; it sends requests one at a time, in the order of the calls.
 *
 * The service's return code is `rv`, and nothing is retried. Calls reject with `SmartCardError`:
 * `comm-error` and the reason when the service is out of step, which ends the session; what `closed` was given; and for
 * arguments too large for the protocol, `invalid-parameter`, `unknown-reader` or `invalid-handle`. A call has no
 * deadline of its own: a caller that cannot wait any longer closes the session.
 *
 * @see docs/interop/pcsclite-protocol.md
 */
export class ClientSession {
  readonly #line: ClientLine;
  readonly #readers: ReaderCalls;
  #version: ProtocolVersion | undefined;
  #extension = 0;

  /** @throws invalid-parameter */
  constructor(options: ClientSessionOptions) {
    this.#line = new ClientLine(sessionOptions(options, { operation: "ClientSession", path: "options" }));
    this.#readers = new ReaderCalls(this.#line);
  }

  /** The version that was agreed on; undefined before `open` is done. */
  get version(): ProtocolVersion | undefined {
    return this.#version;
  }

  /** The version of our extension that the service has accepted; 0 for pcscd, which lacks it. */
  get extension(): number {
    return this.#extension;
  }

  /**
   * How many entries the reader table has that the service sends up to 4:5: 16, or what it was built for. Undefined before
   * the table was read for the first time, and from 4:6 on.
   */
  get tableEntries(): number | undefined {
    return this.#readers.tableEntries;
  }

  /** Whether a call is running or queued. A wait for a change does not count. */
  get busy(): boolean {
    return this.#line.busy;
  }

  /** How many answers have arrived so far: while it grows the service lives. */
  get answered(): number {
    return this.#line.answered;
  }

  /** Takes what arrived from the service, in pieces of any size. Whatever they are, it does not throw. @throws TypeError (not bytes) */
  received(bytes: Uint8Array): void {
    byteString(bytes, { operation: "received", path: "bytes" });
    this.#line.received(bytes);
  }

  /**
   * Ends the session: the connection is gone, or the owner gives it up. Pending calls reject, and every later
   * call does, with the given error, or with `service-stopped` and the given reason.
   */
  closed(reason: string | SmartCardError): void {
    if (typeof reason !== "string" && !(reason instanceof SmartCardError)) {
      refuse({ operation: "closed", path: "reason" }, shown(reason), "give the reason as a string or a SmartCardError");
    }
    this.#line.close(typeof reason === "string" ? new SmartCardError("service-stopped", reason) : reason);
  }

  /**
   * Agrees on a version, the newest that both sides speak and that is not newer than `newest`. A service that refuses ours
   * and names an older one of its own is asked for that, on the same connection. It comes before all other calls but
   * `cancel`.
   *
   * @throws what the service refuses with, `service-stopped` for versions that do not meet; both are named
   */
  open(newest: ProtocolVersion = NEWEST_VERSION): Promise<ProtocolVersion> {
    return this.#safely(() => {
      protocolVersion(newest, { operation: "open", path: "newest" });
      return this.#line.run(this.#agree(newest));
    });
  }

  /** SCardEstablishContext. A connection has one context, and has it before it waits for anything. */
  establish(scope: number): Promise<Outcome & { readonly context: number }> {
    return this.#line.run(this.#establish(scope));
  }

  /** SCardReleaseContext. */
  release(context: number): Promise<Outcome> {
    return this.#askFor(context, { kind: "release-context", context }, releaseStruct, outcome);
  }

  /** SCardConnect. */
  connect(terms: ConnectTerms): Promise<ConnectOutcome> {
    return this.#sendSafely(() => prepareConnect(terms));
  }

  /** SCardReconnect. */
  reconnect(terms: ReconnectTerms): Promise<ReconnectOutcome> {
    return this.#sendSafely(() => prepareReconnect(terms));
  }

  /** SCardDisconnect. */
  disconnect(card: number, disposition: number): Promise<Outcome> {
    return this.#askFor(card, { kind: "disconnect", card, disposition }, disconnectStruct, outcome);
  }

  /** SCardBeginTransaction. */
  begin(card: number): Promise<Outcome> {
    return this.#askFor(card, { kind: "begin-transaction", card }, beginStruct, outcome);
  }

  /** SCardEndTransaction. */
  end(card: number, disposition: number): Promise<Outcome> {
    return this.#askFor(card, { kind: "end-transaction", card, disposition }, endStruct, outcome);
  }

  /** SCardStatus: only whether the connection is still good. State, protocol and ATR are in `readerStates`. */
  status(card: number): Promise<Outcome> {
    return this.#askFor(card, { kind: "status", card }, statusStruct, outcome);
  }

  /**
   * SCardTransmit.
   *
   * @param protocol the send PCI's protocol
   * @returns the receive PCI's protocol and the response, which is empty unless rv is 0; `neededLength` is the response's
   * length where it did not fit
   */
  transmit(
    card: number,
    protocol: number,
    command: Uint8Array,
    options: ReceiveOptions = {},
  ): Promise<TransmitOutcome> {
    return this.#sendSecret(() => prepareTransmit(card, protocol, command, options));
  }

  /** SCardControl; the rest is as in `transmit`. */
  control(card: number, code: number, input: Uint8Array, options: ReceiveOptions = {}): Promise<ControlOutcome> {
    return this.#sendSecret(() => prepareControl(card, code, input, options));
  }

  /** Sends a request that `prepareTransmit` or `prepareControl` wrote, and reads its answer. */
  send<T>(prepared: PreparedRequest<T>): Promise<T> {
    return this.#safely(() => {
      const { reader, request } = preparedRequest(prepared, { operation: "send", path: "prepared" });
      return this.#line.run(exchange(request, reader));
    });
  }

  /** SCardGetAttrib. The value is empty unless rv is 0. */
  getAttrib(card: number, attribute: number): Promise<Outcome & { readonly value: Uint8Array }> {
    return this.#askFor(
      card,
      { kind: "get-attribute", card, attribute, length: MAX_ATTRIBUTE_BYTES },
      attributeStruct,
      ({ rv, value, length }) => ({ rv, value: rv === 0 ? value.slice(0, length) : noBytes }),
      ({ rv, length }) => {
        if (rv !== 0 || length <= MAX_ATTRIBUTE_BYTES) return 0;
        return `the value of an attribute is said to have ${length} bytes`;
      },
    );
  }

  /** SCardSetAttrib. The value has 264 bytes at most. */
  setAttrib(card: number, attribute: number, value: Uint8Array): Promise<Outcome> {
    const request = { kind: "set-attribute", card, attribute, value } as const;
    return this.#sendSecret(() => prepare(card, request, attributeStruct, outcome));
  }

  /** The readers as they are. Up to 4:5 a service shows as many as it was built for: 16 in most. */
  readerStates(): Promise<readonly ReaderState[]> {
    return this.#line.run(this.#readers.readTable());
  }

  /**
   * How many readers came and went so far, from 1 on.
   *
   * @throws unsupported-feature for a service of 4:4
   */
  readerEvents(): Promise<Outcome & { readonly readerEvents: number }> {
    return this.#line.run(this.#readers.readEvents());
  }

  /**
   * Begins to wait until something changes at a reader, or until readers come or go. Other calls may be made meanwhile.
   *
   * @throws invalid-parameter while another wait is under way
   */
  waitForChange(): Promise<ChangeWait> {
    return this.#line.run(this.#readers.beginWait());
  }

  /** Ends the wait; how it ended, or undefined where it was over before. */
  stopWaiting(): Promise<Change | undefined> {
    return this.#line.run(this.#readers.stopWaiting());
  }

  /**
   * SCardCancel: ends the wait of a context that another connection has. It needs no `open`.
   *
   * @param context the handle that `establish` gave there
   */
  cancel(context: number): Promise<Outcome> {
    return this.#askFor(context, { kind: "cancel", context }, cancelStruct, outcome);
  }

  /**
   * Ours, for a service that has accepted the extension: the holder of a reader. The one because of which this session
   * was last refused there, or the current one.
   *
   * @param handle the context of this session, or one of its cards
   * @throws unsupported-feature for pcscd
   */
  holder(handle: number, reader: string): Promise<Outcome & { readonly holder: WireHolder | undefined }> {
    return this.#askOurs(() => {
      anyText(reader, { operation: "holder", path: "reader" });
      return prepare(handle, { kind: "holder", handle, reader }, holderStruct, holderOf);
    });
  }

  /** Ours, as {@link holder}: reads an item of the card cache that all clients of the service share. */
  readCache(key: CacheKey): Promise<Outcome & { readonly data: Uint8Array }> {
    const value = ({ rv }: Outcome, data: Uint8Array) => ({ rv, data });
    const trailing = ({ dataLength, rv }: { dataLength: number; rv: number }): number | string => {
      if (rv !== 0) return 0;
      return dataLength <= MAX_TRAILING_BYTES ? dataLength : `an item of the cache is said to have ${dataLength} bytes`;
    };
    return this.#askOurs(() => {
      const checked = cacheKey(key, { operation: "readCache", path: "key" });
      return prepare(checked.context, { kind: "read-cache", ...checked }, cacheStruct, value, trailing);
    });
  }

  /** Ours, as {@link holder}: writes an item of the card cache. */
  writeCache(key: CacheKey, data: Uint8Array): Promise<Outcome> {
    return this.#askOurs(() => {
      const checked = cacheKey(key, { operation: "writeCache", path: "key" });
      return prepare(checked.context, { kind: "write-cache", ...checked, data }, cacheStruct, outcome);
    });
  }

  *#agree(newest: ProtocolVersion): Steps<ProtocolVersion> {
    const agreement = yield* agreeOnVersion(newest);
    this.#version = agreement.version;
    this.#extension = agreement.extension;
    this.#readers.agreed(agreement);
    return agreement.version;
  }

  *#establish(scope: number): Steps<Outcome & { readonly context: number }> {
    // The answer begins with the scope, which may be 0, as a signal does.
    if (this.#line.waiting) throw new SmartCardError("invalid-parameter", "a wait for a change is under way");
    const encoded = encode({ kind: "establish-context", scope });
    const value = ({ rv, context }: { rv: number; context: number }) => ({ rv, context });
    return yield* exchange(encoded, bodyReader({ body: establishStruct, repeats: encoded, value }));
  }

  /** Sends a request about a context or a card. 0 is not a valid handle, and would be taken for a signal. */
  #askFor<B, T>(
    handle: number,
    request: Request,
    body: Field<B>,
    value: (body: B, trailing: Uint8Array) => T,
    trailing?: (body: B) => number | string,
  ): Promise<T> {
    return this.#sendSafely(() => prepare(handle, request, body, value, trailing));
  }

  /** Sends a request of our extension: other services would close the connection. */
  #askOurs<T>(make: () => PreparedRequest<T>): Promise<T> {
    return this.#sendSafely(() => {
      const prepared = make();
      if (this.#extension > 0) return prepared;
      const message = "the smart card service is not scard daemon, and has no answer to this";
      throw new SmartCardError("unsupported-feature", message);
    });
  }

  /** Sends a request that may hold a PIN, and clears it when it is answered, or the session has ended. */
  async #sendSecret<T>(make: () => PreparedRequest<T>): Promise<T> {
    const prepared = make();
    try {
      return await this.send(prepared);
    } finally {
      zeroBytes(prepared.request);
    }
  }

  #sendSafely<T>(make: () => PreparedRequest<T>): Promise<T> {
    return this.#safely(() => this.send(make()));
  }

  /** Begins at once, and rejects where the beginning throws. */
  #safely<T>(begin: () => Promise<T>): Promise<T> {
    try {
      return begin();
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

function outcome({ rv }: Outcome): Outcome {
  return { rv };
}

function holderOf(answer: ReturnType<typeof holderStruct.read>): Outcome & { readonly holder: WireHolder | undefined } {
  const { client, heldMs, known, pid, rv, shareMode, transaction } = answer;
  if (rv !== 0 || known === 0) return { rv, holder: undefined };
  const holder = { client, pid: pid === 0 ? undefined : pid, shareMode, transaction: transaction !== 0, heldMs };
  return { rv, holder };
}
