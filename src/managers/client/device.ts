// SPDX-License-Identifier: MIT

import {
  type Attribute,
  attributes,
  type Connection,
  channelIdOf,
  type ReaderDevice,
  type ReaderType,
} from "../../port/index.ts";

/** Kinds of channels (PC/SC part 3, 3.1.1, DDDD of the channel id). */
const channelTypes: Readonly<Record<number, ReaderType>> = { 1: "serial", 0x20: "usb" };
const FIRST_VENDOR_CHANNEL = 0xf0;
const LAST_VENDOR_CHANNEL = 0xff;

/**
 * A reader's properties, read over a connection to it; without one only its name.
 *
 * @param timeoutMs how long each question may take
 */
export async function describeDevice(
  reader: string,
  connection: Connection | undefined,
  timeoutMs: number,
): Promise<ReaderDevice> {
  const ask = async (attribute: Attribute): Promise<Uint8Array | undefined> => {
    try {
      return await connection?.getAttribute(attributes[attribute].value, { timeoutMs });
    } catch {
      // A driver need not know it, and another program's transaction may be in the way.
      return undefined;
    }
  };
  const channelId = channelIdOf(await ask("channel-id"));
  const systemName = text(await ask("device-system-name-a")) ?? reader;
  return {
    reader,
    systemName,
    instanceId: systemName,
    vendor: text(await ask("vendor-name")),
    product: text(await ask("vendor-ifd-type")),
    serial: text(await ask("vendor-ifd-serial-no")),
    type: channelId === undefined ? undefined : typeOf(channelId),
    channelId,
  };
}

function typeOf(channelId: number): ReaderType | undefined {
  const kind = channelId >>> 16;
  return kind >= FIRST_VENDOR_CHANNEL && kind <= LAST_VENDOR_CHANNEL ? "vendor" : channelTypes[kind];
}

/** The text of an attribute, with or without the NUL that ends it; undefined for none, and for an empty one. */
function text(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end)) || undefined;
}
