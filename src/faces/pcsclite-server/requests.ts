// SPDX-License-Identifier: MIT

import {
  type Clock,
  type Connection,
  type Context,
  type ContextCache,
  dispositions,
  type ErrorCode,
  fromNumber,
  type Holder,
  initializations,
  type Protocol,
  protocolMask,
  protocols,
  protocolsInMask,
  SmartCardError,
  sameName,
  scopes,
  shareModes,
} from "../../port/index.ts";
import { type CacheKey, guidText } from "../../wire/pcsclite/index.ts";
import type { ClientQuotas } from "./client-quotas.ts";
import { type HeldConnection, HeldRequests } from "./held-requests.ts";
import type { ServerLimits } from "./limits.ts";
import type { ServerClient, ServerManager, ServerPeer } from "./ports.ts";

/** SCARD_PROTOCOL_ANY_OLD of pcsclite.h: T=0 or T=1, from before each had a bit. */
const ANY_PROTOCOL_OLD = 0x1000;

/** What the requests of a session need. */
export interface ServerRequestsDeps {
  readonly clock: Clock;
  /** Begins the client's standing with the manager. */
  readonly makeClient: () => ServerClient;
  readonly peer: ServerPeer;
  readonly manager: ServerManager;
  readonly quotas: ClientQuotas;
  readonly limits: ServerLimits;
  /** A free number for a context or a card. */
  readonly takeNumber: () => number;
  readonly freeNumber: (number: number) => void;
}

/** What connect and reconnect have in common, as the wire has it. */
export interface SharingTerms {
  readonly shareMode: number;
  readonly preferredProtocols: number;
}

/**
 * What a client of the protocol can ask of the manager: one context, its connections by number, and each request's terms
 * translated. Failures are `SmartCardError`.
 */
export class ServerRequests {
  readonly #deps: ServerRequestsDeps;
  readonly #heldRequests: HeldRequests;
  readonly #cards = new Map<number, HeldConnection>();
  /** The last refusal of this client, until it has asked for the holder. */
  #refusal: { readonly reader: string; readonly holder: Holder } | undefined;
  #client: ServerClient | undefined;
  #context: { readonly number: number; readonly context: Context } | undefined;

  constructor(deps: ServerRequestsDeps) {
    this.#deps = deps;
    this.#heldRequests = new HeldRequests(deps.clock, deps.limits);
  }

  /** The number of the session's context; undefined before it has one. */
  get contextNumber(): number | undefined {
    return this.#context?.number;
  }

  async establish(scope: number): Promise<number> {
    const { makeClient, takeNumber } = this.#deps;
    // The library opens a connection for each context.
    if (this.#context !== undefined) throw new SmartCardError("no-memory", "the connection has a context");
    this.#client ??= makeClient();
    const context = await this.#client.establishContext({ scope: term(scopes, scope, "scope"), oneAtATime: true });
    const number = takeNumber();
    this.#context = { number, context };
    return number;
  }

  async release(number: number): Promise<void> {
    const context = this.#contextOf(number);
    this.#forget();
    await context.release();
  }

  async connect(
    contextNumber: number,
    reader: string,
    terms: SharingTerms,
  ): Promise<{ card: number; activeProtocol: number }> {
    const context = this.#contextOf(contextNumber);
    if (!this.#deps.peer.mayUse(reader)) {
      throw new SmartCardError("security-violation", `the reader is not for ${this.#deps.peer.identity.name}`);
    }
    const options = sharing(terms);
    const { peer, quotas, takeNumber } = this.#deps;
    quotas.connect(peer.identity);
    let isKept = false;
    try {
      const connection = await this.#heldRequests.connect(context, (by, wait) =>
        by.connect(reader, { ...options, ...wait }),
      );
      if (this.#context?.number !== contextNumber) {
        throw new SmartCardError("invalid-handle", "the context was released during the connect");
      }
      const card = takeNumber();
      this.#cards.set(card, { connection, turn: undefined, reconnect: undefined });
      isKept = true;
      return { card, activeProtocol: numberOf(connection.protocol) };
    } finally {
      if (!isKept) quotas.disconnect(peer.identity);
    }
  }

  async reconnect(card: number, terms: SharingTerms, initialization: number): Promise<number> {
    const held = this.#held(card);
    const options = { ...sharing(terms), initialization: term(initializations, initialization, "initialization") };
    const key = `${terms.shareMode} ${terms.preferredProtocols} ${initialization}`;
    await this.#heldRequests.reconnect(held, key, this.#isAlone(held.connection.reader), async (wait) => {
      await held.connection.reconnect({ ...options, ...wait });
    });
    return numberOf(held.connection.protocol);
  }

  async disconnect(card: number, disposition: number): Promise<void> {
    const held = this.#held(card);
    const how = term(dispositions, disposition, "disposition");
    this.#heldRequests.end([held]);
    this.#cards.delete(card);
    this.#deps.freeNumber(card);
    this.#deps.quotas.disconnect(this.#deps.peer.identity);
    await held.connection.disconnect(how);
  }

  async begin(card: number): Promise<void> {
    const held = this.#held(card);
    await this.#heldRequests.begin(held, this.#isAlone(held.connection.reader));
  }

  async end(card: number, disposition: number): Promise<void> {
    const { connection, turn } = this.#held(card);
    const how = term(dispositions, disposition, "disposition");
    // A transaction kept for its next try is not the client's yet: it was not told of it, and cannot end it.
    if (turn !== undefined) throw new SmartCardError("not-transacted", "this connection has no transaction open");
    await connection.endTransaction(how);
  }

  async status(card: number): Promise<void> {
    await this.#operate(card, (connection, wait) => connection.status(wait));
  }

  /** Exchanges one command; `protocol` is that of the send PCI. */
  async transmit(card: number, protocol: number, command: Uint8Array): Promise<Uint8Array> {
    const asked = fromNumber(protocols, protocol, "pcsclite");
    if (asked === undefined) throw new SmartCardError("proto-mismatch", `the send PCI names the protocol ${protocol}`);
    try {
      return await this.#operate(card, (connection, wait) =>
        connection.transmit(command, { ...wait, protocol: asked }),
      );
    } catch (error) {
      throw asTransferFailure(error);
    }
  }

  async control(card: number, code: number, input: Uint8Array): Promise<Uint8Array> {
    const { connection } = this.#held(card);
    return this.#heldRequests.once((wait) => connection.control(code, input, wait));
  }

  async getAttribute(card: number, attribute: number): Promise<Uint8Array> {
    return this.#held(card).connection.getAttribute(attribute);
  }

  async setAttribute(card: number, attribute: number, value: Uint8Array): Promise<void> {
    const { connection } = this.#held(card);
    await this.#heldRequests.once((wait) => connection.setAttribute(attribute, value, wait));
  }

  /** Remembers the holder because of which a request failed. */
  failed({ code, details: { holder, reader } }: SmartCardError): void {
    if (code !== "sharing-violation") return;
    this.#refusal = holder === undefined || reader === undefined ? undefined : { reader, holder };
  }

  /** The holder because of which this client was last refused at a reader, or else the current holder; undefined without one. */
  holder(handle: number, reader: string): Holder | undefined {
    const { manager, peer } = this.#deps;
    const name = this.#cards.get(handle)?.connection.reader ?? (this.#contextOf(handle) && reader);
    if (!peer.mayUse(name)) {
      throw new SmartCardError("security-violation", `the reader is not for ${peer.identity.name}`);
    }
    const refusal = this.#refusal;
    this.#refusal = undefined;
    return refusal !== undefined && sameName(refusal.reader, name) ? refusal.holder : manager.holderOf(name);
  }

  /** Reads an item of the manager's card cache. */
  readCache({ card, context, freshness, name }: CacheKey): Promise<Uint8Array> {
    return this.#cacheOf(context).read(guidText(card), freshness, name);
  }

  /** Writes an item of the manager's card cache. */
  writeCache({ card, context, freshness, name }: CacheKey, data: Uint8Array): Promise<void> {
    return this.#cacheOf(context).write(guidText(card), freshness, name, data);
  }

  /** Ends the request that is held unanswered, if there is one. */
  cancel(code: ErrorCode, message: string): void {
    this.#heldRequests.cancel(code, message);
  }

  /** The client is gone, or the service stops. */
  async close(): Promise<void> {
    this.#forget();
    await this.#client?.end();
  }

  #operate<T>(
    card: number,
    run: (connection: Connection, wait: { readonly timeoutMs?: number }) => Promise<T>,
  ): Promise<T> {
    const held = this.#held(card);
    return this.#heldRequests.operate(held, this.#isAlone(held.connection.reader), (wait) =>
      run(held.connection, wait),
    );
  }

  #held(card: number): HeldConnection {
    const held = this.#cards.get(card);
    if (held === undefined) throw new SmartCardError("invalid-handle", `this client has no card ${card}`);
    return held;
  }

  #contextOf(number: number): Context {
    if (this.#context?.number !== number) {
      throw new SmartCardError("invalid-handle", `this client has no context ${number}`);
    }
    return this.#context.context;
  }

  #cacheOf(context: number): ContextCache {
    const { cache } = this.#contextOf(context);
    if (cache === undefined) throw new SmartCardError("unsupported-feature", "the manager has no card cache");
    return cache;
  }

  /** Whether the context is connected to no other reader, whose use a held request could hold up. */
  #isAlone(reader: string): boolean {
    for (const { connection } of this.#cards.values()) if (connection.reader !== reader) return false;
    return true;
  }

  #forget(): void {
    this.#heldRequests.cancel("cancelled", "the client is gone");
    this.#heldRequests.end(this.#cards.values());
    for (const card of this.#cards.keys()) this.#deps.freeNumber(card);
    this.#deps.quotas.disconnect(this.#deps.peer.identity, this.#cards.size);
    this.#cards.clear();
    if (this.#context !== undefined) this.#deps.freeNumber(this.#context.number);
    this.#context = undefined;
  }
}

/** The term of a number on the wire. @throws invalid-value */
function term<K extends string>(table: Parameters<typeof fromNumber<K>>[0], value: number, what: string): K {
  const found = fromNumber(table, value, "pcsclite");
  if (found === undefined) throw new SmartCardError("invalid-value", `unknown ${what} ${value}`);
  return found;
}

function sharing(terms: SharingTerms): {
  readonly shareMode: "shared" | "exclusive" | "direct";
  readonly preferredProtocols: readonly Protocol[];
} {
  const mask = terms.preferredProtocols | ((terms.preferredProtocols & ANY_PROTOCOL_OLD) === 0 ? 0 : 3);
  const preferredProtocols = protocolsInMask(mask, "pcsclite");
  // pcscd looks at the protocols before it looks at the share mode.
  if (preferredProtocols.length === 0 && terms.shareMode !== shareModes.direct.pcsclite) {
    throw new SmartCardError("proto-mismatch", `the protocols ${terms.preferredProtocols} mean nothing`);
  }
  return { shareMode: term(shareModes, terms.shareMode, "share mode"), preferredProtocols };
}

function numberOf(protocol: Protocol | undefined): number {
  return protocol === undefined ? 0 : protocolMask([protocol], "pcsclite");
}

/** What pcscd answers when an exchange failed below it. */
function asTransferFailure(error: unknown): unknown {
  if (!(error instanceof SmartCardError)) return error;
  const { code, details } = error;
  if (code !== "comm-error" && code !== "waited-too-long") return error;
  return new SmartCardError("not-transacted", "the exchange with the card failed", details, { cause: error });
}
