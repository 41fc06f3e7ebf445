// SPDX-License-Identifier: MIT

import type { EmbeddedManager, ManagerClient } from "../src/managers/embedded/index.ts";
import {
  type ClientIdentity,
  type Connection,
  ConnectionBase,
  type ConnectionStatus,
  type ConnectOptions,
  type Context,
  type Disposition,
  dispositions,
  type Protocol,
  type ReaderDevice,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ReconnectOptions,
  type Scope,
  type ShareMode,
  type TransmitOptions,
  type WaitOptions,
} from "../src/port/index.ts";
import type { Oracle } from "./oracle.ts";
import { termsOf } from "./reconnects.ts";
import type { CallStart, ConnectionRecord, ContextRecord } from "./records.ts";
import { numberIn } from "./watched-reader.ts";

// The port, as the simulator's clients and the service's sessions use it: every call passes by the oracle.

/** Begins a client of the manager whose calls the oracle sees. Its name must be its own. */
export function probedClient(
  manager: Pick<EmbeddedManager, "client">,
  oracle: Oracle,
  identity: ClientIdentity,
): ManagerClient {
  const client = { name: identity.name, ended: false };
  const inner = manager.client(identity);
  const born = oracle.services;
  return {
    identity,
    async establishContext(options) {
      const record: ContextRecord = {
        client,
        oneAtATime: options?.oneAtATime === true,
        ended: false,
        cancelledAt: -1,
        pending: new Set(),
        connections: new Set(),
      };
      const { services } = oracle;
      const establish = async (): Promise<Context> => {
        if (client.ended || oracle.services !== born || oracle.stopping) record.ended = true;
        return inner.establishContext(options);
      };
      const context = await oracle.call({ operation: "establish", context: record }, establish, () => {
        if (client.ended || oracle.services !== services) record.ended = true;
        else oracle.contexts.add(record);
      });
      return new ProbedContext(context, record, oracle);
    },
    end() {
      oracle.clientEnds(client);
      return inner.end();
    },
  };
}

class ProbedContext implements Context {
  readonly #inner: Context;
  readonly #record: ContextRecord;
  readonly #oracle: Oracle;

  constructor(inner: Context, record: ContextRecord, oracle: Oracle) {
    this.#inner = inner;
    this.#record = record;
    this.#oracle = oracle;
  }

  get scope(): Scope {
    return this.#inner.scope;
  }

  isValid(): Promise<boolean> {
    const asked = this.#inner.isValid();
    // Observing must not change the order of events: the caller gets the same promise.
    asked.then(
      (valid) => this.#validity(valid),
      () => {},
    );
    return asked;
  }

  listReaders(groups?: readonly string[]): Promise<string[]> {
    return this.#call({ operation: "list" }, () => this.#inner.listReaders(groups));
  }

  listReaderGroups(): Promise<string[]> {
    return this.#call({ operation: "list" }, () => this.#inner.listReaderGroups());
  }

  describeReader(reader: string): Promise<ReaderDevice> {
    return this.#inner.describeReader(reader);
  }

  getStatusChange(queries: readonly ReaderStateQuery[], wait: WaitOptions = {}): Promise<ReaderStateReport[]> {
    return this.#call({ operation: "status-change", queries, wait }, () => this.#inner.getStatusChange(queries, wait));
  }

  #validity(valid: boolean): void {
    this.#oracle.deps.reached("is-valid done");
    if (!valid && !this.#record.ended) this.#oracle.violated(`a context of ${this.#record.client.name} is not valid`);
  }

  async connect(reader: string, options: ConnectOptions): Promise<Connection> {
    const slot = this.#oracle.slots.get(reader);
    let record: ConnectionRecord | undefined;
    const detail = `${options.shareMode} ${options.preferredProtocols.join("+")}`;
    const start = { operation: "connect", slot, wait: options, detail };
    const connection = await this.#oracle.call(
      { ...start, context: this.#record },
      () => this.#inner.connect(reader, options),
      (made, call) => {
        if (slot === undefined) return;
        record = {
          context: this.#record,
          slot,
          mode: made.shareMode,
          usesCard: usesCard(made),
          open: true,
          depth: 0,
          depthIsSure: true,
          depthIsLeast: false,
          lockSerial: 0,
          nested: undefined,
          touched: slot.inFlight !== undefined,
          lastUse: 0,
          lastEnd: 0,
          knownLeast: call.interruptionsAtAsk,
          knownMost: slot.interruptions,
          removalsLeast: call.removalsAtAsk,
          pending: new Set(),
        };
        this.#oracle.connected(record);
      },
    );
    if (record === undefined) throw new Error(`a connection was made to "${reader}", which is not there`);
    return new ProbedConnection(connection, record, this.#oracle);
  }

  cancel(): Promise<void> {
    return this.#call({ operation: "cancel" }, () => {
      for (const { number } of this.#record.pending) this.#record.cancelledAt = number;
      return this.#inner.cancel();
    });
  }

  release(): Promise<void> {
    const wasEnded = this.#record.ended;
    return this.#call({ operation: "release" }, () => {
      if (!wasEnded) this.#oracle.contextEnds(this.#record);
      return this.#inner.release();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #call<T>(start: Omit<CallStart, "context">, run: () => Promise<T>): Promise<T> {
    return this.#oracle.call({ ...start, context: this.#record }, run);
  }
}

class ProbedConnection extends ConnectionBase {
  readonly #inner: Connection;
  readonly #record: ConnectionRecord;
  readonly #oracle: Oracle;

  constructor(inner: Connection, record: ConnectionRecord, oracle: Oracle) {
    super({ now: () => oracle.deps.now(), preferredProtocols: [] });
    this.#inner = inner;
    this.#record = record;
    this.#oracle = oracle;
  }

  get reader(): string {
    return this.#inner.reader;
  }

  get shareMode(): ShareMode {
    return this.#inner.shareMode;
  }

  get protocol(): Protocol | undefined {
    return this.#inner.protocol;
  }

  reconnect(options: ReconnectOptions): Promise<Protocol | undefined> {
    const detail = `${options.shareMode} ${options.initialization}`;
    return this.#call(
      { operation: "reconnect", wait: options, detail },
      () => this.#inner.reconnect(options),
      () => {
        this.#record.mode = this.#inner.shareMode;
        this.#record.usesCard = usesCard(this.#inner);
        this.#oracle.reconnects.done(this.#record.context.client.name, termsOf(options));
      },
    );
  }

  disconnect(disposition: Disposition = "leave"): Promise<void> {
    return this.#call({ operation: "disconnect", detail: disposition }, () => {
      if (this.#record.open && isDisposition(disposition)) {
        const { name } = this.#record.context.client;
        if (disposition === "reset" || disposition === "unpower")
          this.#oracle.dispositionDue(this.#record, `${name} disconnected with ${disposition}`);
        this.#oracle.closed(this.#record);
      }
      return this.#inner.disconnect(disposition);
    });
  }

  beginTransaction(wait: WaitOptions = {}): Promise<void> {
    return this.#call({ operation: "begin", wait }, () => this.#inner.beginTransaction(wait));
  }

  endTransaction(disposition: Disposition = "leave"): Promise<void> {
    const ends = isDisposition(disposition);
    const resets = disposition === "reset" || disposition === "unpower";
    const start = { operation: "end", detail: disposition, ends, resets, ejects: disposition === "eject" };
    return this.#call(start, () => this.#inner.endTransaction(disposition));
  }

  status(wait: WaitOptions = {}): Promise<ConnectionStatus> {
    return this.#call({ operation: "status", wait }, () => this.#inner.status(wait));
  }

  transmit(command: Uint8Array, options: TransmitOptions = {}): Promise<Uint8Array> {
    const sends = numberIn(command);
    return this.#call(
      { operation: "transmit", wait: options, sends, detail: `command ${sends}` },
      () => this.#inner.transmit(command, options),
      (response) => {
        const isEcho = command.length >= 4 && command[1] === 0x10 && !this.#record.slot.babbles;
        if (isEcho && !isEchoOf(sends, response))
          this.#oracle.violated(`command ${sends} was answered with the answer to another, or with bytes of no card`);
      },
    );
  }

  control(code: number, input: Uint8Array, wait: WaitOptions = {}): Promise<Uint8Array> {
    const sends = numberIn(input);
    return this.#call({ operation: "control", wait, sends }, () => this.#inner.control(code, input, wait));
  }

  getAttribute(attribute: number, wait: WaitOptions = {}): Promise<Uint8Array> {
    return this.#call({ operation: "get-attribute", wait }, () => this.#inner.getAttribute(attribute, wait));
  }

  setAttribute(attribute: number, value: Uint8Array, wait: WaitOptions = {}): Promise<void> {
    const sends = numberIn(value);
    return this.#call({ operation: "set-attribute", wait, sends }, () =>
      this.#inner.setAttribute(attribute, value, wait),
    );
  }

  transmitCount(): Promise<number> {
    return this.#call({ operation: "count" }, () => this.#inner.transmitCount());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#record.open) await this.disconnect("reset");
  }

  #call<T>(
    start: Omit<CallStart, "context" | "connection">,
    run: () => Promise<T>,
    done?: (value: T) => void,
  ): Promise<T> {
    const connection = this.#record;
    return this.#oracle.call({ ...start, context: connection.context, connection }, run, done);
  }
}

function usesCard({ protocol, shareMode }: Connection): boolean {
  return shareMode !== "direct" || protocol !== undefined;
}

function isDisposition(disposition: string): boolean {
  return Object.hasOwn(dispositions, disposition);
}

/** Whether a response is what a simulated card answers to an echo: the number of the command, or, with T=0, that there is more. */
function isEchoOf(sends: number, response: Uint8Array): boolean {
  const [first = 0, second = 0] = response;
  if (response.length === 2) return first === 0x61 || first === 0x6c;
  const isSuccess = response.length === 6 && response[4] === 0x90 && response[5] === 0x00;
  return isSuccess && first * 256 + second === sends;
}
