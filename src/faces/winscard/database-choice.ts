// SPDX-License-Identifier: MIT

import { type Context, type ContextDatabase, SmartCardError } from "../../port/index.ts";
import { type ContextFunctions, lookOnce } from "./context-functions.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import { OwnDatabase } from "./own-database.ts";

/**
 * Runs a call in the database that was chosen for this WinSCard.
 *
 * @throws invalid-context; unsupported-feature where the manager's database was chosen and it has none
 */
export type InDatabase = <T>(
  context: SCARDCONTEXT | null,
  call: (database: ContextDatabase) => Promise<T>,
) => Promise<T>;

/** The database that was chosen: this package's own, or the manager's. */
export function databaseChoice(
  foundation: Foundation,
  { SCardGetStatusChange }: Pick<ContextFunctions, "SCardGetStatusChange">,
): InDatabase {
  return async (context, call) => {
    if (foundation.usesSystemDatabase) return await foundation.query(context, (opened) => call(databaseIn(opened)));
    // An invalid handle is refused before anything else.
    if (context !== null) foundation.handles.context(context);
    return await call(new OwnDatabase(foundation, context, (...asked) => lookOnce(SCardGetStatusChange, ...asked)));
  };
}

function databaseIn({ database }: Context): ContextDatabase {
  if (database !== undefined) return database;
  const remedy = 'only Windows\' own manager has one. Leave out `database: "system"`, for the database of this package';
  throw new SmartCardError("unsupported-feature", `the resource manager has no smart card database: ${remedy}`);
}
