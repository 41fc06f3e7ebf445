// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { Connection } from "../../src/port/index.ts";
import { openCcidDevice } from "../../src/readers/ccid/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import {
  CardLine,
  type CcidReaderModel,
  contentByte,
  memoryUsb,
  type Preset,
  presets,
  RigCard,
  readerModel,
} from "./models/index.ts";

/** T=0 alone: what QEMU's emulated card answers. */
const t0Atr = hexBytes("3B7A18000073667465206364313434");

interface Bench {
  readonly runtime: SimulatedRuntime;
  readonly manager: EmbeddedManager;
  readonly model: CcidReaderModel;
  readonly names: readonly string[];
  /** Lets time pass until the promise has settled. */
  until<T>(promise: Promise<T>): Promise<T>;
}

async function bench(preset: Preset, options: Parameters<typeof readerModel>[1] | object = {}): Promise<Bench> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const model = readerModel(preset, { clock: runtime.clock, ...options });
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    promise.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    for (let ms = 0; !isOver && ms < 1_000_000; ms += 10) await runtime.advance(10);
    return await promise;
  };
  const manager = new EmbeddedManager({ runtime });
  const device = await until(openCcidDevice(memoryUsb(model), { clock: runtime.clock, trace: runtime.trace }));
  const names: string[] = [];
  for (const reader of device.readers) names.push(await until(manager.addReader(reader)));
  return { runtime, manager, model, names, until };
}

async function connect({ manager, names, until }: Bench, slot = 0): Promise<Connection> {
  const context = await until(manager.establishContext());
  return await until(context.connect(names[slot] ?? "", { shareMode: "shared", preferredProtocols: ["t0", "t1"] }));
}

describe.each(Object.keys(presets) as Preset[])("%s", (preset) => {
  test.each([
    ["T=1", undefined],
    ["T=0", t0Atr],
  ])("a card of %s is found, connected, and answers", async (_name, atr) => {
    const made = await bench(preset);
    const card = new RigCard(atr === undefined ? {} : { atr });
    made.model.insert(new CardLine(card));
    await made.runtime.advance(500);
    const connection = await connect(made);
    const response = await made.until(connection.transmit(hexBytes("00B0000010")));
    expect(encodeHex(response.subarray(0, 16))).toBe(
      encodeHex(Uint8Array.from({ length: 16 }, (_, index) => contentByte(index))),
    );
    expect(encodeHex(response.subarray(16))).toBe("9000");
    const update = `00D6000040${"5A".repeat(64)}`;
    expect(encodeHex(await made.until(connection.transmit(hexBytes(update))))).toBe("9000");
  });
});
