// SPDX-License-Identifier: MIT

export type { JsonFindings, JsonNote, JsonNoted, JsonPlace, JsonProblem } from "./place.ts";
export {
  type AnyShape,
  type JsonOf,
  type JsonSchema,
  type Loose,
  type OptionalShape,
  parseShape,
  problemsIn,
  type SchemaReference,
  type Shape,
  type ShapeForm,
  schemaOf,
  type ValueOf,
} from "./shape.ts";
export {
  byMember,
  byTag,
  byType,
  type Flattened,
  type JsonObject,
  list,
  nested,
  type ObjectValue,
  type OneOf,
  type OtherMembers,
  object,
  type ShapeMembers,
  type ShapeOptions,
  withMember,
} from "./structures.ts";
export {
  anyText,
  anything,
  type BytesSource,
  bytes,
  hexadecimal,
  milliseconds,
  schemaMember,
  text,
  textLike,
  truth,
  whole,
  words,
} from "./values.ts";
