// SPDX-License-Identifier: MIT

import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import type { ResourceManager } from "../../port/index.ts";
import { MAX_DATA_BYTES, type PageMessage, type ServiceMessage } from "../../wire/bridge/index.ts";
import {
  createSmartCard,
  type ExtendedSmartCardConnection,
  type ExtendedSmartCardContext,
  type ExtendedSmartCardResourceManager,
  type SmartCardAccessMode,
  type SmartCardDisposition,
  type SmartCardProtocol,
  type SmartCardWaitOptions,
} from "../web/index.ts";
import { failureMessage } from "./failures.ts";
import type { BridgeLimits } from "./limits.ts";

type MessageOf<K extends PageMessage["kind"]> = Extract<PageMessage, { readonly kind: K }>;
type Call = Exclude<PageMessage, { readonly kind: "hello" | "prove" | "pair" | "ping" }>;
/** A call that is answered. */
type AnsweredCall = Exclude<Call, { readonly kind: "abort" | "endTransaction" | "releaseContext" | "limit" }>;

/** The result of a call, without its number. */
type Outcome = ServiceMessage extends infer M ? (M extends { readonly id: number } ? Omit<M, "id"> : never) : never;

/** What a call is rejected with where the page's signal was aborted, or its function was rejected: the reason stays in the page. */
const signalReason = new Error("the signal of the page was aborted");
const callbackReason = new Error("the function of the page was rejected");

/** A connection, and the context that it belongs to. */
interface Connected {
  readonly connection: ExtendedSmartCardConnection;
  readonly context: number;
}

/** A call that is under way. */
interface UnderWay {
  readonly aborter: AbortController;
  /** Ends the function of a transaction that has begun. */
  settle?: (outcome: () => SmartCardDisposition | null | undefined) => void;
}

/** What the calls of a page work with. */
export interface PageCallsOptions {
  readonly manager: ResourceManager;
  readonly limits: BridgeLimits;
  readonly send: (message: ServiceMessage) => void;
}

/** The calls of one page, over the Web Smart Card API of this process: each is begun in the order in which it came. */
export class PageCalls {
  readonly #options: PageCallsOptions;
  readonly #smartCard: ExtendedSmartCardResourceManager;
  readonly #contexts = new Map<number, ExtendedSmartCardContext>();
  readonly #connections = new Map<number, Connected>();
  readonly #underWay = new Map<number, UnderWay>();
  readonly #settled = new Set<Promise<void>>();
  /** Of the call that comes next. */
  #limit: MessageOf<"limit"> | undefined;
  #number = 0;
  /** Contexts that are being established. */
  #establishing = 0;
  #hasEnded = false;

  constructor(options: PageCallsOptions) {
    this.#options = options;
    this.#smartCard = createSmartCard({ manager: options.manager });
  }

  /** Takes a message. @returns what is wrong with it, where the connection has to end for it */
  take(message: Call): string | undefined {
    switch (message.kind) {
      case "abort":
        // The answer may have been on its way.
        this.#underWay.get(message.id)?.aborter.abort(signalReason);
        return undefined;
      case "endTransaction":
        return this.#endTransaction(message);
      case "releaseContext":
        void this.#releaseContext(message.context);
        return undefined;
      case "limit":
        this.#limit = message;
        return undefined;
      default:
        return this.#begin(message);
    }
  }

  /**
   * Ends waits, transactions with a reset, and then all contexts: cards that are in no transaction are left as they are. Draft, Document
   * Lifecycle.
   */
  async end(): Promise<void> {
    this.#hasEnded = true;
    for (const { aborter, settle } of this.#underWay.values()) {
      aborter.abort(signalReason);
      settle?.(rejection);
    }
    await Promise.allSettled(this.#settled);
    await this.#smartCard[Symbol.asyncDispose]();
  }

  #begin(message: AnsweredCall): string | undefined {
    const { id } = message;
    const limit = this.#limit?.id === id ? this.#limit : undefined;
    this.#limit = undefined;
    if (this.#underWay.has(id)) return `there is a call with the number ${id} already`;
    const { limits, send } = this.#options;
    if (this.#underWay.size >= limits.maxCalls) {
      clearBytes(message);
      send({
        kind: "failed",
        id,
        error: "SmartCardError",
        name: "server-too-busy",
        message: "too many calls are not answered yet",
      });
      return undefined;
    }
    const call: UnderWay = { aborter: new AbortController() };
    const isAborted = limit?.signal === "aborted" || ("signal" in message && message.signal === "aborted");
    if (isAborted) call.aborter.abort(signalReason);
    this.#underWay.set(id, call);
    // A call is begun before this returns: calls keep their order.
    const outcome = this.#perform(message, call, limit?.timeout);
    // The call has copied the bytes, and clears its copy.
    clearBytes(message);
    const settled = outcome.then(
      (outcome) => this.#answer(id, outcome),
      (error: unknown) => this.#answer(id, failureOf(error)),
    );
    this.#settled.add(settled);
    void settled.finally(() => this.#settled.delete(settled));
    return undefined;
  }

  #answer(id: number, outcome: Outcome): void {
    this.#underWay.delete(id);
    if (!this.#hasEnded) this.#options.send({ ...outcome, id } as ServiceMessage);
  }

  async #perform(message: AnsweredCall, call: UnderWay, timeout: number | undefined): Promise<Outcome> {
    // The end of the page ends every wait, also of calls without a signal of the page.
    const waits = { signal: call.aborter.signal, ...(timeout !== undefined && { timeout }) };
    switch (message.kind) {
      case "establishContext":
        return this.#establishContext();
      case "listReaders":
        return { kind: "readers", names: await this.#context(message.context).listReaders() };
      case "getStatusChange":
        return this.#getStatusChange(message, waits);
      case "connect":
        return this.#connect(message, waits);
      case "disconnect":
        await this.#connection(message.connection).disconnect(message.disposition as SmartCardDisposition);
        this.#connections.delete(message.connection);
        return { kind: "done" };
      case "transmit":
        return this.#transmit(message, waits);
      case "startTransaction":
        return this.#startTransaction(message, call, waits);
      case "status":
        return this.#status(message, waits);
      case "control":
        return dataOf(await this.#connection(message.connection).control(message.controlCode, message.data, waits));
      case "getAttribute":
        return dataOf(await this.#connection(message.connection).getAttribute(message.tag, waits));
      case "setAttribute":
        await this.#connection(message.connection).setAttribute(message.tag, message.value, waits);
        return { kind: "done" };
      case "send":
        return this.#send(message, waits);
      case "reconnect":
        return this.#reconnect(message, waits);
      case "end":
        return this.#endOne(message);
    }
  }

  async #establishContext(): Promise<Outcome> {
    if (this.#contexts.size + this.#establishing >= this.#options.limits.maxContexts) throw tooMany("contexts");
    this.#establishing++;
    try {
      const context = await this.#smartCard.establishContext();
      const number = ++this.#number;
      this.#contexts.set(number, context);
      return { kind: "context", context: number };
    } finally {
      this.#establishing--;
    }
  }

  #releaseContext(number: number): Promise<void> | undefined {
    const context = this.#contexts.get(number);
    this.#contexts.delete(number);
    for (const [key, connected] of this.#connections) if (connected.context === number) this.#connections.delete(key);
    return (context as Partial<AsyncDisposable> | undefined)?.[Symbol.asyncDispose]?.() as Promise<void> | undefined;
  }

  async #endOne({ number, what }: MessageOf<"end">): Promise<Outcome> {
    if (what === "context") await this.#releaseContext(number);
    else {
      const connected = this.#connections.get(number);
      this.#connections.delete(number);
      await connected?.connection[Symbol.asyncDispose]();
    }
    return { kind: "done" };
  }

  async #send({ command, connection, longData }: MessageOf<"send">, waits: SmartCardWaitOptions): Promise<Outcome> {
    const { data, sw1, sw2 } = await this.#connection(connection).send(command, {
      ...waits,
      ...(longData !== undefined && { longData: longData as "extended" }),
    });
    const answer = concatBytes(data, Uint8Array.of(sw1, sw2));
    zeroBytes(data);
    return { kind: "data", data: answer };
  }

  async #reconnect(
    { accessMode, connection, initialization, preferredProtocols }: MessageOf<"reconnect">,
    waits: SmartCardWaitOptions,
  ): Promise<Outcome> {
    const { activeProtocol } = await this.#connection(connection).reconnect({
      ...waits,
      ...(accessMode !== undefined && { accessMode: accessMode as SmartCardAccessMode }),
      ...(initialization !== undefined && { initialization: initialization as "leave" }),
      ...(preferredProtocols !== undefined && { preferredProtocols: preferredProtocols as SmartCardProtocol[] }),
    });
    return { kind: "connection", connection, ...(activeProtocol !== undefined && { activeProtocol }) };
  }

  async #getStatusChange(
    { context, readerStates, timeout }: MessageOf<"getStatusChange">,
    waits: SmartCardWaitOptions,
  ): Promise<Outcome> {
    const states = await this.#context(context).getStatusChange(
      readerStates.map(({ currentCount, ...state }) => ({
        ...state,
        ...(currentCount !== undefined && { currentCount }),
      })),
      { ...waits, ...(timeout !== undefined && { timeout }) },
    );
    return {
      kind: "states",
      states: states.map(({ answerToReset, eventState, ...state }) => ({
        ...state,
        eventState: eventState as Required<typeof eventState>,
        answerToReset: answerToReset && new Uint8Array(answerToReset),
      })),
    };
  }

  async #connect(
    { accessMode, context, preferredProtocols, readerName }: MessageOf<"connect">,
    waits: SmartCardWaitOptions,
  ): Promise<Outcome> {
    const owner = this.#context(context);
    if (this.#connections.size >= this.#options.limits.maxConnections) throw tooMany("connections");
    const { activeProtocol, connection } = await owner.connect(readerName, accessMode as SmartCardAccessMode, {
      ...waits,
      ...(preferredProtocols !== undefined && { preferredProtocols: preferredProtocols as SmartCardProtocol[] }),
    });
    const number = ++this.#number;
    this.#connections.set(number, { connection, context });
    return { kind: "connection", connection: number, ...(activeProtocol !== undefined && { activeProtocol }) };
  }

  async #transmit(
    { connection, protocol, sendBuffer }: MessageOf<"transmit">,
    waits: SmartCardWaitOptions,
  ): Promise<Outcome> {
    const options = protocol === undefined ? waits : { ...waits, protocol: protocol as SmartCardProtocol };
    return dataOf(await this.#connection(connection).transmit(sendBuffer, options));
  }

  async #startTransaction(
    { connection, id }: MessageOf<"startTransaction">,
    call: UnderWay,
    waits: SmartCardWaitOptions,
  ): Promise<Outcome> {
    const inPage = (): Promise<SmartCardDisposition | null | undefined> =>
      new Promise((resolve, reject) => {
        call.settle = (outcome) => {
          delete call.settle;
          try {
            resolve(outcome());
          } catch (reason) {
            reject(reason);
          }
        };
        if (this.#hasEnded) call.settle(rejection);
        else this.#options.send({ kind: "begun", id });
      });
    await this.#connection(connection).startTransaction(inPage, waits);
    return { kind: "done" };
  }

  #endTransaction({ disposition, id, outcome }: MessageOf<"endTransaction">): string | undefined {
    const settle = this.#underWay.get(id)?.settle;
    if (settle === undefined) return `no transaction with the number ${id} has begun`;
    if (outcome === "rejected") settle(rejection);
    else if (outcome === "disposition") settle(() => disposition as SmartCardDisposition);
    else settle(() => (outcome === "null" ? null : undefined));
    return undefined;
  }

  async #status({ connection }: MessageOf<"status">, waits: SmartCardWaitOptions): Promise<Outcome> {
    const { answerToReset, readerName, state } = await this.#connection(connection).status(waits);
    return {
      kind: "status",
      readerName,
      state,
      ...(answerToReset && { answerToReset: new Uint8Array(answerToReset) }),
    };
  }

  #context(number: number): ExtendedSmartCardContext {
    const context = this.#contexts.get(number);
    if (context === undefined) throw new DOMException("the context has ended", "InvalidStateError");
    return context;
  }

  #connection(number: number): ExtendedSmartCardConnection {
    const connected = this.#connections.get(number);
    if (connected === undefined) throw new DOMException("the connection has ended", "InvalidStateError");
    return connected.connection;
  }
}

/** Clears what a message carries for a card or a reader: it may be a PIN. */
export function clearBytes(message: PageMessage | ServiceMessage): void {
  if (message.kind === "transmit") zeroBytes(message.sendBuffer);
  else if (message.kind === "send") zeroBytes(message.command);
  else if (message.kind === "control" || message.kind === "data") zeroBytes(message.data);
  else if (message.kind === "setAttribute") zeroBytes(message.value);
}

function rejection(): never {
  throw callbackReason;
}

function dataOf(data: ArrayBuffer): Outcome {
  if (data.byteLength > MAX_DATA_BYTES)
    throw new RangeError(`${data.byteLength} bytes are more than the bridge carries`);
  return { kind: "data", data: new Uint8Array(data) };
}

class LimitReached extends Error {}

function tooMany(what: string): Error {
  return new LimitReached(`this page has too many ${what}`);
}

function failureOf(error: unknown): Outcome {
  if (error === signalReason) return { kind: "failed", error: "signal", name: "", message: "" };
  if (error === callbackReason) return { kind: "failed", error: "callback", name: "", message: "" };
  if (error instanceof LimitReached)
    return { kind: "failed", error: "SmartCardError", name: "server-too-busy", message: error.message };
  return { kind: "failed", ...failureMessage(error) };
}
