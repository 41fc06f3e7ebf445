// SPDX-License-Identifier: MIT

import { SmartCardError } from "../../../port/index.ts";
import type { SqliteDriver } from "./driver.ts";
import { libsqlDriver } from "./libsql.ts";
import { nodeSqliteDriver } from "./node-sqlite.ts";

/**
 * The available driver for SQLite: the runtime's own, else the optional package `libsql`.
 *
 * @throws unsupported-feature where both are missing
 */
export async function findDriver(): Promise<SqliteDriver> {
  const own = nodeSqliteDriver();
  if (own !== undefined) return own;
  try {
    return await libsqlDriver();
  } catch (error) {
    throw missingDriver(error);
  }
}

function missingDriver(cause: unknown): SmartCardError {
  const message = `the smart card database needs SQLite, which Node ${process.versions.node} lacks: npm install libsql`;
  return new SmartCardError("unsupported-feature", message, {}, { cause });
}
