// SPDX-License-Identifier: MIT

// A browser with the domain SmartCardEmulation, as its definition says: each call of PC/SC is an event, and ends with the command that
// reports its result. What it sends and what it is sent are held against the definition.

import { readFileSync } from "node:fs";
import type { CdpSession } from "../../src/entry/web.ts";
import {
  type Connection,
  type Context,
  type ErrorCode,
  type ResourceManager,
  SmartCardError,
} from "../../src/port/index.ts";

type Shape = Readonly<Record<string, string>>;
interface Definition {
  readonly types: Readonly<Record<string, readonly string[] | Shape>>;
  readonly commands: Readonly<Record<string, Shape>>;
  readonly events: Readonly<Record<string, Shape>>;
}

/** The definition of the domain. */
export const domain: Definition = JSON.parse(
  readFileSync(new URL("smart-card-emulation.json", import.meta.url), "utf8"),
);

/** What is wrong with a value of a type of the definition. */
function faultOf(value: unknown, type: string, path: string): string | undefined {
  if (type.startsWith("array of ")) {
    if (!Array.isArray(value)) return `${path} is no array`;
    return value
      .map((one, index) => faultOf(one, type.slice(9), `${path}[${index}]`))
      .find((fault) => fault !== undefined);
  }
  if (type === "binary") return /^[A-Za-z0-9+/]*={0,2}$/.test(String(value)) ? undefined : `${path} is no base64`;
  if (type === "integer") return Number.isInteger(value) ? undefined : `${path} is no integer`;
  if (type === "string" || type === "boolean") return typeof value === type ? undefined : `${path} is no ${type}`;
  const named = domain.types[type];
  if (named === undefined) return `${path} has the unknown type ${type}`;
  if (Array.isArray(named))
    return named.includes(value) ? undefined : `${path} is ${String(value)}, which ${type} lacks`;
  return faultOfObject(value, named as Shape, path);
}

function faultOfObject(value: unknown, shape: Shape, path: string): string | undefined {
  if (typeof value !== "object" || value === null) return `${path} is no object`;
  const members = value as Readonly<Record<string, unknown>>;
  const extra = Object.keys(members).find((name) => !Object.hasOwn(shape, name));
  if (extra !== undefined) return `${path} has ${extra}, which is not defined`;
  for (const [name, type] of Object.entries(shape)) {
    const member = members[name];
    if (member === undefined && !type.endsWith("?")) return `${path}.${name} is missing`;
    const fault = member === undefined ? undefined : faultOf(member, type.replace("?", ""), `${path}.${name}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

type Parameters = Readonly<Record<string, unknown>>;

export class ChromeModel implements CdpSession {
  /** What was sent and received, one line each. */
  readonly lines: string[] = [];
  /** What is wrong with it, by the definition. */
  readonly faults: string[] = [];
  isEnabled = false;
  readonly #listeners = new Map<string, Set<(parameters: never) => void>>();
  readonly #requests = new Map<string, { event: string; settle: (command: string, parameters: Parameters) => void }>();
  #lastRequest = 0;

  on(event: string, listener: (parameters: never) => void): void {
    this.#listeners.set(event, (this.#listeners.get(event) ?? new Set()).add(listener));
  }

  off(event: string, listener: (parameters: never) => void): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** How many listeners there are. */
  get listening(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  async send(method: string, parameters: object = {}): Promise<object> {
    const command = method.replace("SmartCardEmulation.", "");
    const shape = domain.commands[command];
    if (shape === undefined) throw new Error(`-32601: '${method}' wasn't found`);
    this.#check(command, parameters, shape);
    if (command === "enable" || command === "disable") this.isEnabled = command === "enable";
    else {
      const { requestId } = parameters as { readonly requestId: string };
      const request = this.#requests.get(requestId);
      if (request === undefined) throw new Error("-32602: there is no such request");
      this.#requests.delete(requestId);
      this.lines.push(`${request.event} -> ${command}`);
      request.settle(command, parameters as Parameters);
    }
    return {};
  }

  #check(name: string, parameters: object, shape: Shape): void {
    const fault = faultOfObject(parameters, shape, name);
    if (fault !== undefined) this.faults.push(fault);
  }

  /** Fires an event, and gives what is reported. */
  request(event: string, parameters: Parameters = {}): Promise<Parameters & { readonly command: string }> {
    const requestId = `request-${++this.#lastRequest}`;
    const sent = { requestId, ...parameters };
    const shape = domain.events[event];
    if (shape === undefined) throw new Error(`there is no event ${event}`);
    this.#check(event, sent, shape);
    return new Promise((resolve) => {
      this.#requests.set(requestId, { event, settle: (command, result) => resolve({ command, ...result }) });
      const listeners = this.#listeners.get(`SmartCardEmulation.${event}`) ?? [];
      for (const listener of listeners) (listener as (given: unknown) => void)(sent);
    });
  }

  async #call(event: string, parameters: Parameters = {}): Promise<Parameters> {
    const { command, ...result } = await this.request(event, parameters);
    if (command !== "reportError") return result;
    throw new SmartCardError(result.resultCode as ErrorCode, `the browser was told so of ${event}`);
  }

  /** The page's PC/SC: what Blink calls. */
  readonly manager: ResourceManager = {
    establishContext: async () => this.#context((await this.#call("establishContextRequested")).contextId),
  };

  #context(contextId: unknown): Context {
    const context: Partial<Context> = {
      listReaders: async () => (await this.#call("listReadersRequested", { contextId })).readers as string[],
      cancel: async () => void (await this.#call("cancelRequested", { contextId })),
      release: async () => void (await this.#call("releaseContextRequested", { contextId })),
      getStatusChange: async (queries, { timeoutMs } = {}) => {
        const readerStates = queries.map(({ eventCount = 0, flags = {}, reader }) => {
          return { reader, currentState: flags, currentInsertionCount: eventCount };
        });
        const timeout = timeoutMs === undefined ? {} : { timeout: timeoutMs };
        const result = await this.#call("getStatusChangeRequested", { contextId, readerStates, ...timeout });
        type Out = { reader: string; eventState: object; eventCount: number; atr: string };
        return (result.readerStates as Out[]).map(({ atr, eventCount, eventState, reader }) => {
          return { reader, flags: eventState, eventCount, atr: bytesOf(atr) };
        });
      },
      connect: async (reader, { preferredProtocols, shareMode }) => {
        const protocols = Object.fromEntries(preferredProtocols.map((protocol) => [protocol, true]));
        const terms = { contextId, reader, shareMode, preferredProtocols: protocols };
        const { activeProtocol, handle } = await this.#call("connectRequested", terms);
        return this.#connection(handle, activeProtocol as Connection["protocol"]);
      },
    };
    return context as Context;
  }

  #connection(handle: unknown, protocol: Connection["protocol"]): Connection {
    const dataOf = async (event: string, parameters: Parameters): Promise<Uint8Array> => {
      return bytesOf((await this.#call(event, { handle, ...parameters })).data as string);
    };
    const connection: Partial<Connection> = {
      protocol,
      disconnect: async (disposition = "leave") => {
        await this.#call("disconnectRequested", { handle, disposition: `${disposition}-card` });
      },
      transmit: (command, options = {}) => {
        const named = options.protocol === undefined ? {} : { protocol: options.protocol };
        return dataOf("transmitRequested", { data: base64Of(command), ...named });
      },
      control: (controlCode, data) => dataOf("controlRequested", { controlCode, data: base64Of(data) }),
      getAttribute: (attribId) => dataOf("getAttribRequested", { attribId }),
      setAttribute: async (attribId, value) => {
        await this.#call("setAttribRequested", { handle, attribId, data: base64Of(value) });
      },
      status: async () => {
        const status = await this.#call("statusRequested", { handle });
        const { atr, protocol: active, readerName, state } = status as Readonly<Record<string, string>>;
        return { reader: readerName, state, protocol: active, atr: bytesOf(atr ?? ""), eventCount: 0 } as never;
      },
      beginTransaction: async () => void (await this.#call("beginTransactionRequested", { handle })),
      endTransaction: async (disposition = "leave") => {
        await this.#call("endTransactionRequested", { handle, disposition: `${disposition}-card` });
      },
    };
    return connection as Connection;
  }
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}
