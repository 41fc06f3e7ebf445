// SPDX-License-Identifier: MIT

import type { AnyShape, JsonSchema, OptionalShape } from "./shape.ts";
import { anyText } from "./values.ts";

/** The member in which a document names its schema, for editors. It has no other effect. */
export const schemaMember: { readonly $schema: OptionalShape<string | undefined, string> } = {
  $schema: anyText.about("The JSON Schema of this file, for editors.").optional(),
};

/** The JSON Schema of a whole document, in draft 07, which every editor reads. */
export function schemaOf(shape: AnyShape): JsonSchema {
  const definitions: Record<string, JsonSchema> = {};
  const schema = shape.schema((name, make) => {
    if (definitions[name] === undefined) {
      // A shape that contains itself asks for the name again while its schema is made.
      definitions[name] = {};
      definitions[name] = make();
    }
    return { $ref: `#/definitions/${name}` };
  });
  return { $schema: "http://json-schema.org/draft-07/schema#", ...schema, definitions };
}
