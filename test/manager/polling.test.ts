// SPDX-License-Identifier: MIT

// A program that polls with calls which are answered from memory must not keep its own timers from running.

import { describe, expect, test } from "vitest";
import { demoCard, VirtualReader } from "../../src/entry/cards.ts";
import { WinSCard } from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
const alone = { shareMode: "exclusive", preferredProtocols: ["t0", "t1"] } as const;
const select = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);
const UUID = "{00112233-4455-6677-8899-AABBCCDDEEFF}";

const runtime = nodeRuntime();

/** Repeats a call, ignoring its results, until a timer has fired: true, or too long has passed: false. */
async function letsATimerRun(call: () => Promise<unknown>): Promise<boolean> {
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 20);
  const start = performance.now();
  while (!fired && performance.now() - start < 30_000) {
    for (let count = 0; count < 50; count++) await call().catch(() => {});
  }
  return fired;
}

async function world() {
  const manager = new EmbeddedManager({ runtime });
  const reader = new VirtualReader({ name: "Desk", clock: runtime.clock });
  const empty = new VirtualReader({ name: "Empty", id: "empty", clock: runtime.clock });
  await manager.addReader(reader);
  await manager.addReader(empty);
  reader.insert(demoCard(runtime.random));
  const client = manager.client({ name: "polling" });
  const context = await client.establishContext();
  const connection = await context.connect("Desk", shared);
  const ended = await client.establishContext();
  await ended.release();
  const gone = await context.connect("Desk", shared);
  await gone.disconnect();
  return { manager, client, context, connection, ended, gone };
}

type Scene = Awaited<ReturnType<typeof world>>;
type Polled = (scene: Scene) => Promise<unknown>;

const polled: Readonly<Record<string, Polled>> = {
  establishContext: ({ client }) => client.establishContext().then((context) => context.release()),
  "establishContext that is refused": ({ client }) => client.establishContext({ scope: "nowhere" as never }),
  isValid: ({ context }) => context.isValid(),
  listReaders: ({ context }) => context.listReaders(),
  listReaderGroups: ({ context }) => context.listReaderGroups(),
  describeReader: ({ context }) => context.describeReader("Desk"),
  "a status query": ({ context }) => context.getStatusChange([{ reader: "Desk" }], { timeoutMs: 0 }),
  "a status query without news": ({ context }) =>
    context.getStatusChange([{ reader: "Empty", flags: { empty: true } }], { timeoutMs: 0 }),
  cancel: ({ context }) => context.cancel(),
  "connect and disconnect": ({ context }) => context.connect("Desk", shared).then((made) => made.disconnect()),
  "connect to an empty reader": ({ context }) => context.connect("Empty", shared),
  "connect that is refused": ({ context }) => context.connect("Desk", alone),
  "connect to a reader that is not there": ({ context }) => context.connect("Nowhere", shared),
  "a call in a context that has ended": ({ ended }) => ended.listReaders(),
  "a call on a connection that has ended": ({ gone }) => gone.status(),
  status: ({ connection }) => connection.status(),
  transmit: ({ connection }) => connection.transmit(select),
  "transmit that is refused": ({ connection }) => connection.transmit(select, { protocol: "raw" }),
  control: ({ connection }) => connection.control(0x0031_3520, new Uint8Array()),
  getAttribute: ({ connection }) => connection.getAttribute(0x0009_0303),
  setAttribute: ({ connection }) => connection.setAttribute(0x7fff_0007, Uint8Array.of(1)),
  transmitCount: ({ connection }) => connection.transmitCount(),
  "begin and end": async ({ connection }) => {
    await connection.beginTransaction();
    await connection.endTransaction();
  },
  reconnect: ({ connection }) => connection.reconnect({ ...shared, initialization: "leave" }),
};

describe("a loop of calls on the embedded manager lets timers run", () => {
  test.each(Object.entries(polled))("%s", { timeout: 60_000 }, async (_, call) => {
    const scene = await world();
    expect(await letsATimerRun(() => call(scene))).toBe(true);
    await scene.manager.close();
    expect(await letsATimerRun(() => call(scene))).toBe(true);
  });
});

describe("many loops at once", () => {
  test("let timers run as soon as one does", { timeout: 60_000 }, async () => {
    const scene = await world();
    let longest = 0;
    let before = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - before);
      before = performance.now();
    }, 1);
    let over = false;
    setTimeout(() => {
      over = true;
    }, 300);
    const loop = async (): Promise<void> => {
      while (!over) await scene.context.isValid();
    };
    await Promise.all(Array.from({ length: 500 }, loop));
    clearInterval(timer);
    // One after the other they would keep timers away for five seconds.
    expect(longest).toBeLessThan(4000);
    expect(longest).toBeGreaterThan(0);
    await scene.manager.close();
  });
});

describe("a loop of calls of WinSCard lets timers run", () => {
  test.each<[string, (api: WinSCard, context: never) => Promise<unknown>]>([
    ["SCardListCards", (api, context) => api.SCardListCards(context)],
    ["SCardReadCache", (api, context) => api.SCardReadCache(context, UUID, 1, "nothing")],
    ["SCardIsValidContext of nothing", (api) => api.SCardIsValidContext(5 as never)],
    ["SCardStatus of nothing", (api) => api.SCardStatus(5 as never)],
    ["SCardIntroduceReaderGroup", (api, context) => api.SCardIntroduceReaderGroup(context, "Group")],
    ["SCardFreeMemory", (api, context) => api.SCardFreeMemory(context, null)],
    ["SCardListReaders", (api, context) => api.SCardListReaders(context)],
    [
      "SCardGetStatusChange",
      (api, context) => api.SCardGetStatusChange(context, 0, [{ reader: "Empty", currentState: 0 }]),
    ],
  ])("%s", { timeout: 60_000 }, async (_, call) => {
    const { manager } = await world();
    const api = new WinSCard({ defaultManager: () => manager, clock: runtime.clock });
    const { context } = await api.SCardEstablishContext(0);
    expect(await letsATimerRun(() => call(api, context as never))).toBe(true);
    await manager.close();
  });
});
