// SPDX-License-Identifier: MIT

// Runs in the browser: the package's reader driver and manager, over a model of a reader that looks like a USBDevice of this page.

import { browserRuntime, webUsbReaders } from "../../src/entry/browser.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import type { ReaderFlags } from "../../src/port/index.ts";
import { CardLine, RigCard, readerModel } from "../usb/models/index.ts";
import { WebUsbModel } from "./web-usb-model.ts";

/** What the test is told. */
export interface PageResult {
  readonly agent: string;
  readonly hasNode: boolean;
  readonly readers: readonly string[];
  readonly states: readonly string[];
  readonly protocol: string | undefined;
  readonly atr: readonly number[];
  /** Lengths and status words of answers: 5, 255 and 256 bytes. */
  readonly answers: readonly (readonly [number, number])[];
  readonly echo: readonly number[];
  /** Whether a card is present, as it is told of its removal and of its insertion. */
  readonly removal: ReaderFlags | undefined;
  readonly insertion: ReaderFlags | undefined;
  readonly afterUnplug: readonly string[];
  readonly afterReplug: readonly string[];
  readonly error?: string;
}

/** `navigator.usb`, with devices that come and go. */
class PageUsb {
  readonly devices: WebUsbModel[] = [];
  readonly #events = new EventTarget();

  async getDevices(): Promise<readonly WebUsbModel[]> {
    return [...this.devices];
  }

  addEventListener(type: "connect" | "disconnect", listener: () => void): void {
    this.#events.addEventListener(type, listener);
  }

  removeEventListener(type: "connect" | "disconnect", listener: () => void): void {
    this.#events.removeEventListener(type, listener);
  }

  plug(device: WebUsbModel): void {
    this.devices.push(device);
    this.#events.dispatchEvent(new Event("connect"));
  }

  unplug(device: WebUsbModel): void {
    this.devices.splice(this.devices.indexOf(device), 1);
    this.#events.dispatchEvent(new Event("disconnect"));
  }
}

const runtime = browserRuntime();

async function run(): Promise<PageResult> {
  const model = readerModel("TPDU", { clock: runtime.clock, maxMessageBytes: 65_556, product: "Model Page" });
  const card = new RigCard();
  model.insert(new CardLine(card));
  const usb = new PageUsb();
  const device = new WebUsbModel(model);
  usb.plug(device);
  const manager = new EmbeddedManager({ runtime });
  const attached = await webUsbReaders({ usb, manager });
  const context = await manager.client({ name: "page" }).establishContext();
  const readers = await context.listReaders();
  const states = attached.report().map(({ reason, state }) => (reason === undefined ? state : `${state}: ${reason}`));
  const [reader = ""] = readers;
  const connection = await context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
  const { atr } = await connection.status();
  const answers: (readonly [number, number])[] = [];
  for (const le of [5, 255, 256]) {
    const { data, sw } = await connection.send({ cla: 0, ins: 0xb0, p1: 0, p2: 0, le });
    answers.push([data.length, sw]);
  }
  const { data: echo } = await connection.send({ cla: 0, ins: 0xec, p1: 0, p2: 0, data: Uint8Array.of(1, 2, 3) });
  const { protocol } = connection;
  await connection.disconnect("leave");

  const [before] = await context.getStatusChange([{ reader }]);
  const removal = context.getStatusChange([
    { reader, flags: before?.flags ?? {}, eventCount: before?.eventCount ?? 0 },
  ]);
  model.remove();
  const [without] = await removal;
  const insertion = context.getStatusChange([
    { reader, flags: without?.flags ?? {}, eventCount: without?.eventCount ?? 0 },
  ]);
  model.insert(new CardLine(card));
  const [withCard] = await insertion;

  const gone = until(async () => (await context.listReaders()).length === 0);
  model.unplug();
  usb.unplug(device);
  await gone;
  const afterUnplug = await context.listReaders();
  const back = until(async () => (await context.listReaders()).length === 1);
  model.plug();
  usb.plug(new WebUsbModel(model));
  await back;
  const afterReplug = await context.listReaders();
  await attached.close();
  await manager.close();
  return {
    agent: (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ?? "",
    hasNode: "process" in globalThis,
    ...{ readers, states, protocol, atr: [...atr], answers, echo: [...echo] },
    removal: without?.flags,
    insertion: withCard?.flags,
    ...{ afterUnplug, afterReplug },
  };
}

/** Waits until a condition holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise<void>((resolve) => void runtime.clock.schedule(20, "again", resolve));
}

const result = await run().catch((error: unknown) => ({
  error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error),
}));
await fetch("/result", { method: "POST", body: JSON.stringify(result) });
