// SPDX-License-Identifier: MIT

import {
  BRIDGE_VERSION,
  decodeServiceMessage,
  encodePageMessage,
  type PageMessage,
  type ServiceMessage,
} from "../../wire/bridge/index.ts";
import { failureOf, lossOf } from "./errors.ts";
import type { BridgeConnection, BridgeHost } from "./ports.ts";

/** What a call is answered with. */
export type Answer<K extends ServiceMessage["kind"]> = Extract<ServiceMessage, { readonly kind: K }>;

/** A call without its number. */
export type Call = PageMessage extends infer M ? (M extends { readonly id: number } ? Omit<M, "id"> : never) : never;

/** What stays in the page while a call is under way. */
export interface CallTerms {
  readonly signal?: AbortSignal | undefined;
  /** Run when the transaction that the call asked for has begun. Its outcome is sent to the service. */
  readonly transaction?: (() => unknown) | undefined;
}

interface Pending extends CallTerms {
  resolve(answer: ServiceMessage): void;
  reject(reason: unknown): void;
  /** What the function of the transaction was rejected with. */
  rejection?: unknown;
}

/** One connection to the bridge, from its first message to its end. */
export class Line {
  readonly #host: BridgeHost;
  readonly #connection: BridgeConnection;
  readonly #pending = new Map<number, Pending>();
  #id = 0;
  #loss: Error | undefined;
  /** Settles when the page is paired, or the connection has ended. */
  readonly ready: Promise<void>;
  #isReady: () => void = () => undefined;
  #failed: (reason: unknown) => void = () => undefined;

  constructor(host: BridgeHost, ended: () => void) {
    this.#host = host;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#failed = reject;
    });
    this.#connection = host.dial({
      opened: () => void this.#open(),
      received: (message) => this.#received(message),
      closed: (code, reason) => {
        this.#lose(lossOf(code, reason));
        ended();
      },
    });
  }

  /** Makes a call. Its message is sent before this returns. */
  call<K extends ServiceMessage["kind"]>(call: Call, terms: CallTerms = {}): Promise<Answer<K>> {
    return new Promise((resolve, reject) => {
      if (this.#loss !== undefined) throw this.#loss;
      const id = ++this.#id;
      this.send({ ...call, id } as PageMessage);
      const { signal } = terms;
      const abort = (): void => this.send({ kind: "abort", id });
      const over = (): void => {
        this.#pending.delete(id);
        signal?.removeEventListener("abort", abort);
      };
      signal?.addEventListener("abort", abort);
      this.#pending.set(id, {
        ...terms,
        resolve: (answer) => {
          over();
          resolve(answer as Answer<K>);
        },
        reject: (reason) => {
          over();
          reject(reason);
        },
      });
    });
  }

  /** Sends a message, unless the connection has ended. */
  send(message: PageMessage): void {
    const encoded = encodePageMessage(message);
    if (this.#loss === undefined) this.#connection.send(encoded);
  }

  /** Ends the connection: the service ends all contexts, and resets a card in a transaction. */
  close(): void {
    this.#connection.close();
    this.#lose(lossOf(0, "the page has ended it"));
  }

  async #open(): Promise<void> {
    const token = await this.#host.tokens.load().catch(() => undefined);
    this.send({ kind: "hello", version: BRIDGE_VERSION, token });
  }

  #received(encoded: Uint8Array): void {
    const decoded = decodeServiceMessage(encoded);
    if (!decoded.ok) {
      this.close();
      return;
    }
    const message = decoded.value;
    if (message.kind === "welcome") void this.#welcome(message.token);
    else if (message.kind === "pairingWanted") void this.#pair(message.triesLeft);
    else this.#answered(message);
  }

  async #welcome(token: Uint8Array | undefined): Promise<void> {
    // A page that may keep nothing is asked for a code each time.
    if (token !== undefined) await this.#host.tokens.save(token).catch(() => undefined);
    this.#isReady();
  }

  async #pair(triesLeft: number): Promise<void> {
    try {
      const code = await this.#host.pairingCode({ triesLeft });
      if (code) {
        this.send({ kind: "pair", code });
        return;
      }
      this.#lose(new DOMException("no pairing code was given", "NotAllowedError"));
    } catch (error) {
      this.#lose(error as Error);
    }
    this.#connection.close();
  }

  #answered(message: Exclude<ServiceMessage, { readonly kind: "welcome" | "pairingWanted" }>): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if (message.kind === "begun") void this.#transact(message.id, pending);
    else if (message.kind !== "failed") pending.resolve(message);
    else if (message.error === "signal") pending.reject(pending.signal?.reason);
    else if (message.error === "callback") pending.reject(pending.rejection);
    else pending.reject(failureOf(message.error, message.name, message.message));
  }

  async #transact(id: number, pending: Pending): Promise<void> {
    const end = (outcome: "undefined" | "null" | "disposition" | "rejected", disposition?: string): void =>
      this.send({ kind: "endTransaction", id, outcome, disposition });
    try {
      const value = await pending.transaction?.();
      if (value === undefined || value === null) end(value === null ? "null" : "undefined");
      else end("disposition", `${value}`);
    } catch (reason) {
      pending.rejection = reason;
      end("rejected");
    }
  }

  #lose(loss: Error): void {
    this.#loss ??= loss;
    this.#failed(this.#loss);
    for (const { reject } of this.#pending.values()) reject(this.#loss);
  }
}
