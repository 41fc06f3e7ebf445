// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../../port/index.ts";
import { packageFailure } from "../runtime/index.ts";
import type { SqliteDriver } from "./driver.ts";
import { libsqlDriver } from "./libsql.ts";
import { nodeSqliteDriver } from "./node-sqlite.ts";

/**
 * The available driver for SQLite: the runtime's own, else the optional package `libsql`.
 *
 * @param own and `load` instead of those of this machine
 * @throws unsupported-feature where both are missing; and where `libsql` is installed and cannot be loaded, with the
 * reason, and a BrokenPackage as its cause
 */
export async function findDriver(
  own: () => SqliteDriver | undefined = nodeSqliteDriver,
  load: () => Promise<SqliteDriver> = libsqlDriver,
): Promise<SqliteDriver> {
  const found = own();
  if (found !== undefined) return found;
  try {
    return await load();
  } catch (error) {
    throw missingDriver(error);
  }
}

function missingDriver(error: unknown): SmartCardError {
  const needs = `the smart card database needs SQLite, which Node ${process.versions.node} lacks`;
  const broken = packageFailure("libsql", error);
  if (broken === undefined) {
    return new SmartCardError("unsupported-feature", `${needs}: npm install libsql`, {}, { cause: error });
  }
  const message = `${needs}; ${broken.message}. Node 22.13 or later has SQLite itself`;
  return new SmartCardError("unsupported-feature", message, {}, { cause: broken });
}
