// SPDX-License-Identifier: MIT

import type { Database } from "../../database/index.ts";
import {
  assert,
  CardCache,
  type Clock,
  type Context,
  type ContextCache,
  type ResourceManager,
  type Scope,
  SmartCardError,
} from "../../port/index.ts";
import type { HandleTable, SCARDCONTEXT } from "./handles.ts";

/** The manager of contexts that are opened without one. */
export type DefaultManager = () => ResourceManager | Promise<ResourceManager>;

/**
 * Gives the smart card database of a scope: `user` and `system` differ, `terminal` is the user's. Called each time, so it
 * may open one on demand, and should return the same one again. The functions that need it fail with its errors.
 */
export type DatabaseSource = (scope: Scope) => Database | Promise<Database>;

/** What all functions of one WinSCard share. */
export interface FoundationDeps {
  readonly handles: HandleTable;
  readonly defaultManager: DefaultManager;
  /** `system`: the manager's own. */
  readonly database: DatabaseSource | "system";
  readonly clock?: Clock | undefined;
  readonly program?: string | undefined;
}

/** What all functions of one WinSCard share, and the helpers of several of them. */
export class Foundation {
  readonly handles: HandleTable;
  readonly program: string | undefined;
  readonly defaultManager: DefaultManager;
  /** Undefined where the manager's own database was chosen. */
  readonly databaseSource: DatabaseSource | undefined;
  readonly #clock: Clock | undefined;
  /** How often the waits of a context were ended by SCardCancel. */
  readonly #cancels = new WeakMap<Context, number>();
  /** Dialogs, which end with the waits of a context but are unknown to the manager. */
  readonly #dialogs = new Map<Context, Set<AbortController>>();
  /** For contexts whose manager has none. */
  readonly #programCache: (context: Context) => ContextCache;

  constructor(deps: FoundationDeps) {
    this.handles = deps.handles;
    this.program = deps.program;
    this.defaultManager = deps.defaultManager;
    this.databaseSource = deps.database === "system" ? undefined : deps.database;
    this.#clock = deps.clock;
    const cache = new CardCache();
    const client = { name: deps.program ?? "this program" };
    this.#programCache = (context) => ({
      read: async (card, freshness, name) => {
        await this.checkServed(context, "read cache");
        return cache.read(card, freshness, name);
      },
      write: async (card, freshness, name, data) => {
        await this.checkServed(context, "write cache");
        cache.write(client, card, freshness, name, data);
      },
    });
  }

  /** The clock, where there is one. */
  get anyClock(): Clock | undefined {
    return this.#clock;
  }

  /** The clock. @throws unsupported-feature where the WinSCard object was made without one */
  clock(operation: string): Clock {
    if (this.#clock !== undefined) return this.#clock;
    const message = "there is no clock: pass one to the constructor, `new WinSCard({ clock, … })`";
    throw new SmartCardError("unsupported-feature", message, { operation });
  }

  /** Whether the manager's own database was chosen, and not one of this package. */
  get usesSystemDatabase(): boolean {
    return this.databaseSource === undefined;
  }

  /** This package's database of a scope. @throws the error of opening it */
  async database(scope: Scope): Promise<Database> {
    const source = this.databaseSource;
    assert(source !== undefined, "the manager's own database was chosen");
    return source(scope);
  }

  /**
   * The database that a call goes to: that of its context's scope; without a context the user's, which includes the
   * system's entries.
   *
   * @throws invalid-context; the error of opening the database
   */
  async databaseOf(context: SCARDCONTEXT | null): Promise<Database> {
    return await this.database(context === null ? "user" : this.handles.context(context).scope);
  }

  /** Runs a query in a context, or in a temporary one. */
  async query<T>(context: SCARDCONTEXT | null, ask: (opened: Context) => Promise<T>): Promise<T> {
    if (context !== null) return await ask(this.handles.context(context));
    const manager = await this.defaultManager();
    const opened = await manager.establishContext();
    try {
      return await ask(opened);
    } finally {
      await opened.release();
    }
  }

  /** The card cache of a context's manager, or of this program if the manager has no cache. @throws invalid-context */
  cacheOf(context: SCARDCONTEXT): ContextCache {
    const opened = this.handles.context(context);
    return opened.cache ?? this.#programCache(opened);
  }

  /**
   * To be called where the manager is not asked for anything else. A context that has a handle and is not valid was not
   * released here: its service is gone.
   *
   * @throws service-stopped
   */
  async checkServed(context: Context, operation: string): Promise<void> {
    if (await context.isValid()) return;
    throw new SmartCardError("service-stopped", "the resource manager has stopped", { operation });
  }

  /** All waits of a context end: those that have yet to begin are remembered, dialogs close. */
  cancelled(opened: Context): void {
    this.#cancels.set(opened, this.#cancelsOf(opened) + 1);
    this.#closeDialogs(opened, new SmartCardError("cancelled", "the context was cancelled"));
  }

  /** A context is released: its dialogs close. */
  released(opened: Context): void {
    this.#closeDialogs(opened, new SmartCardError("cancelled", "the context was released"));
  }

  /**
   * Runs a dialog, which lasts until the person has chosen. Its signal is aborted by SCardCancel and SCardReleaseContext,
   * with the error that the call is to end with, and by the caller's own signal.
   */
  async dialog<T>(
    opened: Context,
    signal: AbortSignal | undefined,
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const follow = (): void => controller.abort(signal?.reason);
    const dialogs = this.#dialogs.get(opened) ?? new Set();
    this.#dialogs.set(opened, dialogs.add(controller));
    if (signal?.aborted === true) follow();
    else signal?.addEventListener("abort", follow, { once: true });
    try {
      return await run(controller.signal);
    } finally {
      signal?.removeEventListener("abort", follow);
      dialogs.delete(controller);
      if (dialogs.size === 0) this.#dialogs.delete(opened);
    }
  }

  /**
   * Preparation of a wait. SCardCancel ends it too: the manager does not know of the wait yet, and would let it begin.
   *
   * @throws cancelled
   */
  async beforeWait<T>(opened: Context, work: Promise<T>): Promise<T> {
    const cancels = this.#cancelsOf(opened);
    const result = await work;
    if (this.#cancelsOf(opened) === cancels) return result;
    throw new SmartCardError("cancelled", "the context was cancelled");
  }

  #closeDialogs(opened: Context, why: SmartCardError): void {
    for (const dialog of this.#dialogs.get(opened) ?? []) dialog.abort(why);
  }

  #cancelsOf(opened: Context): number {
    return this.#cancels.get(opened) ?? 0;
  }
}
