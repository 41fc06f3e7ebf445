// SPDX-License-Identifier: MIT

import { bigEndianNumber } from "../../base/binary/index.ts";
import { gidsTemplates } from "../../base/card-applications/index.ts";
import type { DataObject } from "../../base/iso7816/index.ts";
import { onlyObject, readDataObjects, valueIn } from "../software-card/index.ts";
import { type AccessRules, decodeAccessRules } from "./access-rules.ts";
import { reservedFileIds } from "./identifiers.ts";
import { isReferenceOf, type Mechanism, mechanismOf } from "./mechanisms.ts";

/** What a key can be used for: one control reference template in the parameters of its file. GIDS 2.0, table 14. */
export interface KeyTemplate {
  /** A4, B6 or B8. */
  readonly tag: number;
  /** The cryptographic mechanism reference. */
  readonly reference: number;
  /** Bit 8: verify, encipher, external authentication. Bit 7: sign, decipher, internal authentication. */
  readonly usage: number;
  /** How often it may be used after each VERIFY; 0 for any number. */
  readonly usesPerPin: number;
}

/** Bits of the usage qualifier byte, and of P1 of MANAGE SECURITY ENVIRONMENT. GIDS 2.0, tables 24 and 56. */
export const usages = { external: 0x80, internal: 0x40 } as const;

/** What is said of a file when it is made. */
export type FileControl =
  | { readonly kind: "data"; readonly id: number; readonly rules: AccessRules }
  | {
      readonly kind: "key";
      readonly id: number;
      readonly rules: AccessRules;
      readonly mechanism: Mechanism;
      readonly templates: readonly KeyTemplate[];
    };

const TAG_PARAMETERS = 0x62;
/** Tags in file control parameters. GIDS 2.0, tables 12 and 13. */
const parameterTags = { descriptor: 0x82, id: 0x83, rules: 0x8c, templates: 0xa5 } as const;
const knownParameters: ReadonlySet<number> = new Set(Object.values(parameterTags));
const DATA_FILE = 0x39;
const KEY_FILE = 0x18;
/** Tags in a control reference template. GIDS 2.0, table 14. */
const templateParts = { mechanism: 0x80, secretKey: 0x83, privateKey: 0x84, usage: 0x95, counter: 0xa3 } as const;
const knownParts: ReadonlySet<number> = new Set(Object.values(templateParts));
const TAG_USES = 0x90;
const MAX_TEMPLATES = 16;

/**
 * Reads file control parameters, the data of CREATE FILE.
 *
 * @returns undefined for bytes of another form, objects that are missing or unknown, and values that this card has not
 * @see GIDS 2.0, 2.6.2 and 13.2
 */
export function decodeFileControl(bytes: Uint8Array): FileControl | undefined {
  const content = onlyObject(bytes, TAG_PARAMETERS);
  const objects = content && readDataObjects(content);
  if (objects === undefined || !areKnown(objects, knownParameters)) return undefined;
  const id = valueIn(objects, parameterTags.id);
  const attributes = valueIn(objects, parameterTags.rules);
  const rules = attributes && decodeAccessRules(attributes);
  if (id?.length !== 2 || reservedFileIds.has(bigEndianNumber(id)) || rules === undefined) return undefined;
  const templates = valueIn(objects, parameterTags.templates);
  const common = { id: bigEndianNumber(id), rules };
  switch (byteIn(objects, parameterTags.descriptor)) {
    case DATA_FILE:
      return templates === undefined ? { kind: "data", ...common } : undefined;
    case KEY_FILE: {
      const uses = templates && decodeTemplates(templates);
      return uses && { kind: "key", ...common, ...uses };
    }
    default:
      return undefined;
  }
}

/** All templates of a key are for the same mechanism: they differ in what is done with it. */
function decodeTemplates(
  bytes: Uint8Array,
): { readonly mechanism: Mechanism; readonly templates: readonly KeyTemplate[] } | undefined {
  const templates = readDataObjects(bytes)?.map(decodeTemplate);
  const [first] = templates ?? [];
  const mechanism = first && mechanismOf(first.reference);
  if (templates === undefined || mechanism === undefined || templates.length > MAX_TEMPLATES) return undefined;
  const whole = templates.flatMap((template) => template ?? []);
  const isOne = whole.every(({ reference }) => mechanismOf(reference) === mechanism);
  return isOne && whole.length === templates.length ? { mechanism, templates: whole } : undefined;
}

function decodeTemplate({ tag, value }: DataObject): KeyTemplate | undefined {
  const objects = readDataObjects(value);
  if (objects === undefined || !areKnown(objects, knownParts)) return undefined;
  const reference = byteIn(objects, templateParts.mechanism);
  const usage = byteIn(objects, templateParts.usage);
  if (reference === undefined || !isReferenceOf(tag, reference)) return undefined;
  if (usage === undefined || usage === 0 || (usage & ~(usages.external | usages.internal)) !== 0) return undefined;
  const counter = valueIn(objects, templateParts.counter);
  const uses = counter === undefined ? undefined : onlyObject(counter, TAG_USES);
  if (counter !== undefined && uses?.length !== 2) return undefined;
  return { tag, reference, usage, usesPerPin: uses === undefined ? 0 : bigEndianNumber(uses) };
}

/** Whether each object is known, and none is there twice. */
function areKnown(objects: readonly DataObject[], known: ReadonlySet<number>): boolean {
  return objects.every(({ tag }) => known.has(tag)) && new Set(objects.map(({ tag }) => tag)).size === objects.length;
}

/** The value of an object of one byte. */
export function byteIn(objects: readonly DataObject[], tag: number): number | undefined {
  const value = valueIn(objects, tag);
  return value?.length === 1 ? value[0] : undefined;
}

/** Whether this key can prove who is the administrator. GIDS 2.0, 11.3. */
export function isAdministratorKey(control: FileControl): boolean {
  if (control.kind !== "key") return false;
  return control.templates.some(
    ({ tag, usage }) => tag === gidsTemplates.authentication && (usage & usages.external) !== 0,
  );
}
