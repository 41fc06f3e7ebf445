// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { type SoftwareCard, Type2Tag, VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager, nodeRuntime, softwareCard } from "../../src/entry/embedded.ts";
import * as smartcard from "../../src/entry/smartcard-compat.ts";
import {
  dispositions,
  features,
  ioctls,
  protocols,
  type ResourceManager,
  readerStateBits,
  SmartCardError,
  shareModes,
} from "../../src/port/index.ts";

const { Context, Devices, ReaderMonitor, SCARD_STATE_PRESENT } = smartcard;
const runtime = nodeRuntime();
const getUid = [0xff, 0xca, 0x00, 0x00, 0x00];

async function world(card?: SoftwareCard, spoken: readonly ["t0" | "t1"] = ["t1"]) {
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const slot = new VirtualReader({ name: "Desk", protocols: spoken, clock: runtime.clock });
  if (card !== undefined) slot.insert(card);
  await manager.addReader(slot);
  onTestFinished(() => manager.close());
  return { manager, slot };
}

function watching(manager: ResourceManager) {
  const devices = new Devices({ manager });
  onTestFinished(() => devices.stop());
  return devices;
}

/** A manager that cannot be looked at without waiting. */
function onlyThePort(manager: ResourceManager): ResourceManager {
  return { establishContext: (options) => manager.establishContext(options) };
}

describe("Devices", () => {
  test("tells of a reader and the card in it, and of the card's way out", async () => {
    const { manager, slot } = await world(new Type2Tag());
    const devices = watching(manager);
    const attached = once(devices, "reader-attached");
    const inserted = once(devices, "card-inserted");
    devices.start();
    devices.start();
    expect((await attached)[0]).toMatchObject({ name: "Desk" });
    const [{ card, reader }] = await inserted;
    expect(reader.name).toBe("Desk");
    expect(reader.state & SCARD_STATE_PRESENT).toBeTruthy();
    expect(card.atr.toString("hex")).toBe("3b8f8001804f0ca0000003060300030000000068");
    expect((await card.transmit(getUid)).toString("hex")).toBe("04a23b7a1122809000");
    expect(devices.getCard("Desk")).toBe(card);
    expect([...devices.getCards()]).toEqual([["Desk", card]]);
    expect(devices.listReaders().map(({ name }) => name)).toEqual(["Desk"]);
    const removed = once(devices, "card-removed");
    slot.remove();
    expect((await removed)[0]).toEqual({ reader: { name: "Desk" }, card });
    expect(card.connected).toBe(false);
    expect(devices.getCard("Desk")).toBeNull();
    expect(devices.getCards().size).toBe(0);
  });

  test("connects to each card that comes, however quickly", async () => {
    const { manager, slot } = await world();
    const devices = watching(manager);
    devices.start();
    await once(devices, "reader-attached");
    const events: string[] = [];
    for (const name of ["card-inserted", "card-removed", "error"] as const) devices.on(name, () => events.push(name));
    slot.insert(new Type2Tag());
    await once(devices, "card-inserted");
    slot.remove();
    slot.insert(new Type2Tag({ uid: Uint8Array.of(4, 1, 2, 3, 4, 5, 6) }));
    const [{ card }] = await once(devices, "card-inserted");
    expect((await card.transmit(getUid)).toString("hex")).toBe("040102030405069000");
    expect(events).toEqual(["card-inserted", "card-removed", "card-inserted"]);
  });

  test("tells of readers that are plugged in and unplugged, the card first", async () => {
    const { manager, slot } = await world(new Type2Tag());
    const devices = watching(manager);
    devices.start();
    await once(devices, "card-inserted");
    const events: unknown[] = [];
    devices.on("card-removed", ({ card }) => events.push(["card-removed", card?.connected]));
    devices.on("reader-detached", ({ name }) => events.push(["reader-detached", name]));
    const detached = once(devices, "reader-detached");
    slot.unplug();
    await detached;
    expect(events).toEqual([
      ["card-removed", false],
      ["reader-detached", "Desk"],
    ]);
  });

  test("emits one error without a service, and says nothing more once it is stopped", async () => {
    const failing = { establishContext: () => Promise.reject(new SmartCardError("no-service", "nothing listens")) };
    const devices = watching(failing);
    devices.start();
    const [error] = await once(devices, "error");
    expect(error).toBeInstanceOf(smartcard.ServiceNotRunningError);
    expect(error).toMatchObject({ message: "PC/SC service not running", code: 0x8010001d });
    devices.stop();
    expect(devices.listReaders()).toEqual([]);
  });

  test("gives the card back when it is stopped", async () => {
    const { manager } = await world(new Type2Tag());
    const devices = watching(manager);
    devices.start();
    const [{ card }] = await once(devices, "card-inserted");
    devices.stop();
    expect(card.connected).toBe(false);
    const context = await manager.establishContext();
    await expect
      .poll(() => context.connect("Desk", { shareMode: "exclusive", preferredProtocols: ["t1"] }).then(() => "free"))
      .toBe("free");
  });
});

describe("Context and Reader", () => {
  test("list readers at once, with states and ATRs", async () => {
    const { manager } = await world(new Type2Tag());
    const context = new Context({ manager });
    expect(context.isValid).toBe(true);
    // The manager looks into a card as soon as it can.
    await expect.poll(() => context.listReaders()[0]?.atr?.length).toBe(20);
    const [reader] = context.listReaders();
    expect(reader?.name).toBe("Desk");
    expect((reader?.state ?? 0) & SCARD_STATE_PRESENT).toBeTruthy();
    context.close();
    expect(context.isValid).toBe(false);
    expect(() => context.listReaders()).toThrow("Context is not valid");
  });

  test("list what was last seen where the manager cannot be looked at without waiting", async () => {
    const { manager } = await world(new Type2Tag());
    const context = new Context({ manager: onlyThePort(manager) });
    expect(context.listReaders()).toEqual([]);
    await context.refresh();
    const [reader] = context.listReaders();
    expect(reader?.name).toBe("Desk");
    const card = await reader?.connect();
    expect((await card?.transmit(getUid))?.length).toBe(9);
    context.close();
  });

  test("wait for a change, a timeout, and a cancellation", async () => {
    const { manager, slot } = await world();
    const context = new Context({ manager });
    const now = await context.waitForChange();
    expect(now).toMatchObject([{ name: "Desk", changed: true, atr: null }]);
    expect(await context.waitForChange(now ?? [], 1)).toEqual([]);
    const change = context.waitForChange(context.listReaders());
    slot.insert(new Type2Tag());
    const [seen] = (await change) ?? [];
    expect((seen?.state ?? 0) & SCARD_STATE_PRESENT).toBeTruthy();
    const settled = (await context.waitForChange(["Desk"])) ?? [];
    const waiting = context.waitForChange(settled);
    await expect
      .poll(() => {
        context.cancel();
        return Promise.race([waiting, Promise.resolve("waits")]);
      })
      .toBeNull();
    for (const limit of [0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, -1]) {
      const change = context.waitForChange(settled, limit);
      await new Promise((resolve) => setImmediate(resolve));
      await expect
        .poll(() => {
          context.cancel();
          return Promise.race([change, Promise.resolve("waits")]);
        })
        .toBeNull();
    }
    for (const limit of [0x1_0000_0000, -2, Number.NaN, 0.5]) {
      await expect(context.waitForChange(settled, limit)).rejects.toThrow();
    }
    await expect(context.waitForChange(["Nowhere"], 0)).rejects.toMatchObject({ message: "Unknown reader" });
    context.close();
    await expect(context.waitForChange()).rejects.toThrow("Context is not valid");
  });

  test("without a reader, wait for one to come", async () => {
    const manager = new EmbeddedManager({ runtime });
    onTestFinished(() => manager.close());
    const context = new Context({ manager });
    expect(context.listReaders()).toEqual([]);
    const change = context.waitForChange(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    await manager.addReader(new VirtualReader({ name: "New", clock: runtime.clock }));
    expect(await change).toMatchObject([{ name: "\\\\?PnP?\\Notification", changed: true }]);
    context.close();
  });
});

describe("Card", () => {
  async function connected(card: SoftwareCard, protocols?: ["t0"]) {
    const { manager, slot } = await world(card, protocols);
    const context = new Context({ manager });
    onTestFinished(() => context.close());
    const [reader] = context.listReaders();
    if (reader === undefined) throw new Error("no reader");
    return { card: await reader.connect(), context, manager, reader, slot };
  }

  test("answers at once what is known of it", async () => {
    const { card } = await connected(new Type2Tag());
    expect(card.protocol).toBe(smartcard.SCARD_PROTOCOL_T1);
    expect(card.connected).toBe(true);
    const { atr, protocol, state } = card.getStatus();
    expect([atr.length, protocol]).toEqual([20, 2]);
    // SCARD_PRESENT, SCARD_POWERED and SCARD_SPECIFIC of pcsc-lite's header: what pcscd says of a card in use.
    expect(state).toBe(0x54);
  });

  test("takes Buffers and lists of bytes, and gives Buffers", async () => {
    const { card } = await connected(new Type2Tag());
    const response = await card.transmit(Buffer.from(getUid));
    expect(Buffer.isBuffer(response)).toBe(true);
    expect(await card.transmit(getUid)).toEqual(response);
    await expect(card.transmit("ffca000000" as never)).rejects.toThrow(TypeError);
    await expect(card.transmit(getUid, { maxRecvLength: 8 })).rejects.toMatchObject({
      message: "Insufficient buffer",
      code: 0x80100008,
    });
  });

  test("follows 61xx and 6Cxx up when it is told to, and not otherwise", async () => {
    const { card } = await connected(await softwareCard("demo"), ["t0"]);
    const selectDirectory = [0x00, 0xa4, 0x00, 0x04, 0x02, 0x3f, 0x00, 0x00];
    const raw = await card.transmit(selectDirectory);
    expect(raw[0]).toBe(0x61);
    const whole = await card.transmit(selectDirectory, { autoGetResponse: true });
    expect(whole.subarray(-2).toString("hex")).toBe("9000");
    expect(whole.length).toBe((raw[1] ?? 0) + 2);
    expect(await smartcard.transmitWithAutoResponse(card, selectDirectory, { autoGetResponse: true })).toEqual(whole);
    expect((await smartcard.transmitWithAutoResponse(card, selectDirectory))[0]).toBe(0x61);
  });

  test("says that it was removed, and that it was disconnected", async () => {
    const { card, slot } = await connected(new Type2Tag());
    slot.remove();
    const failed = await card.transmit(getUid).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(smartcard.CardRemovedError);
    expect(failed).toBeInstanceOf(smartcard.PCSCError);
    expect(failed).toMatchObject({ message: "Card was removed", code: 0x80100069, cause: { code: "removed-card" } });
    expect(card.atr).toBeNull();
    expect(() => card.getStatus()).toThrow("Card was removed");
    card.disconnect();
    card.disconnect();
    expect(() => card.getStatus()).toThrow("Card is not connected");
    await expect(card.transmit(getUid)).rejects.toThrow("Card is not connected");
  });

  test("reconnects after it was reset by another, and is given back before the next connect", async () => {
    const { card, manager, reader } = await connected(new Type2Tag());
    const other = await manager.establishContext();
    const theirs = await other.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] });
    await theirs.disconnect("reset");
    await expect(card.transmit(getUid)).rejects.toMatchObject({ message: "Card was reset" });
    expect(await card.reconnect()).toBe(smartcard.SCARD_PROTOCOL_T1);
    expect((await card.transmit(getUid)).length).toBe(9);
    expect(card.getStatus().atr.length).toBe(20);
    card.disconnect(smartcard.SCARD_RESET_CARD);
    const alone = await reader.connect(smartcard.SCARD_SHARE_EXCLUSIVE);
    await expect(reader.connect()).rejects.toBeInstanceOf(smartcard.SharingViolationError);
    alone.disconnect();
    expect(() => alone.disconnect(99)).not.toThrow();
  });

  test("asks the reader for its features", async () => {
    const { card } = await connected(new Type2Tag());
    const features = smartcard.parseFeatures(await card.control(smartcard.CM_IOCTL_GET_FEATURE_REQUEST));
    expect([...features.keys()]).toEqual([smartcard.FEATURE_GET_TLV_PROPERTIES]);
    await expect(card.control(smartcard.SCARD_CTL_CODE(4000))).rejects.toThrow(smartcard.PCSCError);
  });
});

test("the numbers are those of this system's header", () => {
  const dialect = process.platform === "win32" ? "windows" : "pcsclite";
  const rows = [shareModes, protocols, dispositions, readerStateBits, ioctls].flatMap((table) => Object.values(table));
  const numbers = new Map<string, number | undefined>([
    ...rows.map((row): [string, number | undefined] => [row.name, row[dialect]]),
    ...Object.values(features).map(({ name, tag }): [string, number] => [name, tag]),
    ["SCARD_PROTOCOL_UNDEFINED", 0],
    ["SCARD_STATE_UNAWARE", 0],
  ]);
  const exported = Object.entries(smartcard).filter(([name]) => /^(?:SCARD|FEATURE|CM)_/.test(name));
  const constants = exported.filter(([, value]) => typeof value === "number");
  expect(Object.fromEntries(constants)).toEqual(
    Object.fromEntries(constants.map(([name]) => [name, numbers.get(name)])),
  );
  expect(constants).toHaveLength(42);
  expect(smartcard.SCARD_CTL_CODE(3400)).toBe(smartcard.CM_IOCTL_GET_FEATURE_REQUEST);
});

test("a monitor tells of readers and cards, and stops", async () => {
  const { manager, slot } = await world();
  const monitor = new ReaderMonitor({ manager });
  const types: string[] = [];
  const heard = new Promise<void>((resolve) => {
    monitor.start(({ reader, type }) => {
      expect(reader).toBe("Desk");
      types.push(type);
      if (type === "reader-attached") slot.insert(new Type2Tag());
      if (type === "card-inserted") slot.remove();
      if (type === "card-removed") slot.unplug();
      if (type === "reader-detached") resolve();
    });
  });
  expect(monitor.isRunning).toBe(true);
  expect(() => monitor.start(() => {})).toThrow("Monitor is already running");
  await heard;
  expect(types).toEqual(["reader-attached", "card-inserted", "card-removed", "reader-detached"]);
  monitor.stop();
  expect(monitor.isRunning).toBe(false);
});

test("errors have a class for the numbers that have one", () => {
  expect(smartcard.createPCSCError("late", 0x8010000a)).toBeInstanceOf(smartcard.TimeoutError);
  expect(smartcard.createPCSCError("none", 0x8010002e)).toBeInstanceOf(smartcard.NoReadersError);
  const other = smartcard.createPCSCError("odd", 0x80100001);
  expect([other.name, other.message, other.code]).toEqual(["PCSCError", "odd", 0x80100001]);
});
