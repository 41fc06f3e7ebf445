// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { PNP_NOTIFICATION, type ReaderStateReport } from "../../src/port/index.ts";
import { EchoCard, failureOf, stateOf, watched, world } from "./world.ts";

function only(reports: readonly ReaderStateReport[]): ReaderStateReport {
  const [report] = reports;
  if (report === undefined || reports.length !== 1) throw new Error(`${reports.length} reports where one was expected`);
  return report;
}

describe("tracking", () => {
  test("unaware returns at once, with state, event count and ATR", async () => {
    const { context, name, reader, runtime } = await world({ empty: true });
    const a = await context("a");
    const empty = only(await a.getStatusChange([{ reader: name }]));
    expect(empty.flags).toEqual({ empty: true, changed: true });
    expect(empty.eventCount).toBeGreaterThan(0);
    reader.insert(new EchoCard("3B8180018080"));
    await runtime.settle();
    const present = only(await a.getStatusChange([{ reader: name }]));
    expect(present.flags).toEqual({ present: true, changed: true });
    expect(present.eventCount).toBe(empty.eventCount + 1);
    expect([...present.atr]).toEqual([0x3b, 0x81, 0x80, 0x01, 0x80, 0x80]);
    reader.remove();
    const again = only(await a.getStatusChange([{ reader: name }]));
    expect(again).toMatchObject({ flags: { empty: true }, eventCount: empty.eventCount + 2 });
    expect(again.atr.length).toBe(0);
  });

  test("a waiting call wakes when the card goes in, and when it goes out", async () => {
    const { context, name, reader } = await world({ empty: true });
    const a = await context("a");
    const before = only(await a.getStatusChange([{ reader: name }]));
    const waiting = a.getStatusChange([before]);
    expect(await stateOf(waiting)).toBe("pending");
    reader.insert(new EchoCard());
    const inserted = only(await waiting);
    expect(inserted.flags).toMatchObject({ present: true, changed: true });
    const out = a.getStatusChange([inserted]);
    reader.remove();
    expect(only(await out).flags).toEqual({ empty: true, changed: true });
  });

  test("a card is seen and counted at the same moment", async () => {
    const { context, name, reader } = await world({ empty: true });
    const a = await context("a");
    const before = only(await a.getStatusChange([{ reader: name }]));
    reader.insert(new EchoCard());
    for (let tick = 0; tick < 30; tick++) {
      const { flags, eventCount } = only(await a.getStatusChange([{ reader: name }]));
      expect([flags.present, eventCount]).toEqual(
        flags.empty ? [undefined, before.eventCount] : [true, before.eventCount + 1],
      );
    }
    expect(only(await a.getStatusChange([{ reader: name }])).flags.present).toBe(true);
  });

  test("no change is missed between two calls that hand the state back", async () => {
    const { context, name, reader, runtime } = await world({ empty: true });
    const a = await context("a");
    const before = only(await a.getStatusChange([{ reader: name }]));
    reader.insert(new EchoCard());
    await runtime.settle();
    reader.remove();
    const after = only(await a.getStatusChange([before]));
    expect(after.flags).toEqual({ empty: true, changed: true });
    expect(after.eventCount).toBe(before.eventCount + 2);
  });

  test("a reader that went and came again with another card has changed", async () => {
    const { context, manager, addReader, runtime } = await world();
    const a = await context("a");
    const { reader, name } = await addReader({ name: "Other" });
    reader.insert(new EchoCard());
    await runtime.settle();
    const before = only(await a.getStatusChange([{ reader: name }]));
    await manager.removeReader(name);
    const again = await addReader({ name: "Other" });
    again.reader.insert(new EchoCard());
    await runtime.settle();
    expect(only(await a.getStatusChange([before])).flags.changed).toBe(true);
  });

  test("the event count skips 0, which means that a caller has no count", async () => {
    const { context, name, reader, runtime } = await world({ empty: true });
    const a = await context("a");
    const counts: number[] = [];
    for (let round = 0; round < 40_000 && counts.at(-1) !== 2; round++) {
      reader.insert(new EchoCard());
      await runtime.settle();
      counts.push(only(await a.getStatusChange([{ reader: name }])).eventCount);
      reader.remove();
      counts.push(only(await a.getStatusChange([{ reader: name }])).eventCount);
    }
    expect(counts).not.toContain(0);
    expect(counts.slice(-2)).toEqual([1, 2]);
  });

  test("timeout 0 answers at once, n after n milliseconds, with the states as they are", async () => {
    const { context, name, runtime } = await world();
    const a = await context("a");
    const before = only(await a.getStatusChange([{ reader: name }]));
    const at0 = await failureOf(a.getStatusChange([before], { timeoutMs: 0 }));
    expect(at0.code).toBe("timeout");
    expect(at0.details.readerStates).toMatchObject([{ reader: name, flags: { present: true } }]);
    expect(at0.details.readerStates?.[0]?.flags.changed).toBeUndefined();
    const at50 = watched(a.getStatusChange([before], { timeoutMs: 50 }));
    await runtime.advance(49);
    expect(await stateOf(at50)).toBe("pending");
    await runtime.advance(1);
    expect((await failureOf(at50)).code).toBe("timeout");
    const endless = watched(a.getStatusChange([before]));
    await runtime.advance(86_400_000);
    expect(await stateOf(endless)).toBe("pending");
    for (const timeoutMs of [-1, Number.NaN]) {
      expect((await failureOf(a.getStatusChange([before], { timeoutMs }))).code).toBe("invalid-parameter");
    }
  });

  test("ignored readers are not looked at, and nothing to watch returns at once", async () => {
    const { context, name } = await world();
    const a = await context("a");
    expect(await a.getStatusChange([])).toEqual([]);
    const ignored = await a.getStatusChange([
      { reader: name, flags: { ignore: true } },
      { reader: "Nowhere", flags: { ignore: true } },
    ]);
    expect(ignored.map((report) => report.flags)).toEqual([{ ignore: true }, { ignore: true }]);
  });

  test("a name that is not known fails the whole call; one that vanishes while waiting is reported", async () => {
    for (const profile of ["windows", "pcsclite"] as const) {
      const { context, name, reader } = await world({ profile });
      const a = await context("a");
      expect((await failureOf(a.getStatusChange([{ reader: name }, { reader: "Nowhere" }]))).code).toBe(
        "unknown-reader",
      );
      const before = only(await a.getStatusChange([{ reader: name }]));
      const waiting = a.getStatusChange([before]);
      reader.unplug();
      const vanished = only(await waiting);
      const flags = { unknown: true, unavailable: true, changed: true };
      expect(vanished.flags).toEqual(profile === "windows" ? { ...flags, ignore: true } : flags);
    }
  });

  test("one that vanished is waited for when it is handed back as unknown", async () => {
    const { context, name, reader, addReader } = await world({ profile: "pcsclite" });
    const a = await context("a");
    const waiting = a.getStatusChange(await a.getStatusChange([{ reader: name }]));
    reader.unplug();
    const vanished = only(await waiting);
    const back = a.getStatusChange([vanished]);
    expect(await stateOf(back)).toBe("pending");
    await addReader({ name: "Reader" });
    expect(only(await back).flags).toEqual({ empty: true, changed: true });
  });

  test("in-use and exclusive are told, and are changes as the profile says", async () => {
    const { connect, context, name } = await world();
    const a = await context("a");
    const free = only(await a.getStatusChange([{ reader: name }]));
    const waiting = a.getStatusChange([free]);
    const user = await connect("user");
    const used = only(await waiting);
    expect(used.flags).toMatchObject({ present: true, inuse: true });
    const freed = a.getStatusChange([used]);
    await user.disconnect("leave");
    const freeAgain = only(await freed);
    const excluded = a.getStatusChange([freeAgain]);
    await connect("user", "exclusive");
    expect(only(await excluded).flags).toMatchObject({ present: true, exclusive: true });

    const lite = await world({ profile: "pcsclite" });
    const b = await lite.context("b");
    const liteFree = only(await b.getStatusChange([{ reader: lite.name }]));
    const quiet = watched(b.getStatusChange([liteFree]));
    await lite.connect("user");
    expect(await stateOf(quiet)).toBe("pending");
    const inuse = only(await b.getStatusChange([{ reader: lite.name }]));
    expect(inuse.flags.inuse).toBe(true);
  });

  test("unpowered is told on Windows, is no change, and is not told with pcsc-lite", async () => {
    for (const profile of ["windows", "pcsclite"] as const) {
      const { context, name, runtime } = await world({ profile });
      const a = await context("a");
      const before = only(await a.getStatusChange([{ reader: name }]));
      const waiting = watched(a.getStatusChange([before]));
      await runtime.advance(5000);
      expect(await stateOf(waiting)).toBe("pending");
      const after = only(await a.getStatusChange([{ reader: name }]));
      expect(after.flags.unpowered).toBe(profile === "windows" ? true : undefined);
      expect(after.atr.length).toBeGreaterThan(0);
    }
  });

  test("changes of the caller's objects do not affect a wait", async () => {
    const { context, name, reader } = await world();
    const a = await context("a");
    const query = { ...only(await a.getStatusChange([{ reader: name }])) };
    const waiting = a.getStatusChange([query]);
    query.reader = "Nowhere";
    reader.remove();
    expect(only(await waiting).reader).toBe(name);
  });
});

describe("the pseudo reader", () => {
  test("counts readers on Windows", async () => {
    const { context, addReader, manager } = await world();
    const a = await context("a");
    const query = { reader: PNP_NOTIFICATION.toLowerCase() };
    const first = only(await a.getStatusChange([query]));
    expect(first).toMatchObject({ flags: { changed: true }, eventCount: 1 });
    const arrival = a.getStatusChange([first]);
    expect(await stateOf(arrival)).toBe("pending");
    const { name } = await addReader({ name: "Second" });
    const second = only(await arrival);
    expect(second.eventCount).toBe(2);
    const departure = a.getStatusChange([second]);
    await manager.removeReader(name);
    expect(only(await departure).eventCount).toBe(1);
  });

  test("counts arrivals and departures with pcsc-lite, and waits where the caller has no count", async () => {
    const { context, addReader, manager } = await world({ profile: "pcsclite" });
    const a = await context("a");
    const waiting = a.getStatusChange([{ reader: PNP_NOTIFICATION }]);
    expect(await stateOf(waiting)).toBe("pending");
    const { name } = await addReader({ name: "Second" });
    const arrived = only(await waiting);
    expect(arrived.flags).toEqual({ changed: true });
    await manager.removeReader(name);
    await addReader({ name: "Third" });
    expect(only(await a.getStatusChange([arrived])).eventCount).toBe(arrived.eventCount + 2);
  });
});

describe("cancel", () => {
  test("ends every outstanding wait of that context and nothing else", async () => {
    const { connect, context, name, reader, runtime } = await world();
    const holder = await connect("holder");
    const mine = await context("mine");
    const options = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
    const a = await mine.connect(name, options);
    const other = await context("other");
    const state = await mine.getStatusChange([{ reader: name }]);
    await holder.beginTransaction();
    reader.slow(10);
    const underWay = holder.transmit(Uint8Array.of(0, 1, 2, 3));
    const waits = [
      mine.getStatusChange(state),
      mine.getStatusChange(state, { timeoutMs: 1000 }),
      a.beginTransaction(),
      mine.connect(name, options),
      a.transmit(Uint8Array.of(0, 1, 2, 3)),
    ];
    const cancelled = waits.map((wait: Promise<unknown>) => watched(wait));
    const theirs = watched(other.getStatusChange(state));
    await mine.cancel();
    for (const wait of cancelled) expect(await stateOf(wait)).toBe("cancelled");
    expect(await stateOf(theirs)).toBe("pending");
    await runtime.advance(10);
    expect(await stateOf(underWay)).toBe("fulfilled");
    // Not the next call.
    const next = watched(mine.getStatusChange(state));
    expect(await stateOf(next)).toBe("pending");
  });

  test("spares the exchange of its own context that is under way", async () => {
    const { context, name, reader, runtime } = await world();
    const mine = await context("mine");
    const a = await mine.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    reader.slow(10);
    const underWay = a.transmit(Uint8Array.of(0, 1, 2, 3));
    await runtime.settle();
    await mine.cancel();
    await runtime.advance(10);
    expect(await stateOf(underWay)).toBe("fulfilled");
  });

  test("with nothing outstanding succeeds and does nothing", async () => {
    const { context, name } = await world();
    const a = await context("a");
    await a.cancel();
    await a.cancel();
    const state = await a.getStatusChange([{ reader: name }]);
    expect(await stateOf(watched(a.getStatusChange(state)))).toBe("pending");
  });

  test("racing a timeout or a change gives one result", async () => {
    const { context, name, reader, runtime } = await world();
    const a = await context("a");
    const state = await a.getStatusChange([{ reader: name }]);
    const first = watched(a.getStatusChange(state, { timeoutMs: 10 }));
    await runtime.advance(10);
    await a.cancel();
    expect(await stateOf(first)).toBe("timeout");
    const second = watched(a.getStatusChange(state, { timeoutMs: 10 }));
    const cancelled = a.cancel();
    await runtime.advance(10);
    await cancelled;
    expect(await stateOf(second)).toBe("cancelled");
    const third = a.getStatusChange(state);
    reader.remove();
    await a.cancel();
    expect(await stateOf(third)).toBe("fulfilled");
  });

  test("on a context that was released is an invalid context, as every call is", async () => {
    const { context, name } = await world();
    const a = await context("a");
    expect(await a.isValid()).toBe(true);
    const waiting = watched(a.getStatusChange([{ reader: name, flags: { present: true } }]));
    await a.release();
    expect(await stateOf(waiting)).toBe("cancelled");
    expect(await a.isValid()).toBe(false);
    for (const call of [() => a.cancel(), () => a.release(), () => a.listReaders(), () => a.getStatusChange([])]) {
      expect((await failureOf(call())).code).toBe("invalid-context");
    }
  });
});

describe("the service", () => {
  test("that stops ends every wait with service-stopped, powers cards off, and refuses what comes after", async () => {
    const { card, connect, context, manager, name, runtime } = await world();
    const a = await context("a");
    const user = await connect("user");
    const waiting = watched(a.getStatusChange([{ reader: name, flags: { present: true, inuse: true } }]));
    await manager.close();
    expect(await stateOf(waiting)).toBe("service-stopped");
    expect(card.powered).toBe(false);
    expect((await failureOf(a.listReaders())).code).toBe("service-stopped");
    expect((await failureOf(context("b"))).code).toBe("service-stopped");
    await failureOf(user.status());
    expect(runtime.pendingTimers).toEqual([]);
  });
});
