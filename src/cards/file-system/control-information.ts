// SPDX-License-Identifier: MIT

import {
  encodeFileControl,
  type FileControl,
  type FileControlTemplate,
  type FileDescriptor,
  type FileSecurity,
} from "../../base/iso7816/index.ts";
import { encodeCompactRules, encodeExpandedRules } from "./access-rules.ts";
import type { CardFile, ElementaryFile } from "./file-system.ts";

/** Data coding byte: what a write does is the card's own affair, a data unit is one byte. ISO/IEC 7816-4:2005, table 87. */
const DATA_CODING = 0x21;

/**
 * Writes what SELECT tells about a file.
 *
 * @param mostBytes access rules that the compact format cannot tell take room; they are left out where it is not there
 */
export function encodeControlInformation(template: FileControlTemplate, file: CardFile, mostBytes: number): Uint8Array {
  const control = controlOf(file);
  const whole = encodeFileControl(template, control);
  if (whole.length <= mostBytes || control.security?.kind !== "expanded") return whole;
  return encodeFileControl(template, { ...control, security: undefined });
}

function controlOf(file: CardFile): FileControl {
  const { id: fileId, lifeCycle } = file;
  const common = { fileId, lifeCycle, security: securityOf(file) };
  if (file.type === "df") return { ...common, descriptor: { structure: "df" }, dfName: file.name, label: file.label };
  const dataBytes = file.type === "transparent" ? file.content.length : undefined;
  return { ...common, dataBytes, descriptor: descriptorOf(file), shortId: file.sfi };
}

function descriptorOf(file: ElementaryFile): FileDescriptor {
  if (file.type === "transparent") return { structure: "transparent", dataCoding: DATA_CODING };
  return { structure: file.type, dataCoding: DATA_CODING, recordBytes: file.recordSize, records: file.records.length };
}

/** Access rules: in the compact format if possible. A directory in which nothing is ever allowed has no rules. */
function securityOf(file: CardFile): FileSecurity | undefined {
  const { access } = file;
  if (access.kind === "arr") return { kind: "reference", fileId: access.fileId, record: access.record };
  const kind = file.type === "df" ? "df" : "ef";
  const compact = encodeCompactRules(kind, access.conditions);
  if (compact === undefined) return { kind: "expanded", rules: encodeExpandedRules(kind, access.conditions) };
  return compact.length === 1 ? undefined : { kind: "compact", rules: compact };
}
