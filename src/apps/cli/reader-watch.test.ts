// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { demoCard } from "../../cards/file-system/index.ts";
import { EmbeddedManager } from "../../managers/embedded/index.ts";
import type { ReaderFlags, ReaderStateReport } from "../../port/index.ts";
import { VirtualReader } from "../../readers/virtual/index.ts";
import { SimulatedRuntime } from "../../testing/runtime/index.ts";
import { differences, type Happening, type ReaderUpdate, watchUpdates } from "./reader-watch.ts";
import { painter } from "./terminal.ts";
import { describeUpdate, updateForPrograms } from "./watch.ts";

function state(flags: ReaderFlags, eventCount = 2): ReaderStateReport {
  return { reader: "R", flags, eventCount, atr: new Uint8Array() };
}

describe("two states of a reader differ by", () => {
  const cases: [string, ReaderStateReport, ReaderStateReport, Happening[]][] = [
    ["nothing", state({ present: true }), state({ present: true, changed: true }), []],
    ["a card that came", state({ empty: true }), state({ present: true }, 3), ["card-inserted"]],
    [
      "a mute card that came",
      state({ empty: true }),
      state({ present: true, mute: true }, 3),
      ["card-inserted", "card-mute"],
    ],
    ["a card that went", state({ present: true, inuse: true }), state({ empty: true }, 3), ["card-removed"]],
    ["the count alone, by one", state({ present: true }, 1), state({ present: true }, 2), []],
    ["use", state({ present: true }), state({ present: true, inuse: true }), ["in-use"]],
    ["exclusive use", state({ present: true, inuse: true }), state({ present: true, exclusive: true }), ["exclusive"]],
    [
      "shared use instead",
      state({ present: true, exclusive: true }),
      state({ present: true, inuse: true }),
      ["in-use"],
    ],
    ["the end of use", state({ present: true, exclusive: true }), state({ present: true }), ["free"]],
  ];
  it.each(cases)("%s", (_, before, now, happenings) => {
    expect(differences(before, now)).toEqual(happenings);
  });
});

/** A manager, and everything that is seen of it. */
async function world(): Promise<{
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly stop: AbortController;
  readonly watch: (once?: boolean) => { readonly seen: ReaderUpdate[]; readonly end: Promise<unknown> };
}> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const manager = new EmbeddedManager({ runtime });
  const stop = new AbortController();
  const watch = (once = false) => {
    const seen: ReaderUpdate[] = [];
    const run = async (): Promise<unknown> => {
      for await (const update of watchUpdates(manager, { signal: stop.signal, once })) seen.push(update);
      return "done";
    };
    return { seen, end: run().catch((error: unknown) => error) };
  };
  return { runtime, manager, stop, watch };
}

function told(seen: ReaderUpdate[]): string[] {
  return seen.splice(0).map(({ happenings, reader }) => `${reader}: ${happenings.join(", ")}`);
}

describe("watching", () => {
  it("tells the state of each reader first, then all that happens", async () => {
    const { manager, runtime, stop, watch } = await world();
    const one = new VirtualReader({ name: "One", clock: runtime.clock });
    const two = new VirtualReader({ name: "Two", clock: runtime.clock });
    one.insert(demoCard(runtime.random));
    await manager.addReader(one);
    await runtime.settle();
    const { end, seen } = watch();
    await runtime.settle();
    expect(told(seen)).toEqual(["One: reader-present, card-present"]);

    await manager.addReader(two);
    await runtime.settle();
    expect(told(seen)).toEqual(["Two: reader-added"]);

    two.insert(demoCard(runtime.random));
    await runtime.settle();
    const [update] = seen;
    expect(update?.atr.length).toBeGreaterThan(2);
    expect(told(seen)).toEqual(["Two: card-inserted"]);

    one.remove();
    one.insert(demoCard(runtime.random));
    await runtime.settle();
    expect(told(seen)).toEqual(["One: card-removed", "One: card-inserted"]);

    one.unplug();
    two.remove();
    await runtime.settle();
    expect(told(seen).sort()).toEqual(["One: card-removed", "One: reader-removed", "Two: card-removed"]);

    stop.abort();
    await expect(end).resolves.toBe("done");
  });

  it("tells who comes into use, and is told of a mute card", async () => {
    const { manager, runtime, stop, watch } = await world();
    const reader = new VirtualReader({ name: "One", clock: runtime.clock });
    reader.insert(demoCard(runtime.random));
    await manager.addReader(reader);
    await runtime.settle();
    const { end, seen } = watch();
    await runtime.settle();
    told(seen);
    const other = await manager.client({ name: "other" }).establishContext();
    const connection = await other.connect("One", { shareMode: "exclusive", preferredProtocols: ["t1"] });
    await runtime.settle();
    expect(told(seen)).toEqual(["One: exclusive"]);
    await connection.disconnect("leave");
    await runtime.settle();
    expect(told(seen)).toEqual(["One: free"]);
    reader.remove();
    await runtime.settle();
    reader.mute(true);
    reader.insert(demoCard(runtime.random));
    await runtime.settle();
    expect(told(seen)).toEqual(["One: card-removed", "One: card-inserted, card-mute"]);
    stop.abort();
    await end;
  });

  it("misses nothing that happens while an update is looked at", async () => {
    const { manager, runtime, stop } = await world();
    const one = new VirtualReader({ name: "One", id: "1", clock: runtime.clock });
    await manager.addReader(one);
    const updates = watchUpdates(manager, { signal: stop.signal });
    expect((await updates.next()).value).toMatchObject({ reader: "One", happenings: ["reader-present"] });
    one.unplug();
    await manager.addReader(new VirtualReader({ name: "Two", id: "2", clock: runtime.clock }));
    expect((await updates.next()).value).toMatchObject({ reader: "One", happenings: ["reader-removed"] });
    expect((await updates.next()).value).toMatchObject({ reader: "Two", happenings: ["reader-added"] });
  });

  it("ends after one look if told so, also without any reader", async () => {
    const { manager, runtime, watch } = await world();
    const nothing = watch(true);
    await expect(nothing.end).resolves.toBe("done");
    expect(nothing.seen).toEqual([]);
    await manager.addReader(new VirtualReader({ name: "One", clock: runtime.clock }));
    const one = watch(true);
    await expect(one.end).resolves.toBe("done");
    expect(told(one.seen)).toEqual(["One: reader-present"]);
  });
});

describe("an update", () => {
  const time = new Date(2026, 10, 21, 9, 8, 7, 6);
  const atr = Uint8Array.of(0x3b, 0x02, 0x14, 0x50);
  const inserted: ReaderUpdate = { reader: "R", happenings: ["card-inserted"], flags: ["present"], eventCount: 3, atr };

  it("is a line with the time, and the card on another", () => {
    expect(describeUpdate(inserted, time, painter(false))).toEqual([
      "09:08:07.006  R  card inserted",
      "              3B 02 14 50  card with T=0",
    ]);
    const empty: ReaderUpdate = {
      ...inserted,
      happenings: ["reader-present"],
      flags: ["empty"],
      atr: new Uint8Array(),
    };
    expect(describeUpdate(empty, time, painter(false))).toEqual(["09:08:07.006  R  reader, empty"]);
  });

  it("is an object for programs", () => {
    expect(updateForPrograms(inserted, time)).toEqual({
      time: time.toISOString(),
      reader: "R",
      happenings: ["card-inserted"],
      flags: ["present"],
      eventCount: 3,
      atr,
      summary: "card with T=0",
    });
  });
});
