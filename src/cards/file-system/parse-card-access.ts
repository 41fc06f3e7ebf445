// SPDX-License-Identifier: MIT

import type { JsonPlace } from "../../base/json/index.ts";
import { cardLimits } from "./card-limits.ts";
import type { Access, AccessMode, AccessRules, LifeCycle } from "./file-system-image.ts";

/** What is known of the whole card while its parts are read. */
export interface ParseContext {
  readonly pinReferences: ReadonlySet<number>;
  readonly keyReferences: ReadonlySet<number>;
  readonly dfNames: Set<string>;
  files: number;
  contentBytes: number;
}

const lifeCycles = ["activated", "creation", "initialisation", "deactivated", "terminated"] as const;
const fileModes = ["deactivate", "activate", "terminate", "delete"] as const;

/** What a description calls the modes of each kind of file. */
const names = {
  df: ["createEf", "createDf", "deleteChild", "putData", ...fileModes],
  transparent: ["read", "update", "write", ...fileModes],
  record: ["read", "update", "append", ...fileModes],
} as const;

/** Reads the `access` of a file: its rules, or a reference to them. */
export function readAccessRules(
  place: JsonPlace,
  kind: "df" | "transparent" | "record",
  context: ParseContext,
): AccessRules {
  if (place.member("arr").present) {
    place.object(["arr"]);
    return readReference(place.member("arr"));
  }
  if (place.present) place.object(names[kind]);
  const conditions: Partial<Record<AccessMode, Access>> = {};
  for (const name of names[kind]) {
    const mode = name === "append" ? "write" : name;
    const fallback = mode === "read" ? "always" : mode === "write" ? (conditions.update ?? "never") : "never";
    const access = readAccess(place.member(name), fallback, context);
    if (access !== "never") conditions[mode] = access;
  }
  return { kind: "own", conditions };
}

function readReference(place: JsonPlace): AccessRules {
  place.object(["file", "record"]);
  const [high = 0, low = 0] = place.member("file").bytes(2, 2);
  const record = place.member("record").integer(1, cardLimits.records);
  return { kind: "arr", fileId: (high << 8) | low, record };
}

/** Reads one condition. */
export function readAccess(place: JsonPlace, fallback: Access, context: ParseContext, depth: number = 1): Access {
  if (!place.present) return fallback;
  if (place.isString) return place.oneOf(["always", "never"]);
  const kinds = (["pin", "key", "all", "any"] as const).filter((kind) => place.member(kind).present);
  const [kind] = kinds;
  if (!place.object(["pin", "key", "all", "any"])) return fallback;
  if (kind === undefined || kinds.length > 1) {
    place.problem('should be "always", "never", or an object with one of pin, key, all, any');
    return fallback;
  }
  const member = place.member(kind);
  if (kind === "pin") return { pin: readReferenceTo(member, "PIN", context.pinReferences) };
  if (kind === "key") return { key: readReferenceTo(member, "key", context.keyReferences) };
  if (depth > cardLimits.conditionDepth) {
    place.problem(`is nested more than ${cardLimits.conditionDepth} conditions deep`);
    return fallback;
  }
  const list = member
    .elements(cardLimits.conditions)
    .map((element) => readAccess(element, fallback, context, depth + 1));
  if (list.length === 0) member.problem("should hold one condition at least");
  return kind === "all" ? { all: list } : { any: list };
}

function readReferenceTo(place: JsonPlace, what: "PIN" | "key", known: ReadonlySet<number>): number {
  const reference = place.integer(1, 159);
  if (!known.has(reference)) place.problem(`is no ${what} of this card: add it to $.${what.toLowerCase()}s`);
  return reference;
}

/** Reads the life cycle state of a file. */
export function readLifeCycle(place: JsonPlace): LifeCycle {
  return place.present ? place.oneOf(lifeCycles) : "activated";
}
