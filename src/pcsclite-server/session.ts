// SPDX-License-Identifier: MIT

import { type ClientIdentity, errorNumber, type Runtime, type SmartCardError } from "../pcsc/index.ts";
import {
  EXTENSION_VERSION,
  encodeResponse,
  newestVersion,
  type Request,
  RequestDecoder,
  type RequestOf,
  type VersionRow,
  versionOf,
  versions,
  waitStruct,
  wipeRequest,
} from "../pcsclite/index.ts";
import { answerRequest } from "./answers.ts";
import type { FixedTableSizes, ServerLimits } from "./limits.ts";
import type { ServerReaderTable } from "./reader-table.ts";
import { ServerRequests } from "./requests.ts";
import type { ServerClient, ServerLogEntry, ServerManager, ServerPeer } from "./server.ts";

/** What a session needs from the server. */
export interface ServerSessionSetting {
  readonly runtime: Runtime;
  /** Begins the client's standing with the manager. */
  readonly makeClient: () => ServerClient;
  readonly manager: ServerManager;
  readonly peer: ServerPeer;
  /** True where there are too many sessions for this one to get a context. */
  readonly tooMany: boolean;
  readonly limits: ServerLimits;
  readonly log: (entry: ServerLogEntry) => void;
  readonly table: ServerReaderTable;
  readonly fixedSizes: FixedTableSizes;
  readonly takeNumber: () => number;
  readonly freeNumber: (number: number) => void;
  /** Sessions by the number of their context. */
  readonly contexts: Map<number, ServerSession>;
  readonly ended: () => void;
}

/**
 * How a wait for a change of the readers stands. Clients from 4:6 on ask for the table after they have asked to be told of
 * changes, and read its size next, whatever comes: they are told of changes only once they have the table.
 */
type Waiting =
  | { readonly kind: "no" }
  | { readonly kind: "table-due"; readonly cancelled: boolean }
  | { readonly kind: "armed"; readonly cancelled: boolean };

const success = 0;

/** How long a client's last answer is waited for when the service stops, in milliseconds. */
const lastAnswerMs = 500;

/**
 * One connection of a client program. Requests are answered one by one, in order; the only thing that a client is sent
 * unasked is that the readers have changed, or that its wait for it was cancelled.
 */
export class ServerSession {
  readonly #setting: ServerSessionSetting;
  readonly #requests: ServerRequests;
  readonly #decoder = new RequestDecoder();
  readonly #stopListening: () => void;
  #waiting: Waiting = { kind: "no" };
  /** What the client speaks. Without an exchange of versions, the newest. */
  #version: VersionRow = versions[newestVersion];
  /** Entries of the table, as the client was told last. */
  #entries: number;
  #toldOfHidden = false;
  #answering = false;
  /** What is to happen when everything that was asked is answered. */
  #whenIdle: (() => void) | undefined;
  #paused = false;
  #over = false;

  constructor(setting: ServerSessionSetting) {
    this.#setting = setting;
    const { freeNumber, limits, makeClient, manager, peer, runtime, table, takeNumber, tooMany } = setting;
    this.#requests = new ServerRequests({
      clock: runtime.clock,
      makeClient,
      manager,
      peer,
      tooMany,
      limits,
      takeNumber,
      freeNumber,
    });
    this.#entries = table.capacity;
    this.#stopListening = table.listen(() => this.#readersChanged());
  }

  get identity(): ClientIdentity {
    return this.#setting.peer.identity;
  }

  /** Whether the client waits for a change of the readers. */
  get waits(): boolean {
    return this.#waiting.kind !== "no";
  }

  /** Takes a copy of what arrived from the client, in pieces of any size. */
  received(bytes: Uint8Array): void {
    if (this.#over) return;
    this.#decoder.push(bytes);
    if (!this.#answering) this.#answerAll().catch((error: unknown) => this.#failed(error));
    // Part of a request that is waited for is not ahead of anything: without the rest nothing would ever be answered.
    if (this.#answering && !this.#paused && this.#decoder.pendingBytes > this.#setting.limits.aheadBytes) {
      this.#paused = true;
      this.#setting.peer.pause();
    }
  }

  /** The connection has ended, in whatever way: the client's waits end, its locks are freed. */
  closed(): void {
    if (this.#over) return;
    this.#end();
    this.#requests.close().catch((error: unknown) => this.#failed(error));
  }

  /** Tells the client that the service stops, and ends the connection when it has its last answer. */
  stop(error: SmartCardError): Promise<void> {
    return new Promise((resolve) => {
      const leave = (): void => {
        cancelTimer();
        this.closed();
        this.#setting.peer.close(error.message);
        resolve();
      };
      const cancelTimer = this.#setting.runtime.clock.schedule(lastAnswerMs, "last answer", leave);
      if (this.#waiting.kind === "armed") this.#signal(errorNumber(error.code, "pcsclite"));
      this.#requests.cancel(error.code, error.message);
      if (this.#answering) this.#whenIdle = leave;
      else leave();
    });
  }

  /** Ends what the client waits for: a change of the readers, or a request that is held. */
  cancelWait(): void {
    if (this.#waiting.kind === "armed") this.#signal(errorNumber("cancelled", "pcsclite"));
    else if (this.#waiting.kind === "table-due") this.#waiting = { kind: "table-due", cancelled: true };
    else this.#requests.cancel("cancelled", "the context was cancelled");
  }

  async #answerAll(): Promise<void> {
    this.#answering = true;
    for (let request = this.#next(); request !== undefined; request = this.#next()) {
      const answer = this.#answer(request);
      const response = answer instanceof Promise ? await answer.finally(() => wipeRequest(request)) : answer;
      if (this.#over) return;
      if (response !== undefined) this.#setting.peer.send(response);
      // A cancel that came before the client had its table is told behind it.
      if (this.#waiting.kind === "armed" && this.#waiting.cancelled) this.#signal(errorNumber("cancelled", "pcsclite"));
    }
    this.#answering = false;
    this.#whenIdle?.();
    if (this.#paused) {
      this.#paused = false;
      this.#setting.peer.resume();
    }
  }

  /** The next request that has arrived whole. What is none ends the session. */
  #next(): Request | undefined {
    if (this.#over) return undefined;
    const next = this.#decoder.next();
    if (next === undefined || next.ok) return next?.value;
    const { message } = next.error;
    this.#setting.log({ level: "warn", message, client: this.#setting.peer.identity });
    this.closed();
    this.#setting.peer.close(message);
    return undefined;
  }

  /** A fault of ours: it costs this session, and no other. */
  #failed(error: unknown): void {
    const detail = error instanceof Error ? error.stack : String(error);
    this.#setting.log({ level: "error", message: "a session failed", client: this.#setting.peer.identity, detail });
    this.closed();
    this.#setting.peer.close("internal error");
  }

  /** The answer to a request; undefined where the protocol has none. */
  #answer(request: Request): Uint8Array | undefined | Promise<Uint8Array> {
    switch (request.kind) {
      case "version":
        return this.#negotiate(request);
      case "reader-table":
        return this.#fixedTable();
      case "reader-table-size":
        this.#entries = this.#setting.table.capacity;
        return encodeResponse(request, { entries: this.#entries });
      case "whole-reader-table":
        return this.#wholeTable();
      case "reader-events":
        return encodeResponse(request, { readerEvents: this.#setting.table.readerEvents });
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
  async #ask(request: Parameters<typeof answerRequest>[1]): Promise<Uint8Array> {
    const before = this.#requests.contextNumber;
    const response = await answerRequest(this.#requests, request);
    const after = this.#requests.contextNumber;
    if (before !== undefined && before !== after) this.#setting.contexts.delete(before);
    if (after !== undefined && !this.#over) this.#setting.contexts.set(after, this);
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
      this.#setting.log({ level: "warn", message, client: this.#setting.peer.identity });
    }
    const { major, minor } = versions[spoken ?? newestVersion];
    const rv = spoken === undefined ? errorNumber("service-stopped", "pcsclite") : success;
    return encodeResponse(request, { major, minor, rv, extension: rv === success ? this.#extend(request) : 0 });
  }

  /** The version of our extension that holds from now on: the older of the two, 0 for a client that offers none. */
  #extend({ extension = 0 }: RequestOf<"version">): number {
    const accepted = Math.min(extension, EXTENSION_VERSION);
    if (accepted > 0) this.#decoder.extend(accepted);
    return accepted;
  }

  #fixedTable(): Uint8Array {
    const { fixedSizes, log, peer, table } = this.#setting;
    // One that has not said its version is older than the exchange of versions, or goes without.
    const entries = fixedSizes[this.#version === versions["4:5"] ? "4:5" : "4:4"];
    const hidden = table.readerCount - entries;
    if (hidden > 0 && !this.#toldOfHidden) {
      this.#toldOfHidden = true;
      const message = `the client's library has room for ${entries} readers; ${hidden} more are hidden from it`;
      log({ level: "warn", message, client: peer.identity });
    }
    return table.encode(entries);
  }

  #wholeTable(): Uint8Array {
    if (this.#waiting.kind === "table-due") this.#waiting = { kind: "armed", cancelled: this.#waiting.cancelled };
    return this.#setting.table.encode(this.#entries);
  }

  #startWaiting(): Uint8Array | undefined {
    if (this.#version.waitBringsTable) {
      this.#waiting = { kind: "armed", cancelled: false };
      return this.#fixedTable();
    }
    this.#waiting = { kind: "table-due", cancelled: false };
    return undefined;
  }

  /** Answered only where the client was still waiting: otherwise the signal is on its way, and is the answer. */
  #stopWaiting(): Uint8Array | undefined {
    if (this.#waiting.kind === "no") return undefined;
    this.#waiting = { kind: "no" };
    return waitStruct.encode({ timeout: 0, rv: success });
  }

  /** Ends the waits of a context; the library asks for it on a connection of its own. */
  #cancel(request: RequestOf<"cancel">): Uint8Array {
    const session = this.#setting.contexts.get(request.context);
    session?.cancelWait();
    return encodeResponse(request, { rv: session === undefined ? errorNumber("invalid-handle", "pcsclite") : success });
  }

  #readersChanged(): void {
    // Before the table was asked for nothing needs to be told: it will have the change.
    if (this.#waiting.kind === "armed") this.#signal(success);
  }

  #signal(rv: number): void {
    this.#waiting = { kind: "no" };
    this.#setting.peer.send(waitStruct.encode({ timeout: 0, rv }));
  }

  #end(): void {
    this.#over = true;
    this.#decoder.clear();
    this.#stopListening();
    const { contextNumber } = this.#requests;
    if (contextNumber !== undefined) this.#setting.contexts.delete(contextNumber);
    this.#setting.ended();
  }
}
