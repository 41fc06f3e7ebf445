// SPDX-License-Identifier: MIT

import { struct, u32le } from "../binary/index.ts";
import { attributes, type ReaderDevice } from "../pcsc/index.ts";
import type { Card } from "./card.ts";
import type { Driver } from "./driver.ts";

const dword = struct("DWORD", { value: u32le });
const utf8 = new TextEncoder();

/**
 * The value of an attribute: what only the manager knows (the name it gave, the card's state), then what the driver
 * says, then what the description says. Undefined where nobody knows it.
 */
export function readAttribute(attribute: number, name: string, card: Card, driver: Driver): Uint8Array | undefined {
  const { description } = driver.reader;
  switch (attribute) {
    case attributes["atr-string"].value:
      return card.attended ? card.atr : undefined;
    case attributes["icc-presence"].value:
      return Uint8Array.of(card.present ? 2 : 0);
    case attributes["icc-interface-status"].value:
      return Uint8Array.of(card.powered ? 1 : 0);
    case attributes["device-friendly-name-a"].value:
      return text(name);
    case attributes["device-friendly-name-w"].value:
      return wideText(name);
    case attributes["device-system-name-a"].value:
      return text(description.id);
    case attributes["device-system-name-w"].value:
      return wideText(description.id);
    default:
  }
  const told = driver.getAttribute(attribute);
  if (told !== undefined) return told;
  if (attribute === attributes["vendor-name"].value) return text(description.vendor);
  if (attribute === attributes["vendor-ifd-type"].value) return text(description.product);
  const { serial } = description;
  return attribute === attributes["vendor-ifd-serial-no"].value && serial !== undefined ? text(serial) : undefined;
}

/** What the reader is as a device; `name` is the one that the manager gave it. */
export function describeDevice(name: string, driver: Driver): ReaderDevice {
  const { id, product, serial, type, vendor } = driver.reader.description;
  const channel = driver.getAttribute(attributes["channel-id"].value);
  const decoded = channel === undefined ? undefined : dword.decode(channel);
  const channelId = decoded?.ok === true ? decoded.value.value : undefined;
  return { reader: name, systemName: id, instanceId: id, vendor, product, serial, type, channelId };
}

/** UTF-8 ended by a NUL, as pcsc-lite gives strings. */
function text(value: string): Uint8Array {
  return utf8.encode(`${value}\0`);
}

/** UTF-16, least significant byte first, ended by a NUL. */
function wideText(value: string): Uint8Array {
  const wide = new Uint8Array(2 * (value.length + 1));
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index);
    wide[2 * index] = unit & 0xff;
    wide[2 * index + 1] = unit >> 8;
  }
  return wide;
}
