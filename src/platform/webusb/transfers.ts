// SPDX-License-Identifier: MIT

import { escapedJson } from "../../base/binary/index.ts";
import { UsbError, type UsbFailure } from "../../readers/ccid/index.ts";
import { usbId } from "../../readers/names/index.ts";
import type { WebUsbAnswer, WebUsbDevice, WebUsbOutcome } from "./web-usb.ts";

/** What is being done with a device, for messages and for the meaning of a failure. */
export type WebUsbStep = "open" | "configure" | "describe" | "claim" | "send" | "receive" | "control" | "clear a halt";

const NOT_FREE = "another program or page has it: close it there, then try again";

/** Runs a call of WebUSB. @throws UsbError with the meaning of what the call threw */
export async function failureIn<T>(device: WebUsbDevice, step: WebUsbStep, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw asUsbError(device, step, error);
  }
}

function asUsbError(device: WebUsbDevice, step: WebUsbStep, cause: unknown): UsbError {
  const failure = meaningOf(cause, step);
  const remedy = failure === "busy" ? `: ${NOT_FREE}` : failure === "access-denied" ? `: ${ACCESS_REMEDY}` : "";
  return new UsbError(failure, `the reader ${nameOf(device)} ${phrases[failure](step)}${remedy}`, { cause });
}

const ACCESS_REMEDY =
  "let the user choose it with requestDevice() first; on Linux see that udev lets this user open it";

const phrases: Readonly<Record<UsbFailure, (step: WebUsbStep) => string>> = {
  stall: (step) => `refused to ${step}: its endpoint is halted`,
  gone: () => "was unplugged",
  cancelled: (step) => `was told to stop in "${step}"`,
  overflow: () => "sent more than was asked for",
  timeout: (step) => `did not ${step} in time`,
  "access-denied": (step) => `may not be used (${step})`,
  busy: (step) => `is not free (${step})`,
  io: (step) => `could not ${step}`,
};

/** What a DOMException of WebUSB stands for. Its text is not used: it may come from the device. */
function meaningOf(error: unknown, step: WebUsbStep): UsbFailure {
  const name = error instanceof Error ? error.name : "";
  switch (name) {
    case "NotFoundError":
      return "gone";
    case "AbortError":
      return "cancelled";
    case "SecurityError":
    case "NotAllowedError":
      return "access-denied";
    case "NetworkError":
      return step === "open" || step === "claim" ? "busy" : "io";
    case "TimeoutError":
      return "timeout";
    default:
      return "io";
  }
}

function nameOf({ productId, productName, vendorId }: WebUsbDevice): string {
  const id = usbId({ vendorId, productId });
  return productName ? `${id} ${escapedJson(JSON.stringify(productName))}` : id;
}

/** @throws UsbError `stall` or `overflow` where the transfer ended so */
export function checkOutcome({ status }: WebUsbOutcome): void {
  if (status === "stall") throw new UsbError("stall", "the endpoint is halted");
  if (status === "babble") throw new UsbError("overflow", "the device sent more than was asked for");
}

/** The bytes that came, an array of their own. @throws UsbError `stall`, `overflow` */
export function bytesOf(answer: WebUsbAnswer, most: number): Uint8Array {
  checkOutcome(answer);
  const { data } = answer;
  if (data === undefined) return new Uint8Array();
  if (data.byteLength > most)
    throw new UsbError("overflow", `${data.byteLength} bytes came, and ${most} were asked for`);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

/**
 * Waits for a transfer, or for one of the signals. WebUSB cannot call a transfer back: one that was given up goes on.
 *
 * @throws UsbError `cancelled`
 */
export async function untilAborted<T>(transfer: Promise<T>, ...signals: readonly AbortSignal[]): Promise<T> {
  let cancel = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    cancel = () => reject(new UsbError("cancelled", "the transfer was cancelled"));
    for (const signal of signals) signal.addEventListener("abort", cancel, { once: true });
    if (signals.some((signal) => signal.aborted)) cancel();
  });
  try {
    return await Promise.race([transfer, aborted]);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", cancel);
  }
}
