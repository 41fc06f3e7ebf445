// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import {
  type OpenByDriver,
  UsbReaders,
  type UsbReadersOptions,
  type UsbSelection,
} from "../../src/readers/usb/index.ts";
import { VirtualReader } from "../../src/readers/virtual/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { FakeBus } from "../usb-transport/fake-bus.ts";

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}

/** USB readers of which some have a driver of pcsc-lite; the driver's readers are virtual. */
async function benchWith(
  selections: readonly UsbSelection[],
  countedWith?: UsbReadersOptions["countedWith"],
  foreignDevices?: UsbReadersOptions["foreignDevices"],
) {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const bus = new FakeBus();
  const opened: string[] = [];
  const closed: string[] = [];
  const ends = new Map<string, () => void>();
  /** Ports whose devices no driver names, and whose driver crashes. */
  const missing = new Set<string>();
  const broken = new Set<string>();
  /** What the end of a driver waits for. */
  let closing: Promise<void> = Promise.resolve();
  const openByDriver: OpenByDriver = async ({ portPath, vendorId }, { clock, describe, driver, ended }) => {
    opened.push(`${driver} ${portPath}`);
    ends.set(portPath, ended);
    if (vendorId === 1 || missing.has(portPath)) return undefined;
    if (broken.has(portPath)) throw new SmartCardError("comm-error", "it crashed");
    const { id, name } = describe(0, "Driver's name");
    const close = async (): Promise<void> => {
      await closing;
      closed.push(portPath);
    };
    return { readers: [new VirtualReader({ clock, id, name })], close };
  };
  bus.plug({ portPath: "1-1", serial: "A1" });
  bus.plug({ portPath: "1-2", address: 3, vendorId: 0x08e6, productId: 0x3437 });
  const { openDevice, transport } = bus;
  const counting = countedWith === undefined ? {} : { countedWith };
  const readers = new UsbReaders({
    runtime,
    transport,
    openDevice,
    openByDriver,
    host: manager,
    selections,
    ...counting,
    ...(foreignDevices !== undefined && { foreignDevices }),
  });
  const started = readers.start();
  await runtime.advance(0);
  await started;
  const names = (): string[] => manager.readers().map(({ name }) => name);
  const hold = (until: Promise<void>): void => {
    closing = until;
  };
  return { broken, bus, closed, ends, hold, missing, names, opened, readers, runtime };
}

test("a reader with a driver of pcsc-lite is not claimed, and has the name that the driver gives it", async () => {
  const { bus, names, opened } = await benchWith([{ device: "08e6:3437", driver: "pcsc-lite" }, {}]);
  expect(names()).toEqual(["ACS ACR 38U-CCID (A1) 00 00", "Driver's name 00 00"]);
  expect(bus.opened).toEqual(["1-1"]);
  expect(opened).toEqual(["pcsc-lite 1-2"]);
});

test("a bundle has the devices that it names", async () => {
  const { bus, opened } = await benchWith([{}, { devices: ["072f:90cc"], driver: "/drivers/acs.bundle" }]);
  expect(opened).toEqual(["/drivers/acs.bundle 1-1"]);
  expect(bus.opened).toEqual(["1-2"]);
});

test("a reader that the maker's driver is known to suit better has that where it is installed, else ours", async () => {
  const acr122 = { vendorId: 0x072f, productId: 0x2200, deviceRelease: 0x0214 };
  const { broken, bus, missing, names, opened, runtime } = await benchWith([{ port: "1-6", driver: "own" }, {}]);
  missing.add("1-4");
  broken.add("1-5");
  for (const [index, portPath] of ["1-3", "1-4", "1-5", "1-6"].entries()) {
    bus.plug({ ...acr122, portPath, address: 10 + index });
    await runtime.advance(0);
  }
  // Where it is not installed or fails, and where the configuration says so, ours has the reader.
  expect(opened).toEqual(["pcsc-lite 1-3", "pcsc-lite 1-4", "pcsc-lite 1-5"]);
  expect(bus.opened).toEqual(["1-1", "1-2", "1-4", "1-5", "1-6"]);
  expect(names().slice(2)).toEqual([
    "Driver's name 00 00",
    "ACS ACR122U PICC Interface 02 00",
    "ACS ACR122U PICC Interface 03 00",
    "ACS ACR122U PICC Interface 04 00",
  ]);
});

test("what installed drivers name is asked for at each look", async () => {
  const foreign = new Set<string>();
  const { bus, opened, runtime } = await benchWith([{}], undefined, async () => foreign);
  const looked: (readonly string[])[] = [];
  const { look } = bus.transport;
  bus.transport.look = (others) => {
    looked.push([...(others ?? [])]);
    return look(others);
  };
  bus.plug({ portPath: "1-3", address: 4 });
  await runtime.advance(0);
  foreign.add("0dc3:0802");
  bus.plug({ portPath: "1-4", address: 5, interfaceClass: 0xff, classDescriptor: new Uint8Array() });
  await runtime.advance(0);
  expect(looked).toEqual([[], ["0dc3:0802"]]);
  expect(opened).toEqual(["pcsc-lite 1-4"]);
});

test("a device that no driver is for says so", async () => {
  const { bus, readers, runtime } = await benchWith([{ driver: "pcsc-lite" }]);
  bus.plug({ portPath: "1-3", address: 4, vendorId: 1 });
  await runtime.advance(0);
  expect(readers.report().map(({ reason, state }) => [state, reason])).toEqual([
    ["ours", undefined],
    ["ours", undefined],
    ["failed", "no driver that is installed for pcscd is for this device"],
  ]);
});

test("one whose driver has ended is opened again, and one whose driver is another by then, too", async () => {
  const { closed, ends, names, opened, readers, runtime } = await benchWith([
    { device: "08e6:3437", driver: "pcsc-lite" },
  ]);
  ends.get("1-2")?.();
  await runtime.advance(60_000);
  expect(opened).toEqual(["pcsc-lite 1-2", "pcsc-lite 1-2"]);
  expect(closed).toEqual(["1-2"]);
  const selecting = readers.select([{ device: "08e6:3437" }]);
  await runtime.advance(0);
  await selecting;
  expect(closed).toEqual(["1-2", "1-2"]);
  expect(names()).toEqual(["Gemalto PC Twin Reader 00 00"]);
});

test("one that is plugged in again before its driver has ended keeps its number, and no other gets it", async () => {
  const { bus, closed, hold, names, runtime } = await benchWith([{ driver: "pcsc-lite" }]);
  expect(names()).toEqual(["Driver's name 00 00", "Driver's name 01 00"]);
  let isClosed = (): void => {};
  hold(
    new Promise((resolve) => {
      isClosed = resolve;
    }),
  );
  await bus.unplug("1-1");
  await runtime.advance(0);
  bus.plug({ portPath: "1-1", serial: "A1", address: 9 });
  await runtime.advance(0);
  isClosed();
  await runtime.advance(1000);
  expect(closed).toEqual(["1-1"]);
  bus.plug({ portPath: "1-3", address: 10 });
  await runtime.advance(1000);
  expect(names()).toEqual(["Driver's name 01 00", "Driver's name 00 00", "Driver's name 02 00"]);
});

test("readers are numbered among those of their driver, and libccid's among ours", async () => {
  const selections = [{ device: "08e6:3437", driver: "pcsc-lite" }, {}];
  const counted = async (library: string | undefined) => (await benchWith(selections, () => library)).names();
  expect(await counted("/drivers/gem.so")).toEqual(["ACS ACR 38U-CCID (A1) 00 00", "Driver's name 00 00"]);
  expect(await counted(undefined)).toEqual(["ACS ACR 38U-CCID (A1) 00 00", "Driver's name 01 00"]);
});
