// SPDX-License-Identifier: MIT

// A resource manager that does as a test says: what each call gives, or that it is held until the test lets it end.

import type { SmartCardTerms } from "../../src/entry/web.ts";
import {
  createSmartCard,
  type ExtendedSmartCardConnection,
  type ExtendedSmartCardContext,
} from "../../src/entry/web.ts";
import {
  type Connection,
  type Context,
  type ErrorCode,
  type ErrorDetails,
  type Protocol,
  SmartCardError,
} from "../../src/port/index.ts";

/** A call that waits. */
export interface Held {
  succeed(value?: unknown): void;
  fail(code: ErrorCode, details?: ErrorDetails): void;
}

type Answer = (...given: never[]) => unknown;

export const someAtr = Uint8Array.of(0x3b, 0x80, 0x80, 0x01, 0x01);

/** What calls give where the test says nothing. */
const usual: Readonly<Record<string, Answer>> = {
  listReaders: () => ["Desk"],
  getStatusChange: () => [],
  status: () => ({ reader: "Desk", state: "specific", protocol: "t1", atr: someAtr, eventCount: 1 }),
  transmit: () => Uint8Array.of(0x90, 0x00),
  control: () => Uint8Array.of(1, 2),
  getAttribute: () => Uint8Array.of(3, 4),
  send: () => ({ data: new Uint8Array(), sw1: 0x90, sw2: 0, sw: 0x9000 }),
  reconnect: () => "t1",
};

export class ScriptedPcsc {
  /** The calls, with their arguments. */
  readonly calls: [string, ...unknown[]][] = [];
  readonly #next = new Map<string, Answer[]>();
  /** The protocol of connections that are made. */
  protocol: Protocol | undefined = "t1";

  /** The names of the calls. */
  get names(): string[] {
    return this.calls.map(([name]) => name);
  }

  /** What the next call gives, or a function that gives it. */
  give(name: string, answer: Answer): void {
    this.#next.set(name, [...(this.#next.get(name) ?? []), answer]);
  }

  /** The next call fails. */
  fail(name: string, code: ErrorCode, details: ErrorDetails = {}): void {
    this.give(name, () => {
      throw new SmartCardError(code, `the scripted ${name}`, details);
    });
  }

  /** The next call waits for the test; a signal that is passed to it ends it, as managers do. */
  hold(name: string): Held {
    let settle: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;
    const promise = new Promise<unknown>((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.give(name, (...given: unknown[]) => {
      const wait = given.at(-1) as { readonly signal?: AbortSignal } | undefined;
      wait?.signal?.addEventListener("abort", () => held.fail("cancelled"));
      return promise;
    });
    const held: Held = {
      succeed: (value) => settle?.resolve(value ?? usual[name]?.()),
      fail: (code, details) => settle?.reject(new SmartCardError(code, `the held ${name}`, details)),
    };
    return held;
  }

  async #call(name: string, ...given: unknown[]): Promise<unknown> {
    // As they were when they were passed: some are cleared afterwards.
    this.calls.push([name, ...given.map((one) => (one instanceof Uint8Array ? one.slice() : one))]);
    const answer = this.#next.get(name)?.shift() ?? usual[name];
    return answer?.(...(given as never[]));
  }

  readonly manager = {
    establishContext: async (...given: unknown[]): Promise<Context> => {
      await this.#call("establishContext", ...given);
      return this.#object(["listReaders", "getStatusChange", "cancel", "release", "isValid"], {
        connect: async (...terms: unknown[]) => {
          await this.#call("connect", ...terms);
          return this.#connection();
        },
      }) as unknown as Context;
    },
  };

  #connection(): Connection {
    const calls =
      "disconnect transmit beginTransaction endTransaction status control getAttribute setAttribute send reconnect";
    return this.#object(calls.split(" "), { protocol: this.protocol, reader: "Desk" }) as unknown as Connection;
  }

  #object(names: readonly string[], others: object): object {
    const calls = names.map((name) => [name, (...given: unknown[]) => this.#call(name, ...given)] as const);
    return { ...Object.fromEntries(calls), ...others };
  }
}

/** A context over a scripted manager. */
export async function scriptedContext(
  terms: Partial<SmartCardTerms> = {},
): Promise<{ readonly pcsc: ScriptedPcsc; readonly context: ExtendedSmartCardContext }> {
  const pcsc = new ScriptedPcsc();
  const context = await createSmartCard({ manager: pcsc.manager, ...terms }).establishContext();
  pcsc.calls.length = 0;
  return { pcsc, context };
}

/** A connection over a scripted manager. */
export async function scriptedConnection(terms: Partial<SmartCardTerms> = {}): Promise<{
  readonly pcsc: ScriptedPcsc;
  readonly context: ExtendedSmartCardContext;
  readonly connection: ExtendedSmartCardConnection;
}> {
  const { context, pcsc } = await scriptedContext(terms);
  const { connection } = await context.connect("Desk", "shared", { preferredProtocols: ["t1"] });
  pcsc.calls.length = 0;
  return { pcsc, context, connection };
}

/** A second connection of the same context. */
export async function another(
  context: ExtendedSmartCardContext,
  reader = "Desk",
): Promise<ExtendedSmartCardConnection> {
  return (await context.connect(reader, "shared", { preferredProtocols: ["t1"] })).connection;
}

export const invalidState = { name: "InvalidStateError" };

/** Whether a promise is still pending when all that is ready has run. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const winner = await Promise.race([
    promise.catch(() => undefined),
    new Promise((resolve) => setImmediate(() => resolve(pending))),
  ]);
  return winner === pending;
}
