// SPDX-License-Identifier: MIT

import type { CardType, Database } from "../../database/index.ts";
import { BrokenPackage } from "../../platform/node/runtime/index.ts";
import { openDatabase } from "../../platform/node/sqlite/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type { Terminal } from "./terminal.ts";

/** The option of commands that use the smart card database. */
export const scopeOption = {
  scope: {
    type: "string",
    value: "SCOPE",
    choices: ["user", "system"],
    help: `whose database: the user's own, with the system's below it (without the option), or the one that all \
users see. For root they are the same. SCARD_DATABASE names another file`,
  },
} as const;

/** What `--scope` may say. */
export type ScopeChoice = (typeof scopeOption.scope.choices)[number];

/**
 * Opens the smart card database, works with it, and closes it.
 *
 * @throws what opening and the work fail with
 */
export async function withDatabase<T>(
  terminal: Terminal,
  scope: ScopeChoice | undefined,
  work: (database: Database) => T | Promise<T>,
): Promise<T> {
  const database = await openDatabase({ scope: scope ?? "user", surroundings: { environment: terminal.environment } });
  try {
    return await work(database);
  } finally {
    database.close();
  }
}

/** The card types of an ATR. */
export interface KnownCards {
  /** The card types that match an ATR, the most specific first; may be empty. */
  find(atr: Uint8Array): readonly CardType[];
}

const nothingKnown: KnownCards = { find: () => [] };

/**
 * Gives access to card names, for commands that also work without. An unreadable database is reported once; a missing
 * SQLite is not.
 */
export async function withKnownCards<T>(terminal: Terminal, work: (cards: KnownCards) => Promise<T>): Promise<T> {
  const tell = (error: unknown): void => {
    if (!(error instanceof SmartCardError)) throw error;
    if (!isMissingSqlite(error)) terminal.say(`scard: cards are not named: ${error.message}`);
  };
  let database: Database | undefined;
  try {
    database = await openDatabase({ surroundings: { environment: terminal.environment } });
  } catch (error) {
    tell(error);
  }
  try {
    return await work(database === undefined ? nothingKnown : new ForgivingCards(database, tell));
  } finally {
    database?.close();
  }
}

/** Whether an error says that there is no SQLite here, neither Node's nor a package that would have to be mended. */
export function isMissingSqlite(error: SmartCardError): boolean {
  return error.code === "unsupported-feature" && !(error.cause instanceof BrokenPackage);
}

/** Queries the database until it fails. */
class ForgivingCards implements KnownCards {
  readonly #tell: (error: unknown) => void;
  #database: Database | undefined;

  constructor(database: Database, tell: (error: unknown) => void) {
    this.#database = database;
    this.#tell = tell;
  }

  find(atr: Uint8Array): readonly CardType[] {
    try {
      return this.#database?.cardTypes.find({ atr }) ?? [];
    } catch (error) {
      this.#database = undefined;
      this.#tell(error);
      return [];
    }
  }
}

/** Most names that are shown for one card: some ATRs are shared by many types. */
const MAX_NAMES_SHOWN = 3;

/** The possible types of a card, on one line. */
export function namesInBrief(names: readonly string[]): string {
  const more = names.length - MAX_NAMES_SHOWN;
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(", ");
  return more > 0 ? `${shown}, and ${more} more` : shown;
}
