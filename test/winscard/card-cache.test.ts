// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import { SCARD_SCOPE_USER, WinSCard } from "../../src/faces/winscard/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { ResourceManager } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { joinedWorld } from "../pcscd/in-memory.ts";
import { error, Port } from "./port.ts";

const CARD = "{00112233-4455-6677-8899-AABBCCDDEEFF}";
const data = Uint8Array.of(1, 2, 3);

function embedded(limits = {}): EmbeddedManager {
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return new EmbeddedManager({ runtime: new SimulatedRuntime({ settle }), limits });
}

/** A program with a context: its calls go to the manager's cache. */
async function program(defaultManager: () => ResourceManager) {
  const api = new WinSCard({ defaultManager });
  const { context } = await api.SCardEstablishContext(SCARD_SCOPE_USER);
  return {
    api,
    context,
    read: async (freshness: number, name = "name") =>
      (await api.SCardReadCache(context, CARD, freshness, name)).data.length,
    write: (freshness: number, name = "name", bytes = data) =>
      api.SCardWriteCache(context, CARD, freshness, name, bytes),
  };
}

describe("the card cache is the resource manager's", () => {
  it("so every program of the manager reads what one has written, also after that one has ended", async () => {
    const manager = embedded();
    const client = manager.client({ name: "A" });
    const a = await program(() => client);
    const b = await program(() => manager.client({ name: "B" }));
    await a.write(5);
    expect(await b.read(5)).toBe(3);
    await client.end();
    expect(await b.read(5)).toBe(3);
    await b.write(6);
    await expect(b.read(7)).rejects.toEqual(error("cache-item-stale"));
    await expect(b.read(6)).rejects.toEqual(error("cache-item-not-found"));
  });

  it("and to ask for an older revision removes nothing", async () => {
    const { read, write } = await program(() => embedded());
    await write(5);
    await expect(read(4)).rejects.toEqual(error("cache-item-not-found"));
    expect(await read(5)).toBe(3);
  });

  it("and other managers have others", async () => {
    const [one, other] = [await program(() => embedded()), await program(() => embedded())];
    await one.write(5);
    await expect(other.read(5)).rejects.toEqual(error("cache-item-not-found"));
  });

  it("with the limits that the manager was given, which one program cannot use up alone", async () => {
    const manager = embedded({ cacheItems: 4, cacheItemBytes: 8 });
    const a = await program(() => manager.client({ name: "A" }));
    const b = await program(() => manager.client({ name: "B" }));
    await a.write(1, "mine");
    for (let count = 0; count < 20; count++) await b.write(1, `${count}`);
    expect(await a.read(1, "mine")).toBe(3);
    await expect(a.write(1, "mine", new Uint8Array(9))).rejects.toEqual(error("cache-item-too-big"));
  });

  it("and a context that was released has no part in it", async () => {
    const { api, context, read } = await program(() => embedded());
    await api.SCardReleaseContext(context);
    await expect(read(1)).rejects.toEqual(error("invalid-context"));
    const manager = embedded();
    const opened = await manager.establishContext();
    await manager.close();
    await expect(opened.cache?.read(CARD, 1, "name")).rejects.toEqual(error("service-stopped"));
    await expect(opened.cache?.write(CARD, 1, "name", data)).rejects.toEqual(error("service-stopped"));
  });
});

describe("where the manager has no card cache", () => {
  it("the contexts of one program share one", async () => {
    const port = new Port();
    const a = await program(() => port.manager);
    await a.write(5);
    const { context } = await a.api.SCardEstablishContext(SCARD_SCOPE_USER);
    expect((await a.api.SCardReadCache(context, CARD, 5, "name")).data).toEqual(data);
  });

  it("a service that has stopped is told, not what was cached", async () => {
    const port = new Port();
    const { read, write } = await program(() => port.manager);
    await write(5);
    port.valid = false;
    await expect(read(5)).rejects.toEqual(error("service-stopped"));
    await expect(write(5)).rejects.toEqual(error("service-stopped"));
  });
});

describe("over the protocol of pcscd", () => {
  it("the programs of one process share a cache", async () => {
    const { client } = await joinedWorld();
    const a = await program(() => client);
    const b = await program(() => client);
    await a.write(5);
    expect(await b.read(5)).toBe(3);
    await a.api.SCardReleaseContext(a.context);
    await expect(a.read(5)).rejects.toEqual(error("invalid-context"));
  });
});
