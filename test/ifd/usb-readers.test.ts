// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
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
async function benchWith(selections: readonly UsbSelection[], countedWith?: UsbReadersOptions["countedWith"]) {
  const runtime = new SimulatedRuntime({ settle });
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const bus = new FakeBus();
  const opened: string[] = [];
  const closed: string[] = [];
  const ends = new Map<string, () => void>();
  /** What the end of a driver waits for. */
  let closing: Promise<void> = Promise.resolve();
  const openByDriver: OpenByDriver = async ({ portPath, vendorId }, { clock, describe, driver, ended }) => {
    opened.push(`${driver} ${portPath}`);
    ends.set(portPath, ended);
    if (vendorId === 1) return undefined;
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
  });
  const started = readers.start();
  await runtime.advance(0);
  await started;
  const names = (): string[] => manager.readers().map(({ name }) => name);
  const hold = (until: Promise<void>): void => {
    closing = until;
  };
  return { bus, closed, ends, hold, names, opened, readers, runtime };
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
