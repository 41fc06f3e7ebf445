// SPDX-License-Identifier: MIT

// Runs in the browser, as a page and as a worker: `scard/bridge` where the browser shows a USB reader, over a model of one.

import type { BridgeOptions, SmartCardBridge } from "../../src/entry/bridge.ts";
import { browserRuntime } from "../../src/entry/browser.ts";
import { CardLine, RigCard, readerModel } from "../usb/models/index.ts";
import { WebUsbModel } from "./web-usb-model.ts";

/** What the test is told. */
export interface UsbPageResult {
  readonly isPage: boolean;
  readonly readers: readonly string[];
  readonly answer: readonly number[];
  /** Of a transaction, and of a call that fails: the classes are those of the page. */
  readonly inTransaction: number;
  readonly failure: readonly unknown[];
  /** Readers of the bridge, where the reader has gone. */
  readonly afterUnplug: readonly string[] | string;
  readonly error?: string;
}

interface Scope {
  readonly document?: object;
  readonly navigator: object;
  postMessage?(result: unknown): void;
}
const scope = globalThis as unknown as Scope;

/** `navigator.usb` with one device. */
class OneDevice extends EventTarget {
  devices: readonly WebUsbModel[] = [];

  async getDevices(): Promise<readonly WebUsbModel[]> {
    return this.devices;
  }
}

/** The published file, which the test serves. */
const CLIENT: string = "/bridge.js";

async function run(url: string): Promise<UsbPageResult> {
  const { bridgedSmartCard, SmartCardError } = (await import(CLIENT)) as {
    bridgedSmartCard(options: BridgeOptions): SmartCardBridge;
    SmartCardError: new () => Error;
  };
  const model = readerModel("TPDU", { clock: browserRuntime().clock, maxMessageBytes: 65_556, product: "Model Page" });
  model.insert(new CardLine(new RigCard()));
  const usb = new OneDevice();
  usb.devices = [new WebUsbModel(model)];
  Object.defineProperty(scope.navigator, "usb", { value: usb, configurable: true });
  const smartCard = bridgedSmartCard({ url, usb: true });
  const context = await smartCard.establishContext();
  const readers = await context.listReaders();
  const { connection } = await context.connect(readers[0] ?? "", "shared", { preferredProtocols: ["t0", "t1"] });
  const command = Uint8Array.of(0, 0xb0, 0, 0, 4);
  const answer = [...new Uint8Array(await connection.transmit(command))];
  let inTransaction = 0;
  await connection.startTransaction(async () => {
    inTransaction = (await connection.transmit(command)).byteLength;
    return "leave";
  });
  const failed = await context
    .connect("no such reader", "shared", { preferredProtocols: ["t1"] })
    .catch((error: unknown) => error);
  const failure = [failed instanceof SmartCardError, (failed as { readonly responseCode?: string }).responseCode];
  await connection.disconnect();
  model.unplug();
  usb.devices = [];
  usb.dispatchEvent(new Event("disconnect"));
  const afterUnplug = await (await smartCard.establishContext()).listReaders();
  smartCard.close();
  return { isPage: scope.document !== undefined, readers, answer, inTransaction, failure, afterUnplug };
}

/** What the test calls. In a worker the result is posted. */
async function usbPage(url: string): Promise<unknown> {
  const result = await run(url).catch((error: unknown) => ({
    error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error),
  }));
  if (scope.document === undefined) scope.postMessage?.(result);
  return result;
}

Object.assign(globalThis, { usbPage });
