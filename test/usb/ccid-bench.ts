// SPDX-License-Identifier: MIT

import { expect } from "vitest";
import { encodeHex, hexBytes } from "../../src/base/binary/index.ts";
import type { Protocol, ReaderEvents } from "../../src/port/index.ts";
import {
  type CcidDevice,
  type CcidOptions,
  type CcidReader,
  openCcidDevice,
  type UsbInterface,
} from "../../src/readers/ccid/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import {
  CardLine,
  type CardLineOptions,
  type CcidReaderModel,
  type CcidReaderOptions,
  contentByte,
  memoryUsb,
  type Preset,
  RigCard,
  type RigCardOptions,
  readerModel,
} from "./models/index.ts";

/** More virtual time than any operation may take: minutes are the limit of one exchange. */
const MOST_MS = 1_200_000;

/** Lets virtual time pass until a promise has settled, and tells how long that took; no better than in steps of `stepMs`, where given. */
export async function settled<T>(
  runtime: SimulatedRuntime,
  promise: Promise<T>,
  stepMs = 1,
): Promise<{ value: T; ms: number }> {
  let isOver = false;
  promise.then(
    () => (isOver = true),
    () => (isOver = true),
  );
  await runtime.settle();
  let ms = 0;
  for (let step = stepMs; !isOver && ms < MOST_MS; step = Math.max(stepMs, Math.min(500, step * 2))) {
    await runtime.advance(step);
    ms += step;
  }
  expect(isOver, `not over after ${ms} ms`).toBe(true);
  return { value: await promise, ms };
}

/** A device on a model, opened, with one listener a slot. */
export interface CcidBench {
  readonly runtime: SimulatedRuntime;
  readonly model: CcidReaderModel;
  readonly usb: UsbInterface;
  readonly device: CcidDevice;
  readonly readers: readonly CcidReader[];
  readonly reader: CcidReader;
  /** Events of all slots, as "0 inserted". */
  readonly events: string[];
  readonly signal: AbortSignal;
  until<T>(promise: Promise<T>): Promise<T>;
}

export interface CcidBenchOptions {
  readonly model?: Partial<CcidReaderOptions>;
  readonly ccid?: Partial<CcidOptions>;
  /** What is done before the device is opened: cards are put in. */
  readonly before?: (model: CcidReaderModel) => void;
  /** Stands between the driver and the model. */
  readonly wrap?: (usb: UsbInterface, runtime: SimulatedRuntime) => UsbInterface;
}

export async function ccidBench(preset: Preset, options: CcidBenchOptions = {}): Promise<CcidBench> {
  const runtime = new SimulatedRuntime({ settle: () => new Promise(setImmediate) });
  const model = readerModel(preset, { clock: runtime.clock, ...options.model });
  options.before?.(model);
  const plain = memoryUsb(model);
  const usb = options.wrap?.(plain, runtime) ?? plain;
  const until = async <T>(promise: Promise<T>): Promise<T> => (await settled(runtime, promise)).value;
  const opening = openCcidDevice(usb, { clock: runtime.clock, trace: runtime.trace, ...options.ccid });
  const device = await until(opening);
  const events: string[] = [];
  for (const [slot, reader] of device.readers.entries()) await until(reader.open(listener(slot, events)));
  const [reader] = device.readers;
  if (reader === undefined) throw new Error("a device without slots");
  const signal = new AbortController().signal;
  return { runtime, model, usb, device, readers: device.readers, reader, events, signal, until };
}

function listener(slot: number, events: string[]): ReaderEvents {
  return {
    inserted: () => events.push(`${slot} inserted`),
    removed: () => events.push(`${slot} removed`),
    lost: (reason) => events.push(`${slot} lost: ${reason}`),
  };
}

/** ATRs. Both: T=0 and T=1, TA1 95. */
export const atrs = {
  t0: hexBytes("3B7A18000073667465206364313434"),
  t1: hexBytes("3BD518FF8191FE1FC38073C8211309"),
  both: hexBytes("3B80800101"),
} as const;

/** An ATR with its check byte. */
export function atr(hex: string): Uint8Array {
  const bytes = hexBytes(hex);
  return Uint8Array.of(
    ...bytes,
    bytes.subarray(1).reduce((sum, byte) => sum ^ byte, 0),
  );
}

/** A card in its line. */
export function cardLine(card: RigCardOptions = {}, line: CardLineOptions = {}): { card: RigCard; line: CardLine } {
  const made = new RigCard(card);
  return { card: made, line: new CardLine(made, line) };
}

/** Powers the card and makes it speak a protocol. */
export async function ready(bench: CcidBench, protocol: Protocol, reader: CcidReader = bench.reader): Promise<void> {
  await bench.until(reader.power("cold-reset", bench.signal));
  await bench.until(reader.setProtocol(protocol, bench.signal));
}

/** READ BINARY of so many bytes, in the short form up to 256. */
export function readCommand(length: number): Uint8Array {
  if (length <= 256) return Uint8Array.of(0x00, 0xb0, 0, 0, length & 0xff);
  return Uint8Array.of(0x00, 0xb0, 0, 0, 0, (length >> 8) & 0xff, length & 0xff);
}

/** What the card answers to it, in hexadecimal. */
export function content(length: number): string {
  return `${encodeHex(Uint8Array.from({ length }, (_, index) => contentByte(index)))}9000`;
}

/** The code that a promise fails with. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
