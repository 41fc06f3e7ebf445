// SPDX-License-Identifier: MIT

import { type BerTlvInit, encodeBerTlv } from "../iso7816/index.ts";
import type { CardFile, ElementaryFile } from "./file-system.ts";
import type { Access } from "./file-system-image.ts";

/** Which template SELECT returns. ISO/IEC 7816-4:2005, 5.3.3, table 11. */
export type ControlTemplate = "fci" | "fcp" | "fmd";

// Templates, and data objects in them. ISO/IEC 7816-4:2005, tables 11 and 12.
const tagFcp = 0x62;
const tagFmd = 0x64;
const tagFci = 0x6f;
const tagDataBytes = 0x80;
const tagDescriptor = 0x82;
const tagFileId = 0x83;
const tagDfName = 0x84;
const tagShortId = 0x88;
const tagLifeCycle = 0x8a;
const tagCompactSecurity = 0x8c;
const tagApplicationLabel = 0x50;

/** File descriptor bytes. ISO/IEC 7816-4:2005, table 14. */
const descriptors: Readonly<Record<CardFile["type"], number>> = {
  df: 0x38,
  transparent: 0x01,
  "linear-fixed": 0x02,
  "linear-variable": 0x04,
  cyclic: 0x06,
};

/** Data coding byte: what a write does is the card's own affair, a data unit is one byte. Table 87. */
const dataCoding = 0x21;
/** Operational state, activated. Table 13. */
const activated = 0x05;

/** Writes what SELECT tells about a file. */
export function encodeControlInformation(template: ControlTemplate, file: CardFile): Uint8Array {
  switch (template) {
    case "fcp":
      return encodeBerTlv([{ tag: tagFcp, children: parameters(file) }]);
    case "fmd":
      return encodeBerTlv([{ tag: tagFmd, children: management(file) }]);
    case "fci": {
      // The label stands in the management data only, the name in both: here it need not come twice.
      const label = management(file).filter((object) => object.tag === tagApplicationLabel);
      return encodeBerTlv([{ tag: tagFci, children: [...parameters(file), ...label] }]);
    }
  }
}

function parameters(file: CardFile): BerTlvInit[] {
  const id = { tag: tagFileId, value: twoBytes(file.id) };
  const lifeCycle = { tag: tagLifeCycle, value: Uint8Array.of(activated) };
  if (file.type === "df") {
    const name = file.name === undefined ? [] : [{ tag: tagDfName, value: file.name }];
    return [{ tag: tagDescriptor, value: Uint8Array.of(descriptors.df) }, id, ...name, lifeCycle];
  }
  const bytes = file.type === "transparent" ? [{ tag: tagDataBytes, value: twoBytesOrMore(file.content.length) }] : [];
  const sfi = file.sfi === undefined ? [] : [{ tag: tagShortId, value: Uint8Array.of(file.sfi << 3) }];
  return [
    ...bytes,
    { tag: tagDescriptor, value: descriptor(file) },
    id,
    ...sfi,
    lifeCycle,
    { tag: tagCompactSecurity, value: compactSecurity(file) },
  ];
}

function descriptor(file: ElementaryFile): Uint8Array {
  if (file.type === "transparent") return Uint8Array.of(descriptors.transparent, dataCoding);
  return Uint8Array.of(descriptors[file.type], dataCoding, ...twoBytes(file.recordSize), file.records.length);
}

/**
 * Access mode byte and a security condition byte for each bit in it. ISO/IEC 7816-4:2005, 5.4.3.1, tables 16 and 20.
 */
function compactSecurity(file: ElementaryFile): Uint8Array {
  const read = condition(file.access.read);
  const update = condition(file.access.update);
  if (file.type === "transparent") return Uint8Array.of(0b011, update, read);
  return Uint8Array.of(0b111, condition(file.access.append), update, read);
}

function condition(access: Access): number {
  if (access === "always") return 0x00;
  // «User authentication», in no particular security environment: which PIN it is cannot be told in this format.
  return access === "never" ? 0xff : 0x10;
}

function management(file: CardFile): BerTlvInit[] {
  if (file.type !== "df") return [];
  const objects: BerTlvInit[] = [];
  if (file.name !== undefined) objects.push({ tag: tagDfName, value: file.name });
  if (file.label !== undefined) objects.push({ tag: tagApplicationLabel, value: new TextEncoder().encode(file.label) });
  return objects;
}

function twoBytes(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function twoBytesOrMore(value: number): Uint8Array {
  return value > 0xffff ? Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff) : twoBytes(value);
}
