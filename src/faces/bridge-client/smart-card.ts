// SPDX-License-Identifier: MIT

import {
  type BufferSource,
  bufferSource,
  type SmartCardAccessMode,
  type SmartCardConnection,
  type SmartCardConnectionStatus,
  type SmartCardConnectOptions,
  type SmartCardConnectResult,
  type SmartCardContext,
  type SmartCardDisposition,
  type SmartCardGetStatusChangeOptions,
  type SmartCardProtocol,
  type SmartCardReaderStateFlagsIn,
  type SmartCardReaderStateIn,
  type SmartCardReaderStateOut,
  type SmartCardResourceManager,
  type SmartCardTransactionCallback,
  type SmartCardTransactionOptions,
  type SmartCardTransmitOptions,
} from "../web/index.ts";
import { Line } from "./line.ts";
import type { BridgeHost } from "./ports.ts";

// These classes hold no rule of the draft: what a page gives goes to the service, which runs the algorithms. Here is only what a message cannot
// carry: dictionaries, bytes, signals and functions.

/** `navigator.smartCard` of a page whose browser has none: its contexts are those of the bridge. */
export class BridgedSmartCard implements SmartCardResourceManager {
  readonly #host: BridgeHost;
  #line: Line | undefined;
  /** Tells the service of contexts that the page cannot reach any more. */
  readonly #forgotten = new FinalizationRegistry<() => void>((release) => release());

  constructor(host: BridgeHost) {
    this.#host = host;
  }

  async establishContext(): Promise<SmartCardContext> {
    await this.#host.extend?.();
    const line = this.#line?.isOver === false ? this.#line : new Line(this.#host);
    this.#line = line;
    await line.ready;
    const { context } = await line.call({ kind: "establishContext" });
    const proxy = new BridgedContext(line, context);
    this.#forgotten.register(proxy, () => line.send({ kind: "releaseContext", context }));
    return proxy;
  }

  /** Ends the connection to the bridge, and all contexts. A card in a transaction is reset. */
  close(): void {
    this.#line?.close();
  }
}

/** What a proxy is of: its connection to the bridge, and its number there. */
export interface Parts {
  readonly line: Line;
  readonly number: number;
}

export class BridgedContext implements SmartCardContext {
  readonly #line: Line;
  readonly #context: number;

  constructor(line: Line, context: number) {
    this.#line = line;
    this.#context = context;
  }

  static partsOf(context: BridgedContext): Parts {
    return { line: context.#line, number: context.#context };
  }

  async listReaders(): Promise<string[]> {
    const { names } = await this.#line.call({ kind: "listReaders", context: this.#context });
    return [...names];
  }

  async getStatusChange(
    readerStates: SmartCardReaderStateIn[],
    options?: SmartCardGetStatusChangeOptions,
  ): Promise<SmartCardReaderStateOut[]> {
    const states = [...readerStates].map(stateOf);
    const given = dictionary(options);
    const signal = signalOf(given.signal);
    const timeout = given.timeout === undefined ? undefined : +(given.timeout as number);
    const call = {
      kind: "getStatusChange",
      context: this.#context,
      readerStates: states,
      timeout,
      signal: presence(signal),
    } as const;
    const answer = await this.#line.call(call, { signal });
    return answer.states.map(({ answerToReset, ...state }) => ({
      ...state,
      ...(answerToReset && { answerToReset: bufferOf(answerToReset) }),
    }));
  }

  async connect(
    readerName: string,
    accessMode: SmartCardAccessMode,
    options?: SmartCardConnectOptions,
  ): Promise<SmartCardConnectResult> {
    const { preferredProtocols } = dictionary(options);
    const { activeProtocol, connection } = await this.#line.call({
      kind: "connect",
      context: this.#context,
      readerName: `${readerName}`,
      accessMode: `${accessMode}`,
      preferredProtocols: wordsOf(preferredProtocols),
    });
    return {
      connection: new BridgedConnection(this, connection),
      ...(activeProtocol !== undefined && { activeProtocol: activeProtocol as SmartCardProtocol }),
    };
  }
}

export class BridgedConnection implements SmartCardConnection {
  /** A context lives as long as a connection of it can be reached. */
  readonly #context: BridgedContext;
  readonly #connection: number;

  constructor(context: BridgedContext, connection: number) {
    this.#context = context;
    this.#connection = connection;
  }

  static partsOf(connection: BridgedConnection): Parts {
    return { line: connection.#line, number: connection.#connection };
  }

  get #line(): Line {
    return BridgedContext.partsOf(this.#context).line;
  }

  async disconnect(disposition?: SmartCardDisposition): Promise<undefined> {
    const connection = this.#connection;
    await this.#line.call({ kind: "disconnect", connection, disposition: wordOf(disposition) });
  }

  async transmit(sendBuffer: BufferSource, options?: SmartCardTransmitOptions): Promise<ArrayBuffer> {
    const command = bufferSource(sendBuffer, "transmit: sendBuffer");
    const protocol = wordOf(dictionary(options).protocol);
    const connection = this.#connection;
    const { data } = await this.#line.call({ kind: "transmit", connection, sendBuffer: command, protocol });
    return bufferOf(data);
  }

  async startTransaction(
    transaction: SmartCardTransactionCallback,
    options?: SmartCardTransactionOptions,
  ): Promise<undefined> {
    if (typeof transaction !== "function") throw new TypeError("the transaction is not a function");
    const signal = signalOf(dictionary(options).signal);
    const call = { kind: "startTransaction", connection: this.#connection, signal: presence(signal) } as const;
    await this.#line.call(call, { signal, transaction });
  }

  async status(): Promise<SmartCardConnectionStatus> {
    const answer = await this.#line.call({ kind: "status", connection: this.#connection });
    const { answerToReset, readerName, state } = answer;
    return {
      readerName,
      state: state as SmartCardConnectionStatus["state"],
      ...(answerToReset && { answerToReset: bufferOf(answerToReset) }),
    };
  }

  async control(controlCode: number, data: BufferSource): Promise<ArrayBuffer> {
    const call = {
      kind: "control",
      connection: this.#connection,
      controlCode: +controlCode,
      data: bufferSource(data, "control: data"),
    } as const;
    return bufferOf((await this.#line.call(call)).data);
  }

  async getAttribute(tag: number): Promise<ArrayBuffer> {
    const answer = await this.#line.call({ kind: "getAttribute", connection: this.#connection, tag: +tag });
    return bufferOf(answer.data);
  }

  async setAttribute(tag: number, value: BufferSource): Promise<undefined> {
    const call = {
      kind: "setAttribute",
      connection: this.#connection,
      tag: +tag,
      value: bufferSource(value, "setAttribute: value"),
    } as const;
    await this.#line.call(call);
  }
}

/** A dictionary of Web IDL: an object, or nothing. */
export function dictionary(value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") throw new TypeError("the options are not an object");
  return value as Readonly<Record<string, unknown>>;
}

const flagNames = [
  "empty",
  "exclusive",
  "ignore",
  "inuse",
  "mute",
  "present",
  "unavailable",
  "unaware",
  "unpowered",
] as const;

function stateOf(given: unknown) {
  const { currentCount, currentState, readerName } = dictionary(given);
  if (readerName === undefined || currentState === undefined)
    throw new TypeError("readerName and currentState of a reader's state are required");
  const flags = dictionary(currentState);
  return {
    readerName: `${readerName}`,
    currentState: Object.fromEntries(
      flagNames.map((name) => [name, !!flags[name]]),
    ) as Required<SmartCardReaderStateFlagsIn>,
    currentCount: currentCount === undefined ? undefined : +(currentCount as number),
  };
}

export function wordOf(value: unknown): string | undefined {
  return value === undefined ? undefined : `${value}`;
}

export function wordsOf(values: unknown): string[] | undefined {
  return values === undefined ? undefined : [...(values as Iterable<unknown>)].map((value) => `${value}`);
}

/** Reads `aborted` of a signal, also of another realm. Of other objects it throws. */
const aborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted")?.get;

export function signalOf(value: unknown): AbortSignal | undefined {
  if (value === undefined) return value;
  try {
    aborted?.call(value);
    return value as AbortSignal;
  } catch (cause) {
    throw new TypeError("the signal is not an AbortSignal", { cause });
  }
}

export function presence(signal: AbortSignal | undefined): "none" | "given" | "aborted" {
  if (signal === undefined) return "none";
  return signal.aborted ? "aborted" : "given";
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer;
}
