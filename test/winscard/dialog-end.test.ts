// SPDX-License-Identifier: MIT

// A selection ends on request, regardless of the picker and the caller's own functions.

import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { VirtualReader } from "../../src/entry/cards.ts";
import {
  type CardPicker,
  type OPENCARD_SEARCH_CRITERIA,
  type OpenCardConnect,
  SC_DLG_FORCE_UI,
  SCARD_PROTOCOL_Tx,
  SCARD_SHARE_SHARED,
  type SCARDHANDLE,
  WinSCard,
} from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { dialogWorld } from "./dialog-world.ts";

const guide = new URL("../../docs/guide/winscard/dialogs.md", import.meta.url);

/** The picker of the guide, as it stands there. */
async function guidePicker(): Promise<CardPicker> {
  const code = /^const picker: CardPicker = (\{.*?^\});$/ms.exec(await readFile(guide, "utf8"))?.[1];
  if (code === undefined) throw new Error("the guide has no picker");
  return new Function("console", `return ${code}`)({ log: () => {} }) as CardPicker;
}

const never = (): Promise<never> => new Promise(() => {});

const pickers: Readonly<Record<string, () => CardPicker | Promise<CardPicker>>> = {
  "of the guide": guidePicker,
  "that follows the readers and answers nothing": () => ({
    async pick({ readers }) {
      for await (const _ of readers);
      return undefined;
    },
  }),
  "that ignores everything": () => ({ pick: never }),
  "that follows the readers for ever after": () => ({
    async pick({ readers }) {
      for await (const _ of readers);
      return await never();
    },
  }),
  "that fails when it has to close": () => ({
    pick: (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("the window is gone")));
      }),
  }),
  "that answers a reader when it has to close": () => ({
    pick: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("Desk"))),
  }),
};

interface World {
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly api: WinSCard;
  readonly picker: CardPicker;
}

async function world(picker: CardPicker, hasClock: boolean): Promise<World> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const manager = new EmbeddedManager({ runtime });
  await manager.addReader(new VirtualReader({ name: "Desk", clock: runtime.clock }));
  const clock = hasClock ? runtime.clock : undefined;
  return { runtime, manager, picker, api: new WinSCard({ defaultManager: () => manager, picker, clock }) };
}

/** What a call has come to, without waiting for it. */
function outcomeOf(promise: Promise<unknown>): { value: unknown } {
  const outcome: { value: unknown } = { value: "pending" };
  promise.then(
    (value) => {
      outcome.value = value;
    },
    (error: unknown) => {
      outcome.value = error instanceof SmartCardError ? error.code : error;
    },
  );
  return outcome;
}

describe.each([true, false])("a dialog (with a clock: %s)", (hasClock) => {
  describe.each(Object.keys(pickers))("of a picker %s", (kind) => {
    const enders = {
      SCardCancel: ["cancelled", ({ api }: World, context) => api.SCardCancel(context)],
      SCardReleaseContext: ["cancelled", ({ api }: World, context) => api.SCardReleaseContext(context)],
      "the caller's signal": ["cancelled", async (_world: World, _context, abort) => abort.abort()],
      "the end of the manager": ["service-stopped", ({ manager }: World) => manager.close()],
    } satisfies Record<
      string,
      [string, (world: World, context: Parameters<WinSCard["SCardCancel"]>[0], abort: AbortController) => Promise<void>]
    >;

    it.each(Object.entries(enders))("is ended by %s", async (_, [code, end]) => {
      const picker = await pickers[kind]?.();
      if (picker === undefined) throw new Error("no such picker");
      const scene = await world(picker, hasClock);
      const { api, runtime, manager } = scene;
      const { context } = await api.SCardEstablishContext(0);
      const abort = new AbortController();
      const outcome = outcomeOf(
        api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI }, { signal: abort.signal }),
      );
      await runtime.settle();
      expect(outcome.value).toBe("pending");
      const ended = end(scene, context, abort);
      await runtime.advance(250);
      await ended;
      expect(outcome.value).toBe(code);
      expect(runtime.pendingTimers).toEqual([]);
      expect((await manager.inspect()).clients.every(({ statusWaits }) => statusWaits === 0)).toBe(true);
    });

    it("of another context goes on", async () => {
      const picker = await pickers[kind]?.();
      if (picker === undefined) throw new Error("no such picker");
      const { api, runtime } = await world(picker, hasClock);
      const [one, other] = [await api.SCardEstablishContext(0), await api.SCardEstablishContext(0)];
      const outcome = outcomeOf(api.SCardUIDlgSelectCard({ context: one.context, flags: SC_DLG_FORCE_UI }));
      await runtime.settle();
      await api.SCardCancel(other.context);
      await api.SCardReleaseContext(other.context);
      await runtime.advance(250);
      expect(outcome.value).toBe("pending");
      await api.SCardReleaseContext(one.context);
      await runtime.advance(250);
    });
  });
});

describe("a dialog", () => {
  it("waits a moment for a picker that takes its time to close", async () => {
    let close = (): void => {};
    const slow: CardPicker = { pick: () => new Promise((resolve) => (close = () => resolve(undefined))) };
    const { api, runtime } = await world(slow, true);
    const { context } = await api.SCardEstablishContext(0);
    const outcome = outcomeOf(api.SCardUIDlgSelectCard({ context }));
    await runtime.settle();
    await api.SCardCancel(context);
    await runtime.advance(100);
    expect(outcome.value).toBe("pending");
    close();
    await runtime.settle();
    expect(outcome.value).toBe("cancelled");
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("passes on a synchronous exception of a picker, and leaves no wait", async () => {
    const failure = new TypeError("no window");
    const throws = {
      pick(): Promise<string> {
        throw failure;
      },
    };
    const { api, runtime, manager } = await world(throws, true);
    const { context } = await api.SCardEstablishContext(0);
    await expect(api.SCardUIDlgSelectCard({ context })).rejects.toBe(failure);
    expect((await manager.inspect()).clients).toMatchObject([{ statusWaits: 0 }]);
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("can be opened again after it was cancelled", async () => {
    const { api, runtime, manager } = await world(await guidePicker(), true);
    const { context } = await api.SCardEstablishContext(0);
    const first = outcomeOf(api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI }));
    await runtime.settle();
    await api.SCardCancel(context);
    await runtime.settle();
    expect(first.value).toBe("cancelled");
    const second = outcomeOf(api.SCardUIDlgSelectCard({ context, flags: SC_DLG_FORCE_UI }));
    await runtime.settle();
    expect(second.value).toBe("pending");
    await manager.close();
    await runtime.settle();
    expect(second.value).toBe("service-stopped");
  });
});

describe("a function of the caller that does not come back", () => {
  const enders = {
    SCardCancel: (api: WinSCard, context: Parameters<WinSCard["SCardCancel"]>[0]) => api.SCardCancel(context),
    SCardReleaseContext: (api: WinSCard, context: Parameters<WinSCard["SCardCancel"]>[0]) =>
      api.SCardReleaseContext(context),
  };

  it.each(Object.entries(enders))("is not waited for after %s: check", async (_, end) => {
    const { api, context, desk, insert, runtime } = await dialogWorld();
    await insert(desk);
    const searchCriteria: OPENCARD_SEARCH_CRITERIA = {
      check: never,
      shareMode: SCARD_SHARE_SHARED,
      preferredProtocols: SCARD_PROTOCOL_Tx,
    };
    const outcome = outcomeOf(api.SCardUIDlgSelectCard({ context, searchCriteria }));
    await runtime.settle();
    expect(api.openHandles.cards).toBe(1);
    await end(api, context);
    await runtime.settle();
    expect(outcome.value).toBe("cancelled");
    expect(api.openHandles.cards).toBe(0);
  });

  it.each(Object.entries(enders))(
    "is not waited for after %s: connect, whose late handle is closed",
    async (_, end) => {
      const { api, context, desk, insert, manager, runtime } = await dialogWorld();
      await insert(desk);
      const other = await api.SCardEstablishContext(0);
      let connectNow = (): void => {};
      const connect: OpenCardConnect = async (_context, reader) => {
        await new Promise<void>((resolve) => {
          connectNow = resolve;
        });
        return (await api.SCardConnect(other.context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_Tx))
          .card as SCARDHANDLE;
      };
      const outcome = outcomeOf(api.SCardUIDlgSelectCard({ context, connect }));
      await runtime.settle();
      await end(api, context);
      await runtime.settle();
      expect(outcome.value).toBe("cancelled");
      connectNow();
      await runtime.settle();
      expect(api.openHandles.cards).toBe(0);
      expect((await manager.inspect()).readers[0]?.connections).toEqual([]);
    },
  );
});
