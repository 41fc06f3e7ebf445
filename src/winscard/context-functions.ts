// SPDX-License-Identifier: MIT

import {
  assert,
  type Context,
  decodeReaderState,
  encodeReaderState,
  type ReaderStateReport,
  type ResourceManager,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";
import { scopeOf, stringsOf, waitOf } from "./arguments.ts";
import { SCARD_ALL_READERS } from "./constants.ts";
import type { HandleTable, SCARDCONTEXT } from "./handles.ts";

/** Where the contexts come from that are opened without naming a resource manager. */
export type DefaultManager = () => ResourceManager | Promise<ResourceManager>;

/** What SCardEstablishContext can be told beyond C. */
export interface EstablishContextOptions {
  /** The resource manager to turn to; the default one otherwise. */
  readonly manager?: ResourceManager;
}

/** What a caller believes about a reader, and what SCardGetStatusChange knows about it. */
export interface SCARD_READERSTATE {
  /** Name of the reader, or `\\?PnP?\Notification` to be told of readers that come and go. */
  readonly reader: string;
  /** Anything; it is handed back. */
  readonly userData?: unknown;
  /** SCARD_STATE_*, as the caller believes it; to follow a reader, the `eventState` of last time. */
  currentState: number;
  /** SCARD_STATE_*, as it is; the event count is in the high word. Not read. */
  readonly eventState?: number;
  /** ATR of the card, empty without one. Not read. */
  readonly atr?: Uint8Array;
}

/** A reader state that has been filled in. It can be passed on to the next SCardGetStatusChange. */
export interface ReaderStateAnswer extends SCARD_READERSTATE {
  readonly eventState: number;
  readonly atr: Uint8Array;
}

/**
 * The functions that work on a context: opening and closing it, asking for readers, tracking them. Errors are
 * `SmartCardError`; its `rv` is the LONG that the function returns in C, unsigned.
 */
export class ContextFunctions {
  readonly #handles: HandleTable;
  readonly #defaultManager: DefaultManager;

  constructor(handles: HandleTable, defaultManager: DefaultManager) {
    this.#handles = handles;
    this.#defaultManager = defaultManager;
  }

  /**
   * Opens a context, in which all other calls are made. The two reserved parameters of C are left out.
   *
   * @param scope SCARD_SCOPE_USER, SCARD_SCOPE_TERMINAL or SCARD_SCOPE_SYSTEM: the domain of database operations.
   * @throws invalid-value (no such scope), no-service (the manager is not running), server-too-busy,
   * security-violation (access refused), no-memory (a limit is reached)
   * @see SCardEstablishContext function (winscard.h), Microsoft
   *
   * **Portability**: SCARD_SCOPE_GLOBAL (3) is of pcsc-lite and refused here.
   */
  readonly SCardEstablishContext = async (
    scope: number,
    options: EstablishContextOptions = {},
  ): Promise<{ readonly context: SCARDCONTEXT }> => {
    const domain = scopeOf(scope, "establish context");
    const manager = options.manager ?? (await this.#defaultManager());
    const opened = await manager.establishContext({ scope: domain });
    try {
      return { context: this.#handles.addContext(opened) };
    } catch (error) {
      await opened.release();
      throw error;
    }
  };

  /**
   * Closes a context and all cards that were connected in it, ends its waits, and gives its locks back.
   *
   * @throws invalid-context; whatever the manager says of its end. The handle is gone in every case.
   * @see SCardReleaseContext function (winscard.h), Microsoft
   *
   * **Portability**: Windows resets the cards that were not disconnected; pcsc-lite only those held by a transaction.
   */
  readonly SCardReleaseContext = async (context: SCARDCONTEXT): Promise<void> => {
    await this.#handles.removeContext(context).release();
  };

  /**
   * Resolves while calls in the context can succeed. A context that has become invalid is still to be released.
   *
   * @throws invalid-context (released, never opened, or the manager has gone)
   * @see SCardIsValidContext function (winscard.h), Microsoft
   *
   * **Portability**: `rv` is ERROR_INVALID_HANDLE (6) as on Windows; pcsc-lite has SCARD_E_INVALID_HANDLE.
   */
  readonly SCardIsValidContext = async (context: SCARDCONTEXT): Promise<void> => {
    if (!(await this.#handles.context(context).isValid())) {
      throw new SmartCardError("invalid-context", `context ${context} is no longer valid: its manager has gone`);
    }
  };

  /**
   * Names of the readers that are there.
   *
   * @param context may be null: the default manager is asked then.
   * @param groups names of reader groups, of which any will do: a name, a multi-string («A\0B\0\0») or a list. Null,
   * nothing or SCARD_ALL_READERS: all readers. Groups that nobody knows are empty.
   * @throws no-readers-available (there is none), invalid-context
   * @see SCardListReaders function (winscard.h), Microsoft
   *
   * **Portability**: pcsc-lite takes no null context and ignores the groups.
   */
  readonly SCardListReaders = async (
    context: SCARDCONTEXT | null,
    groups?: string | readonly string[] | null,
  ): Promise<{ readonly readers: string[] }> => {
    const names = stringsOf(groups);
    const all = names.length === 0 || names.some((name) => name.toLowerCase() === SCARD_ALL_READERS.toLowerCase());
    const readers = await this.#query(context, (opened) => opened.listReaders(all ? undefined : names));
    if (readers.length === 0) {
      const where = all ? "no reader is attached" : `no reader is in ${names.join(" or ")}`;
      throw new SmartCardError("no-readers-available", where, { operation: "list readers" });
    }
    return { readers };
  };

  /**
   * Names of the reader groups that hold at least one reader. SCARD_ALL_READERS is not among them.
   *
   * @param context may be null: the default manager is asked then.
   * @throws invalid-context
   * @see SCardListReaderGroups function (winscard.h), Microsoft
   *
   * **Portability**: pcsc-lite takes no null context and always answers `SCard$DefaultReaders`.
   */
  readonly SCardListReaderGroups = async (context: SCARDCONTEXT | null): Promise<{ readonly groups: string[] }> => {
    return { groups: await this.#query(context, (opened) => opened.listReaderGroups()) };
  };

  /**
   * Waits until a reader differs from what the caller believes, and tells the state of all. To miss nothing, call it
   * again with each `currentState` set to the `eventState` of the answer. The objects passed in are not changed.
   *
   * @param timeout milliseconds; 0 asks and does not wait, INFINITE waits for ever.
   * @param readerStates nothing to watch (no element, or all with SCARD_STATE_IGNORE) returns at once, and so does an
   * element with SCARD_STATE_UNAWARE.
   * @throws timeout (the states at the end are in `details.readerStates`), cancelled (by SCardCancel or the signal),
   * unknown-reader (a name that is not known when the call is made), invalid-context, service-stopped, invalid-value
   * @see SCardGetStatusChange function (winscard.h), Microsoft
   *
   * **Portability**: the high word of the pseudo reader's state is the number of readers on Windows and the number of
   * reader events in pcsc-lite; macOS has no pseudo reader.
   */
  readonly SCardGetStatusChange = async (
    context: SCARDCONTEXT,
    timeout: number,
    readerStates: readonly SCARD_READERSTATE[],
    wait: Pick<WaitOptions, "signal"> = {},
  ): Promise<{ readonly readerStates: ReaderStateAnswer[] }> => {
    const opened = this.#handles.context(context);
    // The caller may change its objects while the wait lasts.
    const asked = readerStates.map((state) => ({ ...state }));
    const queries = asked.map(({ reader, currentState }) => ({ reader, ...decodeReaderState(currentState) }));
    const reports = await opened.getStatusChange(queries, waitOf(timeout, wait.signal, "status change"));
    return { readerStates: asked.map((state, index) => answerOf(state, reports[index])) };
  };

  /**
   * Ends all waits of a context with `cancelled`: SCardGetStatusChange first of all, and waits for a locked reader. It
   * ends no exchange under way and nothing that is asked for later. With nothing to end it does nothing.
   *
   * @throws invalid-context
   * @see SCardCancel function (winscard.h), Microsoft
   */
  readonly SCardCancel = async (context: SCARDCONTEXT): Promise<void> => {
    await this.#handles.context(context).cancel();
  };

  /** Asks in a context, or where there is none in one of its own. */
  async #query<T>(context: SCARDCONTEXT | null, ask: (opened: Context) => Promise<T>): Promise<T> {
    if (context !== null) return await ask(this.#handles.context(context));
    const manager = await this.#defaultManager();
    const opened = await manager.establishContext();
    try {
      return await ask(opened);
    } finally {
      await opened.release();
    }
  }
}

function answerOf(asked: SCARD_READERSTATE, report: ReaderStateReport | undefined): ReaderStateAnswer {
  assert(report !== undefined, "the manager reports fewer readers than it was asked for");
  return {
    reader: asked.reader,
    userData: asked.userData,
    currentState: asked.currentState,
    eventState: encodeReaderState(report.flags, report.eventCount),
    atr: report.atr,
  };
}
