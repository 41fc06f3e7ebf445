// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import type { ConfiguredReader } from "../../src/apps/daemon/config.ts";
import { DaemonReaders, ReaderFailure } from "../../src/apps/daemon/readers.ts";
import type { DaemonUsbDeps } from "../../src/apps/daemon/usb.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { UsbReaders } from "../../src/readers/usb/index.ts";
import { FakeBus } from "./fake-bus.ts";

const runtime = nodeRuntime();

function daemonWith(bus: FakeBus, open?: DaemonUsbDeps["open"]) {
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const lines: (readonly [level: string, message: string, details: unknown])[] = [];
  const { openDevice, transport } = bus;
  const openUsb: DaemonUsbDeps["open"] = async ({ log, manager: host, readers: selections = [{}] }) => {
    const usb = new UsbReaders({ runtime, transport, openDevice, host, selections, ...(log && { log }) });
    await usb.start();
    return Object.assign(usb, { [Symbol.asyncDispose]: () => usb.close() });
  };
  const readers = new DaemonReaders({
    manager,
    runtime,
    limit: 16,
    listen: () => Promise.reject(new Error("not called")),
    openIfd: async () => undefined,
    openUsb: open ?? openUsb,
    ownPaths: [],
    log: (level, message, details) => lines.push([level, message, details]),
  });
  return { lines, manager, names: () => manager.readers().map(({ name }) => name), readers };
}

const missing: DaemonUsbDeps["open"] = async () => {
  throw new SmartCardError("unsupported-feature", "USB readers need one of two optional packages: npm install …");
};

describe("USB readers of the daemon", () => {
  test("come beside others, in the order of the configuration, and go with it", async () => {
    const bus = new FakeBus();
    bus.plug({ portPath: "1-1", serial: "A1" });
    bus.plug({ portPath: "1-2", address: 3 });
    const { lines, names, readers } = daemonWith(bus);
    const desk: ConfiguredReader = { kind: "virtual", name: "Desk" };
    await readers.apply([{ kind: "usb" }, desk]);
    expect(names()).toEqual(["Desk", "ACS ACR 38U-CCID (A1) 00 00", "ACS ACR 38U-CCID 01 00"]);
    expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual([
      "info a USB reader is in service",
      "info a USB reader is in service",
    ]);
    await readers.apply([desk, { kind: "usb", serial: "A1", name: "Shelf" }]);
    expect(names()).toEqual(["Desk", "Shelf"]);
    await readers.apply([desk]);
    expect(names()).toEqual(["Desk"]);
    expect(bus.claimed).toEqual([]);
    await readers.apply([{ kind: "usb", isDefault: true }]);
    expect(names()).toHaveLength(2);
    await readers.close();
    expect(bus.claimed).toEqual([]);
  });

  test("that cannot be reached fail where they are configured, and nothing of the configuration is taken over", async () => {
    const { names, readers } = daemonWith(new FakeBus(), missing);
    const failure = readers.apply([
      { kind: "virtual", name: "Desk" },
      { kind: "usb", serial: "A1" },
    ]);
    await expect(failure).rejects.toBeInstanceOf(ReaderFailure);
    await expect(failure).rejects.toMatchObject({ index: 1, cause: { code: "unsupported-feature" } });
    expect(names()).toEqual([]);
  });

  test("that cannot be reached are told in the log where nothing is configured", async () => {
    const { lines, readers } = daemonWith(new FakeBus(), missing);
    await readers.apply([{ kind: "usb", isDefault: true }]);
    expect(lines).toEqual([["warn", "there are no USB readers", { reason: expect.stringContaining("npm install") }]]);
    expect(readers.usb.report()).toMatchObject({ interfaces: [] });
    await expect(readers.usb.release("x")).rejects.toMatchObject({ code: "unknown-reader" });
  });

  test("are given free and taken back", async () => {
    const bus = new FakeBus();
    bus.plug({ portPath: "1-1", serial: "A1" });
    const { names, readers } = daemonWith(bus);
    await readers.apply([{ kind: "usb" }]);
    const [name = ""] = names();
    expect(await readers.usb.release(name)).toEqual([name]);
    expect([names(), bus.claimed]).toEqual([[], []]);
    expect(readers.usb.report().interfaces).toMatchObject([{ state: "released", readers: [name] }]);
    expect(() => readers.remove(name)).toThrow(`"${name}" is not a virtual reader`);
    expect(await readers.usb.claim("A1")).toEqual([name]);
    expect(names()).toEqual([name]);
    await readers.close();
  });
});
