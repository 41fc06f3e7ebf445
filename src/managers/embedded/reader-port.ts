// SPDX-License-Identifier: MIT

import {
  anyText,
  type Check,
  having,
  listOf,
  type Members,
  optional,
  type Place,
  partsOf,
  protocols,
  type Reader,
  type ReaderDescription,
  type ReaderType,
  read,
  truth,
  word,
} from "../../port/index.ts";

const readerTypes: Readonly<Record<ReaderType, true>> = {
  serial: true,
  usb: true,
  nfc: true,
  "embedded-se": true,
  vendor: true,
};

const members: Members<ReaderDescription> = {
  name: anyText,
  id: anyText,
  vendor: anyText,
  product: anyText,
  serial: optional(anyText),
  type: word(readerTypes, "type of a reader"),
  protocols: listOf(word(protocols, "protocol"), "protocols"),
  canEject: truth,
};

const driverMethods = having<Reader>(
  ["open", "power", "setProtocol", "transmit", "control", "getAttribute", "setAttribute", "close"],
  "a reader",
);
const description: Check<object> = partsOf<object>({}, "the reader's description");

/**
 * A reader's description, read once, checked and copied: a driver that is written in JavaScript may say something else
 * each time that it is asked, or throw.
 *
 * @throws invalid-parameter (no reader, or a description that cannot be read or is not one), invalid-value (an unknown term)
 */
export function readDescription(reader: unknown, place: Place): ReaderDescription {
  const driver = driverMethods(reader, place);
  const given = description(read(driver, "description", inside(place, "description")), inside(place, "description"));
  const described: Partial<Record<keyof ReaderDescription, unknown>> = {};
  for (const name of Object.keys(members) as (keyof ReaderDescription)[]) {
    const at = inside(inside(place, "description"), name);
    const value = members[name](read(given, name, at), at);
    if (value !== undefined) described[name] = value;
  }
  // A reader that claims to eject but has no method for it counts as unable to eject.
  const ejects = typeof read(driver, "eject", inside(place, "eject")) === "function";
  if (!ejects) described.canEject = false;
  return described as ReaderDescription;
}

function inside({ operation, path }: Place, name: string): Place {
  return { operation, path: `${path}.${name}` };
}
