// SPDX-License-Identifier: MIT

import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type AuditHead,
  type AuditStore,
  type AuditStoreEntry,
  AuditTrail,
  AuditVerifier,
  auditGenesis,
  decodeAuditEntry,
} from "../../src/observe/audit/index.ts";
import { AuditFile, auditFilesOf, findDriver, openAuditFile } from "../../src/platform/node/sqlite/index.ts";
import type { HostCrypto } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { observedCall, observedChange, observedExchange } from "./events.ts";

const hash: HostCrypto["hash"] = (name, data) => createHash(name).update(data).digest();
const settle = (): Promise<unknown> => new Promise(setImmediate);
const T0 = 1_700_000_000_000;

/** A store in memory that can be made to fail, or to take its time. */
class Memory implements AuditStore {
  readonly entries: AuditStoreEntry[] = [];
  problem: Error | undefined;
  gate: Promise<void> = Promise.resolve();
  closed = false;

  async head(): Promise<AuditHead> {
    return this.entries.at(-1) ?? auditGenesis;
  }

  async append(entries: readonly AuditStoreEntry[]): Promise<void> {
    await this.gate;
    if (this.problem !== undefined) throw this.problem;
    this.entries.push(...entries);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  records() {
    return this.entries.map(decodeAuditEntry);
  }
}

function stage(limits = {}, store = new Memory()) {
  const runtime = new SimulatedRuntime({ settle });
  const troubles: string[] = [];
  const trail = new AuditTrail({
    clock: runtime.clock,
    store,
    hash,
    cardName: (atr) => (atr === "3B00" ? "Demo" : undefined),
    troubled: (message) => troubles.push(message),
    limits,
  });
  return { runtime, store, trail, troubles };
}

const verify = (statusWord: number, commandBytes = 13) =>
  observedExchange({
    name: "VERIFY",
    command: { bytes: "00 20 00 80 [8 bytes withheld]", text: "VERIFY" },
    statusWord,
    commandBytes,
  });

function firstBroken(entries: readonly AuditStoreEntry[], from = auditGenesis): number | undefined {
  const verifier = new AuditVerifier(hash, from);
  for (const entry of entries) {
    const broken = verifier.next(entry);
    if (broken !== undefined) return broken.number;
  }
  return undefined;
}

describe("what an audit log has of a session", () => {
  it("is who used which card, with counts and without data", async () => {
    const { runtime, store, trail } = stage();
    trail.observed(observedChange({ change: "inserted", reader: "Desk", atr: "3B00", time: T0 }));
    const call = { reader: "Desk", connection: 7, context: 3 };
    trail.observed(observedCall({ ...call, operation: "connect", time: T0 + 10, tookMs: 5 }));
    trail.observed(observedCall({ ...call, operation: "begin-transaction", time: T0 + 20, tookMs: 0 }));
    trail.observed(observedCall({ ...call, operation: "transmit", time: T0 + 30, exchange: verify(0x63c2) }));
    trail.observed(observedCall({ ...call, operation: "transmit", time: T0 + 40, exchange: verify(0x9000) }));
    trail.observed(observedCall({ ...call, operation: "transmit", time: T0 + 45, exchange: verify(0x63c3, 4) }));
    trail.observed(observedCall({ ...call, operation: "end-transaction", time: T0 + 120, tookMs: 0 }));
    trail.observed(observedCall({ ...call, operation: "disconnect", time: T0 + 215 }));
    await runtime.advance(50);
    const who = { reader: "Desk", atr: "3B00", card: "Demo", client: { name: "tool", uid: 1000, pid: 4711 } };
    expect(store.records().map((record) => ({ ...record, hash: undefined }))).toEqual([
      { number: 1, time: T0, event: "started" },
      { number: 2, time: T0, event: "inserted", reader: "Desk", atr: "3B00", card: "Demo" },
      { number: 3, time: T0 + 15, event: "connected", ...who },
      { number: 4, time: T0 + 32, event: "pin-failed", ...who, reason: "63C2" },
      { number: 5, time: T0 + 42, event: "pin-verified", ...who },
      {
        number: 6,
        time: T0 + 215,
        event: "disconnected",
        ...who,
        use: { commands: 3, locks: 1, lockedMs: 100, pinsTried: 2, pinsFailed: 1, lastedMs: 200 },
      },
    ]);
    expect(firstBroken(store.entries)).toBeUndefined();
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("counts PINs that were entered at the reader's pad, where they reached the card", async () => {
    const { store, trail } = stage();
    const call = { reader: "Desk", connection: 7, context: 3 };
    trail.observed(observedCall({ ...call, operation: "connect" }));
    for (const statusWord of [0x63c2, 0x9000, 0x6401, 0x6400, undefined])
      trail.observed(observedCall({ ...call, operation: "control", pinPad: { name: "VERIFY", statusWord } }));
    trail.observed(observedCall({ ...call, operation: "control" }));
    trail.observed(observedCall({ ...call, operation: "disconnect" }));
    await trail.close();
    const [, , failed, verified, ended, ...others] = store.records();
    expect([failed?.event, failed?.reason, verified?.event]).toEqual(["pin-failed", "63C2", "pin-verified"]);
    expect(ended?.use).toMatchObject({ commands: 2, pinsTried: 2, pinsFailed: 1 });
    expect(others).toEqual([]);
  });

  it("is ended with the context, where a program does not disconnect", async () => {
    const { store, trail } = stage();
    for (const connection of [1, 2])
      trail.observed(observedCall({ operation: "connect", reader: "Desk", connection, context: connection }));
    trail.observed(observedCall({ operation: "release-context", context: 1 }));
    await trail.close();
    expect(store.records().map((record) => record?.event)).toEqual([
      "started",
      "connected",
      "connected",
      "disconnected",
    ]);
    expect(store.closed).toBe(true);
  });
});

describe("a chain of hashes", () => {
  it("goes on after a restart, and tells the first entry that was changed, removed, moved or added", async () => {
    const { runtime, store, trail } = stage();
    for (let at = 0; at < 20; at++) trail.record({ time: T0 + at, event: "inserted", reader: `R${at}` });
    await runtime.advance(50);
    await trail.close();
    const again = stage({}, store);
    again.trail.record({ time: T0, event: "removed", reader: "R" });
    await again.trail.close();
    const { entries } = store;
    expect(entries.map(({ number }) => number)).toEqual(Array.from({ length: 23 }, (_, at) => at + 1));
    expect(firstBroken(entries)).toBeUndefined();
    const at = fc.nat(entries.length - 1);
    fc.assert(
      fc.property(at, at, fc.constantFrom("change", "time", "remove", "swap", "repeat"), (one, two, how) => {
        const changed = [...entries];
        const [first, second] = [changed[one], changed[two]] as [AuditStoreEntry, AuditStoreEntry];
        if (how === "change") changed[one] = { ...first, body: first.body.replace(/R?\d/, "X") };
        else if (how === "time") changed[one] = { ...first, time: first.time + 1 };
        else if (how === "remove") changed.splice(one, 1);
        else if (how === "swap") [changed[one], changed[two]] = [second, first];
        else changed.splice(one, 0, first);
        const lastRemoved = how === "remove" && one === entries.length - 1;
        const unchanged = (how === "swap" && one === two) || lastRemoved;
        const place = how === "swap" ? Math.min(one, two) : how === "repeat" ? one + 1 : one;
        expect(firstBroken(changed)).toBe(unchanged ? undefined : place + 1);
      }),
    );
  });

  it("refuses a text that is no entry, though its hash fits", () => {
    const body = '{"number":1,"time":5,"event":"nonsense"}';
    const digest = hash("sha256", new TextEncoder().encode(`${auditGenesis.hash}\n${body}`));
    const entry = { number: 1, time: 5, body, hash: Buffer.from(digest).toString("hex") };
    expect(new AuditVerifier(hash).next(entry)?.problem).toMatch("not that of an entry");
  });
});

describe("the queue of an audit log", () => {
  it("is bounded: what it has no room for is dropped, counted and told, in the log and by an entry", async () => {
    const { runtime, store, trail, troubles } = stage({ queued: 10, batch: 4 });
    let open = (): void => {};
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    for (let at = 0; at < 9; at++) trail.record({ time: at, event: "inserted", reader: `R${at}` });
    await runtime.advance(50);
    for (let at = 0; at < 30; at++) trail.record({ time: at, event: "removed", reader: `R${at}` });
    expect(trail.dropped).toBe(26);
    expect(troubles).toHaveLength(1);
    open();
    await runtime.advance(50);
    const records = store.records();
    expect(records).toHaveLength(15);
    expect(records.at(-1)).toMatchObject({ event: "dropped", count: 26 });
    expect(firstBroken(store.entries)).toBeUndefined();
  });

  it("keeps what could not be written, and tries again later", async () => {
    const { runtime, store, trail, troubles } = stage();
    store.problem = new Error("the disk is full");
    trail.record({ time: 1, event: "inserted", reader: "R" });
    await runtime.advance(50);
    expect(troubles).toEqual(["the audit log cannot be written: the disk is full"]);
    store.problem = undefined;
    await runtime.advance(1000);
    expect(store.records().map((record) => record?.event)).toEqual(["started", "inserted"]);
    expect(firstBroken(store.entries)).toBeUndefined();
  });

  it("counts what is repeated, so that a hostile program cannot push all else out", async () => {
    const { runtime, store, trail } = stage();
    for (let at = 0; at < 5000; at++) trail.record({ time: at, event: "refused", reader: "R", reason: "rules[0]" });
    await runtime.advance(50);
    expect(store.records()[1]).toMatchObject({ event: "refused", count: 5000 });
    expect(store.entries).toHaveLength(2);
  });
});

describe("the file of an audit log", async () => {
  const driver = await findDriver();
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-audit-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** The store of a trail over a file, on this thread. */
  const overFile = (file: AuditFile): AuditStore => ({
    head: async () => file.head(),
    append: async (entries) => file.append(entries),
    close: async () => file.close(),
  });

  const readAll = (path: string): { entries: AuditStoreEntry[]; base: AuditHead }[] =>
    auditFilesOf(path).map((one) => {
      const file = openAuditFile(one, driver);
      const entries = file.after(0, 1_000_000);
      file.close();
      return { entries, base: file.base };
    });

  it("is the owner's alone, and goes on where it ended", async () => {
    const path = join(folder, "deep", "audit.sqlite");
    for (let run = 0; run < 3; run++) {
      const trail = new AuditTrail({
        clock: new SimulatedRuntime({ settle }).clock,
        hash,
        store: overFile(new AuditFile(path, driver)),
      });
      trail.record({ time: run, event: "inserted", reader: "Desk" });
      await trail.close();
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const [one] = readAll(path);
    expect(one?.entries).toHaveLength(6);
    expect(firstBroken(one?.entries ?? [])).toBeUndefined();
  });

  it("can only be appended to, and belongs to no other program", () => {
    const path = join(folder, "audit.sqlite");
    const file = new AuditFile(path, driver);
    file.head();
    file.append([{ number: 1, time: 1, body: "{}", hash: "00" }]);
    file.close();
    const connection = driver.open(path, false);
    expect(() => connection.run("UPDATE entry SET time = 2")).toThrow("only appended to");
    expect(() => connection.run("DELETE FROM entry")).toThrow("only appended to");
    connection.exec("PRAGMA application_id = 5");
    connection.close();
    expect(() => openAuditFile(path, driver)).toThrow("is not an audit log of scard");
    expect(() => new AuditFile(path, driver).head()).toThrow("is not an audit log of scard");
  });

  it("is rotated by size and by age, the chain goes on, and the oldest go", async () => {
    const path = join(folder, "audit.sqlite");
    const rotation = { maxBytes: 60_000, maxAgeMs: 1000, keep: 2 };
    const file = new AuditFile(path, driver, rotation);
    let head = file.head();
    const trail = new AuditTrail({
      clock: new SimulatedRuntime({ settle }).clock,
      hash,
      store: overFile(file),
      limits: { queued: 5000 },
    });
    for (let at = 0; at < 3000; at++) trail.record({ time: T0, event: "inserted", reader: `Reader number ${at}` });
    await trail.close();
    const young = new AuditFile(path, driver, rotation);
    head = young.head();
    expect(head.number).toBe(3001);
    const later = new SimulatedRuntime({ settle });
    await later.advance(5000);
    const late = new AuditTrail({ clock: later.clock, hash, store: overFile(young) });
    late.record({ time: T0 + 5000, event: "removed", reader: "Desk" });
    await late.close();
    expect(readdirSync(folder).sort()).toEqual(["audit.sqlite", "audit.sqlite.1", "audit.sqlite.2"]);
    const files = readAll(path);
    const [first] = files;
    expect(first?.base.number).toBeGreaterThan(0);
    expect(
      firstBroken(
        files.flatMap(({ entries }) => entries),
        first?.base,
      ),
    ).toBeUndefined();
    for (const { base, entries } of files) expect(firstBroken(entries, base)).toBeUndefined();
    expect(files.at(-1)?.entries.map(({ time }) => time)).toEqual([T0 + 5000, T0 + 5000]);
  });
});
