// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { SmartCardError } from "../../src/port/index.ts";
import { decodeClassDescriptor, openCcidDevice, UsbError, type UsbInterface } from "../../src/readers/ccid/index.ts";
import { SimulatedRuntime, seededRandom } from "../../src/testing/runtime/index.ts";
import { atrs, settled } from "./ccid-bench.ts";

const SEED = 20_261_130;
const MESSAGES = 100_000;

/** Whole numbers that follow from a seed. */
class Dice {
  readonly #random;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  bytes(length: number): Uint8Array {
    return this.#random.bytes(length);
  }

  below(limit: number): number {
    const [high = 0, low = 0] = this.#random.bytes(2);
    return ((high << 8) | low) % limit;
  }

  pick<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] as T;
  }
}

const codes: ReadonlySet<string> = new Set([
  "comm-error",
  "unresponsive-card",
  "removed-card",
  "unpowered-card",
  "proto-mismatch",
  "unsupported-feature",
  "invalid-parameter",
  "no-access",
]);

test("100,000 hostile class descriptors", () => {
  const dice = new Dice(SEED);
  for (let run = 0; run < MESSAGES; run++) {
    const bytes = dice.bytes(dice.pick(54, 54, 54, 54, 53, 60, dice.below(80)));
    if (dice.below(4) !== 0 && bytes.length >= 2) bytes.set([54, dice.pick(0x21, 0xff)]);
    const decoded = decodeClassDescriptor(bytes);
    if (!decoded.ok) continue;
    const { busySlots, maxIfsd, maxMessageBytes, protocols, slots, voltages } = decoded.value;
    const isUsable =
      busySlots >= 1 &&
      busySlots <= slots &&
      maxIfsd >= 1 &&
      maxIfsd <= 254 &&
      maxMessageBytes >= 271 &&
      maxMessageBytes <= 66_048;
    if (!isUsable || protocols.length === 0 || voltages.length === 0) throw new Error(`run ${run}: ${bytes.join()}`);
  }
});

test("100,000 hostile messages: no hang, nothing that is no answer, the right error", async () => {
  const dice = new Dice(SEED);
  let delivered = 0;
  for (let device = 0; delivered < MESSAGES; device++) {
    const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate), seed: device + 1 });
    const pipe = hostilePipe(dice, () => delivered++);
    const signal = new AbortController().signal;
    const check = async <T>(promise: Promise<T>): Promise<T | undefined> => {
      try {
        return (await settled(runtime, promise, 5_000)).value;
      } catch (error) {
        if (!(error instanceof SmartCardError)) throw error;
        if (error.code !== "reader-unavailable" && !codes.has(error.code)) throw error;
        return undefined;
      }
    };
    const opened = await check(openCcidDevice(pipe, { clock: runtime.clock, trace: runtime.trace, allowEscape: true }));
    if (opened === undefined) continue;
    const [reader] = opened.readers;
    if (reader === undefined) throw new Error("a device without slots");
    await check(reader.open({ inserted() {}, removed() {}, lost() {} }));
    for (let step = 0; step < 40 && delivered < MESSAGES; step++) {
      if (!reader.isOpen) break;
      const atr = await check(reader.power(dice.pick("cold-reset", "warm-reset", "power-down"), signal));
      if (atr !== undefined && atr.length !== 0 && (atr.length < 2 || atr.length > 33))
        throw new Error("an ATR of a wrong length");
      const protocol = dice.pick("t0" as const, "t1" as const);
      await check(reader.setProtocol(protocol, signal));
      const response = await check(reader.transmit(dice.bytes(4 + dice.below(300)), protocol, signal));
      if (response !== undefined && (response.length < 2 || response.length > 65_538))
        throw new Error("a response of a wrong length");
      await check(reader.control(dice.pick(0x4200_0001, 0x4200_0d48, 0x4233_0012), dice.bytes(3), signal));
    }
    await settled(runtime, opened.close());
    await runtime.advance(5_000);
    expect(runtime.pendingTimers).toEqual([]);
  }
  expect(delivered).toBeGreaterThanOrEqual(MESSAGES);
}, 3_600_000);

/** A device whose every message is chance, often nearly right. */
function hostilePipe(dice: Dice, count: () => void): UsbInterface {
  const level = dice.pick(0, 0x1_0000, 0x2_0000, 0x4_0000);
  const descriptor = dice.bytes(54);
  const view = new DataView(descriptor.buffer);
  descriptor.set([54, 0x21]);
  descriptor[4] = 0;
  descriptor[18] = dice.pick(0, 3);
  descriptor[27] = dice.pick(0, 3);
  view.setUint32(40, (level | dice.below(0x800)) >>> 0, true);
  view.setUint32(44, dice.pick(271, 65_556, 0, 0xffff_ffff), true);
  let last: Uint8Array = new Uint8Array(10);
  let waiting = 0;
  let reads: (() => void)[] = [];
  const failure = (): UsbError => new UsbError(dice.pick("stall", "io", "overflow", "timeout"), "hostile");
  const answer = (): Uint8Array => {
    const type = dice.pick(0x80, 0x80, 0x81, 0x82, 0x83, 0x84, dice.below(256));
    const data = dice.pick(
      () => Uint8Array.from(atrs.both),
      () => dice.bytes(dice.below(40)),
      () => last.slice(10),
      () => new Uint8Array(0),
    )();
    const message = new Uint8Array(10 + data.length);
    const out = new DataView(message.buffer);
    message[0] = type;
    out.setUint32(1, dice.below(8) === 0 ? dice.below(0xffff) : data.length, true);
    message[5] = dice.below(8) === 0 ? dice.below(256) : (last[5] ?? 0);
    message[6] = dice.below(8) === 0 ? dice.below(256) : (last[6] ?? 0);
    message[7] = dice.pick(0, 0, 0, 1, 2, 0x40, 0x41, 0x42, 0x80, 0xc0, dice.below(256));
    message[8] = dice.pick(0, 0xfe, 0xe0, dice.below(256));
    message[9] = dice.pick(0, 1, 2, 3, 0x10, dice.below(256));
    message.set(data, 10);
    return dice.below(10) === 0 ? message.slice(0, dice.below(message.length)) : message;
  };
  const wait = (signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const onAbort = (): void => reject(new UsbError("cancelled", "cancelled"));
      if (signal.aborted) return onAbort();
      signal.addEventListener("abort", onAbort, { once: true });
      reads.push(() => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
    });
  return {
    description: {
      ...{ vendorId: 0x08e6, productId: dice.pick(0x3437, 0x3478, 0x4433), deviceRelease: 0x0100 },
      ...{ manufacturer: "", product: "", serial: "", portPath: "1-1", bus: 1, address: 1 },
      ...{
        interfaceNumber: 0,
        interfaceName: "",
        interfaceClass: 11,
        interfaceProtocol: 0,
        classDescriptor: descriptor,
      },
      endpoints: {
        bulkOut: { address: 1, maxPacketBytes: 64 },
        bulkIn: { address: 0x82, maxPacketBytes: 64 },
        interruptIn: { address: 0x83, maxPacketBytes: 8 },
      },
    },
    async bulkOut(bytes) {
      if (dice.below(40) === 0) throw failure();
      last = bytes.slice();
      waiting = dice.pick(1, 1, 1, 1, 1, 2, 3, 0, 40);
      for (const go of reads.splice(0)) go();
      reads = [];
    },
    async bulkIn(_maxBytes, signal) {
      if (waiting === 0) await wait(signal);
      waiting = Math.max(0, waiting - 1);
      count();
      if (dice.below(40) === 0) throw failure();
      return dice.below(12) === 0 ? dice.bytes(dice.below(30)) : answer();
    },
    interruptIn(_maxBytes, signal) {
      if (dice.below(3) === 0) return Promise.resolve(dice.bytes(dice.below(4)));
      return wait(signal).then(() => Uint8Array.of(0x50, dice.below(256)));
    },
    async controlOut() {
      if (dice.below(3) === 0) throw failure();
    },
    async controlIn() {
      if (dice.below(3) === 0) throw failure();
      return dice.bytes(dice.pick(0, 4, 12, 5));
    },
    async clearHalt() {
      if (dice.below(10) === 0) throw failure();
    },
    async close() {},
  };
}
