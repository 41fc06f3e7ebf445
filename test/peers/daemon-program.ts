// SPDX-License-Identifier: MIT

import { resolve } from "node:path";

/** The program of this checkout, as it was built; tests run in the repository's root folder. */
export const scardProgram: string = resolve("dist/bundle/entry/main.js");
