// SPDX-License-Identifier: MIT

import { constants } from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import type { CompletionSource } from "../../src/platform/node/usb/completions.ts";
import {
  COMPLETION_SIGNAL,
  type UsbfsMachine,
  usbfsMachine,
  usbfsRequests,
} from "../../src/platform/node/usb/usbfs-abi.ts";
import type { UsbfsCalls } from "../../src/platform/node/usb/usbfs-file.ts";
import { usbfsTransport } from "../../src/platform/node/usb/usbfs-transport.ts";
import type { Clock } from "../../src/port/index.ts";
import type { UsbInterface } from "../../src/readers/ccid/index.ts";
import type { UsbTransport } from "../../src/readers/usb/index.ts";
import { SysfsTree, type TreeDevice } from "./sysfs-tree.ts";

const { EAGAIN, EBUSY, ENODEV, ENOENT, ENOMEM, EOVERFLOW, EPIPE, EPROTO } = constants.errno;
const none = new AbortController().signal;
const clock: Clock = { now: () => 0, wallTime: () => 0, schedule: () => () => {} };

/** A transfer that the kernel has. */
interface KernelUrb {
  readonly urb: Uint8Array;
  readonly type: number;
  readonly endpoint: number;
  readonly length: number;
  readonly signal: number;
  /** Of the program: what goes out, or where to put what comes in. */
  readonly data: Uint8Array;
}

/** The part of the kernel that is called: memory has made-up addresses, transfers end when the test says so. */
class FakeKernel implements UsbfsCalls {
  readonly machine: UsbfsMachine;
  readonly orders: (readonly [request: string, value: number])[] = [];
  readonly waiting: KernelUrb[] = [];
  readonly #ended: KernelUrb[] = [];
  /** What the next requests of a kind answer. */
  readonly refusals = new Map<string, number[]>();
  #memory: Uint8Array[] = [];
  #listener: (() => void) | undefined;
  /** The open file that the event loop waits for, where it does. */
  watchedFd: number | undefined;
  addresses = 0;
  /** How often the program was told, and how often it asked. */
  looks = 0;
  reaps = 0;
  isGone = false;

  constructor(machine: UsbfsMachine) {
    this.machine = machine;
  }

  readonly source: CompletionSource = {
    tells: true,
    listen: (listener) => {
      this.#listener = listener;
      return () => {
        this.#listener = undefined;
      };
    },
  };

  /** The event loop waits for files. */
  readonly watching: CompletionSource = {
    ...this.source,
    watch: (fd, listener) => {
      this.watchedFd = fd;
      this.#listener = () => {
        // It tells as long as there is something; a last time where the device is gone, as libuv does.
        const most = this.isGone ? 1 : 100;
        for (let looks = 0; this.#ended.length > 0 && looks < most; looks++) {
          this.looks++;
          listener(this.isGone);
        }
      };
      return () => {
        this.watchedFd = undefined;
        this.#listener = undefined;
      };
    },
  };

  get isListening(): boolean {
    return this.#listener !== undefined;
  }

  address(bytes: Uint8Array): bigint {
    this.addresses++;
    const at = this.#memory.indexOf(bytes);
    return 0x1000n * BigInt(at < 0 ? this.#memory.push(bytes) : at + 1);
  }

  ioctl(_fd: number, request: number, argument: Uint8Array): number {
    const requests = usbfsRequests(this.machine);
    const [name] = Object.entries(requests).find(([, number]) => number === request) ?? [];
    const refusal = this.refusals.get(name ?? "")?.shift();
    if (refusal !== undefined) return -refusal;
    if (name === "submitUrb") return this.#submit(argument);
    if (name === "discardUrb") return this.#discard(argument);
    if (name === "reapUrbNoDelay") return this.#reap(argument);
    this.orders.push([name ?? `request ${request.toString(16)}`, this.#view(argument).getUint32(0, this.#little)]);
    return 0;
  }

  /** Ends the first transfer of an endpoint, and tells the program. */
  end(endpoint: number, status: number, bytes: Uint8Array = new Uint8Array(), moved = bytes.length): void {
    this.endQuietly(endpoint, status, bytes, moved);
    this.#listener?.();
  }

  /** The same, before the program is told. */
  endQuietly(endpoint: number, status: number, bytes: Uint8Array = new Uint8Array(), moved = bytes.length): void {
    const at = this.waiting.findIndex((one) => one.endpoint === endpoint);
    const [urb] = this.waiting.splice(at, 1);
    if (urb === undefined) throw new Error(`no transfer at ${endpoint}`);
    urb.data.set(bytes, urb.type === 2 ? 8 : 0);
    this.#finish(urb, status, moved);
  }

  #finish(urb: KernelUrb, status: number, moved: number): void {
    const view = this.#view(urb.urb);
    view.setInt32(4, status, this.#little);
    view.setInt32(this.machine.pointerBytes === 8 ? 28 : 20, moved, this.#little);
    this.#ended.push(urb);
  }

  #submit(urb: Uint8Array): number {
    if (this.isGone) return -ENODEV;
    const wide = this.machine.pointerBytes === 8;
    const view = this.#view(urb);
    const buffer = wide ? view.getBigUint64(16, this.#little) : BigInt(view.getUint32(12, this.#little));
    const data = this.#memory[Number(buffer / 0x1000n) - 1];
    if (data === undefined) return -constants.errno.EFAULT;
    const length = view.getInt32(wide ? 24 : 16, this.#little);
    const signal = view.getUint32(wide ? 44 : 36, this.#little);
    this.waiting.push({ urb, type: urb[0] ?? 0, endpoint: urb[1] ?? 0, length, signal, data });
    return 0;
  }

  #discard(urb: Uint8Array): number {
    const at = this.waiting.findIndex((one) => one.urb === urb);
    const [found] = at < 0 ? [] : this.waiting.splice(at, 1);
    if (found === undefined) return -constants.errno.EINVAL;
    this.#finish(found, -ENOENT, 0);
    // The signal comes when the program has returned to its loop.
    setImmediate(() => this.#listener?.());
    return 0;
  }

  #reap(into: Uint8Array): number {
    this.reaps++;
    const urb = this.#ended.shift();
    if (urb === undefined) return this.isGone ? -ENODEV : -EAGAIN;
    const address = 0x1000n * BigInt(this.#memory.indexOf(urb.urb) + 1);
    if (this.machine.pointerBytes === 8) this.#view(into).setBigUint64(0, address, this.#little);
    else this.#view(into).setUint32(0, Number(address), this.#little);
    return 0;
  }

  get #little(): boolean {
    return this.machine.littleEndian;
  }

  #view(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

interface Bench {
  readonly kernel: FakeKernel;
  readonly tree: SysfsTree;
  readonly transport: UsbTransport;
  readonly open: () => Promise<UsbInterface>;
}

async function benchWith(
  device: Partial<TreeDevice> = {},
  machine = usbfsMachine("x64", "LE"),
  how: "source" | "watching" = "source",
): Promise<Bench> {
  const tree = new SysfsTree();
  onTestFinished(() => tree.remove());
  tree.plug({ port: "1-1", product: "Reader", ...device });
  const kernel = new FakeKernel(machine);
  const transport = usbfsTransport({ clock, calls: kernel, folders: tree.folders, completions: kernel[how] });
  const open = async (): Promise<UsbInterface> => {
    const found = await transport.look();
    const description = found.isThere ? found.devices[0]?.interfaces[0] : undefined;
    if (description === undefined) throw new Error("no reader");
    const opened = await transport.open(description);
    onTestFinished(() => opened.close());
    return opened;
  };
  return { kernel, tree, transport, open };
}

test("request numbers are those of linux/usbdevice_fs.h", () => {
  const hex = (machine: UsbfsMachine) =>
    Object.fromEntries(Object.entries(usbfsRequests(machine)).map(([name, value]) => [name, value.toString(16)]));
  expect(hex(usbfsMachine("x64", "LE"))).toEqual({
    resetEndpoint: "80045503",
    submitUrb: "8038550a",
    discardUrb: "550b",
    reapUrbNoDelay: "4008550d",
    claimInterface: "8004550f",
    releaseInterface: "80045510",
  });
  expect(hex(usbfsMachine("arm", "LE"))).toMatchObject({ submitUrb: "802c550a", reapUrbNoDelay: "4004550d" });
  expect(hex(usbfsMachine("ppc64", "LE"))).toMatchObject({ submitUrb: "4038550a", discardUrb: "2000550b" });
});

describe.each([
  ["64 bits", usbfsMachine("x64", "LE")],
  ["32 bits", usbfsMachine("arm", "LE")],
  ["big-endian", usbfsMachine("ppc64", "BE")],
])("transfers on %s", (_, machine) => {
  test("go out, come in, and end by the signal", async () => {
    const { kernel, open } = await benchWith({}, machine);
    const usb = await open();
    expect(kernel.orders).toEqual([["claimInterface", 0]]);
    const out = usb.bulkOut(Uint8Array.of(1, 2, 3), none);
    expect(kernel.waiting).toHaveLength(1);
    expect(kernel.waiting[0]).toMatchObject({ type: 3, endpoint: 0x01, length: 3, signal: COMPLETION_SIGNAL });
    const sent = kernel.waiting[0]?.data;
    expect(sent?.subarray(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    kernel.end(0x01, 0, undefined, 3);
    await out;
    // It may have been a PIN.
    expect(sent?.every((byte) => byte === 0)).toBe(true);
    const bulk = usb.bulkIn(300, none);
    const interrupt = usb.interruptIn(8, none);
    expect(kernel.waiting.map(({ endpoint, length, type }) => [type, endpoint, length])).toEqual([
      [3, 0x82, 300],
      [1, 0x83, 8],
    ]);
    const received = kernel.waiting[0]?.data;
    kernel.end(0x82, 0, Uint8Array.of(9, 8, 7));
    expect(await bulk).toEqual(Uint8Array.of(9, 8, 7));
    expect(received?.every((byte) => byte === 0)).toBe(true);
    kernel.end(0x83, 0, Uint8Array.of(0x50, 3));
    expect(await interrupt).toEqual(Uint8Array.of(0x50, 3));
    const empty = usb.bulkIn(300, none);
    kernel.end(0x82, 0);
    expect(await empty).toEqual(new Uint8Array());
  });
});

describe("a transfer", () => {
  test("to the control endpoint has its setup packet", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    const request = { requestType: 0xa1, request: 2, value: 0x0102, index: 3 };
    const rates = usb.controlIn(request, 16, none);
    expect(kernel.waiting[0]).toMatchObject({ type: 2, endpoint: 0, length: 24 });
    expect(kernel.waiting[0]?.data.subarray(0, 8)).toEqual(Uint8Array.of(0xa1, 2, 2, 1, 3, 0, 16, 0));
    kernel.end(0, 0, Uint8Array.of(5, 6));
    expect(await rates).toEqual(Uint8Array.of(5, 6));
    const order = usb.controlOut({ ...request, requestType: 0x21 }, Uint8Array.of(7), none);
    expect(kernel.waiting[0]?.data.subarray(0, 9)).toEqual(Uint8Array.of(0x21, 2, 2, 1, 3, 0, 1, 0, 7));
    kernel.end(0, 0, undefined, 1);
    await order;
  });

  test("ends as what the kernel says", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    const ends = [
      [EPIPE, "stall"],
      [EOVERFLOW, "overflow"],
      [108, "gone"],
      [EPROTO, "io"],
    ] as const;
    for (const [errno, failure] of ends) {
      const read = usb.bulkIn(64, none);
      kernel.end(0x82, -errno);
      await expect(read).rejects.toMatchObject({ name: "UsbError", failure });
    }
    const read = usb.bulkIn(64, none);
    kernel.end(0x82, -EPROTO);
    await expect(read).rejects.toThrow(/^072f:2200 "Reader" at USB port 1-1: a transfer failed: EPROTO$/);
  });

  test("is cancelled by its signal, and one that had ended by then is not lost", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    const stop = new AbortController();
    const read = usb.bulkIn(64, stop.signal);
    stop.abort();
    await expect(read).rejects.toMatchObject({ failure: "cancelled" });
    await expect(usb.bulkIn(64, stop.signal)).rejects.toMatchObject({ failure: "cancelled" });
    expect(kernel.waiting).toEqual([]);
    const later = new AbortController();
    const second = usb.bulkIn(64, later.signal);
    kernel.end(0x82, 0, Uint8Array.of(1));
    later.abort();
    expect(await second).toEqual(Uint8Array.of(1));
  });

  test("that the kernel cancels by itself is the end of the device", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    const read = usb.interruptIn(8, none);
    kernel.end(0x83, -ENOENT);
    await expect(read).rejects.toMatchObject({ failure: "gone" });
    const lost = usb.bulkIn(8, none);
    kernel.isGone = true;
    const noticed = usb.interruptIn(8, none);
    await expect(noticed).rejects.toMatchObject({ failure: "gone" });
    kernel.end(0x82, -108);
    await expect(lost).rejects.toMatchObject({ failure: "gone" });
  });

  test("too large for the kernel's memory goes in pieces", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    kernel.refusals.set("submitUrb", [ENOMEM]);
    const bytes = Uint8Array.from({ length: 40_000 }, (_, index) => index & 0xff);
    const out = usb.bulkOut(bytes, none);
    const pieces: number[] = [];
    for (const length of [16_384, 16_384, 7232]) {
      await new Promise(setImmediate);
      pieces.push(...(kernel.waiting[0]?.data.slice(0, length) ?? []));
      kernel.end(0x01, 0, undefined, length);
    }
    await out;
    expect(Uint8Array.from(pieces)).toEqual(bytes);
    kernel.refusals.set("submitUrb", [ENOMEM]);
    const read = usb.bulkIn(65_556, none);
    for (const piece of [bytes.subarray(0, 16_384), bytes.subarray(16_384, 20_000)]) {
      await new Promise(setImmediate);
      kernel.end(0x82, 0, piece);
    }
    expect(await read).toEqual(bytes.subarray(0, 20_000));
  });

  test("clears a halt on the device, then on the host", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    const cleared = usb.clearHalt(0x82, none);
    expect(kernel.waiting[0]?.data.subarray(0, 8)).toEqual(Uint8Array.of(2, 1, 0, 0, 0x82, 0, 0, 0));
    kernel.end(0, 0);
    await cleared;
    expect(kernel.orders.slice(1)).toEqual([["resetEndpoint", 0x82]]);
  });

  test("ends as cancelled when the interface is closed, which releases it", async () => {
    const { kernel, open } = await benchWith();
    const usb = await open();
    const reads = [usb.bulkIn(64, none), usb.interruptIn(8, none)].map((read) =>
      expect(read).rejects.toMatchObject({ failure: "cancelled" }),
    );
    await Promise.all([usb.close(), usb.close(), ...reads]);
    expect(kernel.orders.slice(1)).toEqual([["releaseInterface", 0]]);
    await expect(usb.bulkOut(Uint8Array.of(1), none)).rejects.toMatchObject({ failure: "cancelled" });
    expect(kernel.isListening).toBe(false);
  });
});

describe("a file that the event loop waits for", () => {
  const watchedBench = async () => {
    const bench = await benchWith({}, usbfsMachine("x64", "LE"), "watching");
    return { ...bench, usb: await bench.open() };
  };

  test("needs no signal, and is taken off before it is closed", async () => {
    const { kernel, usb } = await watchedBench();
    expect(kernel.watchedFd).toBeGreaterThan(2);
    const read = usb.bulkIn(64, none);
    expect(kernel.waiting[0]).toMatchObject({ signal: 0 });
    kernel.end(0x82, 0, Uint8Array.of(7));
    expect(await read).toEqual(Uint8Array.of(7));
    await usb.close();
    expect(kernel.watchedFd).toBeUndefined();
  });

  test("takes command and answer in one look, and looks for no more while only a card is waited for", async () => {
    const { kernel, usb } = await watchedBench();
    void usb.interruptIn(8, none).catch(() => undefined);
    for (let round = 0; round < 3; round++) {
      const [read, write] = [usb.bulkIn(64, none), usb.bulkOut(Uint8Array.of(1, 2), none)];
      const { looks, reaps } = kernel;
      kernel.endQuietly(0x01, 0, undefined, 2);
      kernel.end(0x82, 0, Uint8Array.of(round));
      await write;
      expect(await read).toEqual(Uint8Array.of(round));
      expect([kernel.looks - looks, kernel.reaps - reaps]).toEqual([1, 2]);
    }
  });

  test("needs no new memory for transfers like those before", async () => {
    const { kernel, usb } = await watchedBench();
    const exchange = async (length: number): Promise<void> => {
      const [read, write] = [usb.bulkIn(65_600, none), usb.bulkOut(new Uint8Array(length).fill(9), none)];
      kernel.end(0x01, 0, undefined, length);
      const answer = Uint8Array.from({ length }, (_, index) => index & 0xff);
      kernel.end(0x82, 0, answer);
      await write;
      expect(await read).toEqual(answer);
    };
    await exchange(300);
    const { addresses } = kernel;
    for (const length of [300, 5, 511]) await exchange(length);
    expect(kernel.addresses).toBe(addresses);
  });

  /** Waits until all of these have ended, or says which have not: nothing would tell of them later. */
  const endsOf = async (transfers: readonly Promise<unknown>[]): Promise<readonly string[]> => {
    const ends = transfers.map(() => "under way");
    transfers.forEach((one, index) => {
      one.then(
        () => (ends[index] = "done"),
        (error: unknown) => (ends[index] = String(Object(error).failure)),
      );
    });
    await new Promise(setImmediate);
    return ends;
  };

  test.each([
    ["before the others", [0x83, 0x82, 0x01]],
    ["after the others", [0x82, 0x01, 0x83]],
  ])(
    "that is gone ends all transfers, though it is told once: the one that waits for a card ends %s",
    async (_, order) => {
      const { kernel, usb } = await watchedBench();
      const lost = [usb.bulkIn(64, none), usb.interruptIn(8, none), usb.bulkOut(Uint8Array.of(1), none)];
      kernel.isGone = true;
      const [first = 0, second = 0, last = 0] = order;
      kernel.endQuietly(first, -108);
      kernel.endQuietly(second, -108);
      kernel.end(last, -108);
      expect(await endsOf(lost)).toEqual(["gone", "gone", "gone"]);
    },
  );

  test("that goes after an answer gives the answer, and ends what waits for a card", async () => {
    const { kernel, usb } = await watchedBench();
    const transfers = [usb.interruptIn(8, none), usb.bulkIn(64, none), usb.bulkOut(Uint8Array.of(1), none)];
    kernel.endQuietly(0x01, 0, undefined, 1);
    kernel.endQuietly(0x82, 0, Uint8Array.of(7));
    kernel.isGone = true;
    kernel.end(0x83, -108);
    expect(await endsOf(transfers)).toEqual(["gone", "done", "done"]);
  });

  test("cancels only what a signal is for, time and again", async () => {
    const { kernel, usb } = await watchedBench();
    for (let round = 0; round < 20; round++) {
      const stop = new AbortController();
      const kept = usb.interruptIn(8, none);
      const first = usb.bulkOut(Uint8Array.of(1), stop.signal);
      kernel.end(0x01, 0, undefined, 1);
      await first;
      // It has the memory of the one before, and another signal.
      const second = usb.bulkOut(Uint8Array.of(2), none);
      const read = usb.bulkIn(64, stop.signal);
      stop.abort();
      await expect(read).rejects.toMatchObject({ failure: "cancelled" });
      expect(kernel.waiting.map(({ endpoint }) => endpoint)).toEqual([0x83, 0x01]);
      kernel.end(0x01, 0, undefined, 1);
      await second;
      kernel.end(0x83, 0, Uint8Array.of(0x50, 3));
      expect(await kept).toEqual(Uint8Array.of(0x50, 3));
    }
  });
});

describe("opening", () => {
  test("one that a driver of the kernel has names the driver", async () => {
    const { kernel, open } = await benchWith({ drivers: { 0: "pn533_usb" } });
    kernel.refusals.set("claimInterface", [EBUSY]);
    const error = await open().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ failure: "busy" });
    expect(String(error)).toMatch(/is in use: the kernel's driver pn533_usb has it: modprobe -r pn533_usb/);
    expect(kernel.isListening).toBe(false);
  });

  test("one that a program has names the program", async () => {
    const { kernel, open, tree } = await benchWith({ drivers: { 0: "usbfs" } });
    kernel.refusals.set("claimInterface", [EBUSY]);
    tree.program(77, "pcscd", [tree.deviceFile()]);
    await expect(open()).rejects.toThrow(/is in use: pcscd \(pid 77\) has it: .*systemctl stop pcscd/);
  });

  test("one that was unplugged meanwhile", async () => {
    const { transport, tree } = await benchWith();
    const found = await transport.look();
    tree.unplug("1-1");
    const [description] = (found.isThere && found.devices[0]?.interfaces) || [];
    if (description === undefined) throw new Error("no reader");
    await expect(transport.open(description)).rejects.toMatchObject({ failure: "gone" });
  });
});
