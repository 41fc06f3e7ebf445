// SPDX-License-Identifier: MIT

import { findTransport, usbReaders } from "../../entry/usb-readers.ts";
import { listenVpcd, tryVpcd } from "../../entry/vpcd-listener.ts";
import { openIfd } from "../../platform/node/ifd/index.ts";
import { nodeRuntime } from "../../platform/node/runtime/index.ts";
import { listenUnix, tryUnix } from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { DaemonIfdDeps } from "./ifd.ts";
import { ReaderFailure } from "./readers.ts";
import type { DaemonUsbDeps } from "./usb.ts";

/** How a daemon opens its sockets. */
export interface Doors {
  readonly unix: typeof listenUnix;
  readonly vpcd: typeof listenVpcd;
  readonly usb: DaemonUsbDeps["open"];
  readonly ifd: DaemonIfdDeps["open"];
}

/** Opens them for clients. */
export const openDoors: Doors = { unix: listenUnix, vpcd: listenVpcd, usb: usbReaders, ifd: openIfd };
/** Opens them for a moment, to see what would fail. */
export const triedDoors: Doors = {
  unix: tryUnix,
  vpcd: tryVpcd,
  usb: async ({ runtime = nodeRuntime() }) => {
    await findTransport(runtime);
    return undefined;
  },
  ifd: async () => undefined,
};

/** A problem that would make the start fail, and its place in the configuration. */
export interface StartProblem {
  readonly part: "control" | "socket" | "limits" | { readonly reader: number };
  readonly message: string;
}

/** The problem that an error of a start is. @throws unexpected errors */
export function problemOf(error: unknown, part: Exclude<StartProblem["part"], object>): StartProblem {
  const cause = error instanceof ReaderFailure ? error.cause : error;
  if (!(cause instanceof SmartCardError)) throw error;
  const message = cause.reason;
  const index = error instanceof ReaderFailure ? error.index : undefined;
  return { part: index === undefined ? part : { reader: index }, message };
}
