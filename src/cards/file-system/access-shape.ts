// SPDX-License-Identifier: MIT

import { bigEndianNumber } from "../../base/binary/index.ts";
import type { JsonNote, JsonObject, JsonOf, Shape, ShapeMembers } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byMember, byType, list, nested, object, withMember } from "../../base/json/index.ts";
import { cardLimits } from "./card-limits.ts";
import type { Access, AccessRules, Conditions } from "./file-system-image.ts";

/** The references of PINs and keys in conditions: each has to be one of the card. */
export const usedPins: JsonNote<number> = {};
export const usedKeys: JsonNote<number> = {};

const pin = is.whole(1, 159).check((reference, place) => place.note(usedPins, reference));
const key = is.whole(1, 159).check((reference, place) => place.note(usedKeys, reference));
const FORMS = '"always", "never", or an object with one of pin, key, all, any';

const conditions: Shape<Access> = nested("conditions", severalConditions, cardLimits.conditionDepth, "conditions");

/** When something is allowed. */
export const condition: Shape<Access> = byType(FORMS, {
  string: is.words("always", "never"),
  object: byMember(FORMS, {
    pin: object({ pin: pin.about("Once the PIN with this reference was verified.") }),
    key: object({ key: key.about("Once the terminal has shown that it has the key with this reference.") }),
    all: conditions,
    any: conditions,
  }),
}).named("condition");

function severalConditions(): Shape<Access> {
  const some = list(condition, cardLimits.conditions)
    .check(({ length }, place) => {
      if (length === 0) place.problem("should hold one condition at least");
    })
    .keywords({ minItems: 1 });
  return byMember(FORMS, {
    all: object({ all: some.about("All of these conditions.") }),
    any: object({ any: some.about("Any of these conditions.") }),
  });
}

const reference = object({
  arr: object({
    file: is.bytes(2, 2, "Identifier of the EF.ARR; looked for beside the file, then further up."),
    record: is.whole(1, cardLimits.records, "Number of the record, from 1."),
  }).about("The rules are a record of another file, an EF.ARR. ISO/IEC 7816-4:2005, 5.4.3.3."),
});

/** The rules of a file are a record of another one, an EF.ARR. ISO/IEC 7816-4:2005, 5.4.3.3. */
export type AccessReferenceSource = JsonOf<typeof reference>;

const byReference = reference.as(({ arr }): AccessRules => {
  return { kind: "arr", fileId: bigEndianNumber(arr.file), record: arr.record };
});

/** Conditions as they are given: records are appended where bytes are written. */
type GivenRules = Conditions & { readonly append?: Access };

/** The rules of a file: a condition for each kind of access, or a reference to them. */
function rules<M extends ShapeMembers>(modes: M): Shape<AccessRules, JsonObject<M> | AccessReferenceSource> {
  const own = object(modes).as((given) => ownRules(given as GivenRules));
  return withMember("arr", byReference, own);
}

/** An operation without a condition is never allowed; what writes is allowed as updating is. */
export function ownRules({ append, update = "never", write = append ?? update, ...others }: GivenRules): AccessRules {
  const all = Object.entries({ ...others, update, write });
  return { kind: "own", conditions: Object.fromEntries(all.filter(([, access]) => access !== "never")) };
}

const never = condition.optional("never");

const ofAnyFile = { deactivate: never, activate: never, terminate: never, delete: never };

const ofElementaryFile = { read: condition.about("Default: always.").optional("always"), update: never };

export const directoryRules = rules({
  createEf: condition.about("Who may create elementary files in it.").optional("never"),
  createDf: condition.about("Who may create directories in it.").optional("never"),
  deleteChild: condition.about("Who may delete its children, regardless of their access rules.").optional("never"),
  putData: condition.about("Who may add data objects to it.").optional("never"),
  ...ofAnyFile,
});

export const transparentRules = rules({
  ...ofElementaryFile,
  write: condition.about("WRITE BINARY. Default: as update.").optional(),
  ...ofAnyFile,
});

export const recordRules = rules({
  ...ofElementaryFile,
  append: condition.about("APPEND RECORD and WRITE RECORD. Default: as update.").optional(),
  ...ofAnyFile,
});
