// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { UsbError, type UsbInterface } from "../../readers/ccid/index.ts";
import { describeWebUsb } from "./describe.ts";
import type { WebUsbAnswer, WebUsbDevice, WebUsbOutcome, WebUsbSetup } from "./web-usb.ts";
import { openWebUsb } from "./web-usb-interface.ts";
import { webUsbTransport } from "./web-usb-transport.ts";

// CCID 1.1, 5.1: the class descriptor of a reader with one slot.
const classDescriptor = [54, 0x21, 0x10, 0x01, ...Array.from({ length: 50 }, (_, index) => index)];
const interfaceDescriptor = [9, 4, 2, 0, 3, 0x0b, 0, 0, 5];
const endpoints = [
  [7, 5, 0x81, 3, 8, 0, 16],
  [7, 5, 0x02, 2, 64, 0, 0],
  [7, 5, 0x83, 2, 64, 0, 0],
];
const body = [...interfaceDescriptor, ...classDescriptor, ...endpoints.flat()];
const configuration = [9, 2, 9 + body.length, 0, 1, 7, 0, 0x80, 50, ...body];

const scriptedConfiguration = {
  configurationValue: 7,
  interfaces: [
    { interfaceNumber: 0, alternates: [{ interfaceClass: 3, interfaceProtocol: 0, interfaceName: null }] },
    {
      interfaceNumber: 2,
      alternates: [{ interfaceClass: 0x0b, interfaceProtocol: 0, interfaceName: "Smart card slot" }],
    },
  ],
};

function domException(name: string): Error {
  return Object.assign(new Error("as the browser words it"), { name });
}

function viewOf(bytes: readonly number[]): DataView {
  return new DataView(Uint8Array.from(bytes).buffer);
}

/** A device whose answers are given by the test. */
class ScriptedDevice implements WebUsbDevice {
  readonly vendorId = 0x08e6;
  readonly productId = 0x3437;
  readonly deviceVersionMajor = 2;
  readonly deviceVersionMinor = 0;
  readonly deviceVersionSubminor = 1;
  readonly manufacturerName = "Gemalto";
  readonly productName: string | null = "USB Reader";
  readonly serialNumber = null;
  opened = false;
  configuration: WebUsbDevice["configuration"] = null;
  configurations: WebUsbDevice["configurations"] = [scriptedConfiguration];
  readonly calls: string[] = [];
  /** What a call of this name throws. */
  readonly failures = new Map<string, string>();
  readonly incoming: ((answer: WebUsbAnswer | Error) => void)[] = [];
  readonly sent: Uint8Array[] = [];
  outcome: WebUsbOutcome = { status: "ok" };
  descriptor: readonly number[] = configuration;

  #called(call: string): void {
    this.calls.push(call);
    const failure = this.failures.get(call.split(" ")[0] ?? "");
    if (failure !== undefined) throw domException(failure);
  }

  async open(): Promise<void> {
    this.#called("open");
    this.opened = true;
  }

  async close(): Promise<void> {
    this.#called("close");
    this.opened = false;
  }

  async selectConfiguration(configurationValue: number): Promise<void> {
    this.#called(`selectConfiguration ${configurationValue}`);
    this.configuration = { ...scriptedConfiguration, configurationValue };
  }

  async claimInterface(number: number): Promise<void> {
    this.#called(`claimInterface ${number}`);
  }

  async releaseInterface(number: number): Promise<void> {
    this.#called(`releaseInterface ${number}`);
  }

  async controlTransferIn(setup: WebUsbSetup, length: number): Promise<WebUsbAnswer> {
    this.#called(`controlTransferIn ${JSON.stringify(setup)} ${length}`);
    return { status: "ok", data: viewOf(this.descriptor.slice(0, length)) };
  }

  async controlTransferOut(setup: WebUsbSetup, data?: Uint8Array): Promise<WebUsbOutcome> {
    this.#called(`controlTransferOut ${JSON.stringify(setup)}`);
    this.sent.push(new Uint8Array(data ?? []));
    return this.outcome;
  }

  transferIn(endpoint: number, length: number): Promise<WebUsbAnswer> {
    this.calls.push(`transferIn ${endpoint} ${length}`);
    return new Promise((resolve, reject) => {
      this.incoming.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  }

  async transferOut(endpoint: number, data: Uint8Array): Promise<WebUsbOutcome> {
    this.#called(`transferOut ${endpoint}`);
    this.sent.push(data);
    return this.outcome;
  }

  async clearHalt(direction: "in" | "out", endpoint: number): Promise<void> {
    this.#called(`clearHalt ${direction} ${endpoint}`);
  }
}

const never = new AbortController().signal;

async function opened(): Promise<{ readonly device: ScriptedDevice; readonly usb: UsbInterface }> {
  const device = new ScriptedDevice();
  const [description] = await describeWebUsb(device);
  if (description === undefined) throw new Error("the scripted device has a reader");
  return { device, usb: await openWebUsb(device, description) };
}

const failingAs = (failure: string) => expect.objectContaining({ name: "UsbError", failure });

describe("a device is described", () => {
  test("from its configuration descriptor, which is asked of the device", async () => {
    const device = new ScriptedDevice();
    expect(await describeWebUsb(device)).toEqual([
      {
        vendorId: 0x08e6,
        productId: 0x3437,
        deviceRelease: 0x0201,
        manufacturer: "Gemalto",
        product: "USB Reader",
        serial: "",
        portPath: "",
        bus: 0,
        address: 0,
        interfaceNumber: 2,
        interfaceName: "Smart card slot",
        interfaceClass: 0x0b,
        interfaceProtocol: 0,
        classDescriptor: Uint8Array.from(classDescriptor),
        endpoints: {
          bulkOut: { address: 0x02, maxPacketBytes: 64 },
          bulkIn: { address: 0x83, maxPacketBytes: 64 },
          interruptIn: { address: 0x81, maxPacketBytes: 8 },
        },
      },
    ]);
    expect(device.calls).toContain("selectConfiguration 7");
  });

  test("without a smart card interface: nothing", async () => {
    const device = new ScriptedDevice();
    device.descriptor = [9, 2, 18, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 0, 3, 0, 0, 0];
    expect(await describeWebUsb(device)).toEqual([]);
  });

  test.each([[[]], [[9, 2]], [[9, 2, 3, 0, 1, 1, 0, 0x80, 50]]])("with the descriptor %j: an error", async (bytes) => {
    const device = new ScriptedDevice();
    device.descriptor = bytes;
    await expect(describeWebUsb(device)).rejects.toEqual(failingAs("io"));
  });

  test.each([
    ["open", "SecurityError", "access-denied"],
    ["open", "NetworkError", "busy"],
    ["open", "NotFoundError", "gone"],
    ["selectConfiguration", "NetworkError", "io"],
    ["controlTransferIn", "NotFoundError", "gone"],
  ])("where %s throws %s: %s", async (call, name, failure) => {
    const device = new ScriptedDevice();
    device.failures.set(call, name);
    await expect(describeWebUsb(device)).rejects.toEqual(failingAs(failure));
  });
});

describe("an interface", () => {
  test("that another program has is busy, and the message says what to do", async () => {
    const device = new ScriptedDevice();
    const [description] = await describeWebUsb(device);
    device.failures.set("claimInterface", "NetworkError");
    if (description === undefined) throw new Error("the scripted device has a reader");
    const opening = openWebUsb(device, description);
    await expect(opening).rejects.toEqual(failingAs("busy"));
    await expect(opening).rejects.toThrow('08e6:3437 "USB Reader" is not free (claim): another program or page has it');
  });

  test("sends what it is given, and clears its copy", async () => {
    const { device, usb } = await opened();
    const command = Uint8Array.of(0x6f, 1, 2, 3);
    const seen: number[][] = [];
    device.sent.push = (...parts) => seen.push(...parts.map((part) => [...part]));
    const copies: Uint8Array[] = [];
    const send = device.transferOut.bind(device);
    device.transferOut = (endpoint, data) => {
      copies.push(data);
      return send(endpoint, data);
    };
    await usb.bulkOut(command, never);
    expect(seen).toEqual([[0x6f, 1, 2, 3]]);
    expect(copies.map((copy) => [...copy])).toEqual([[0, 0, 0, 0]]);
    expect([...command]).toEqual([0x6f, 1, 2, 3]);
  });

  test("receives whole packets, and gives an answer as it came", async () => {
    const { device, usb } = await opened();
    const reading = usb.bulkIn(271, never);
    expect(device.calls.at(-1)).toBe("transferIn 3 320");
    device.incoming[0]?.({ status: "ok", data: viewOf([0x80, 7]) });
    expect([...(await reading)]).toEqual([0x80, 7]);
    const empty = usb.bulkIn(271, never);
    device.incoming[1]?.({ status: "ok" });
    expect(await empty).toHaveLength(0);
  });

  test("keeps what comes for a reading that was cancelled, for the next", async () => {
    const { device, usb } = await opened();
    const cancelled = new AbortController();
    const first = usb.bulkIn(64, cancelled.signal);
    cancelled.abort();
    await expect(first).rejects.toEqual(failingAs("cancelled"));
    const second = usb.bulkIn(64, never);
    device.incoming[0]?.({ status: "ok", data: viewOf([1, 2]) });
    expect([...(await second)]).toEqual([1, 2]);
    expect(device.incoming).toHaveLength(1);
    const third = usb.bulkIn(64, never);
    device.incoming[1]?.({ status: "ok", data: viewOf([3]) });
    expect([...(await third)]).toEqual([3]);
  });

  test("reads bulk and interrupt endpoints apart", async () => {
    const { device, usb } = await opened();
    const change = usb.interruptIn(8, never);
    const answer = usb.bulkIn(64, never);
    expect(device.calls.slice(-2)).toEqual(["transferIn 1 8", "transferIn 3 64"]);
    device.incoming[1]?.({ status: "ok", data: viewOf([9]) });
    expect([...(await answer)]).toEqual([9]);
    device.incoming[0]?.({ status: "ok", data: viewOf([0x50, 3]) });
    expect([...(await change)]).toEqual([0x50, 3]);
  });

  test.each<[WebUsbAnswer | Error, string]>([
    [{ status: "stall" }, "stall"],
    [{ status: "babble" }, "overflow"],
    [domException("NotFoundError"), "gone"],
    [domException("AbortError"), "cancelled"],
    [domException("NetworkError"), "io"],
    [new TypeError("odd"), "io"],
  ])("fails where a transfer ends as %j", async (answer, failure) => {
    const { device, usb } = await opened();
    const reading = usb.bulkIn(64, never);
    device.incoming[0]?.(answer);
    await expect(reading).rejects.toEqual(failingAs(failure));
    const next = usb.bulkIn(64, never);
    device.incoming[1]?.({ status: "ok", data: viewOf([1]) });
    expect([...(await next)]).toEqual([1]);
  });

  test("translates control requests: class requests of the interface, and the halt of an endpoint", async () => {
    const { device, usb } = await opened();
    await usb.controlOut({ requestType: 0x21, request: 1, value: 0x0500, index: 2 }, Uint8Array.of(), never);
    await usb.controlIn({ requestType: 0xa1, request: 2, value: 0, index: 2 }, 4, never);
    await usb.clearHalt(0x83, never);
    await usb.clearHalt(0x02, never);
    expect(device.calls.slice(-4)).toEqual([
      'controlTransferOut {"requestType":"class","recipient":"interface","request":1,"value":1280,"index":2}',
      'controlTransferIn {"requestType":"class","recipient":"interface","request":2,"value":0,"index":2} 4',
      "clearHalt in 3",
      "clearHalt out 2",
    ]);
    device.outcome = { status: "stall" };
    await expect(usb.bulkOut(Uint8Array.of(1), never)).rejects.toEqual(failingAs("stall"));
  });

  test("that is closed ends what is under way, and closes the device with the last", async () => {
    const { device, usb } = await opened();
    const other = await openWebUsb(device, usb.description);
    const reading = usb.interruptIn(8, never);
    await usb.close();
    await usb.close();
    await expect(reading).rejects.toEqual(failingAs("cancelled"));
    await expect(usb.bulkIn(8, never)).rejects.toEqual(failingAs("cancelled"));
    expect(device.opened).toBe(true);
    device.failures.set("releaseInterface", "NotFoundError");
    await other.close();
    expect(device.opened).toBe(false);
  });

  test("says nothing that a device or a transfer says, and is a UsbError", async () => {
    const { device, usb } = await opened();
    device.failures.set("transferOut", "NetworkError");
    const failure = await usb.bulkOut(Uint8Array.of(0x31, 0x32), never).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UsbError);
    expect(String(failure)).toBe('UsbError: the reader 08e6:3437 "USB Reader" could not send');
  });
});

describe("the devices of a page", () => {
  /** `navigator.usb` with these devices. */
  function page(devices: readonly WebUsbDevice[]) {
    const listeners = new Map<string, Set<() => void>>([
      ["connect", new Set()],
      ["disconnect", new Set()],
    ]);
    return {
      listeners,
      devices,
      getDevices: async () => devices,
      addEventListener: (type: string, listener: () => void) => void listeners.get(type)?.add(listener),
      removeEventListener: (type: string, listener: () => void) => void listeners.get(type)?.delete(listener),
    };
  }

  test("are those with an interface of the smart card class, and none is opened to find out", async () => {
    const [reader, keyboard] = [new ScriptedDevice(), new ScriptedDevice()];
    keyboard.configurations = [{ configurationValue: 1, interfaces: scriptedConfiguration.interfaces.slice(0, 1) }];
    const transport = webUsbTransport(page([keyboard, reader]));
    const tree = await transport.look();
    expect(tree).toEqual({
      isThere: true,
      devices: [
        expect.objectContaining({
          interfaces: [expect.objectContaining({ interfaceNumber: 2, vendorId: 0x08e6, product: "USB Reader" })],
        }),
      ],
    });
    expect([reader.calls, keyboard.calls]).toEqual([[], []]);
    expect(await transport.look()).toEqual(tree);
  });

  test("are opened by the description that was given for them", async () => {
    const transport = webUsbTransport(page([new ScriptedDevice()]));
    const tree = await transport.look();
    const description = tree.isThere ? tree.devices[0]?.interfaces[0] : undefined;
    if (description === undefined) throw new Error("there is a reader");
    const usb = await transport.open(description);
    expect([usb.description.endpoints.bulkIn?.address, usb.description.classDescriptor.length]).toEqual([0x83, 54]);
    await usb.close();
    await expect(transport.open({ ...description })).rejects.toEqual(failingAs("gone"));
  });

  test("have another key when they are plugged in anew", async () => {
    const devices: WebUsbDevice[] = [new ScriptedDevice()];
    const transport = webUsbTransport(page(devices));
    const keyOf = async (): Promise<string | undefined> => {
      const tree = await transport.look();
      return tree.isThere ? tree.devices[0]?.key : undefined;
    };
    const first = await keyOf();
    devices[0] = new ScriptedDevice();
    expect(await keyOf()).not.toBe(first);
  });

  test("are looked for when one comes or goes, until that is ended", async () => {
    const there = page([]);
    let looks = 0;
    const stop = webUsbTransport(there).watch(() => looks++);
    expect(looks).toBe(1);
    for (const heard of there.listeners.values()) for (const listener of heard) listener();
    expect(looks).toBe(3);
    stop();
    expect([...there.listeners.values()].map(({ size }) => size)).toEqual([0, 0]);
  });

  test("cannot be had: the reason is told", async () => {
    const usb = { ...page([]), getDevices: () => Promise.reject(new Error("not allowed by the permissions policy")) };
    expect(await webUsbTransport(usb).look()).toEqual({
      isThere: false,
      reason: "the browser gives this page no USB devices: not allowed by the permissions policy",
    });
  });
});
