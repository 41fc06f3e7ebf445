// SPDX-License-Identifier: MIT

// managers.test.ts runs it where a package manager has installed the package.
import { openManager } from "scard";

const { manager } = await openManager("embedded:virtual+demo");
const context = await manager.establishContext();
const readers = await context.listReaders();
await context.release();
await manager.close();
// Without koffi it would be unsupported-feature: koffi is what finds out that there is no such library.
const { code } = await openManager("system:/nonexistent/libpcsclite.so.1").catch((error) => error);
console.log(JSON.stringify({ readers, code }));
