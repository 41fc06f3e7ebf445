// SPDX-License-Identifier: MIT

import { Database, MemoryStore } from "../../database/index.ts";
import {
  anyText,
  type Clock,
  callback,
  clockObject,
  having,
  optional,
  optionsOf,
  Pace,
  type Random,
} from "../../port/index.ts";
import { checkedArguments } from "./argument-checks.ts";
import { type DatabaseSource, type DefaultManager, Foundation } from "./foundation.ts";
import { HandleTable } from "./handles.ts";
import { OpenCardFunctions } from "./open-card-functions.ts";
import type { CardPicker } from "./select-card.ts";

/** Dependencies of the WinSCard functions. Only the manager is required. */
export interface WinSCardOptions {
  /** Gives the resource manager for contexts that name none. Called each time; it may start one on demand. */
  readonly defaultManager: DefaultManager;
  /**
   * Gives the smart card database of a scope: card types, names and groups of readers, the audit log. Without one all
   * scopes have the same, which is empty at first, in memory, and gone with this object.
   */
  readonly database?: DatabaseSource | undefined;
  /** What SCardAudit takes the time from, and the event of SCardAccessStartedEvent waits by; those need it. */
  readonly clock?: Clock | undefined;
  /**
   * Random source of the numbers of contexts and cards; `scard/winscard` passes the system's. Without it they are
   * consecutive, and a handle passed to another thread can be valid there.
   */
  readonly random?: Random | undefined;
  /** Who writes into the audit log: name and process of the program. */
  readonly program?: string | undefined;
  /** The dialog of SCardUIDlgSelectCard and GetOpenCardName, for calls that bring none of their own. */
  readonly picker?: CardPicker | undefined;
}

const winscardOptions = optionsOf<WinSCardOptions>({
  defaultManager: callback<DefaultManager>("a function that gives the resource manager: () => manager"),
  database: optional(callback<DatabaseSource>("a function that gives the database of a scope")),
  random: optional(having<Random>(["bytes"], "a source of random bytes")),
  clock: optional(clockObject),
  program: optional(anyText),
  picker: optional(having<CardPicker>(["pick"], "a dialog")),
});

/**
 * The WinSCard functions over one table of handles. Each is a function of its own and can be taken off the object:
 *
 *     const { SCardEstablishContext, SCardConnect } = new WinSCard({ defaultManager: () => manager });
 *
 * C code ports line by line: parameters come in C's order, without the out-parameters and the lengths of buffers; a
 * call resolves to its out-values as one object, or rejects with a `SmartCardError` whose `rv` is what C would return.
 * Numbers are those of Microsoft's headers.
 *
 * The functions are declared by what they work on, each kind on top of the one before: `ContextFunctions`,
 * `CardFunctions`, `CardTypeFunctions`, `ReaderNameFunctions`, `LocateFunctions`, `CacheFunctions`, `DeviceFunctions`,
 * `ServiceFunctions`, `OpenCardFunctions`.
 */
export class WinSCard extends OpenCardFunctions {
  readonly #table: HandleTable;

  constructor(options: WinSCardOptions) {
    const checked = winscardOptions(options, { operation: "WinSCard", path: "options" });
    const table = new HandleTable({ random: checked.random });
    super(
      new Foundation({
        handles: table,
        defaultManager: checked.defaultManager,
        database: checked.database ?? databaseInMemory(),
        clock: checked.clock,
        program: checked.program,
      }),
      checked.picker,
    );
    this.#table = table;
    this.#guard(checked.clock === undefined ? undefined : new Pace(checked.clock));
  }

  /**
   * Makes each function refuse invalid arguments before it does anything, and yield to the event loop now and then where calls are
   * answered from memory or fail at once.
   */
  #guard(pace: Pace | undefined): void {
    for (const [name, run] of Object.entries(this)) {
      if (typeof run !== "function") continue;
      const call = (given: readonly unknown[]): Promise<unknown> => {
        try {
          return run(...checkedArguments(name, given));
        } catch (error) {
          return Promise.reject(error);
        }
      };
      const guarded = (...given: unknown[]): Promise<unknown> => {
        const answer = call(given);
        return pace === undefined ? answer : pace.settle(answer);
      };
      Object.assign(this, { [name]: guarded });
    }
  }

  /** How many contexts and cards are open: both 0 once a program has closed all it opened. */
  get openHandles(): { readonly contexts: number; readonly cards: number } {
    return { contexts: this.#table.contexts, cards: this.#table.cards };
  }
}

function databaseInMemory(): DatabaseSource {
  const database = new Database(new MemoryStore());
  return () => database;
}
