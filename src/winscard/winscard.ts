// SPDX-License-Identifier: MIT

import { Database, MemoryStore } from "../database/index.ts";
import { type Clock, Pace, type Random } from "../pcsc/index.ts";
import { type DatabaseSource, type DefaultManager, Foundation } from "./foundation.ts";
import { HandleTable } from "./handles.ts";
import { OpenCardFunctions } from "./open-card-functions.ts";
import type { CardPicker } from "./select-card.ts";

/** What the WinSCard functions stand on. Only the manager must be given. */
export interface WinSCardOptions {
  /** Gives the resource manager for contexts that name none. Asked anew each time; it may start one on demand. */
  readonly defaultManager: DefaultManager;
  /**
   * Gives the smart card database of a scope: card types, names and groups of readers, the audit log. Without one all
   * scopes have the same, which is empty at first, in memory, and gone with this object.
   */
  readonly database?: DatabaseSource | undefined;
  /** What SCardAudit takes the time from, and the event of SCardAccessStartedEvent waits by; those need it. */
  readonly clock?: Clock | undefined;
  /**
   * What the numbers of contexts and cards are drawn from; `scard/winscard` brings the system's. Without it they follow
   * each other, and a handle that comes to the wrong thread is one of its own there.
   */
  readonly random?: Random | undefined;
  /** Who writes into the audit log: name and process of the program. */
  readonly program?: string | undefined;
  /** The dialog of SCardUIDlgSelectCard and GetOpenCardName, for calls that bring none of their own. */
  readonly picker?: CardPicker | undefined;
}

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
    const table = new HandleTable({ random: options.random });
    super(
      new Foundation({
        handles: table,
        defaultManager: options.defaultManager,
        database: options.database ?? databaseInMemory(),
        clock: options.clock,
        program: options.program,
      }),
      options.picker,
    );
    this.#table = table;
    if (options.clock !== undefined) this.#keepPace(new Pace(options.clock));
  }

  /** Functions that are answered from memory, and those that fail at once, let the event loop have a turn now and then. */
  #keepPace(pace: Pace): void {
    for (const [name, value] of Object.entries(this)) {
      if (typeof value !== "function") continue;
      const paced = (...args: unknown[]): Promise<unknown> => pace.settle(value(...args));
      Object.assign(this, { [name]: paced });
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
