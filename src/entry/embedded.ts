// SPDX-License-Identifier: MIT

/**
 * `scard/embedded`: the resource manager inside this process, on this machine's clock, with virtual readers, software
 * cards, readers that third-party cards plug into, and USB readers by this package's own driver. No service, no other driver.
 */

import { quoteUnlessBytes } from "../base/binary/index.ts";
import { EmbeddedManager, type EmbeddedManagerOptions } from "../managers/embedded/index.ts";
import { type IfdPlace, openIfd, readerConf, usbDevicesOf } from "../platform/node/ifd/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { type Runtime, SmartCardError, withDefaults } from "../port/index.ts";
import type { UsbSelection } from "../readers/usb/index.ts";
import { VirtualReader } from "../readers/virtual/index.ts";
import { parseManagerSpec, type ReaderSpec } from "./manager-spec.ts";
import { openSoftwareCard } from "./software.ts";
import { type OpenedUsbReaders, usbReaders } from "./usb-readers.ts";
import { listenVpcd, type VpcdListener } from "./vpcd-listener.ts";

export { EmbeddedManager, type EmbeddedManagerOptions, type ManagerClient } from "../managers/embedded/index.ts";
export { nodeBlockCipher, nodeRuntime } from "../platform/node/runtime/index.ts";
export type { PeerRule } from "../port/index.ts";
export type { ReaderHost, UsbLogEntry, UsbReaderReport, UsbSelection } from "../readers/usb/index.ts";
export type { VpcdLog, VpcdLogEntry } from "../readers/vpcd/index.ts";
export { nodeCardCrypto } from "./card-crypto.ts";
export { embeddedManager, type OpenedCard, openSoftwareCard, softwareCard, virtualReader } from "./software.ts";
export { type OpenedUsbReaders, type UsbReadersOptions, usbReaders } from "./usb-readers.ts";
export { listenVpcd, type VpcdListener, type VpcdListenerOptions } from "./vpcd-listener.ts";

/** An embedded manager that was opened from a description, and the readers in it. */
export interface OpenedEmbeddedManager extends AsyncDisposable {
  readonly kind: "embedded";
  /** What it is, for people. */
  readonly description: string;
  readonly manager: EmbeddedManager;
  /** The virtual readers by their name here, to insert and remove cards. */
  readonly virtualReaders: ReadonlyMap<string, VirtualReader>;
  /** The USB readers, where the text asks for them. */
  readonly usb: OpenedUsbReaders | undefined;
  /** Ends the manager, closes the ports that it listens on, and gives USB readers free. */
  close(): Promise<void>;
}

/**
 * Opens the embedded manager that a text describes, with its readers and their cards: `embedded:virtual+demo`,
 * `embedded:virtual:Desk+card.json,vpcd:35963`, `embedded:usb`. `openManager` of `scard/machine` opens any manager.
 *
 * @throws invalid-value (the text describes no embedded manager), and what {@link softwareCard}, `listenVpcd` and {@link usbReaders} fail with
 */
export async function openEmbeddedManager(
  description: string,
  options: Partial<EmbeddedManagerOptions> = {},
): Promise<OpenedEmbeddedManager> {
  const spec = parseManagerSpec(description);
  if (spec.kind !== "embedded") {
    throw new SmartCardError(
      "invalid-value",
      `${quoteUnlessBytes(description)} describes no embedded manager, but ${spec.kind}`,
    );
  }
  const place = { operation: "openEmbeddedManager", path: "options" };
  const checked = withDefaults(options, { runtime: nodeRuntime() }, place);
  const { runtime } = checked;
  const manager = new EmbeddedManager(checked);
  const listeners: VpcdListener[] = [];
  const virtualReaders = new Map<string, VirtualReader>();
  const chosen: UsbSelection[] = [];
  let usb: OpenedUsbReaders | undefined;
  const close = async (): Promise<void> => {
    await manager.close();
    await usb?.close();
    await Promise.all(listeners.map((listener) => listener.close()));
  };
  try {
    for (const [index, reader] of spec.readers.entries()) {
      if (reader.kind === "vpcd") listeners.push(await openVpcd(manager, runtime, reader));
      else if (reader.kind === "virtual") {
        const { name, opened } = await openVirtual(manager, runtime, reader, index);
        virtualReaders.set(name, opened);
      } else if (reader.kind === "usb") {
        const { kind: _, ...choice } = reader;
        chosen.push(choice);
      } else if (reader.kind === "ifd") {
        const devices = reader.device === undefined ? await usbDevicesOf(reader.driver) : undefined;
        if (devices !== undefined) chosen.push({ driver: reader.driver, devices });
        else await openDriver(manager, runtime, reader);
      } else await openReaderConf(manager, runtime, reader.path);
    }
    if (chosen.length > 0) usb = await usbReaders({ manager, runtime, readers: chosen });
  } catch (error) {
    await close();
    throw error;
  }
  const what = "the embedded manager of this process";
  return { kind: "embedded", description: what, manager, virtualReaders, usb, close, [Symbol.asyncDispose]: close };
}

async function openVpcd(
  manager: EmbeddedManager,
  runtime: Runtime,
  spec: Extract<ReaderSpec, { kind: "vpcd" }>,
): Promise<VpcdListener> {
  const listener = await listenVpcd({
    runtime,
    ...(spec.port !== undefined && { port: spec.port }),
    ...(spec.path !== undefined && { path: spec.path }),
    ...(spec.name !== undefined && { name: spec.name }),
  });
  for (const reader of listener.readers) await manager.addReader(reader);
  return listener;
}

/** A reader with a driver of pcsc-lite; the manager closes it. */
async function openDriver(manager: EmbeddedManager, runtime: Runtime, place: IfdPlace): Promise<void> {
  const device = await openIfd(place, { runtime, log: () => undefined });
  for (const reader of device.readers) await manager.addReader(reader);
}

/** @throws invalid-value for a file with a mistake, and what {@link openIfd} fails with */
async function openReaderConf(manager: EmbeddedManager, runtime: Runtime, path: string | undefined): Promise<void> {
  const { found, problems } = await readerConf(path);
  if (problems.length > 0) throw new SmartCardError("invalid-value", problems.join("; "));
  for (const [index, { channel, device, friendlyName, library }] of found.entries()) {
    const number = found.slice(0, index).filter((one) => one.library === library).length;
    await openDriver(manager, runtime, { driver: library, device, channel, name: friendlyName, number });
  }
}

async function openVirtual(
  manager: EmbeddedManager,
  runtime: Runtime,
  spec: Extract<ReaderSpec, { kind: "virtual" }>,
  index: number,
): Promise<{ name: string; opened: VirtualReader }> {
  const card = spec.card === undefined ? undefined : await openSoftwareCard(spec.card);
  const named = spec.name === undefined ? {} : { name: spec.name };
  const opened = new VirtualReader({ ...card?.readerOptions, ...named, id: `virtual:${index}`, clock: runtime.clock });
  if (card !== undefined) opened.insert(card.card);
  return { name: await manager.addReader(opened), opened };
}
