// SPDX-License-Identifier: MIT

import {
  type DraftMessage,
  decodeServiceMessage,
  encodeDraftMessage,
  type ServiceMessage,
} from "../../wire/bridge/index.ts";
import { failureOf, lossOf, notTheBridge } from "./errors.ts";
import { Greeting, type GreetingMessage } from "./greeting.ts";
import type { BridgeConnection, BridgeHost } from "./ports.ts";

/** What a call is answered with. */
type Answer<K extends ServiceMessage["kind"]> = Extract<ServiceMessage, { readonly kind: K }>;

/** What answers which call. */
const answerKinds = {
  establishContext: "context",
  listReaders: "readers",
  getStatusChange: "states",
  connect: "connection",
  disconnect: "done",
  transmit: "data",
  startTransaction: "done",
  status: "status",
  control: "data",
  getAttribute: "data",
  setAttribute: "done",
} as const;

/** A call without its number. */
type Call = DraftMessage extends infer M
  ? M extends { readonly kind: keyof typeof answerKinds }
    ? Omit<M, "id">
    : never
  : never;

/** What stays in the page while a call is under way. */
interface CallTerms {
  readonly signal?: AbortSignal | undefined;
  /** A message that goes before it: its limit. */
  readonly before?: ((id: number) => Uint8Array) | undefined;
  /** Run when the transaction that the call asked for has begun. Its outcome is sent to the service. */
  readonly transaction?: (() => unknown) | undefined;
}

interface Pending extends CallTerms {
  readonly kind: ServiceMessage["kind"];
  /** Of a transaction: whether its function runs, or has ended. */
  state?: "begun" | "ended";
  resolve(answer: ServiceMessage): void;
  reject(reason: unknown): void;
  /** What the function of the transaction was rejected with. */
  rejection?: { readonly reason: unknown };
}

/** How long the bridge may take to let the page in, but for the time that the user takes; and how often it is asked whether it is there. */
const ANSWER_MS = 10_000;

/** So many times in a row it may say nothing. A page that was frozen meanwhile does not count that as more than one of them. */
const MOST_SILENT = 2;

/** One connection to the bridge, from its first message to its end. No wait for the bridge lasts where it does not answer at all. */
export class Line {
  readonly #host: BridgeHost;
  readonly #greeting: Greeting;
  readonly #connection: BridgeConnection;
  readonly #pending = new Map<number, Pending>();
  #cancelTimer: (() => void) | undefined;
  /** How often the bridge was asked whether it is there, since it has said something. */
  #silent = 0;
  #id = 0;
  /** "busy": what the service has said is being answered, perhaps by the user. */
  #state: "busy" | "greeting" | "open" = "busy";
  #loss: Error | undefined;
  /** Of the call that is made now, where an extension has given some. */
  limits: CallTerms | undefined;
  /** Settles when the page is paired, or the connection has ended. */
  readonly ready: Promise<void>;
  #isReady: () => void = () => undefined;
  #failed: (reason: unknown) => void = () => undefined;

  constructor(host: BridgeHost) {
    this.#host = host;
    this.#greeting = new Greeting(host.pairing, (isAsked) => this.#time(isAsked ? undefined : this.#late));
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#failed = reject;
    });
    this.#connection = host.dial({
      opened: () => void this.#open(),
      received: (message) => this.#received(message),
      closed: (code, reason) => this.#lose(lossOf(code, reason)),
    });
    this.#time(this.#late);
  }

  /** Whether it has ended: another has to be made. */
  get isOver(): boolean {
    return this.#loss !== undefined;
  }

  /** Makes a call. Its message is sent before this returns. */
  call<C extends Call>(call: C, terms?: CallTerms): Promise<Answer<(typeof answerKinds)[C["kind"]]>> {
    const encode = (id: number): Uint8Array => encodeDraftMessage({ ...call, id } as unknown as DraftMessage);
    return this.request(encode, answerKinds[call.kind as C["kind"]], terms);
  }

  /** The same for messages that only the extensions of a page can write. */
  request<K extends ServiceMessage["kind"]>(
    encode: (id: number) => Uint8Array,
    kind: K,
    given: CallTerms = {},
  ): Promise<Answer<K>> {
    return new Promise((resolve, reject) => {
      if (this.#loss !== undefined) throw this.#loss;
      const id = ++this.#id;
      const terms = { ...this.limits, ...given };
      const { before, signal } = terms;
      const message = encode(id);
      if (before !== undefined) this.#connection.send(before(id));
      this.#connection.send(message);
      const abort = (): void => this.send({ kind: "abort", id });
      const over = (): void => {
        this.#pending.delete(id);
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort);
      this.#pending.set(id, {
        ...terms,
        kind,
        resolve: (answer) => {
          over();
          resolve(answer as Answer<K>);
        },
        reject: (reason) => {
          over();
          reject(reason);
        },
      });
      if (this.#cancelTimer === undefined) this.#time(this.#askAgain);
    });
  }

  /** Sends a message, unless the connection has ended. */
  send(message: DraftMessage): void {
    if (this.#loss === undefined) this.#connection.send(encodeDraftMessage(message));
  }

  /** Ends the connection: the service ends all contexts, and resets a card in a transaction. */
  close(): void {
    this.#end(lossOf(0, "the page has ended it"));
  }

  /** Starts the only timer of the connection anew, or stops it. */
  #time(late: (() => void) | undefined): void {
    this.#cancelTimer?.();
    const isOver = late === undefined || this.#loss !== undefined;
    this.#cancelTimer = isOver ? undefined : this.#host.later(ANSWER_MS, late);
  }

  readonly #late = (): void => this.#end(lossOf(0, `it has not answered within ${ANSWER_MS / 1000} s`));

  /** While calls are under way: also the longest of them ends when the bridge hangs. */
  readonly #askAgain = (): void => {
    if (this.#silent >= MOST_SILENT) this.#end(lossOf(0, "it does not answer"));
    else if (this.#pending.size > 0) {
      this.#silent++;
      this.send({ kind: "ping" });
      this.#time(this.#askAgain);
    } else this.#time(undefined);
  };

  async #open(): Promise<void> {
    await this.#answer(this.#greeting.hello());
  }

  #received(encoded: Uint8Array): void {
    if (this.#loss !== undefined) return;
    this.#silent = 0;
    try {
      const decoded = decodeServiceMessage(encoded);
      if (!decoded.ok) throw decoded.error;
      this.#take(decoded.value);
    } catch (error) {
      this.#end(notTheBridge((error as Error).message));
    }
  }

  #take(message: ServiceMessage): void {
    if (message.kind === "pong") return;
    if (message.kind !== "welcome" && message.kind !== "challenge" && message.kind !== "pairingWanted") {
      this.#answered(message);
      return;
    }
    if (this.#state !== "greeting") throw new Error(`${message.kind} has no place here`);
    this.#state = "busy";
    void this.#answer(this.#greeting.take(message));
  }

  /** Says what a greeting goes on with. A service that does not prove itself is told nothing. */
  async #answer(next: Promise<DraftMessage | undefined>): Promise<void> {
    try {
      const message = await next;
      this.#state = message === undefined ? "open" : "greeting";
      this.#time(message === undefined ? undefined : this.#late);
      if (message === undefined) this.#isReady();
      else this.send(message);
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #answered(message: Exclude<ServiceMessage, GreetingMessage | { readonly kind: "pong" }>): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined || !isFitting(message, pending)) throw new Error(`${message.kind} has no place here`);
    if (message.kind === "begun") void this.#transact(message.id, pending);
    else if (message.kind !== "failed") pending.resolve(message);
    else if (message.error === "signal") pending.reject(pending.signal?.reason);
    else if (message.error === "callback") pending.reject(pending.rejection?.reason);
    else pending.reject(failureOf(message.error, message.name, message.message));
  }

  async #transact(id: number, pending: Pending): Promise<void> {
    pending.state = "begun";
    const end = (outcome: "undefined" | "null" | "disposition" | "rejected", disposition?: string): void => {
      this.send({ kind: "endTransaction", id, outcome, disposition });
      pending.state = "ended";
    };
    try {
      const value = await pending.transaction?.();
      if (value === undefined || value === null) end(value === null ? "null" : "undefined");
      else end("disposition", `${value}`);
    } catch (reason) {
      pending.rejection = { reason };
      end("rejected");
    }
  }

  #end(loss: Error): void {
    this.#lose(loss);
    this.#connection.close();
  }

  #lose(loss: Error): void {
    this.#loss ??= loss;
    this.#time(undefined);
    this.#failed(this.#loss);
    for (const { reject } of this.#pending.values()) reject(this.#loss);
  }
}

/** Whether an answer may come now for a call. */
function isFitting(message: ServiceMessage, { kind, rejection, signal, state, transaction }: Pending): boolean {
  if (message.kind === "begun") return transaction !== undefined && state === undefined;
  if (message.kind !== "failed") return message.kind === kind && (transaction === undefined || state === "ended");
  if (message.error === "signal") return signal?.aborted === true;
  return message.error !== "callback" || rejection !== undefined;
}
