// SPDX-License-Identifier: MIT

import { constants } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { chooseTransport } from "../../src/platform/node/usb/choose-transport.ts";
import { packageTransport } from "../../src/platform/node/usb/package-transport.ts";
import {
  loadUsbPackage,
  type PackageAnswer,
  type PackageDevice,
  type UsbPackage,
} from "../../src/platform/node/usb/usb-package.ts";
import { configurationOf, readerInterface } from "./sysfs-tree.ts";

const none = new AbortController().signal;

/** A read that the package has. */
interface Read {
  readonly endpoint: number;
  readonly end: (bytes: Uint8Array | undefined) => void;
  readonly fail: (message: string) => void;
}

/** A device as the package has it, with the package's own ways: it throws where it is closed during a transfer. */
class FakeDevice implements PackageDevice {
  readonly vendorId = 0x072f;
  readonly productId = 0x2200;
  readonly deviceVersionMajor = 2;
  readonly deviceVersionMinor = 1;
  readonly deviceVersionSubminor = 4;
  readonly bus = "001";
  readonly address: number = 5;
  readonly ports = [2, 4];
  readonly manufacturerName = "ACS";
  readonly productName = "Reader";
  readonly serialNumber = null;
  readonly calls: string[] = [];
  readonly reads: Read[] = [];
  claimFailure: string | undefined;
  interfaceClass = 0x0b;
  #underWay = 0;

  get configuration() {
    const alternate = { interfaceClass: this.interfaceClass, interfaceName: "PICC" };
    return { configurationValue: 1, interfaces: [{ interfaceNumber: 0, alternate }] };
  }

  async open(): Promise<void> {
    this.calls.push("open");
  }

  async close(): Promise<void> {
    this.#checkIdle();
    this.calls.push("close");
  }

  async claimInterface(number: number): Promise<void> {
    if (this.claimFailure !== undefined) throw new Error(this.claimFailure);
    this.calls.push(`claim ${number}`);
  }

  async releaseInterface(number: number): Promise<void> {
    this.#checkIdle();
    this.calls.push(`release ${number}`);
  }

  async clearHalt(direction: string, endpoint: number): Promise<void> {
    this.calls.push(`clearHalt ${direction} ${endpoint}`);
  }

  transferIn(endpoint: number): Promise<PackageAnswer> {
    this.#underWay++;
    return new Promise((resolve, reject) => {
      const over = (): void => {
        this.#underWay--;
        this.reads.splice(this.reads.indexOf(read), 1);
      };
      const read: Read = {
        endpoint,
        end: (bytes) => {
          over();
          resolve({ data: bytes && new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) });
        },
        fail: (message) => {
          over();
          reject(new Error(message));
        },
      };
      this.reads.push(read);
    });
  }

  async transferOut(endpoint: number, data: Uint8Array): Promise<void> {
    this.calls.push(`out ${endpoint} ${data.length}`);
  }

  async controlTransferIn(setup: { readonly request: number }): Promise<PackageAnswer> {
    if (setup.request !== 6) throw new Error("controlTransferIn error: endpoint stalled");
    const bytes = configurationOf(readerInterface(0, { interfaceClass: this.interfaceClass }));
    return { data: new DataView(bytes.buffer) };
  }

  async controlTransferOut(): Promise<void> {}

  #checkIdle(): void {
    if (this.#underWay > 0) throw new Error("The same native value cannot be borrowed mutably");
  }
}

function packageWith(...devices: readonly PackageDevice[]): UsbPackage & { readonly events: string[] } {
  const events: string[] = [];
  return {
    events,
    getDevices: async () => devices,
    addEventListener: (event) => events.push(`+${event}`),
    removeEventListener: (event) => events.push(`-${event}`),
  };
}

async function openDevice() {
  const device = new FakeDevice();
  const transport = packageTransport(packageWith(device));
  const found = await transport.look();
  const [description] = (found.isThere && found.devices[0]?.interfaces) || [];
  if (description === undefined) throw new Error("no reader");
  device.calls.length = 0;
  return { device, transport, description, usb: await transport.open(description) };
}

describe("readers by the package", () => {
  test("are described as by sysfs, and asked once", async () => {
    const device = new FakeDevice();
    const transport = packageTransport(packageWith(device));
    const found = await transport.look();
    expect(found).toMatchObject({
      isThere: true,
      devices: [
        {
          interfaces: [
            {
              vendorId: 0x072f,
              deviceRelease: 0x0214,
              serial: "",
              product: "Reader",
              portPath: "1-2.4",
              bus: 1,
              address: 5,
              interfaceName: "PICC",
              endpoints: { bulkIn: { address: 0x82 } },
            },
          ],
        },
      ],
    });
    await transport.look();
    expect(device.calls).toEqual(["open", "close"]);
  });

  test("a machine without USB is a state", async () => {
    const usb = { ...packageWith(), getDevices: () => Promise.reject(new Error("No such file or directory")) };
    expect(await packageTransport(usb).look()).toEqual({
      isThere: false,
      reason: "the package usb finds no USB on this machine: No such file or directory",
    });
  });

  test("devices of the vendor's own class are opened only if they are known", async () => {
    const device = Object.assign(new FakeDevice(), { interfaceClass: 0xff });
    const stranger = Object.assign(new FakeDevice(), { interfaceClass: 0xff, vendorId: 0x1234, address: 9 });
    const found = await packageTransport(packageWith(device, stranger)).look();
    expect(found.isThere && found.devices.map(({ interfaces }) => interfaces[0]?.vendorId)).toEqual([0x072f]);
    expect(stranger.calls).toEqual([]);
  });

  test("come and go by its events", async () => {
    const usb = packageWith();
    let told = 0;
    const stop = packageTransport(usb).watch(() => told++);
    await Promise.resolve();
    stop();
    expect(usb.events).toEqual(["+connect", "+disconnect", "-connect", "-disconnect"]);
    expect(told).toBe(1);
  });
});

describe("a transfer by the package", () => {
  test("in is repeated until something comes", async () => {
    const { device, usb } = await openDevice();
    const read = usb.interruptIn(8, none);
    device.reads[0]?.fail("transferIn error: Cancelled");
    await new Promise(setImmediate);
    expect(device.reads).toHaveLength(1);
    device.reads[0]?.end(Uint8Array.of(0x50, 3));
    expect(await read).toEqual(Uint8Array.of(0x50, 3));
  });

  test("in that was cancelled keeps what comes for the next one", async () => {
    const { device, usb } = await openDevice();
    const stop = new AbortController();
    const read = usb.bulkIn(64, stop.signal);
    stop.abort();
    await expect(read).rejects.toMatchObject({ failure: "cancelled" });
    expect(device.reads).toHaveLength(1);
    device.reads[0]?.end(Uint8Array.of(1, 2));
    expect(await usb.bulkIn(64, none)).toEqual(Uint8Array.of(1, 2));
  });

  test("fails as the message says", async () => {
    const { device, usb } = await openDevice();
    const failures = [
      ["transferIn error: Disconnected", "gone"],
      ["transferIn error: endpoint stalled", "stall"],
      ["transferIn error: Fault", "io"],
    ] as const;
    for (const [message, failure] of failures) {
      const read = usb.bulkIn(64, none);
      device.reads[0]?.fail(message);
      await expect(read).rejects.toMatchObject({ failure });
    }
    const stalled = usb.bulkIn(64, none);
    device.reads[0]?.end(undefined);
    await expect(stalled).rejects.toMatchObject({ failure: "stall" });
    const request = { requestType: 0xa1, request: 2, value: 0, index: 0 };
    await expect(usb.controlIn(request, 8, none)).rejects.toMatchObject({ failure: "stall" });
  });

  test("is over before the interface is closed", async () => {
    const { device, usb } = await openDevice();
    await usb.bulkOut(Uint8Array.of(1, 2), none);
    await usb.clearHalt(0x82, none);
    const read = usb.interruptIn(8, none);
    const closed = usb.close();
    await expect(read).rejects.toMatchObject({ failure: "cancelled" });
    expect(device.calls).toEqual(["open", "claim 0", "out 1 2", "clearHalt in 2"]);
    device.reads[0]?.fail("transferIn error: Cancelled");
    await closed;
    expect(device.calls.slice(-2)).toEqual(["release 0", "close"]);
    await expect(usb.bulkIn(8, none)).rejects.toMatchObject({ failure: "cancelled" });
  });
});

test("an interface that is in use names a remedy, and the device is closed", async () => {
  const { description, device, transport, usb } = await openDevice();
  await usb.close();
  device.claimFailure = "claimInterface error: interface is busy (errno 16)";
  await expect(transport.open(description)).rejects.toMatchObject({ failure: "busy" });
  await expect(transport.open(description)).rejects.toThrow(/is in use: /);
  expect(device.calls.at(-1)).toBe("close");
});

describe("the package", () => {
  test("that is missing, broken or of another release is named with the remedy", async () => {
    const missing = Object.assign(new Error("Cannot find package 'usb' imported from x"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    await expect(loadUsbPackage(() => Promise.reject(missing))).rejects.toThrow(
      "the optional package usb is not installed: npm install usb@3",
    );
    const broken = Object.assign(new Error("no such symbol"), { code: "ERR_DLOPEN_FAILED" });
    await expect(loadUsbPackage(() => Promise.reject(broken))).rejects.toThrow(
      "usb is installed, but cannot be loaded: no such symbol",
    );
    await expect(loadUsbPackage(async () => ({ usb: { getDeviceList() {} } }))).rejects.toThrow(/not release 3/);
  });

  test("that is installed here loads, whether or not this machine has USB", async () => {
    const tree = await packageTransport(await loadUsbPackage()).look();
    expect(typeof tree.isThere).toBe("boolean");
  });
});

describe("the way to USB", () => {
  const missing = (): never => {
    throw new Error("not installed");
  };

  test("on Linux is usbfs where koffi is there, else the package, else an error that says what to install", async () => {
    const loadUsb = async () => packageWith();
    const koffi = { load: () => ({ func: () => () => 0 }), address: () => 0n, errno: () => 0, decode: () => [] };
    const loadKoffi = () => koffi as never;
    expect((await chooseTransport(nodeClock, { platform: "linux", loadKoffi, loadUsb })).name).toBe("usbfs");
    expect((await chooseTransport(nodeClock, { platform: "linux", loadKoffi: missing, loadUsb })).name).toBe("usb");
    await expect(
      chooseTransport(nodeClock, { platform: "linux", loadKoffi: missing, loadUsb: async () => missing() }),
    ).rejects.toThrow(/one of two optional packages: npm install .*koffi.*, or npm install usb@3/);
  });

  test("elsewhere is the package", async () => {
    const loadUsb = async () => packageWith();
    expect((await chooseTransport(nodeClock, { platform: "darwin", loadUsb })).name).toBe("usb");
  });

  test.skipIf(process.platform !== "linux")("on this Linux calls the system", async () => {
    const transport = await chooseTransport(nodeClock);
    const found = await transport.look();
    expect(typeof found.isThere).toBe("boolean");
    const stop = transport.watch(() => {});
    onTestFinished(stop);
    expect(constants.signals.SIGURG).toBeGreaterThan(0);
  });
});
