// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import {
  type Connection,
  type Context,
  callback,
  type Disposition,
  errorFromNumber,
  errorName,
  errorNumber,
  having,
  managerObject,
  optional,
  optionsOf,
  type Protocol,
  type ReaderFlag,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ResourceManager,
  refuse,
  type ShareMode,
  SmartCardError,
  timeoutOfNumber,
} from "../../port/index.ts";

/** What is used of a session of the Chrome DevTools Protocol: a CDPSession of Playwright or Puppeteer is one. */
export interface CdpSession {
  send(method: string, parameters?: object): Promise<unknown>;
  on(event: string, listener: (parameters: never) => void): unknown;
  off(event: string, listener: (parameters: never) => void): unknown;
}

/** What answers the page. */
export interface SmartCardEmulationOptions {
  readonly session: CdpSession;
  readonly manager: ResourceManager;
  /** Is told of answers that the browser did not take: it has been closed, or has withdrawn the request. @default nothing is told */
  readonly log?: ((error: unknown) => void) | undefined;
}

/** SmartCardEmulation.ResultCode, without `success`. */
const resultCodes: ReadonlySet<string> = new Set(
  (
    "removed-card reset-card unpowered-card unresponsive-card unsupported-card reader-unavailable sharing-violation " +
    "not-transacted no-smartcard proto-mismatch system-cancelled not-ready cancelled insufficient-buffer invalid-handle " +
    "invalid-parameter invalid-value no-memory timeout unknown-reader unsupported-feature no-readers-available " +
    "service-stopped no-service comm-error internal-error server-too-busy unexpected shutdown unknown-card"
  ).split(" "),
);
/** SmartCardEmulation.Disposition. */
const dispositions: Readonly<Record<string, Disposition>> = {
  "leave-card": "leave",
  "reset-card": "reset",
  "unpower-card": "unpower",
  "eject-card": "eject",
};
const flagsOut = [
  "ignore",
  "changed",
  "unknown",
  "unavailable",
  "empty",
  "present",
  "exclusive",
  "inuse",
  "mute",
  "unpowered",
] as const satisfies readonly ReaderFlag[];

/** What the events of the domain bring; each has some of these. */
interface Parameters {
  readonly requestId: string;
  readonly contextId: number;
  readonly handle: number;
  readonly reader: string;
  readonly readerStates: readonly { reader: string; currentState: ReaderFlags; currentInsertionCount: number }[];
  readonly timeout?: number;
  readonly shareMode: ShareMode;
  readonly preferredProtocols: { readonly [protocol in "t0" | "t1" | "raw"]?: boolean };
  readonly disposition: string;
  readonly data: string;
  readonly protocol?: Protocol;
  readonly controlCode: number;
  readonly attribId: number;
}

/** The command that answers an event, and what it reports. */
type Report = readonly [command: string, result?: object];

const emulationOptions = optionsOf<SmartCardEmulationOptions>({
  session: having<CdpSession>(["send", "on", "off"], "a session of the Chrome DevTools Protocol"),
  manager: managerObject,
  log: optional(callback<NonNullable<SmartCardEmulationOptions["log"]>>("a function that is told of errors")),
});

/**
 * Answers the Web Smart Card API of a page in Chrome from a manager, over the domain SmartCardEmulation of the Chrome DevTools
 * Protocol: a page is tested with software cards, in a browser that has the API.
 *
 * ```ts
 * const session = await browserContext.newCDPSession(page);
 * const emulation = new SmartCardEmulation({ session, manager });
 * await emulation.enable();
 * ```
 *
 * **Portability**: the domain is experimental. A browser without it answers `enable` with the error -32601.
 *
 * @see https://chromedevtools.github.io/devtools-protocol/tot/SmartCardEmulation/
 */
export class SmartCardEmulation implements AsyncDisposable {
  readonly #session: CdpSession;
  readonly #manager: ResourceManager;
  readonly #log: (error: unknown) => void;
  readonly #contexts = new Map<number, Context>();
  readonly #connections = new Map<number, { readonly contextId: number; readonly connection: Connection }>();
  readonly #listeners = new Map<string, (parameters: never) => void>();
  #lastId = 0;

  /** @throws invalid-parameter */
  constructor(options: SmartCardEmulationOptions) {
    const { log, manager, session } = emulationOptions(options, { operation: "SmartCardEmulation", path: "options" });
    this.#session = session;
    this.#manager = manager;
    this.#log = log ?? (() => {});
  }

  /** Begins to answer. @throws what the session throws, where the browser does not have the domain */
  async enable(): Promise<void> {
    if (this.#listeners.size > 0) return;
    for (const [event, answer] of Object.entries(this.#answers)) {
      const listener = (parameters: Parameters): void => void this.#respond(parameters, answer);
      this.#listeners.set(`SmartCardEmulation.${event}`, listener as (parameters: never) => void);
    }
    for (const [event, listener] of this.#listeners) this.#session.on(event, listener);
    try {
      await this.#session.send("SmartCardEmulation.enable");
    } catch (error) {
      this.#silence();
      throw error;
    }
  }

  /** Stops answering, and ends all contexts and connections as if the browser had exited. Never rejects. */
  async disable(): Promise<void> {
    if (this.#listeners.size === 0) return;
    this.#silence();
    await this.#send("SmartCardEmulation.disable");
    const contexts = [...this.#contexts.values()];
    this.#contexts.clear();
    this.#connections.clear();
    await Promise.all(contexts.map((context) => context.release().catch(this.#log)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disable();
  }

  #silence(): void {
    for (const [event, listener] of this.#listeners) this.#session.off(event, listener);
    this.#listeners.clear();
  }

  async #respond(parameters: Parameters, answer: (parameters: Parameters) => Promise<Report>): Promise<void> {
    const { requestId } = parameters;
    let report: Report;
    try {
      report = await answer(parameters);
    } catch (error) {
      report = ["reportError", { resultCode: resultCodeOf(error) }];
    }
    const [command, result] = report;
    await this.#send(`SmartCardEmulation.${command}`, { requestId, ...result });
  }

  async #send(method: string, parameters?: object): Promise<void> {
    try {
      await this.#session.send(method, parameters);
    } catch (error) {
      this.#log(error);
    }
  }

  #context({ contextId }: Parameters): Context {
    return known(this.#contexts, contextId, "context");
  }

  #connection({ handle }: Parameters): Connection {
    return known(this.#connections, handle, "handle").connection;
  }

  /** By event. */
  readonly #answers: Readonly<Record<string, (parameters: Parameters) => Promise<Report>>> = {
    establishContextRequested: async () => {
      const context = await this.#manager.establishContext({ scope: "system" });
      const contextId = ++this.#lastId;
      this.#contexts.set(contextId, context);
      return ["reportEstablishContextResult", { contextId }];
    },
    releaseContextRequested: async (asked) => {
      const context = this.#context(asked);
      this.#contexts.delete(asked.contextId);
      // They end with their context.
      for (const [handle, { contextId }] of this.#connections) {
        if (contextId === asked.contextId) this.#connections.delete(handle);
      }
      await context.release();
      return ["reportReleaseContextResult"];
    },
    listReadersRequested: async (asked) => {
      const readers = await this.#context(asked).listReaders();
      if (readers.length > 0) return ["reportListReadersResult", { readers }];
      throw new SmartCardError("no-readers-available", "no reader is attached");
    },
    getStatusChangeRequested: async (asked) => {
      const timeoutMs = asked.timeout === undefined ? undefined : timeoutOfNumber(asked.timeout);
      const wait = timeoutMs === undefined ? {} : { timeoutMs };
      const reports = await this.#context(asked).getStatusChange(asked.readerStates.map(queryOf), wait);
      return ["reportGetStatusChangeResult", { readerStates: reports.map(readerStateOut) }];
    },
    cancelRequested: async (asked) => {
      await this.#context(asked).cancel();
      return ["reportPlainResult"];
    },
    connectRequested: async (asked) => {
      const { preferredProtocols, reader, shareMode } = asked;
      const connection = await this.#context(asked).connect(reader, {
        shareMode,
        preferredProtocols: (["t0", "t1", "raw"] as const).filter((protocol) => preferredProtocols[protocol] === true),
      });
      const handle = ++this.#lastId;
      this.#connections.set(handle, { contextId: asked.contextId, connection });
      return ["reportConnectResult", { handle, ...protocolOf("activeProtocol", connection.protocol) }];
    },
    disconnectRequested: async (asked) => {
      const connection = this.#connection(asked);
      const disposition = dispositionOf(asked.disposition);
      this.#connections.delete(asked.handle);
      await connection.disconnect(disposition);
      return ["reportPlainResult"];
    },
    transmitRequested: async (asked) => {
      const { protocol } = asked;
      const connection = this.#connection(asked);
      const how = protocol === undefined ? {} : { protocol };
      return dataReport(await withBytes(asked.data, (command) => connection.transmit(command, how)));
    },
    controlRequested: async (asked) => {
      const connection = this.#connection(asked);
      return dataReport(await withBytes(asked.data, (data) => connection.control(asked.controlCode, data)));
    },
    getAttribRequested: async (asked) => dataReport(await this.#connection(asked).getAttribute(asked.attribId)),
    setAttribRequested: async (asked) => {
      const connection = this.#connection(asked);
      await withBytes(asked.data, (data) => connection.setAttribute(asked.attribId, data));
      return ["reportPlainResult"];
    },
    statusRequested: async (asked) => {
      const { atr, protocol, reader, state } = await this.#connection(asked).status();
      if (state === "unknown") throw new SmartCardError("unexpected", "the state of the card is not known");
      const status = { readerName: reader, state, atr: base64Of(atr), ...protocolOf("protocol", protocol) };
      return ["reportStatusResult", status];
    },
    beginTransactionRequested: async (asked) => {
      await this.#connection(asked).beginTransaction();
      // A connection has one transaction at a time, which is known by its handle.
      return ["reportBeginTransactionResult", { handle: asked.handle }];
    },
    endTransactionRequested: async (asked) => {
      await this.#connection(asked).endTransaction(dispositionOf(asked.disposition));
      return ["reportPlainResult"];
    },
  };
}

function known<T>(table: ReadonlyMap<number, T>, id: number, what: string): T {
  const found = table.get(id);
  if (found !== undefined) return found;
  throw new SmartCardError("invalid-handle", `there is no ${what} with that number`);
}

function resultCodeOf(error: unknown): string {
  if (!(error instanceof SmartCardError)) return error instanceof TypeError ? "invalid-parameter" : "internal-error";
  const isOfPcsc = errorName(error.code).startsWith("SCARD_");
  const code = isOfPcsc ? error.code : errorFromNumber(errorNumber(error.code, "pcsclite"), "pcsclite");
  return code !== undefined && resultCodes.has(code) ? code : "unknown";
}

function dispositionOf(disposition: string): Disposition {
  const known = Object.hasOwn(dispositions, disposition) ? dispositions[disposition] : undefined;
  if (known !== undefined) return known;
  throw new SmartCardError("invalid-value", "the disposition is not one of the protocol");
}

function protocolOf(name: string, protocol: Protocol | undefined): object {
  return protocol === "t0" || protocol === "t1" || protocol === "raw" ? { [name]: protocol } : {};
}

function queryOf({
  currentInsertionCount,
  currentState,
  reader,
}: Parameters["readerStates"][number]): ReaderStateQuery {
  const flags: { [flag in ReaderFlag]?: true } = {};
  for (const flag of flagsOut) if (currentState[flag] === true) flags[flag] = true;
  return { reader, flags, eventCount: currentInsertionCount & 0xffff };
}

function readerStateOut({ atr, eventCount, flags, reader }: ReaderStateReport): object {
  const eventState = Object.fromEntries(flagsOut.flatMap((flag) => (flags[flag] === true ? [[flag, true]] : [])));
  return { reader, eventState, eventCount, atr: base64Of(atr) };
}

function dataReport(bytes: Uint8Array): Report {
  return ["reportDataResult", { data: base64Of(bytes) }];
}

/** Bytes are base64 in the JSON of the protocol. */
function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/** Works with bytes of the protocol, which may be a PIN, and clears them. @throws invalid-parameter */
async function withBytes<T>(base64: string, work: (bytes: Uint8Array) => Promise<T>): Promise<T> {
  const bytes = bytesOf(base64);
  try {
    return await work(bytes);
  } finally {
    zeroBytes(bytes);
  }
}

/** @throws invalid-parameter */
function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch (cause) {
    const place = { operation: "SmartCardEmulation", path: "data" };
    return refuse(place, "not base64", "it is what the protocol sends bytes as", "invalid-parameter", cause);
  }
}
