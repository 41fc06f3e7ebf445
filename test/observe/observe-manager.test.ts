// SPDX-License-Identifier: MIT

// What observeManager and watchCards do, beyond the checks of their arguments.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, onTestFinished, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { embeddedManager, virtualReader } from "../../src/entry/embedded.ts";
import { type ObservedCall, type ObservedEvent, observeManager } from "../../src/entry/observe.ts";
import { softwareCard } from "../../src/entry/software.ts";
import { SmartCardError } from "../../src/port/index.ts";

const SELECT = hexBytes("00A4040005A000000308");
const VERIFY = hexBytes("0020008008C0FFEE5EC0FFEE5E");

async function stage() {
  const manager = embeddedManager();
  onTestFinished(() => manager.close());
  const reader = virtualReader({ name: "Desk" });
  const name = await manager.addReader(reader);
  const card = await softwareCard("piv");
  return { manager, reader, name, card };
}

/** Waits until the list has something of the kind. */
async function until<T>(list: readonly T[], is: (one: T) => boolean): Promise<T> {
  for (;;) {
    const found = list.find(is);
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("observeManager", () => {
  test("tells the listener and the channel of each call, under the name of the client, without secrets", async () => {
    const { card, manager: inner, name, reader } = await stage();
    reader.insert(card);
    const { manager, observer } = observeManager(inner, { client: "till" });
    const [heard, published]: [ObservedEvent[], ObservedEvent[]] = [[], []];
    const publish = (event: unknown): void => void published.push(event as ObservedEvent);
    subscribe("scard:call", publish);
    onTestFinished(() => void unsubscribe("scard:call", publish));
    const stop = observer.listen((event) => heard.push(event));
    const context = await manager.establishContext();
    const connection = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    await connection.transmit(SELECT);
    await connection.transmit(VERIFY);
    await connection.disconnect("leave");
    await context.release();
    stop();
    const calls = heard.filter((event): event is ObservedCall => event.kind === "call");
    expect(calls.map(({ operation }) => operation)).toEqual([
      ...["establish-context", "connect", "transmit", "transmit", "disconnect", "release-context"],
    ]);
    expect(calls.map(({ exchange }) => exchange?.statusWord).filter(Boolean)).toEqual([0x9000, 0x63c2]);
    expect(new Set(calls.map(({ client }) => client.name))).toEqual(new Set(["till"]));
    expect(published.filter(({ kind }) => kind === "call")).toEqual(calls);
    expect(JSON.stringify(heard)).not.toMatch(/C0 ?FF|192,255/);
    // The calls on the other manager, and those after the end, are told to no listener.
    const count = heard.length;
    await (await inner.establishContext()).release();
    await (await manager.establishContext()).release();
    expect(heard).toHaveLength(count);
  });

  test("has the bytes as they are where its owner wants that, and asks its policy", async () => {
    const { card, manager: inner, name, reader } = await stage();
    reader.insert(card);
    const policy = {
      before: ({ command }: { readonly command: Uint8Array }) =>
        command[1] === 0x20 ? new SmartCardError("security-violation", "no PIN here") : undefined,
      after: () => undefined,
    };
    const { manager, observer } = observeManager(inner, { raw: true, policy });
    const heard: ObservedEvent[] = [];
    observer.listen((event) => heard.push(event));
    const context = await manager.establishContext();
    const connection = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    await connection.transmit(SELECT);
    await expect(connection.transmit(VERIFY)).rejects.toMatchObject({ code: "security-violation" });
    await context.release();
    const exchanges = heard.flatMap((event) => (event.kind === "call" && event.exchange ? [event.exchange] : []));
    expect(exchanges.map(({ raw }) => raw?.command)).toEqual([SELECT, VERIFY]);
  });
});

describe("watchCards", () => {
  test("tells of cards and readers of any manager until it is ended, and not of those that were there", async () => {
    const { card, manager: inner, name, reader } = await stage();
    const { observer } = observeManager(inner);
    const heard: ObservedEvent[] = [];
    observer.listen((event) => heard.push(event));
    const ending = new AbortController();
    const watched = observer.watchCards(inner, ending.signal);
    const is = (change: string, which: string) => (event: ObservedEvent) =>
      event.kind === "card" && event.change === change && event.reader === which;
    // What is there at its first look is not told: readers are added until one is.
    for (let number = 0; !heard.some(({ kind }) => kind === "card"); number++) {
      await inner.addReader(virtualReader({ name: `Wall ${number}` }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const wall = heard[0]?.reader ?? "";
    expect(heard[0]).toMatchObject({ kind: "card", change: "reader-added", reader: expect.stringMatching(/^Wall /) });
    reader.insert(card);
    const inserted = await until(heard, is("inserted", name));
    expect(inserted).toMatchObject({ kind: "card", atr: expect.stringMatching(/^3B/), client: undefined });
    reader.remove();
    await until(heard, is("removed", name));
    await inner.removeReader(wall);
    await until(heard, is("reader-removed", wall));
    ending.abort();
    await watched;
    expect(heard.filter(({ reader: of }) => of === name).map((event) => event.kind === "card" && event.change)).toEqual(
      [...["inserted", "removed"]],
    );
    // All was told by the watch: the manager's own trace goes elsewhere. What comes after its end is not told.
    const count = heard.length;
    reader.insert(card);
    const context = await inner.establishContext();
    const present = async (): Promise<boolean> =>
      (await context.getStatusChange([{ reader: name }], { timeoutMs: 0 }))[0]?.flags.present === true;
    while (!(await present()));
    await context.release();
    expect(heard).toHaveLength(count);
  });
});
