// SPDX-License-Identifier: MIT

import { expect } from "vitest";
import {
  SCARD_PROTOCOL_T1,
  SCARD_S_SUCCESS,
  SCARD_SCOPE_USER,
  SCARD_SHARE_SHARED,
  type SCARDCONTEXT,
  type SCARDHANDLE,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import {
  type CardState,
  type Connection,
  ConnectionBase,
  type ConnectionStatus,
  type ConnectOptions,
  type Context,
  type ContextOptions,
  type ErrorCode,
  type Protocol,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ReconnectOptions,
  type ResourceManager,
  type Scope,
  type ShareMode,
  SmartCardError,
  type TransmitOptions,
  type WaitOptions,
} from "../../src/port/index.ts";

/** ATR of the card that the port pretends to have. */
export const atr: Uint8Array = Uint8Array.of(0x3b, 0x00);
/** Name of the reader that the port pretends to have. */
export const READER = "Reader A";

/** What the functions asked of the port, and what the port is to answer. */
export class Port {
  /** Every call of the port in order: name and arguments. */
  readonly calls: unknown[][] = [];
  readers: string[] = [READER];
  groups: string[] = ["SCard$DefaultReaders"];
  protocol: Protocol | undefined = "t1";
  state: CardState = "specific";
  reports: ReaderStateReport[] = [];
  response: Uint8Array = Uint8Array.of(0x90, 0x00);
  valid = true;
  device: ReaderDevice = {
    reader: READER,
    systemName: "system:a",
    instanceId: "instance:a",
    vendor: "Vendor",
    product: "Product",
    serial: undefined,
    type: "vendor",
    channelId: undefined,
  };
  /** What the next call fails with, where it is set. */
  failure: SmartCardError | undefined;
  /** What asking for the states of readers fails with, where it is set. */
  gettingStatus: SmartCardError | undefined;
  /** What describing a reader fails with, where it is set. */
  describing: SmartCardError | undefined;
  /** What connect waits for. */
  gate: Promise<void> = Promise.resolve();
  readonly manager: ResourceManager = { establishContext: async (options) => new PortContext(this, options) };

  asked(...call: unknown[]): void {
    this.calls.push(call);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** The calls since the last time. */
  take(): unknown[][] {
    return this.calls.splice(0);
  }
}

class PortContext implements Context {
  readonly scope: Scope;
  readonly #port: Port;

  constructor(port: Port, options: ContextOptions = {}) {
    this.#port = port;
    this.scope = options.scope ?? "user";
    port.asked("establish", this.scope);
  }

  async isValid(): Promise<boolean> {
    return this.#port.valid;
  }

  async listReaders(groups?: readonly string[]): Promise<string[]> {
    this.#port.asked("listReaders", groups);
    return this.#port.readers;
  }

  async describeReader(name: string): Promise<ReaderDevice> {
    this.#port.asked("describeReader", name);
    if (this.#port.describing !== undefined) throw this.#port.describing;
    return this.#port.device;
  }

  async listReaderGroups(): Promise<string[]> {
    this.#port.asked("listReaderGroups");
    return this.#port.groups;
  }

  async getStatusChange(queries: readonly ReaderStateQuery[], wait?: WaitOptions): Promise<ReaderStateReport[]> {
    this.#port.asked("getStatusChange", queries, wait);
    if (this.#port.gettingStatus !== undefined) throw this.#port.gettingStatus;
    return this.#port.reports;
  }

  async connect(name: string, options: ConnectOptions): Promise<Connection> {
    this.#port.asked("connect", name, options);
    await this.#port.gate;
    return new PortConnection(this.#port, name, options.shareMode);
  }

  async cancel(): Promise<void> {
    this.#port.asked("cancel");
  }

  async release(): Promise<void> {
    this.#port.asked("release");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

class PortConnection extends ConnectionBase {
  readonly reader: string;
  readonly shareMode: ShareMode;
  readonly #port: Port;

  constructor(port: Port, name: string, shareMode: ShareMode) {
    super({ now: () => 0, preferredProtocols: ["t1"] });
    this.#port = port;
    this.reader = name;
    this.shareMode = shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#port.protocol;
  }

  async reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    this.#port.asked("reconnect", options);
    return this.#port.protocol;
  }

  async disconnect(disposition = "leave"): Promise<void> {
    this.#port.asked("disconnect", disposition);
  }

  async beginTransaction(wait?: WaitOptions): Promise<void> {
    this.#port.asked("begin", wait);
  }

  async endTransaction(disposition = "leave"): Promise<void> {
    this.#port.asked("end", disposition);
  }

  async status(wait?: WaitOptions): Promise<ConnectionStatus> {
    this.#port.asked("status", wait);
    const { state, protocol } = this.#port;
    return { reader: this.reader, state, protocol, atr, eventCount: 3 };
  }

  async transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array> {
    this.#port.asked("transmit", [...command], options);
    return this.#port.response;
  }

  async control(code: number, input: Uint8Array, wait?: WaitOptions): Promise<Uint8Array> {
    this.#port.asked("control", code, [...input], wait);
    return this.#port.response;
  }

  async getAttribute(attribute: number, wait?: WaitOptions): Promise<Uint8Array> {
    this.#port.asked("getAttribute", attribute, wait);
    return this.#port.response;
  }

  async setAttribute(attribute: number, value: Uint8Array, wait?: WaitOptions): Promise<void> {
    this.#port.asked("setAttribute", attribute, [...value], wait);
  }

  async transmitCount(): Promise<number> {
    return 42;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect("reset");
  }
}

/** A port, the functions over it, and an open context. */
export async function subsystem(): Promise<{ port: Port; api: WinSCard; context: SCARDCONTEXT }> {
  const port = new Port();
  const api = new WinSCard({ defaultManager: () => port.manager });
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
  port.take();
  return { port, api, context };
}

/** The same with a card. */
export async function connected(): Promise<{ port: Port; api: WinSCard; context: SCARDCONTEXT; card: SCARDHANDLE }> {
  const { port, api, context } = await subsystem();
  const { card } = await api.SCardConnect(context, READER, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1);
  port.take();
  return { port, api, context, card };
}

export function error(code: ErrorCode): unknown {
  return expect.objectContaining({ code, rv: new SmartCardError(code, "").rv });
}

/** The LONG that a function returns in C. */
export async function returned(call: Promise<unknown>): Promise<number> {
  try {
    await call;
    return SCARD_S_SUCCESS;
  } catch (failure) {
    if (failure instanceof SmartCardError) return failure.rv;
    throw failure;
  }
}
