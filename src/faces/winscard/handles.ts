// SPDX-License-Identifier: MIT

import { assert, type Connection, type Context, type Random, SmartCardError, shown } from "../../port/index.ts";

declare const kind: unique symbol;

/**
 * Handle of a context: what SCardEstablishContext gives. A number to store and pass, never 0. It belongs to its thread:
 * another thread or process has other handles, and refuses this one.
 */
export type SCARDCONTEXT = number & { readonly [kind]: "SCARDCONTEXT" };

/**
 * Handle of a connection to a card or a reader: what SCardConnect gives. A number to store and pass, never 0. It belongs
 * to its thread, like its context.
 */
export type SCARDHANDLE = number & { readonly [kind]: "SCARDHANDLE" };

/** Most contexts and cards that are open at one time; `no-memory` beyond. */
export const MAX_OPEN_HANDLES = 65_536;

/** Small numbers are never handles, so that a count or a constant passed by mistake is refused. */
const FIRST_HANDLE = 0x0001_0000;
/** Handles are the same number, signed or unsigned. */
const LAST_HANDLE = 0x7fff_ffff;

/** Which numbers a table gives out. */
export interface HandleNumbers {
  /** Most handles that are open at one time. */
  readonly limit: number;
  readonly first: number;
  readonly last: number;
  /** Their random source; without it they are consecutive. */
  readonly random: Random | undefined;
}

interface OpenContext {
  readonly context: Context;
  readonly cards: Set<SCARDHANDLE>;
}

interface OpenCard {
  readonly connection: Connection;
  readonly owner: OpenContext;
}

/**
 * The table of handles of contexts and connections. No number is both a context and a card.
 *
 * The numbers are random: each thread and each program has its own table, and must refuse a handle of another one.
 * Consecutive numbers would nearly always collide.
 */
export class HandleTable {
  readonly #contexts = new Map<SCARDCONTEXT, OpenContext>();
  readonly #cards = new Map<SCARDHANDLE, OpenCard>();
  readonly #numbers: HandleNumbers;
  #next: number;

  constructor(numbers: Partial<HandleNumbers> = {}) {
    this.#numbers = { limit: MAX_OPEN_HANDLES, first: FIRST_HANDLE, last: LAST_HANDLE, random: undefined, ...numbers };
    const { limit, first, last } = this.#numbers;
    assert(first > 0 && last - first >= limit, "fewer handles than there may be open");
    this.#next = first;
  }

  /** Open contexts. */
  get contexts(): number {
    return this.#contexts.size;
  }

  /** Open cards, of all contexts. */
  get cards(): number {
    return this.#cards.size;
  }

  /** Enters a context. @throws no-memory */
  addContext(context: Context): SCARDCONTEXT {
    const handle = this.#issue() as SCARDCONTEXT;
    this.#contexts.set(handle, { context, cards: new Set() });
    return handle;
  }

  /** The context behind a handle. @throws invalid-context for anything that is not the handle of an open context */
  context(handle: SCARDCONTEXT): Context {
    return this.#openContext(handle).context;
  }

  /** Takes a context out, and all its cards with it. @throws invalid-context */
  removeContext(handle: SCARDCONTEXT): Context {
    const { context, cards } = this.#openContext(handle);
    this.#contexts.delete(handle);
    for (const card of cards) this.#cards.delete(card);
    return context;
  }

  /** Enters a connection of a context. @throws invalid-context (released in the meantime), no-memory */
  addCard(context: SCARDCONTEXT, connection: Connection): SCARDHANDLE {
    const owner = this.#openContext(context);
    const handle = this.#issue() as SCARDHANDLE;
    owner.cards.add(handle);
    this.#cards.set(handle, { connection, owner });
    return handle;
  }

  /** The connection behind a handle. @throws invalid-handle for anything that is not the handle of an open card */
  card(handle: SCARDHANDLE): Connection {
    return this.#openCard(handle).connection;
  }

  /** The context that a connection was made in. @throws invalid-handle */
  contextOf(handle: SCARDHANDLE): Context {
    return this.#openCard(handle).owner.context;
  }

  /** The connections that are open in a context. @throws invalid-context */
  cardsOf(handle: SCARDCONTEXT): Connection[] {
    return [...this.#openContext(handle).cards].map((card) => this.card(card));
  }

  /** Takes a connection out. @throws invalid-handle */
  removeCard(handle: SCARDHANDLE): Connection {
    const { connection, owner } = this.#openCard(handle);
    this.#cards.delete(handle);
    owner.cards.delete(handle);
    return connection;
  }

  #openContext(handle: SCARDCONTEXT): OpenContext {
    const open = this.#contexts.get(handle);
    if (open === undefined) throw new SmartCardError("invalid-context", describe(handle, "context"));
    return open;
  }

  #openCard(handle: SCARDHANDLE): OpenCard {
    const open = this.#cards.get(handle);
    if (open === undefined) throw new SmartCardError("invalid-handle", describe(handle, "card"));
    return open;
  }

  #issue(): number {
    const { limit, first, last } = this.#numbers;
    if (this.#contexts.size + this.#cards.size >= limit) {
      throw new SmartCardError("no-memory", `all ${limit} handles are in use: something does not close its own`);
    }
    this.#draw();
    for (;;) {
      const handle = this.#next;
      this.#next = handle === last ? first : handle + 1;
      const taken = this.#contexts.has(handle as SCARDCONTEXT) || this.#cards.has(handle as SCARDHANDLE);
      if (!taken) return handle;
    }
  }

  /** Draws the number to try next, where there is something to draw it from. */
  #draw(): void {
    const { first, last, random } = this.#numbers;
    const bytes = random?.bytes(4);
    if (bytes === undefined) return;
    const drawn = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    this.#next = first + (drawn % (last - first + 1));
  }
}

/** The value may be anything, even a misplaced command: only a number is repeated. */
function describe(handle: unknown, what: string): string {
  return `${shown(handle)} is not the handle of an open ${what}`;
}
