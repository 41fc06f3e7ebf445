// SPDX-License-Identifier: MIT

import { type BerTlvInit, encodeBerTlv } from "../iso7816/index.ts";
import { encodeCompactRules, encodeExpandedRules } from "./access-rules.ts";
import type { CardFile, DedicatedFile, ElementaryFile } from "./file-system.ts";
import type { LifeCycle } from "./file-system-image.ts";

/** Which template SELECT returns. ISO/IEC 7816-4:2005, 5.3.3, table 11. */
export type ControlTemplate = "fci" | "fcp" | "fmd";

/** Templates, and data objects in them. ISO/IEC 7816-4:2005, tables 11 and 12. */
export const controlTags = {
  fcp: 0x62,
  fmd: 0x64,
  fci: 0x6f,
  dataBytes: 0x80,
  allBytes: 0x81,
  descriptor: 0x82,
  fileId: 0x83,
  dfName: 0x84,
  proprietary: 0x85,
  shortId: 0x88,
  lifeCycle: 0x8a,
  ruleReference: 0x8b,
  compactRules: 0x8c,
  proprietaryTemplate: 0xa5,
  expandedRules: 0xab,
  applicationLabel: 0x50,
} as const;

/** File descriptor bytes. ISO/IEC 7816-4:2005, table 14. */
export const fileDescriptors: Readonly<Record<CardFile["type"], number>> = {
  df: 0x38,
  transparent: 0x01,
  "linear-fixed": 0x02,
  "linear-variable": 0x04,
  cyclic: 0x06,
};

/** Life cycle status bytes. ISO/IEC 7816-4:2005, table 13. */
export const lifeCycleBytes: Readonly<Record<LifeCycle, number>> = {
  creation: 0x01,
  initialisation: 0x03,
  activated: 0x05,
  deactivated: 0x04,
  terminated: 0x0c,
};

/** Data coding byte: proprietary behaviour of write functions, data units of one byte. Table 87. */
const dataCoding = 0x21;

/**
 * Writes the answer to SELECT of a file.
 *
 * @param mostBytes access rules that the compact format cannot express are longer; they are left out where they do not fit
 */
export function encodeControlInformation(template: ControlTemplate, file: CardFile, mostBytes: number): Uint8Array {
  const whole = encodeTemplate(template, file, rules(file));
  return whole.length <= mostBytes ? whole : encodeTemplate(template, file, compactOnly(rules(file)));
}

function encodeTemplate(template: ControlTemplate, file: CardFile, security: readonly BerTlvInit[]): Uint8Array {
  switch (template) {
    case "fcp":
      return encodeBerTlv([{ tag: controlTags.fcp, children: [...parameters(file), ...security] }]);
    case "fmd":
      return encodeBerTlv([{ tag: controlTags.fmd, children: management(file) }]);
    case "fci": {
      // The label stands in the management data only, the name in both: here it need not come twice.
      const label = management(file).filter((object) => object.tag === controlTags.applicationLabel);
      return encodeBerTlv([{ tag: controlTags.fci, children: [...parameters(file), ...security, ...label] }]);
    }
  }
}

function parameters(file: CardFile): BerTlvInit[] {
  const id = { tag: controlTags.fileId, value: twoBytes(file.id) };
  const lifeCycle = { tag: controlTags.lifeCycle, value: Uint8Array.of(lifeCycleBytes[file.lifeCycle]) };
  if (file.type === "df") {
    const descriptor = { tag: controlTags.descriptor, value: Uint8Array.of(fileDescriptors.df) };
    return [descriptor, id, ...nameOf(file), lifeCycle];
  }
  const bytes = { tag: controlTags.dataBytes, value: dataBytes(file) };
  const sfi = file.sfi === undefined ? [] : [{ tag: controlTags.shortId, value: Uint8Array.of(file.sfi << 3) }];
  return [
    ...(file.type === "transparent" ? [bytes] : []),
    { tag: controlTags.descriptor, value: descriptorOf(file) },
    id,
    ...sfi,
    lifeCycle,
  ];
}

function dataBytes(file: ElementaryFile): Uint8Array {
  const { length } = file.type === "transparent" ? file.content : file.records;
  return length > 0xffff ? Uint8Array.of(length >> 16, (length >> 8) & 0xff, length & 0xff) : twoBytes(length);
}

function descriptorOf(file: ElementaryFile): Uint8Array {
  if (file.type === "transparent") return Uint8Array.of(fileDescriptors.transparent, dataCoding);
  return Uint8Array.of(fileDescriptors[file.type], dataCoding, ...twoBytes(file.recordSize), file.records.length);
}

/** Access rules: in the compact format if possible. A directory in which nothing is ever allowed has no rules. */
function rules(file: CardFile): BerTlvInit[] {
  const { access } = file;
  if (access.kind === "arr") {
    return [{ tag: controlTags.ruleReference, value: Uint8Array.of(...twoBytes(access.fileId), access.record) }];
  }
  const kind = file.type === "df" ? "df" : "ef";
  const compact = encodeCompactRules(kind, access.conditions);
  if (compact === undefined) {
    return [{ tag: controlTags.expandedRules, children: encodeExpandedRules(kind, access.conditions) }];
  }
  return compact.length === 1 ? [] : [{ tag: controlTags.compactRules, value: compact }];
}

function compactOnly(security: readonly BerTlvInit[]): BerTlvInit[] {
  return security.filter((object) => object.tag !== controlTags.expandedRules);
}

function management(file: CardFile): BerTlvInit[] {
  if (file.type !== "df") return [];
  const { label } = file;
  const value = new TextEncoder().encode(label);
  return [...nameOf(file), ...(label === undefined ? [] : [{ tag: controlTags.applicationLabel, value }])];
}

function nameOf({ name }: DedicatedFile): BerTlvInit[] {
  return name === undefined ? [] : [{ tag: controlTags.dfName, value: name }];
}

function twoBytes(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}
