// SPDX-License-Identifier: MIT

import { type Result, success } from "../../base/binary/index.ts";
import { type DecodedFileControl, decodeFileControl, fileControlTags } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { decodeCompactRules, decodeExpandedRules } from "./access-rules.ts";
import { cardLimits } from "./card-limits.ts";
import { type AccessRules, type FileImage, type RecordFileType, reservedFileIds } from "./file-system-image.ts";

/** A file that is to be made. Its access rules are undefined where none were given. */
export type NewFile = FileImage & { readonly givenAccess: AccessRules | undefined };

/** Parameters that CREATE FILE accepts. Unknown ones are refused: they may be access rules. */
const knownTags: ReadonlySet<number> = new Set([
  fileControlTags.dataBytes,
  fileControlTags.totalBytes,
  fileControlTags.descriptor,
  fileControlTags.fileId,
  fileControlTags.dfName,
  fileControlTags.shortId,
  fileControlTags.lifeCycle,
  fileControlTags.ruleReference,
  fileControlTags.compactRules,
  fileControlTags.expandedRules,
  // These two are ignored.
  fileControlTags.proprietary,
  fileControlTags.proprietaryTemplate,
]);

const nothing = { kind: "own", conditions: {} } as const;

/**
 * Reads the data of CREATE FILE: one template 62 with file control parameters. 6F is taken as well, which OpenSC writes.
 * ISO/IEC 7816-9:2000, 6.1; ISO/IEC 7816-4:2005, table 12. The file's life cycle is "activated" unless it says
 * otherwise.
 */
export function decodeFileParameters(data: Uint8Array): Result<NewFile, Answer> {
  const control = decodeFileControl(data);
  const { fileId: id, lifeCycle = "activated", objects, problems, templates } = control;
  const isTemplate = templates.length === 1 && templates.every((tag) => templateTags.includes(tag));
  if (!isTemplate || problems.length > 0 || !objects.every(({ tag }) => knownTags.has(tag))) return wrong;
  // A file cannot be created terminated.
  if (id === undefined || reservedFileIds.includes(id) || lifeCycle === "terminated") return wrong;
  if (control.descriptor === undefined) return wrong;
  const type = fileTypeOf(control.descriptor);
  if (type === undefined) return { ok: false, error: status(sw.functionNotSupported) };
  const givenAccess = readAccess(type === "df" ? "df" : "ef", control);
  if (givenAccess === "wrong") return wrong;
  const common = { id, lifeCycle, access: nothing, givenAccess };
  return type === "df" ? readDirectory(control, common) : readElementary(type, control, common);
}

const templateTags: readonly number[] = [fileControlTags.fcp, fileControlTags.fci];
const wrong = { ok: false, error: status(sw.wrongData) } as const;

type Common = Pick<NewFile, "id" | "lifeCycle" | "access" | "givenAccess">;

function readDirectory({ dfName: name, shortId }: DecodedFileControl, common: Common): Result<NewFile, Answer> {
  if (shortId !== undefined) return wrong;
  return success({ ...common, type: "df", name, label: undefined, files: [], objects: [] });
}

function readElementary(
  type: Exclude<FileImage["type"], "df">,
  control: DecodedFileControl,
  common: Common,
): Result<NewFile, Answer> {
  const { dataBytes, dfName, shortId, totalBytes } = control;
  if (dfName !== undefined) return wrong;
  // On this card "none" is what the missing object says.
  const sfi = shortId === "none" ? undefined : shortId;
  const size = dataBytes || totalBytes || 0;
  if (type === "transparent") {
    if (size < 1) return wrong;
    if (size > cardLimits.fileBytes) return tooLarge;
    return success({ ...common, type, sfi, content: new Uint8Array(size) });
  }
  const shape = readRecordShape(control, size);
  if (shape === undefined) return wrong;
  if (shape.recordSize > cardLimits.recordBytes || shape.maxRecords > cardLimits.records) return tooLarge;
  return success({ ...common, type, sfi, records: [], ...shape });
}

const tooLarge = { ok: false, error: status(sw.notEnoughMemory) } as const;

/** Whether several channels may have the file open at once does not matter: they may here in any case. */
function fileTypeOf(descriptor: NonNullable<DecodedFileControl["descriptor"]>): FileImage["type"] | undefined {
  const { category, structure, tlvRecords } = descriptor;
  if (category !== "working" || tlvRecords) return undefined;
  if (structure === "df" || structure === "transparent") return structure;
  const types: readonly RecordFileType[] = ["linear-fixed", "linear-variable", "cyclic"];
  return types.find((type) => type === structure);
}

/** Where the number of records is missing, the size of the file tells it. ISO/IEC 7816-4:2005, table 12. */
function readRecordShape(
  { descriptor }: DecodedFileControl,
  size: number,
): { recordSize: number; maxRecords: number } | undefined {
  const { recordBytes: recordSize = 0, records = 0 } = descriptor ?? {};
  const maxRecords = records > 0 ? records : Math.floor(size / recordSize);
  return recordSize >= 1 && maxRecords >= 1 ? { recordSize, maxRecords } : undefined;
}

function readAccess(file: "df" | "ef", { objects, security }: DecodedFileControl): AccessRules | undefined | "wrong" {
  if (security === undefined) return undefined;
  if (objects.filter(({ tag }) => securityTags.includes(tag)).length > 1) return "wrong";
  if (security.kind === "reference") {
    const { fileId, record } = security;
    return record > cardLimits.records ? "wrong" : { kind: "arr", fileId, record };
  }
  const conditions =
    security.kind === "compact" ? decodeCompactRules(file, security.rules) : decodeExpandedRules(file, security.rules);
  return conditions === undefined ? "wrong" : { kind: "own", conditions };
}

const securityTags: readonly number[] = [
  fileControlTags.ruleReference,
  fileControlTags.compactRules,
  fileControlTags.expandedRules,
];
