// SPDX-License-Identifier: MIT

// The unit tests alone, for while one works: no set-up, no build, nothing outside this process's family. Arguments go to
// vitest: `npm run test:unit -- --watch`, `npm run test:unit -- src/base/binary`.

import { run, tool } from "./tools.js";

const given = process.argv.slice(2);
const watches = given.includes("--watch") || given.includes("-w");
const paths = given.some((argument) => !argument.startsWith("-")) ? [] : ["src"];
// Modules are loaded once for all files, not once a file, and what they compile to is kept in node_modules: each takes a
// third of the time. `npm test` keeps files apart, and compiles all of them.
const mode = [...(watches ? [] : ["run"]), "--pool=forks", "--no-isolate", "--experimental.fsModuleCache"];
process.exit(run(process.execPath, [tool("vitest", "vitest"), ...mode, ...paths, ...given]));
