// SPDX-License-Identifier: MIT

import {
  type AttributeFacts,
  attributes,
  channelIdOf,
  endAttributeText,
  type ReaderDevice,
  readerAttribute,
} from "../../port/index.ts";
import type { Card } from "./card.ts";
import type { Driver } from "./driver.ts";

/** What only the manager knows: the name that it gave, and what state the card is in as far as it was announced. */
const known: ReadonlySet<number> = new Set(
  (
    [
      "atr-string",
      "icc-presence",
      "icc-interface-status",
      "device-friendly-name-a",
      "device-friendly-name-w",
      "device-system-name-a",
      "device-system-name-w",
    ] as const
  ).map((name) => attributes[name].value),
);

/** What an attribute is asked of. */
export interface AttributeSource {
  /** The name that the manager gave. */
  readonly name: string;
  readonly card: Card;
  readonly driver: Driver;
  /** Whether what the reader says of itself in text ends in a NUL. */
  readonly vendorTextEndsInNul: boolean;
}

/**
 * The value of an attribute: what only the manager knows, then what the driver says, then what its description says.
 * Undefined where none of them has it.
 */
export function readAttribute(attribute: number, source: AttributeSource): Uint8Array | undefined {
  const { card, driver, name } = source;
  const facts: AttributeFacts = {
    description: { ...driver.description, name },
    cardPresent: card.present,
    powered: card.powered,
    atr: card.attended ? card.atr : undefined,
    protocol: card.protocol,
  };
  const told = known.has(attribute) ? undefined : driver.getAttribute(attribute);
  const value = told ?? readerAttribute(attribute, facts);
  return value && endAttributeText(attribute, value, source.vendorTextEndsInNul);
}

/** What the reader is as a device; `name` is the one that the manager gave it. */
export function describeDevice(name: string, driver: Driver): ReaderDevice {
  const { id, product, serial, type, vendor } = driver.description;
  const channelId = channelIdOf(driver.getAttribute(attributes["channel-id"].value));
  return { reader: name, systemName: id, instanceId: id, vendor, product, serial, type, channelId };
}
