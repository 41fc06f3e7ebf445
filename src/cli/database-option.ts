// SPDX-License-Identifier: MIT

import type { CardType, Database } from "../database/index.ts";
import { openDatabase } from "../edge/sqlite/index.ts";
import { SmartCardError } from "../pcsc/index.ts";
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

/** The kinds of card that an ATR is known for. */
export interface KnownCards {
  /** The card types that fit an ATR, the most specific first; none where nothing is known of it. */
  find(atr: Uint8Array): readonly CardType[];
}

const nothingKnown: KnownCards = { find: () => [] };

/**
 * Works with the names of cards, for commands that do without where there are none. A database that is there and cannot
 * be read is told of once; one that cannot be had at all, because SQLite is not installed, is not.
 */
export async function withKnownCards<T>(terminal: Terminal, work: (cards: KnownCards) => Promise<T>): Promise<T> {
  const tell = (error: unknown): void => {
    if (!(error instanceof SmartCardError)) throw error;
    if (error.code !== "unsupported-feature") terminal.say(`scard: cards are not named: ${error.message}`);
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

/** Asks the database as long as it answers. */
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

/** Most names that are shown of one card: some ATRs are those of many kinds. */
const maxNamesShown = 3;

/** The names of what a card may be, on one line. */
export function namesInBrief(names: readonly string[]): string {
  const more = names.length - maxNamesShown;
  const shown = names.slice(0, maxNamesShown).join(", ");
  return more > 0 ? `${shown}, and ${more} more` : shown;
}
