// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import {
  type OpenByDriver,
  type UsbLogEntry,
  UsbReaders,
  type UsbReadersOptions,
  type UsbSelection,
} from "../../src/readers/usb/index.ts";
import { VirtualReader } from "../../src/readers/virtual/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { FakeBus } from "./fake-bus.ts";

/** Turns of the event loop that settle all that is due. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

function benchWith(
  selections: readonly UsbSelection[] = [{}],
  bus = new FakeBus(),
  more: Partial<UsbReadersOptions> = {},
) {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const entries: UsbLogEntry[] = [];
  const { openDevice, transport } = bus;
  const readers = new UsbReaders({
    runtime,
    transport,
    openDevice,
    host: manager,
    selections,
    log: (entry) => entries.push(entry),
    ...more,
  });
  const names = (): string[] => manager.readers().map(({ name }) => name);
  const start = async (): Promise<void> => {
    const started = readers.start();
    await runtime.advance(0);
    await started;
  };
  return { bus, entries, manager, names, readers, runtime, start };
}

describe("names of USB readers", () => {
  test("are those of pcscd: libccid's name, interface, serial number, numbers of reader and slot", async () => {
    const { bus, names, start } = benchWith();
    bus.plug({ portPath: "1-1", serial: "A1" });
    bus.plug({ portPath: "1-2", address: 3, vendorId: 0x08e6, productId: 0x3437, interfaceName: "CCID é" });
    bus.plug({ portPath: "1-3", address: 4, serial: "X9", interfaceName: "Slot X9" });
    bus.slots.set("1-3", 2);
    await start();
    expect(names()).toEqual([
      "ACS ACR 38U-CCID (A1) 00 00",
      "Gemalto PC Twin Reader [CCID ..] 01 00",
      "ACS ACR 38U-CCID [Slot X9] 02 00",
      "ACS ACR 38U-CCID [Slot X9] 02 01",
    ]);
  });

  test("of readers that libccid does not list come from the device", async () => {
    const { bus, names, start } = benchWith();
    bus.plug({ portPath: "1-1", vendorId: 1, productId: 2, manufacturer: "Acme", product: "Acme Reader 3" });
    bus.plug({ portPath: "1-2", address: 3, vendorId: 1, productId: 2, manufacturer: "Acme", product: "Token" });
    bus.plug({ portPath: "1-3", address: 4, vendorId: 1, productId: 2, manufacturer: "", product: "" });
    bus.plug({ portPath: "1-4", address: 5, vendorId: 1, productId: 2, product: "é".repeat(100), manufacturer: "" });
    await start();
    const [first, second, third, long = ""] = names();
    expect([first, second, third]).toEqual(["Acme Reader 3 00 00", "Acme Token 01 00", "USB reader 0001:0002 02 00"]);
    expect(new TextEncoder().encode(long).length).toBeLessThanOrEqual(127);
    expect(long).toMatch(/^é+ 03 00$/);
  });

  test("a reader that comes back has the number that it had, and another takes the first that is free", async () => {
    const { bus, names, runtime, start } = benchWith();
    bus.plug({ portPath: "1-1" });
    bus.plug({ portPath: "1-2", address: 3 });
    await start();
    expect(names()).toEqual(["ACS ACR 38U-CCID 00 00", "ACS ACR 38U-CCID 01 00"]);
    await bus.unplug("1-1");
    bus.changed();
    await runtime.advance(0);
    expect(names()).toEqual(["ACS ACR 38U-CCID 01 00"]);
    bus.plug({ portPath: "1-3", address: 4 });
    await runtime.advance(0);
    expect(names()).toEqual(["ACS ACR 38U-CCID 01 00", "ACS ACR 38U-CCID 00 00"]);
    await bus.unplug("1-2");
    bus.changed();
    await runtime.advance(0);
    bus.plug({ portPath: "1-2", address: 6 });
    await runtime.advance(0);
    expect(names()).toEqual(["ACS ACR 38U-CCID 00 00", "ACS ACR 38U-CCID 01 00"]);
  });

  test("two alike are told apart by their ports after a restart, whichever answers first", async () => {
    const seen: Record<string, string>[] = [];
    for (const slow of ["1-1", "1-2"]) {
      const { bus, manager, runtime, start } = benchWith();
      bus.plug({ portPath: "1-1" });
      bus.plug({ portPath: "1-2", address: 3 });
      const free = bus.hold(slow);
      const started = start();
      await runtime.advance(500);
      free();
      await runtime.advance(0);
      await started;
      const { readers } = await manager.inspect();
      seen.push(Object.fromEntries(readers.map(({ id, name }) => [id, name])));
    }
    expect(seen[0]).toEqual({
      "usb:072f:90cc::1-1:0:0": "ACS ACR 38U-CCID 00 00",
      "usb:072f:90cc::1-2:0:0": "ACS ACR 38U-CCID 01 00",
    });
    expect(seen[1]).toEqual(seen[0]);
  });

  test("a reader that does not answer keeps the others waiting for a second at most", async () => {
    const { bus, names, runtime, start } = benchWith();
    bus.plug({ portPath: "1-1" });
    bus.plug({ portPath: "1-2", address: 3 });
    bus.hold("1-1");
    const started = start();
    await runtime.advance(1000);
    expect(names()).toEqual(["ACS ACR 38U-CCID 01 00"]);
    await runtime.advance(2000);
    await started;
  });

  test("an alias of the configuration is the name", async () => {
    const { bus, names, readers, runtime, start } = benchWith([{ serial: "A1", name: "Desk" }, {}]);
    bus.plug({ portPath: "1-1", serial: "A1" });
    bus.slots.set("1-1", 2);
    bus.plug({ portPath: "1-2", address: 3 });
    await start();
    expect(names()).toEqual(["Desk", "Desk 1", "ACS ACR 38U-CCID 01 00"]);
    const selected = readers.select([{ port: "1-2", name: "Shelf" }, {}]);
    await runtime.advance(0);
    await selected;
    expect(names().sort()).toEqual(["ACS ACR 38U-CCID (A1) 00 00", "ACS ACR 38U-CCID (A1) 00 01", "Shelf"]);
  });
});

describe("which readers are taken", () => {
  test("those that the configuration has chosen; the others are named with the reason", async () => {
    const { bus, names, readers, start } = benchWith([{ device: "08E6:3437" }, { serial: "A1" }]);
    bus.plug({ portPath: "1-1", serial: "A1" });
    bus.plug({ portPath: "1-2", address: 3, vendorId: 0x08e6, productId: 0x3437 });
    bus.plug({ portPath: "1-3", address: 4, serial: "B2" });
    await start();
    expect(names()).toHaveLength(2);
    expect(readers.report()[2]).toMatchObject({
      device: "072f:90cc",
      serial: "B2",
      port: "1-3",
      state: "unwanted",
      readers: [],
      reason: "the configuration has chosen other readers",
    });
  });

  test("not those that udev's rules leave to others", async () => {
    const { bus, names, readers, start } = benchWith();
    bus.plug({ portPath: "1-1" }, { ignored: "udev has PCSCLITE_IGNORE=1 for it" });
    await start();
    expect(names()).toEqual([]);
    expect(bus.opened).toEqual([]);
    expect(readers.report()[0]).toMatchObject({ state: "ignored", reason: "udev has PCSCLITE_IGNORE=1 for it" });
    await expect(readers.claim("1-1")).rejects.toMatchObject({ code: "unsupported-feature" });
  });

  test("not before the system has set them up, but not later than after five seconds", async () => {
    const { bus, names, runtime, start } = benchWith();
    bus.plug({ portPath: "1-1" }, { isSettling: true });
    await start();
    await runtime.advance(4000);
    expect(bus.opened).toEqual([]);
    await runtime.advance(1500);
    expect(names()).toHaveLength(1);
    bus.changed();
    await runtime.advance(6000);
    expect(names()).toHaveLength(1);
  });

  test("a machine without USB is a state, and readers are taken when USB comes", async () => {
    const bus = new FakeBus();
    bus.missing = "this machine has no USB";
    const { entries, names, readers, runtime, start } = benchWith([{}], bus);
    await start();
    bus.changed();
    await runtime.advance(0);
    expect(entries).toEqual([
      { level: "info", message: "waits for USB readers", details: { reason: "this machine has no USB" } },
    ]);
    expect(readers.missing).toBe("this machine has no USB");
    bus.missing = undefined;
    bus.plug({ portPath: "1-1" });
    await runtime.advance(0);
    expect(names()).toHaveLength(1);
    expect(readers.missing).toBeUndefined();
  });
});

describe("a reader that fails", () => {
  test("is tried again, ever later, and told once", async () => {
    const { bus, entries, names, readers, runtime, start } = benchWith();
    bus.failures.set("1-1", "busy");
    bus.plug({ portPath: "1-1" });
    await start();
    expect(readers.report()[0]).toMatchObject({ state: "failed", reason: "1-1 is busy" });
    await runtime.advance(600);
    expect(bus.opened).toHaveLength(2);
    await runtime.advance(1000);
    expect(bus.opened).toHaveLength(3);
    await runtime.advance(3_600_000);
    expect(bus.opened.length).toBeGreaterThan(100);
    expect(bus.opened.length).toBeLessThan(140);
    expect(entries.filter(({ level }) => level === "warn")).toHaveLength(1);
    bus.failures.clear();
    bus.changed();
    await runtime.advance(0);
    expect(names()).toHaveLength(1);
  });

  test("because it is no reader of ours is left alone", async () => {
    const { bus, runtime, start } = benchWith();
    bus.failures.set("1-1", new SmartCardError("reader-unsupported", "its firmware does not work"));
    bus.plug({ portPath: "1-1" });
    await start();
    await runtime.advance(3_600_000);
    expect(bus.opened).toEqual(["1-1"]);
  });

  test("while the manager is full leaves nothing claimed", async () => {
    const { bus, manager, names, readers, start } = benchWith();
    bus.slots.set("1-1", 2);
    bus.plug({ portPath: "1-1" });
    const add = manager.addReader.bind(manager);
    let calls = 0;
    manager.addReader = async (reader) => {
      if (++calls === 2) throw new SmartCardError("no-memory", "there are 1 readers, the limit");
      return add(reader);
    };
    await start();
    expect(names()).toEqual([]);
    expect(bus.claimed).toEqual([]);
    expect(readers.report()[0]).toMatchObject({ state: "failed", reason: "there are 1 readers, the limit" });
  });

  test("after it was in service, as after a suspend, comes back under its name", async () => {
    const { bus, manager, names, runtime, start } = benchWith();
    bus.plug({ portPath: "1-1" });
    await start();
    const context = await manager.establishContext();
    await bus.lose("1-1");
    await runtime.advance(0);
    expect(names()).toEqual([]);
    await runtime.advance(600);
    expect(names()).toEqual(["ACS ACR 38U-CCID 00 00"]);
    await context.release();
    // One that is lost again and again is not tried without a pause.
    for (let time = 0; time < 5; time++) {
      await bus.lose("1-1");
      await runtime.advance(0);
      await runtime.advance(400);
      expect(names()).toEqual([]);
      await runtime.advance(60_000);
      expect(names()).toHaveLength(1);
    }
  });
});

describe("a driver of others", () => {
  /** Drives the devices at these ports. */
  function foreignAt(...ports: readonly string[]) {
    const told: string[] = [];
    let end: (() => void) | undefined;
    const openByDriver: OpenByDriver = async (description, { describe: named, driver, ended }) => {
      told.push(`open ${description.portPath}`);
      if (!ports.includes(description.portPath) || driver !== "pcsc-lite") return undefined;
      end = ended;
      const reader = new VirtualReader({
        ...named(0, "Vendor's driver"),
        clock: new SimulatedRuntime({ settle }).clock,
      });
      return {
        readers: [reader],
        unplugged: (reason) => told.push(`unplugged: ${reason}`),
        close: async () => {
          told.push("close");
          await reader.close();
        },
      };
    };
    return { openByDriver, told, end: () => end?.() };
  }

  test("has what is chosen for it, what ours cannot drive, and devices of another class", async () => {
    const foreign = foreignAt("1-1", "1-2", "1-3");
    const { bus, names, runtime, start } = benchWith(
      [{ port: "1-1", driver: "pcsc-lite" }, {}],
      new FakeBus(),
      foreign,
    );
    bus.failures.set("1-2", new SmartCardError("reader-unsupported", "its firmware does not work"));
    bus.plug({ portPath: "1-1" });
    bus.plug({ portPath: "1-2", address: 3 });
    bus.plug({ portPath: "1-3", address: 4, interfaceClass: 0xff, classDescriptor: new Uint8Array() });
    bus.plug({ portPath: "1-4", address: 5 });
    await start();
    expect(names()).toEqual([
      "Vendor's driver 00 00",
      "Vendor's driver 02 00",
      "Vendor's driver 01 00",
      // The first of ours could not be used, and was counted until that was known.
      "ACS ACR 38U-CCID 01 00",
    ]);
    expect(bus.claimed).toEqual(["1-4"]);
    await bus.unplug("1-3");
    bus.changed();
    await runtime.advance(0);
    expect(foreign.told.slice(-2)).toEqual(["unplugged: it is unplugged", "close"]);
    foreign.end();
    await runtime.advance(600);
    expect(names()).toHaveLength(3);
  });

  test("that has ended is opened again, and one that does not know the device leaves the reason", async () => {
    const foreign = foreignAt("1-1");
    const { bus, names, readers, runtime, start } = benchWith([{ driver: "pcsc-lite" }], new FakeBus(), foreign);
    bus.plug({ portPath: "1-1" });
    bus.plug({ portPath: "1-2", address: 3 });
    await start();
    expect(readers.report()[1]).toMatchObject({
      state: "failed",
      reason: "no driver that is installed for pcscd is for this device",
    });
    foreign.end();
    await runtime.advance(0);
    expect(names()).toEqual([]);
    await runtime.advance(600);
    expect(names()).toEqual(["Vendor's driver 00 00"]);
    expect(foreign.told.filter((line) => line === "open 1-1")).toHaveLength(2);
  });
});

describe("at run time", () => {
  test("a reader is given free for other programs, and taken back", async () => {
    const { bus, names, readers, runtime, start } = benchWith();
    bus.slots.set("1-1", 2);
    bus.plug({ portPath: "1-1", serial: "A1" });
    await start();
    const [first = "", second = ""] = names();
    const released = readers.release(second);
    await runtime.advance(0);
    expect(await released).toEqual([first, second]);
    expect(names()).toEqual([]);
    expect(bus.claimed).toEqual([]);
    expect(readers.report()[0]).toMatchObject({ state: "released", readers: [first, second] });
    expect(readers.knows(first.toUpperCase())).toBe(true);
    // It stays so when it is plugged in anew, and while others come and go.
    await bus.unplug("1-1");
    bus.plug({ portPath: "1-1", serial: "A1", address: 9 });
    await runtime.advance(60_000);
    expect(names()).toEqual([]);
    const claimed = readers.claim(first);
    await runtime.advance(0);
    expect(await claimed).toEqual([first, second]);
    expect(names()).toEqual([first, second]);
  });

  test("a claim says why it cannot be, and a choice that fits none or several is refused", async () => {
    const { bus, readers, runtime, start } = benchWith();
    bus.failures.set("1-1", "busy");
    bus.failures.set("1-2", "access-denied");
    bus.plug({ portPath: "1-1" });
    bus.plug({ portPath: "1-2", address: 3 });
    await start();
    const claims = [
      [readers.claim("1-1"), "sharing-violation"],
      [readers.claim("1-2"), "no-access"],
      [readers.claim("072f:90cc"), "unknown-reader"],
      [readers.release("nothing"), "unknown-reader"],
    ] as const;
    const checks = claims.map(([claim, code]) => expect(claim).rejects.toMatchObject({ code }));
    await runtime.advance(0);
    await Promise.all(checks);
    await expect(readers.release("nothing")).rejects.toThrow(
      /no USB reader fits "nothing"; there are "usb:072f:90cc::1-1:0"/,
    );
  });

  test("the end gives everything free, and nothing is tried after it", async () => {
    const { bus, names, readers, runtime, start } = benchWith();
    bus.failures.set("1-2", "busy");
    bus.plug({ portPath: "1-1" });
    bus.plug({ portPath: "1-2", address: 3 });
    await start();
    const closed = readers.close();
    await runtime.advance(0);
    await closed;
    expect(names()).toEqual([]);
    expect(bus.claimed).toEqual([]);
    expect(bus.isWatched).toBe(false);
    expect(runtime.pendingTimers.filter((name) => name.startsWith("usb"))).toEqual([]);
  });

  test("the end waits a second for a reader that is being opened, which is closed when it answers", async () => {
    const { bus, names, readers, runtime, start } = benchWith();
    bus.plug({ portPath: "1-1" });
    const answer = bus.hold("1-1");
    const started = start();
    await runtime.advance(3000);
    await started;
    const closed = readers.close();
    await runtime.advance(1000);
    await closed;
    expect(bus.claimed).toEqual(["1-1"]);
    answer();
    await runtime.advance(1000);
    expect([names(), bus.claimed]).toEqual([[], []]);
    expect(runtime.pendingTimers.filter((name) => name.startsWith("usb"))).toEqual([]);
  });

  test("a hundred plugs in a row leave one reader, or none", async () => {
    const { bus, names, runtime, start } = benchWith();
    await start();
    for (let round = 0; round < 100; round++) {
      bus.plug({ portPath: "1-1", address: round + 2 });
      if (round % 3 > 0) await runtime.advance(round % 7);
      expect(names().length).toBeLessThanOrEqual(1);
      await bus.unplug("1-1");
      bus.changed();
      if (round % 2 > 0) await runtime.advance(1);
    }
    await runtime.advance(100);
    expect(names()).toEqual([]);
    expect(bus.claimed).toEqual([]);
    bus.plug({ portPath: "1-1", address: 200 });
    await runtime.advance(100);
    expect(names()).toEqual(["ACS ACR 38U-CCID 00 00"]);
  });
});
