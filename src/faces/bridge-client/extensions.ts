// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { decodeResponse, encodeCommand, type ResponseApdu } from "../../base/iso7816/index.ts";
import { type Clock, type CommandInit, type ReaderWatch, watchReaders } from "../../port/index.ts";
import { encodePageMessage } from "../../wire/bridge/index.ts";
import {
  type BufferSource,
  bufferSource,
  isBufferSource,
  type SmartCardProtocol,
  type SmartCardReconnectOptions,
  type SmartCardReconnectResult,
  type SmartCardSendOptions,
} from "../web/index.ts";
import type { Line } from "./line.ts";
import {
  type BridgedConnection,
  type BridgedContext,
  dictionary,
  type Parts,
  presence,
  signalOf,
  wordOf,
  wordsOf,
} from "./smart-card.ts";
import { managerOverLine } from "./watched-manager.ts";

type Method = (this: object, ...given: unknown[]) => unknown;

/** What the extensions of a page work with: the classes of its proxies, and a clock for watches. */
export interface ExtensionTerms {
  readonly context: typeof BridgedContext;
  readonly connection: typeof BridgedConnection;
  readonly clock: Clock;
}

/** Where the options of a method are among its arguments. */
const placesOfOptions = { transmit: 1, startTransaction: 1, status: 0, control: 2, getAttribute: 1, setAttribute: 2 };

/** Contexts that have proxies with extensions: aborted when the page ends the context. */
const ended = new WeakMap<object, AbortController>();

function endedOf(context: object): AbortController {
  const controller = ended.get(context) ?? new AbortController();
  ended.set(context, controller);
  return controller;
}

/** Adds `watch`, `send`, `reconnect`, the ends of `using` and limits of waits to the proxies. A second time does nothing. */
export function extendProxies({ clock, connection, context }: ExtensionTerms): void {
  if ("watch" in context.prototype) return;
  const partsOfContext = (proxy: object): Parts => context.partsOf(proxy as BridgedContext);
  const partsOfConnection = (proxy: object): Parts => connection.partsOf(proxy as BridgedConnection);
  limit(context.prototype, "connect", 2, partsOfContext);
  for (const [name, place] of Object.entries(placesOfOptions))
    limit(connection.prototype, name, place, partsOfConnection);
  add(context.prototype, "watch", function (options) {
    const signal = signalOf(dictionary(options).signal);
    const { line } = partsOfContext(this);
    const own = endedOf(this).signal;
    const either = signal === undefined ? own : AbortSignal.any([own, signal]);
    return watchReaders(managerOverLine(line, context), { signal: either, clock }) satisfies ReaderWatch;
  });
  add(connection.prototype, "send", async function (command, options) {
    return send(partsOfConnection(this), command as BufferSource | CommandInit, options as SmartCardSendOptions);
  });
  add(connection.prototype, "reconnect", async function (options) {
    return reconnect(partsOfConnection(this), options as SmartCardReconnectOptions);
  });
  addEnd(context.prototype, (proxy) => {
    endedOf(proxy).abort();
    return end(partsOfContext(proxy), "context");
  });
  addEnd(connection.prototype, (proxy) => end(partsOfConnection(proxy), "connection"));
}

function add(prototype: object, name: string | symbol, value: Method): void {
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
}

/** Browsers without `using` have no such symbols. */
function addEnd(prototype: object, end: (proxy: object) => Promise<void>): void {
  const { asyncDispose, dispose } = Symbol as Partial<SymbolConstructor>;
  if (asyncDispose !== undefined)
    add(prototype, asyncDispose, function () {
      return end(this);
    });
  if (dispose !== undefined)
    add(prototype, dispose, function () {
      void end(this);
    });
}

async function end({ line, number }: Parts, what: "context" | "connection"): Promise<void> {
  // What has gone with the connection to the bridge has ended.
  await line.request((id) => encodePageMessage({ kind: "end", id, what, number }), "done").catch(() => undefined);
}

/** Has a method take limits of its wait. The method makes its call before it returns. */
function limit(prototype: object, name: string, place: number, partsOf: (proxy: object) => Parts): void {
  const original = (prototype as Readonly<Record<string, Method>>)[name] as Method;
  add(prototype, name, async function (...given) {
    const { line } = partsOf(this);
    return limited(line, given[place], () => original.apply(this, given));
  });
  const { length } = original;
  Object.defineProperty((prototype as Readonly<Record<string, object>>)[name], "length", { value: length });
  Object.defineProperty((prototype as Readonly<Record<string, object>>)[name], "name", { value: name });
}

function limited<T>(line: Line, options: unknown, work: () => T): T {
  const { signal: givenSignal, timeout: givenTimeout } = dictionary(options);
  const signal = signalOf(givenSignal);
  const timeout = givenTimeout === undefined ? undefined : +(givenTimeout as number);
  if (signal === undefined && timeout === undefined) return work();
  line.limits = {
    signal,
    before: (id) => encodePageMessage({ kind: "limit", id, timeout, signal: presence(signal) }),
  };
  try {
    return work();
  } finally {
    line.limits = undefined;
  }
}

async function send(
  { line, number: connection }: Parts,
  command: BufferSource | CommandInit,
  options: SmartCardSendOptions | undefined,
): Promise<ResponseApdu> {
  const longData = wordOf(dictionary(options).longData);
  const source = isBufferSource(command) ? bufferSource(command, "send: command") : undefined;
  const bytes = source ?? encodeCommand(command as CommandInit);
  const encode = (id: number): Uint8Array => {
    const message = encodePageMessage({ kind: "send", id, connection, command: bytes, longData });
    // These are a copy of what the page has.
    if (source === undefined) zeroBytes(bytes);
    return message;
  };
  const { data } = await limited(line, options, () => line.request(encode, "data"));
  const decoded = decodeResponse(data);
  if (!decoded.ok) throw new DOMException("the bridge has answered with no status word", "UnknownError");
  return decoded.value;
}

async function reconnect(
  { line, number: connection }: Parts,
  options: SmartCardReconnectOptions | undefined,
): Promise<SmartCardReconnectResult> {
  const { accessMode, initialization, preferredProtocols } = dictionary(options);
  const message = {
    kind: "reconnect",
    connection,
    accessMode: wordOf(accessMode),
    initialization: wordOf(initialization),
    preferredProtocols: wordsOf(preferredProtocols),
  } as const;
  const { activeProtocol } = await limited(line, options, () =>
    line.request((id) => encodePageMessage({ ...message, id }), "connection"),
  );
  return activeProtocol === undefined ? {} : { activeProtocol: activeProtocol as SmartCardProtocol };
}
