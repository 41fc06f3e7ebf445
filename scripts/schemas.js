// SPDX-License-Identifier: MIT

// Writes the JSON Schemas in schemas/ from the shapes of the source, for editors: `node scripts/build.js && node
// scripts/schemas.js`. test/schemas/schemas.test.ts finds a schema that is not what its shape says.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./tools.js";

/** @param {string} module */
const load = (module) => import(pathToFileURL(join(root, "dist", module)).href);

const { schemaOf } = await load("base/json/index.js");
const { cardImage } = await load("cards/file-system/parse-card-image.js");
const { cardDescription } = await load("cards/descriptions/index.js");
const { daemonConfig } = await load("apps/daemon/config-shape.js");

mkdirSync(join(root, "schemas"), { recursive: true });
for (const [name, shape] of Object.entries({ card: cardDescription, "card-image": cardImage, daemon: daemonConfig })) {
  writeFileSync(join(root, `schemas/${name}.schema.json`), `${JSON.stringify(schemaOf(shape), null, 2)}\n`);
}
