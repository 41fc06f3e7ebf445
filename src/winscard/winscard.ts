// SPDX-License-Identifier: MIT

import { CardFunctions } from "./card-functions.ts";
import type { DefaultManager } from "./context-functions.ts";
import { HandleTable } from "./handles.ts";

/** What the WinSCard functions stand on. */
export interface WinSCardOptions {
  /** Gives the resource manager for contexts that name none. Asked anew each time; it may start one on demand. */
  readonly defaultManager: DefaultManager;
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
 * The functions are declared by what they work on: `ContextFunctions`, and `CardFunctions` on top of them.
 */
export class WinSCard extends CardFunctions {
  readonly #table: HandleTable;

  constructor(options: WinSCardOptions) {
    const table = new HandleTable();
    super(table, options.defaultManager);
    this.#table = table;
  }

  /** How many contexts and cards are open: both 0 once a program has closed all it opened. */
  get openHandles(): { readonly contexts: number; readonly cards: number } {
    return { contexts: this.#table.contexts, cards: this.#table.cards };
  }
}
