// SPDX-License-Identifier: MIT

// The mistakes that callers make with each function and class of each published subpath: every argument in turn is null,
// undefined, of another kind, or has a member that there is not. None is accepted in silence or ends in an error from inside.

import { expect, test } from "vitest";
import packageFile from "../../package.json" with { type: "json" };
import { exportedRows, memberRows, modules, webCryptoMembers, withOwnTables } from "./exported.ts";
import { faultsOf } from "./wrong-values.ts";

const subpaths = Object.keys(packageFile.exports).filter((subpath) => !subpath.endsWith(".json"));

test("every published subpath is here", () => {
  expect(Object.keys(modules).sort()).toEqual([...subpaths].sort());
});

test.each(subpaths.filter((subpath) => withOwnTables[subpath] === undefined))(
  "%s: every function and class is in the table of mistakes",
  (subpath) => {
    const exported = Object.entries(modules[subpath] ?? {});
    const callable = exported.flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
    expect(Object.keys(exportedRows[subpath] ?? {}).sort()).toEqual(callable.sort());
  },
);

const tables = { ...exportedRows, members: memberRows, webCryptoMembers };
const rows = Object.entries(tables).flatMap(([subpath, entries]) =>
  Object.entries(entries).flatMap(([name, row]) => (typeof row === "string" ? [] : [{ subpath, name, row }])),
);

test.each(rows)("$subpath $name", async ({ row }) => {
  await row.call(...(row.args.map(({ good }) => good()) as never[]));
  expect(await faultsOf(row.call, row.args)).toEqual([]);
});
