// SPDX-License-Identifier: MIT

// The proxies of scard/bridge before services that do not keep to the protocol: each call ends, and so does the connection.

import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { BridgedSmartCard } from "../../src/faces/bridge-client/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import {
  decodePageMessage,
  encodeServiceMessage,
  type PageMessage,
  type ServiceMessage,
} from "../../src/wire/bridge/index.ts";
import { type PagePairing, pagePairing } from "./page-pairing.ts";
import { ADDRESS, ORIGIN } from "./stage.ts";

type Say = (message: ServiceMessage) => void;
type Events = Parameters<ConstructorParameters<typeof BridgedSmartCard>[0]["dial"]>[0];

const bytes32 = new Uint8Array(32).fill(9);
const wanted: ServiceMessage = { kind: "pairingWanted", triesLeft: 3, nonce: bytes32, share: bytes32 };
/** The pairing of a page whose user is asked for a code. */
function asking(pairingCode: () => Promise<string | undefined>): PagePairing {
  return { ...pagePairing(ORIGIN, `ws://${ADDRESS}`, () => undefined), pairingCode };
}

/** A page, and a service that answers as it is told. Connections that the page closes stay silent: their close event comes late. */
function stage(
  answer: (message: PageMessage & { readonly id: number }, say: Say) => void,
  given: {
    readonly greet?: (say: Say) => void;
    readonly pairing?: PagePairing;
    readonly isUnopened?: boolean;
    /** Whether the service says that it is there when it is asked. */
    readonly isThere?: boolean;
  } = {},
) {
  const dialled: { readonly events: Events; isClosed: boolean }[] = [];
  const heard: PageMessage[] = [];
  const runtime = new SimulatedRuntime({ settle: () => new Promise((resolve) => setImmediate(resolve)) });
  const { clock } = runtime;
  const smartCard = new BridgedSmartCard({
    later: (delayMs, callback) => clock.schedule(delayMs, "page", callback),
    dial: (events) => {
      const socket = { events, isClosed: false };
      dialled.push(socket);
      const say: Say = (message) => queueMicrotask(() => events.received(encodeServiceMessage(message)));
      if (!given.isUnopened) queueMicrotask(events.opened);
      return {
        send(encoded) {
          const decoded = decodePageMessage(encoded);
          if (!decoded.ok) throw decoded.error;
          const message = decoded.value;
          heard.push(message);
          if (message.kind === "hello") (given.greet ?? ((tell) => tell({ kind: "welcome", version: 3 })))(say);
          else if (message.kind === "ping") {
            if (given.isThere) say({ kind: "pong" });
          } else if (message.kind === "establishContext") say({ kind: "context", id: message.id, context: 1 });
          else if (message.kind === "connect") say({ kind: "connection", id: message.id, connection: 2 });
          else if ("id" in message && message.kind !== "endTransaction") answer(message, say);
        },
        close() {
          socket.isClosed = true;
        },
      };
    },
    pairing: given.pairing,
  });
  return { smartCard, dialled, heard, runtime };
}

const loss = (words: string) => ({ responseCode: "no-service", message: expect.stringContaining(words) });

describe("what does not fit ends the connection, and every call", () => {
  const answers: Readonly<Record<string, (id: number) => ServiceMessage>> = {
    "an unknown response code": (id) => ({ kind: "failed", id, error: "SmartCardError", name: "bogus", message: "m" }),
    "a signal's reason without a signal": (id) => ({ kind: "failed", id, error: "signal", name: "", message: "" }),
    "a function's reason without one": (id) => ({ kind: "failed", id, error: "callback", name: "", message: "" }),
    "the answer of another call": (id) => ({ kind: "done", id }),
    "an answer to no call": (id) => ({ kind: "readers", id: id + 100, names: [] }),
    "the beginning of no transaction": (id) => ({ kind: "begun", id }),
    "a second welcome": () => ({ kind: "welcome", version: 3 }),
    "a request for a code after the welcome": () => wanted,
  };

  it.each(Object.entries(answers))("%s", async (_, answer) => {
    const { dialled, smartCard } = stage(({ id }, say) => say(answer(id)));
    const context = await smartCard.establishContext();
    const calls = await Promise.allSettled([context.listReaders(), context.listReaders()]);
    for (const call of calls) expect(call).toMatchObject({ status: "rejected", reason: loss("does not fit") });
    expect(dialled.map(({ isClosed }) => isClosed)).toEqual([true]);
    await expect(context.listReaders()).rejects.toMatchObject(loss("does not fit"));
  });

  it("a welcome of another version", async () => {
    const { smartCard } = stage(() => undefined, { greet: (say) => say({ kind: "welcome", version: 99 }) });
    await expect(smartCard.establishContext()).rejects.toMatchObject(loss("version 99"));
  });

  it("requests for codes that come while the user is asked", async () => {
    let asked = 0;
    const greet = (say: Say): void => {
      for (let count = 0; count < 3; count++) say(wanted);
    };
    const pairingCode = (): Promise<undefined> => {
      asked++;
      return new Promise(() => undefined);
    };
    const { smartCard } = stage(() => undefined, { greet, pairing: asking(pairingCode) });
    await expect(smartCard.establishContext()).rejects.toMatchObject(loss("pairingWanted"));
    expect(asked).toBe(1);
  });

  it.each([2, 3])("a transaction that begins %d times runs its function once", async (times) => {
    let runs = 0;
    const { smartCard } = stage(({ id, kind }, say) => {
      if (kind === "startTransaction") for (let count = 0; count < times; count++) say({ kind: "begun", id });
    });
    const { connection } = await (await smartCard.establishContext()).connect("r", "shared");
    const transaction = async (): Promise<undefined> => {
      runs++;
      return new Promise(() => undefined);
    };
    await expect(connection.startTransaction(transaction)).rejects.toMatchObject(loss("begun"));
    expect(runs).toBe(1);
  });

  it("a transaction that is done before its function has run", async () => {
    const { smartCard } = stage(({ id }, say) => say({ kind: "done", id }));
    const { connection } = await (await smartCard.establishContext()).connect("r", "shared");
    await expect(connection.startTransaction(async () => undefined)).rejects.toMatchObject(loss("done"));
  });
});

describe("a program in the bridge's place that says nothing", () => {
  const late = loss("within 10 s");
  const silent = (): void => undefined;

  it("does not even open the connection", async () => {
    const { dialled, runtime, smartCard } = stage(silent, { isUnopened: true });
    const establishing = smartCard.establishContext();
    const outcome = expect(establishing).rejects.toMatchObject(late);
    await runtime.advance(10_000);
    await outcome;
    expect(dialled.map(({ isClosed }) => isClosed)).toEqual([true]);
  });

  it("opens it, and does not answer the first message: the next attempt is a new connection", async () => {
    const { dialled, heard, runtime, smartCard } = stage(silent, { greet: silent });
    for (const count of [1, 2]) {
      const outcome = expect(smartCard.establishContext()).rejects.toMatchObject(late);
      await runtime.advance(10_000);
      await outcome;
      expect([heard.length, dialled.length]).toEqual([count, count]);
    }
  });

  it("asks for a code, waits as long as the user does, and says nothing to the answer", async () => {
    let answer: (code: string) => void = () => undefined;
    const pairingCode = (): Promise<string> =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const share = Uint8Array.of(9, ...new Uint8Array(31));
    const greet = (say: Say): void => say({ ...wanted, share });
    const { heard, runtime, smartCard } = stage(silent, { greet, pairing: asking(pairingCode) });
    const establishing = smartCard.establishContext();
    const outcome = expect(establishing).rejects.toMatchObject(late);
    await runtime.advance(3_600_000);
    expect(heard).toHaveLength(1);
    answer("1234 5678");
    await expect.poll(() => heard.at(-1)?.kind).toBe("pair");
    await runtime.advance(10_000);
    await outcome;
  });

  it("holds the page up no longer where what the page keeps cannot be read, or the exchange cannot be loaded", async () => {
    const never = (): Promise<never> => new Promise(silent);
    const pairing = asking(async () => "12345678");
    const hanging = [
      { ...pairing, tokens: { ...pairing.tokens, load: never } },
      { ...pairing, exchange: never },
    ];
    for (const one of hanging) {
      const { runtime, smartCard } = stage(silent, { greet: (say) => say(wanted), pairing: one });
      const outcome = expect(smartCard.establishContext()).rejects.toMatchObject(late);
      await runtime.advance(10_000);
      await outcome;
    }
  });
});

describe("a bridge that hangs", () => {
  it("is asked whether it is there while calls are under way: they end after 30 s of silence", async () => {
    const { dialled, heard, runtime, smartCard } = stage(() => undefined);
    const context = await smartCard.establishContext();
    const outcome = expect(context.getStatusChange([])).rejects.toMatchObject(loss("it does not answer"));
    await runtime.advance(29_999);
    expect(heard.filter(({ kind }) => kind === "ping")).toHaveLength(2);
    expect(dialled[0]?.isClosed).toBe(false);
    await runtime.advance(1);
    await outcome;
    expect([dialled[0]?.isClosed, runtime.pendingTimers]).toEqual([true, []]);
  });

  it("is waited for as long as it says that it is there, and is asked nothing when no call is under way", async () => {
    let answer: (() => void) | undefined;
    const { heard, runtime, smartCard } = stage(
      ({ id }, say) => {
        answer = () => say({ kind: "states", id, states: [] });
      },
      { isThere: true },
    );
    const context = await smartCard.establishContext();
    const waiting = context.getStatusChange([]);
    await runtime.advance(600_000);
    answer?.();
    expect(await waiting).toEqual([]);
    const asked = heard.length;
    await runtime.advance(600_000);
    expect([heard.length, runtime.pendingTimers]).toEqual([asked, []]);
  });
});

describe("connections that follow each other", () => {
  it("the late end of a closed one leaves the next alone", async () => {
    const { dialled, smartCard } = stage(({ id }, say) => say({ kind: "readers", id, names: [] }));
    await smartCard.establishContext();
    smartCard.close();
    await smartCard.establishContext();
    dialled[0]?.events.closed(1005, "");
    await smartCard.establishContext();
    expect(dialled.length).toBe(2);
    smartCard.close();
    expect(dialled.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  });

  it("after a refused pairing the next attempt asks again at once", async () => {
    let asked = 0;
    const greet = (say: Say): void => say(wanted);
    const pairingCode = async (): Promise<undefined> => {
      asked++;
      return undefined;
    };
    const { smartCard } = stage(() => undefined, { greet, pairing: asking(pairingCode) });
    for (const count of [1, 2, 3]) {
      await expect(smartCard.establishContext()).rejects.toMatchObject({ name: "NotAllowedError" });
      expect(asked).toBe(count);
    }
  });
});

it("takes the buffers that scard/web takes, also those of another realm", async () => {
  const { heard, smartCard } = stage(({ id }, say) => say({ kind: "data", id, data: Uint8Array.of(0x90, 0) }));
  const { connection } = await (await smartCard.establishContext()).connect("r", "shared");
  for (const source of ["new Uint8Array([0, 1, 2, 3, 4]).subarray(1)", "new Uint8Array([1, 2, 3, 4]).buffer"]) {
    await connection.transmit(runInNewContext(source) as ArrayBuffer);
    expect(heard.at(-1)).toMatchObject({ kind: "transmit", sendBuffer: Uint8Array.of(1, 2, 3, 4) });
  }
  const Resizable = ArrayBuffer as unknown as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
  const resizable = new Resizable(4, { maxByteLength: 8 });
  for (const refused of [resizable, new Uint8Array(resizable), new SharedArrayBuffer(4), { byteLength: 4 }, "00a4"])
    await expect(connection.transmit(refused as ArrayBuffer)).rejects.toBeInstanceOf(TypeError);
});

it("takes an AbortSignal of another realm, and nothing that only looks like one", async () => {
  const { heard, smartCard } = stage(() => undefined);
  const context = await smartCard.establishContext();
  // As one of an iframe is: with another prototype, and not an instance of this realm's class.
  const controller = new AbortController();
  const foreign = Object.create(EventTarget.prototype, Object.getOwnPropertyDescriptors(AbortSignal.prototype));
  const signal = Object.setPrototypeOf(controller.signal, foreign) as AbortSignal;
  expect(signal instanceof AbortSignal).toBe(false);
  const waiting = context.getStatusChange([], { signal });
  controller.abort();
  expect(heard.slice(-2)).toMatchObject([{ kind: "getStatusChange", signal: "given" }, { kind: "abort" }]);
  smartCard.close();
  await expect(waiting).rejects.toMatchObject({ responseCode: "no-service" });
  const alike = { aborted: false, addEventListener: () => undefined, removeEventListener: () => undefined };
  const named = { ...alike, [Symbol.toStringTag]: "AbortSignal" };
  const again = await smartCard.establishContext();
  for (const none of [alike, named, new EventTarget(), null, "signal"])
    await expect(again.getStatusChange([], { signal: none as AbortSignal })).rejects.toBeInstanceOf(TypeError);
});
