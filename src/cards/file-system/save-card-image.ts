// SPDX-License-Identifier: MIT

import { encodeHex, hexWord } from "../../base/binary/index.ts";
import type { AccessReferenceSource } from "./access-shape.ts";
import type { CardState } from "./card-state.ts";
import type {
  DataObjectSource,
  DedicatedFileSource,
  FileSource,
  RecordFileSource,
  TransparentFileSource,
} from "./file-shapes.ts";
import type { CardFile, DedicatedFile, ElementaryFile } from "./file-system.ts";
import type { Access, AccessRules, DataObjectImage, KeyImage, PinImage, RetriesImage } from "./file-system-image.ts";
import type { CardImageSource } from "./parse-card-image.ts";
import type { KeySource, PinSource } from "./secret-shapes.ts";

/** Writes a card's description as it is now: what `parseCardImage` reads. */
export function describeCard(name: string, atr: Uint8Array, card: CardState): CardImageSource {
  const { masterFile } = card;
  return {
    name,
    atr: encodeHex(atr),
    challengeBytes: card.challengeBytes,
    pins: [...card.pins.values()].map((pin) => describePin(pin.toImage())),
    keys: [...card.keys.values()].map((key) => describeKey(key.toImage())),
    ...describeContents(masterFile),
    lifeCycle: masterFile.lifeCycle,
  };
}

function describePin(pin: PinImage): PinSource {
  const { reference, enabled, canDisable, reset, resettingCode } = pin;
  return {
    reference,
    ...describeRetries(pin),
    ...(pin.fixedLength && { padTo: pin.value.length }),
    enabled,
    canDisable,
    ...(resettingCode && { resettingCode: describeRetries(resettingCode) }),
    access: { reset },
  };
}

function describeKey(key: KeyImage): KeySource {
  const { reference, algorithm, use, mac = new Uint8Array(0), access } = key;
  const { value, ...counter } = describeRetries(key);
  const common = { reference, algorithm, value, access: { use: access } };
  switch (use) {
    case "internal":
      return { ...common, use };
    case "external":
      return { ...common, use, ...counter };
    case "mutual":
      return { ...common, use, mac: encodeHex(mac), ...counter };
  }
}

function describeRetries({ value, tries, triesLeft }: RetriesImage): {
  readonly value: string;
  readonly tries: number;
  readonly triesLeft: number;
} {
  return { value: encodeHex(value), tries, triesLeft };
}

function describeContents(directory: DedicatedFile): {
  readonly files: readonly FileSource[];
  readonly objects: readonly DataObjectSource[];
  readonly access: NonNullable<DedicatedFileSource["access"]>;
} {
  return {
    files: directory.files.map(describeFile),
    objects: [...directory.objects.values()].map(describeObject),
    access: reference(directory.access) ?? own(directory.access),
  };
}

function describeFile(file: CardFile): FileSource {
  const common = { id: hexWord(file.id), lifeCycle: file.lifeCycle };
  if (file.type === "df") {
    const { type, name, label } = file;
    const named = { ...(name && { name: encodeHex(name) }), ...(label !== undefined && { label }) };
    return { type, ...common, ...named, ...describeContents(file) };
  }
  return describeElementary(file, { ...common, ...(file.sfi !== undefined && { sfi: file.sfi }) });
}

function describeElementary(
  file: ElementaryFile,
  common: Pick<FileSource, "id" | "lifeCycle"> & { readonly sfi?: number },
): FileSource {
  const referred = reference(file.access);
  if (file.type === "transparent") {
    const access: TransparentFileSource["access"] = { ...elementaryDefaults, write: "never", ...own(file.access) };
    return { type: file.type, ...common, content: encodeHex(file.content), access: referred ?? access };
  }
  const { type, recordSize, maxRecords } = file;
  const { write = "never", ...conditions } = own(file.access);
  const access: RecordFileSource["access"] = { ...elementaryDefaults, ...conditions, append: write };
  const records = file.records.map((record) => encodeHex(record));
  return { type, ...common, records, recordSize, maxRecords, access: referred ?? access };
}

/** Members left out here would get a different default. */
const elementaryDefaults = { read: "never", update: "never" } as const;

function reference(access: AccessRules): AccessReferenceSource | undefined {
  return access.kind === "own" ? undefined : { arr: { file: hexWord(access.fileId), record: access.record } };
}

/** The allowed operations: "never" is left out, except where the default differs. */
function own(access: AccessRules): Readonly<Record<string, Access>> {
  const conditions = access.kind === "own" ? Object.entries(access.conditions) : [];
  return Object.fromEntries(conditions.filter(([, condition]) => condition !== "never"));
}

function describeObject({ tag, value, read, update }: DataObjectImage): DataObjectSource {
  const digits = tag.toString(16).toUpperCase().padStart(2, "0");
  return { tag: digits, value: encodeHex(value), access: { read, update } };
}
