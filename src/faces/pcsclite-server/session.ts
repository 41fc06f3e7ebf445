// SPDX-License-Identifier: MIT

import { type ClientIdentity, errorNumber, type Runtime, type SmartCardError } from "../../port/index.ts";
import {
  EXTENSION_VERSION,
  encodeResponse,
  NEWEST_VERSION,
  type Request,
  RequestDecoder,
  type RequestOf,
  type VersionRow,
  versionOf,
  versions,
  waitStruct,
  wipeRequest,
} from "../../wire/pcsclite/index.ts";
import { answerRequest, type ManagerRequest } from "./answers.ts";
import type { ClientQuotas } from "./client-quotas.ts";
import type { FixedTableSizes, ServerLimits } from "./limits.ts";
import type { ServerClient, ServerLogEntry, ServerManager, ServerPeer } from "./ports.ts";
import type { ServerReaderTable } from "./reader-table.ts";
import { ServerRequests } from "./requests.ts";
import type { ServingOrder } from "./serving-order.ts";

/** What a session needs from the server. */
export interface ServerSessionSetting {
  readonly runtime: Runtime;
  /** Begins the client's standing with the manager. */
  readonly makeClient: () => ServerClient;
  readonly manager: ServerManager;
  readonly peer: ServerPeer;
  /** Why this client is refused; undefined for one that is served. */
  readonly refusal: (session: ServerSession) => SmartCardError | undefined;
  readonly limits: ServerLimits;
  readonly log: (entry: ServerLogEntry) => void;
  readonly order: ServingOrder;
  readonly quotas: ClientQuotas;
  readonly table: ServerReaderTable;
  readonly fixedSizes: FixedTableSizes;
  readonly takeNumber: () => number;
  readonly freeNumber: (number: number) => void;
  /** Sessions by the number of their context. */
  readonly contexts: Map<number, ServerSession>;
  readonly ended: () => void;
  /** Sessions that have ended, and still have something with the manager. */
  readonly leaving: Set<ServerSession>;
}

/**
 * State of a wait for a change of the readers. Clients from 4:6 on ask for the table after they have registered for changes,
 * and take the next bytes for its size: changes are signalled only once they have the table.
 */
type Waiting =
  | { readonly kind: "no" }
  | { readonly kind: "table-due"; readonly cancelled: boolean }
  | { readonly kind: "armed"; readonly cancelled: boolean };

const SUCCESS = 0;

/** How long a client's last answer is waited for when the service stops, in milliseconds. */
const LAST_ANSWER_MS = 500;

/**
 * One connection of a client program. Requests are answered one by one, in order; without a request a client is only told
 * that the readers have changed, or that its wait was cancelled.
 */
export class ServerSession {
  readonly #deps: ServerSessionSetting;
  readonly #requests: ServerRequests;
  readonly #decoder = new RequestDecoder();
  /** Ends the listening for changes of the readers; undefined while nothing is to be told. */
  #stopListening: (() => void) | undefined;
  readonly #refusal: SmartCardError | undefined;
  readonly #endRefusal: () => void;
  readonly identity: ClientIdentity;
  #waiting: Waiting = { kind: "no" };
  /** What the client speaks. Without an exchange of versions, the newest. */
  #version: VersionRow = versions[NEWEST_VERSION];
  /** Entries of the table, as the client was told last. */
  #entries: number;
  #toldOfHidden = false;
  /** What the client is to be told of a change of the readers, or of the end of its wait for it. */
  #signalDue: number | undefined;
  /** A request that is with the manager, and how many bytes it had. */
  #asked: { readonly bytes: number } | undefined;
  /** What the manager has answered. */
  #response: Uint8Array | undefined;
  /** Whether a turn was asked for. */
  #queued = false;
  /** Bytes at the end of what has arrived that are known to be no whole request. */
  #tail = 0;
  /** What is to happen when everything that was asked is answered. */
  #whenIdle: (() => void) | undefined;
  #paused = false;
  /** Whether the service stops: what was begun is answered, and no other request is taken. */
  #stopping = false;
  #over = false;

  constructor(deps: ServerSessionSetting) {
    this.#deps = deps;
    const { freeNumber, limits, makeClient, manager, peer, runtime, quotas, table, takeNumber } = deps;
    this.identity = peer.identity;
    this.#requests = new ServerRequests({
      clock: runtime.clock,
      makeClient,
      manager,
      peer,
      quotas,
      limits,
      takeNumber,
      freeNumber,
    });
    this.#entries = table.capacity;
    this.#refusal = deps.refusal(this);
    if (this.#refusal === undefined) {
      this.#endRefusal = () => {};
    } else {
      const leave = (): void => this.#hangUp("the client was refused");
      this.#endRefusal = runtime.clock.schedule(limits.refusedMs, "refused client", leave, { background: true });
    }
  }

  /** Whether the client gets only its refusal. */
  get isRefused(): boolean {
    return this.#refusal !== undefined;
  }

  /** Whether the client has something to be done, or is waiting for the manager. */
  get #answering(): boolean {
    return this.#queued || this.#asked !== undefined;
  }

  /** Whether the next request may be taken. */
  get #mayTake(): boolean {
    return this.#asked === undefined && !this.#stopping;
  }

  /** Whether the client waits for a change of the readers. */
  get waits(): boolean {
    return this.#waiting.kind !== "no";
  }

  /** Takes a copy of what arrived from the client, in pieces of any size. */
  received(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#decoder.push(bytes);
    this.#count();
    this.#goOn();
    // An incomplete request does not count as ahead: without the rest it could never be answered.
    const isAhead = this.#decoder.pendingBytes > this.#deps.limits.aheadBytes;
    if (this.#over || this.#paused || !isAhead || !(this.#answering || this.#isCongested)) return;
    this.#paused = true;
    this.#deps.peer.pause();
  }

  /** The client has read what it was sent, or its system has taken it. */
  drained(): void {
    if (this.#over) return;
    this.#count();
    this.#goOn();
    if (!this.#answering) this.#idle();
  }

  /** Processes requests, one at a time, when it is the session's turn. */
  serve(): void {
    this.#queued = false;
    if (this.#over) return;
    try {
      this.#serveOne();
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#over) return;
    this.#count();
    if (this.#response !== undefined || (this.#mayTake && this.#decoder.pendingBytes > this.#tail)) this.#goOn();
    if (!this.#answering) this.#idle();
  }

  /** The connection has ended: the client's waits end, its locks are freed. */
  closed(): void {
    if (this.#over) return;
    this.#end();
    // Of a thousand that leave at once each takes its time with the manager: they leave it in their turns.
    this.#deps.leaving.add(this);
    this.#deps.order.inTurn(this.identity, () => this.leave());
  }

  /** Ends what a client that has gone still has with the manager. To do so twice has no effect. */
  leave(): void {
    if (!this.#deps.leaving.delete(this)) return;
    this.#requests.close().catch((error: unknown) => this.#failed(error));
  }

  /** Tells the client that the service stops, and ends the connection when it has its last answer. */
  stop(error: SmartCardError): Promise<void> {
    return new Promise((resolve) => {
      const leave = (): void => {
        cancelTimer();
        this.closed();
        this.#deps.peer.close(error.message);
        resolve();
      };
      const cancelTimer = this.#deps.runtime.clock.schedule(LAST_ANSWER_MS, "last answer", leave);
      this.#stopping = true;
      if (this.#waiting.kind === "armed") this.#signal(errorNumber(error.code, "pcsclite"));
      this.#requests.cancel(error.code, error.message);
      if (this.#answering) this.#whenIdle = leave;
      else leave();
    });
  }

  /** Ends what the client waits for: a change of the readers, or a request that is held. */
  cancelWait(): void {
    if (this.#waiting.kind === "armed") this.#signal(errorNumber("cancelled", "pcsclite"));
    else if (this.#waiting.kind === "table-due") this.#wait({ kind: "table-due", cancelled: true });
    else this.#requests.cancel("cancelled", "the context was cancelled");
  }

  /** Asks for a turn where there may be something to do, and where the client takes what it is sent. */
  #goOn(): void {
    if (this.#over || this.#queued || this.#isCongested) return;
    const isDue = this.#signalDue !== undefined || this.#response !== undefined;
    if (!isDue && (!this.#mayTake || this.#decoder.pendingBytes === 0)) return;
    this.#queued = true;
    this.#deps.order.ready(this);
  }

  #serveOne(): void {
    // Others may have been served since the turn was asked for, and their answers are in the way.
    if (this.#isCongested) return;
    if (this.#signalDue !== undefined) {
      this.#deps.peer.send(waitStruct.encode({ timeout: 0, rv: this.#signalDue }));
      this.#signalDue = undefined;
    } else if (this.#response !== undefined) {
      const response = this.#response;
      this.#response = undefined;
      this.#asked = undefined;
      this.#answered(response);
    } else if (this.#mayTake) {
      this.#takeOne();
    }
  }

  #takeOne(): void {
    const before = this.#decoder.pendingBytes;
    const request = this.#next();
    this.#tail = request === undefined ? this.#decoder.pendingBytes : 0;
    if (request === undefined) return;
    const answer = this.#refusal === undefined ? this.#answer(request) : this.#refuse(request, this.#refusal);
    if (!(answer instanceof Promise)) {
      this.#answered(answer);
      return;
    }
    this.#asked = { bytes: before - this.#decoder.pendingBytes };
    answer.then(
      (response) => {
        wipeRequest(request);
        if (this.#over) return;
        this.#response = response;
        this.#goOn();
      },
      (error: unknown) => {
        wipeRequest(request);
        this.#failed(error);
      },
    );
  }

  #answered(response: Uint8Array | undefined): void {
    if (this.#over) return;
    if (response !== undefined) this.#deps.peer.send(response);
    // A cancel that came before the client had its table is told behind it.
    if (this.#waiting.kind === "armed" && this.#waiting.cancelled) this.#signal(errorNumber("cancelled", "pcsclite"));
  }

  /** Everything that has arrived whole is answered. */
  #idle(): void {
    this.#whenIdle?.();
    if (this.#over || !this.#paused || this.#isCongested) return;
    this.#paused = false;
    this.#deps.peer.resume();
  }

  get #isCongested(): boolean {
    return (this.#deps.peer.unsentBytes ?? 0) > 0;
  }

  /** Says how much is held for the client. */
  #count(): void {
    if (this.#over) return;
    const { peer, quotas } = this.#deps;
    const held = this.#decoder.heldBytes + (this.#asked?.bytes ?? 0) + (this.#response?.length ?? 0);
    quotas.hold(this, held + (peer.unsentBytes ?? 0));
  }

  /** The requests of a refused client: our version, and the context that it does not get. */
  #refuse(request: Request, refusal: SmartCardError): Uint8Array | undefined {
    if (request.kind === "version") return this.#negotiate(request);
    if (request.kind === "establish-context") {
      this.#deps.peer.send(encodeResponse(request, { rv: errorNumber(refusal.code, "pcsclite") }));
    }
    this.#hangUp(refusal.message);
    return undefined;
  }

  #hangUp(reason: string): void {
    this.closed();
    this.#deps.peer.close(reason);
  }

  /** The next complete request. A malformed request ends the session. */
  #next(): Request | undefined {
    if (this.#over) return undefined;
    const next = this.#decoder.next();
    if (next === undefined || next.ok) return next?.value;
    const { message } = next.error;
    this.#deps.log({ level: "warn", message, client: this.identity });
    this.#hangUp(message);
    return undefined;
  }

  /** Ends the session of a client that is not admitted any more. */
  review(): void {
    if (!this.#over && !this.#deps.peer.admitted)
      this.#hangUp(`${this.identity.name} may not use the service any more`);
  }

  /** Ends the session at once, without its last answers: what is held for it is needed. */
  drop(reason: string): void {
    if (this.#over) return;
    this.#deps.log({ level: "warn", message: `a client was cut off: ${reason}`, client: this.identity });
    this.closed();
    this.#deps.peer.close(reason, { atOnce: true });
  }

  /** A bug of ours ends only this session. */
  #failed(error: unknown): void {
    const detail = error instanceof Error ? error.stack : String(error);
    this.#deps.log({ level: "error", message: "a session failed", client: this.identity, detail });
    this.#hangUp("internal error");
  }

  /** The answer to a request; undefined where the protocol has no answer. */
  #answer(request: Request): Uint8Array | undefined | Promise<Uint8Array> {
    switch (request.kind) {
      case "version":
        return this.#negotiate(request);
      case "reader-table":
        return this.#fixedTable();
      case "reader-table-size":
        this.#entries = this.#deps.table.capacity;
        return encodeResponse(request, { entries: this.#entries });
      case "whole-reader-table":
        return this.#wholeTable();
      case "reader-events":
        return encodeResponse(request, { readerEvents: this.#deps.table.readerEvents });
      case "wait-for-change":
        return this.#startWaiting();
      case "stop-waiting":
        return this.#stopWaiting();
      case "cancel":
        return this.#cancel(request);
      default:
        return this.#ask(request);
    }
  }

  /** Hands a request to the manager. */
  #ask(request: ManagerRequest): Promise<Uint8Array> {
    const isOfContext = request.kind === "establish-context" || request.kind === "release-context";
    return isOfContext ? this.#askOfContext(request) : answerRequest(this.#requests, request);
  }

  /** The same for a request after which the client may have another context. */
  async #askOfContext(request: ManagerRequest): Promise<Uint8Array> {
    const before = this.#requests.contextNumber;
    const response = await answerRequest(this.#requests, request);
    const after = this.#requests.contextNumber;
    if (before !== undefined && before !== after) this.#deps.contexts.delete(before);
    if (after !== undefined && !this.#over) this.#deps.contexts.set(after, this);
    return response;
  }

  /**
   * Agrees on a version. An answer that agrees names the version that was asked for: clients that know one version alone
   * compare the two (pcscd up to 2.4.0 speaks only its own, so to them the two are always equal). A refusal names our
   * newest; the client may ask again on the same connection.
   */
  #negotiate(request: RequestOf<"version">): Uint8Array {
    const spoken = versionOf(request.major, request.minor);
    if (spoken !== undefined) this.#version = versions[spoken];
    else {
      const known = Object.keys(versions).join(", ");
      const message = `the client speaks protocol ${request.major}:${request.minor}; known: ${known}`;
      this.#deps.log({ level: "warn", message, client: this.identity });
    }
    const { major, minor } = versions[spoken ?? NEWEST_VERSION];
    const rv = spoken === undefined ? errorNumber("service-stopped", "pcsclite") : SUCCESS;
    return encodeResponse(request, { major, minor, rv, extension: rv === SUCCESS ? this.#extend(request) : 0 });
  }

  /** The version of our extension that holds from now on: the older of the two, 0 for a client that offers none. */
  #extend({ extension = 0 }: RequestOf<"version">): number {
    const accepted = Math.min(extension, EXTENSION_VERSION);
    if (accepted > 0) this.#decoder.extend(accepted);
    return accepted;
  }

  #fixedTable(): Uint8Array {
    const { fixedSizes, log, table } = this.#deps;
    // One that has not said its version is older than the exchange of versions, or goes without.
    const entries = fixedSizes[this.#version === versions["4:5"] ? "4:5" : "4:4"];
    const hidden = table.readerCount - entries;
    if (hidden > 0 && !this.#toldOfHidden) {
      this.#toldOfHidden = true;
      const message = `the client's library has room for ${entries} readers; ${hidden} more are hidden from it`;
      log({ level: "warn", message, client: this.identity });
    }
    return table.encode(entries);
  }

  #wholeTable(): Uint8Array {
    if (this.#waiting.kind === "table-due") this.#wait({ kind: "armed", cancelled: this.#waiting.cancelled });
    return this.#deps.table.encode(this.#entries);
  }

  #startWaiting(): Uint8Array | undefined {
    if (this.#version.waitBringsTable) {
      this.#wait({ kind: "armed", cancelled: false });
      return this.#fixedTable();
    }
    this.#wait({ kind: "table-due", cancelled: false });
    return undefined;
  }

  /** Answered only where the client was still waiting: otherwise the signal is on its way, and is the answer. */
  #stopWaiting(): Uint8Array | undefined {
    if (this.#waiting.kind === "no") return undefined;
    this.#wait({ kind: "no" });
    return waitStruct.encode({ timeout: 0, rv: SUCCESS });
  }

  /** Ends the waits of a context; the library asks for it on a connection of its own. */
  #cancel(request: RequestOf<"cancel">): Uint8Array {
    const found = this.#deps.contexts.get(request.context);
    const session = found !== undefined && this.#mayCancel(found) ? found : undefined;
    session?.cancelWait();
    return encodeResponse(request, { rv: session === undefined ? errorNumber("invalid-handle", "pcsclite") : SUCCESS });
  }

  /** Only the user who opened a context, and root, can cancel it. For others it does not exist. */
  #mayCancel({ identity }: ServerSession): boolean {
    return this.identity.uid === 0 || this.identity.uid === identity.uid;
  }

  #wait(waiting: Waiting): void {
    this.#waiting = waiting;
    // Only waiting clients are told of a change: there may be thousands of others.
    if (waiting.kind === "armed") this.#stopListening ??= this.#deps.table.listen(() => this.#readersChanged());
    else this.#listenNoMore();
  }

  #listenNoMore(): void {
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  #readersChanged(): void {
    // Before the table was asked for nothing needs to be told: it will have the change.
    if (this.#waiting.kind === "armed") this.#signal(SUCCESS);
  }

  #signal(rv: number): void {
    this.#wait({ kind: "no" });
    this.#signalDue = rv;
    this.#goOn();
  }

  #end(): void {
    this.#over = true;
    this.#endRefusal();
    this.#deps.order.remove(this);
    this.#signalDue = undefined;
    this.#response = undefined;
    this.#decoder.clear();
    this.#listenNoMore();
    const { contextNumber } = this.#requests;
    if (contextNumber !== undefined) this.#deps.contexts.delete(contextNumber);
    this.#deps.ended();
  }
}
