// SPDX-License-Identifier: MIT

import { sameName } from "../../database/index.ts";
import {
  assert,
  decodeReaderState,
  encodeReaderState,
  type FoundReader,
  type ReaderStateReport,
  type ResourceManager,
  type SearchedReader,
  SmartCardError,
  STATUS_CHANGE,
  type WaitOptions,
} from "../../port/index.ts";
import { dword, scopeOf, stringsOf, waitOf } from "./arguments.ts";
import { SCARD_ALL_READERS, SCARD_STATE_IGNORE } from "./constants.ts";
import type { Foundation } from "./foundation.ts";
import type { SCARDCONTEXT } from "./handles.ts";
import { ReaderNaming } from "./reader-naming.ts";

/** Options of SCardEstablishContext that C does not have. */
export interface EstablishContextOptions {
  /** The resource manager to use; the default one otherwise. */
  readonly manager?: ResourceManager;
}

/** The caller's state of a reader, and the one of SCardGetStatusChange. */
export interface SCARD_READERSTATE {
  /** Name of the reader, or `\\?PnP?\Notification` to watch for readers that come and go. */
  readonly reader: string;
  /** Any value; it is returned unchanged. */
  readonly userData?: unknown;
  /** SCARD_STATE_*, as the caller assumes it; to follow a reader, the last `eventState`. */
  currentState: number;
  /** SCARD_STATE_*, the real state; the event count is in the high word. Not read. */
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
export function contextFunctions(foundation: Foundation) {
  const naming = new ReaderNaming(foundation);

  return {
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
    SCardEstablishContext: async (
      scope: number,
      options: EstablishContextOptions = {},
    ): Promise<{ readonly context: SCARDCONTEXT }> => {
      const domain = scopeOf(scope, "establish context");
      const manager = options.manager ?? (await foundation.defaultManager());
      const opened = await manager.establishContext({ scope: domain });
      try {
        return { context: foundation.handles.addContext(opened) };
      } catch (error) {
        await opened.release();
        throw error;
      }
    },

    /**
     * Closes a context and all cards that were connected in it, ends its waits, and releases its locks.
     *
     * @throws invalid-context, and failures of the manager. The handle is invalid in every case.
     * @see SCardReleaseContext function (winscard.h), Microsoft
     *
     * **Portability**: Windows resets the cards that were not disconnected; pcsc-lite only those held by a transaction.
     */
    SCardReleaseContext: async (context: SCARDCONTEXT): Promise<void> => {
      const opened = foundation.handles.removeContext(context);
      foundation.released(opened);
      await opened.release();
    },

    /**
     * Resolves while calls in the context can succeed. Release a context that has become invalid, too.
     *
     * @throws invalid-context (released, never opened, or the manager has gone)
     * @see SCardIsValidContext function (winscard.h), Microsoft
     *
     * **Portability**: `rv` is ERROR_INVALID_HANDLE (6) as on Windows; pcsc-lite has SCARD_E_INVALID_HANDLE.
     */
    SCardIsValidContext: async (context: SCARDCONTEXT): Promise<void> => {
      if (!(await foundation.handles.context(context).isValid())) {
        throw new SmartCardError("invalid-context", `context ${context} is no longer valid: its manager has stopped`);
      }
    },

    /**
     * Names of the attached readers. A reader with introduced names (SCardIntroduceReader) is listed under those.
     *
     * @param context may be null: the default manager is asked then.
     * @param groups names of reader groups, of which any will do: a name, a multi-string ("A\0B\0\0") or a list. Null,
     * nothing or SCARD_ALL_READERS: all readers. Unknown groups are empty.
     * @throws no-readers-available, invalid-context
     * @see SCardListReaders function (winscard.h), Microsoft
     *
     * **Portability**: pcsc-lite takes no null context and ignores the groups.
     */
    SCardListReaders: async (
      context: SCARDCONTEXT | null,
      groups?: string | readonly string[] | null,
    ): Promise<{ readonly readers: string[] }> => {
      const names = stringsOf(groups);
      const all = names.length === 0 || names.some((name) => sameName(name, SCARD_ALL_READERS));
      const readers = await foundation.query(context, (opened) => naming.available(opened, all ? undefined : names));
      if (readers.length === 0) {
        const where = all ? "no reader is attached" : `no reader is in ${names.join(" or ")}`;
        throw new SmartCardError("no-readers-available", where, { operation: "list readers" });
      }
      return { readers };
    },

    /**
     * Names of the reader groups that hold at least one reader, attached or not. SCARD_ALL_READERS is not among them.
     *
     * @param context may be null: the default manager is asked then.
     * @throws invalid-context
     * @see SCardListReaderGroups function (winscard.h), Microsoft
     *
     * **Portability**: pcsc-lite takes no null context and always answers `SCard$DefaultReaders`.
     */
    SCardListReaderGroups: async (context: SCARDCONTEXT | null): Promise<{ readonly groups: string[] }> => {
      return { groups: await foundation.query(context, (opened) => naming.groups(opened)) };
    },

    /**
     * Waits until the state of a reader differs from the caller's, and returns the state of all. To miss nothing, call it
     * again with each `currentState` set to the `eventState` of the answer. The objects passed in are not changed.
     *
     * @param timeout milliseconds; 0 does not wait, INFINITE waits for ever.
     * @param readerStates nothing to watch (no element, or all with SCARD_STATE_IGNORE) returns at once, and so does an
     * element with SCARD_STATE_UNAWARE.
     * @throws timeout (the states at the end are in `details.readerStates`), cancelled (by SCardCancel or the signal),
     * unknown-reader (a name that is not known when the call is made), invalid-context, service-stopped, invalid-value
     * @see SCardGetStatusChange function (winscard.h), Microsoft
     *
     * **Portability**: the high word of the pseudo reader's state is the number of readers on Windows and the number of
     * reader events in pcsc-lite; macOS has no pseudo reader.
     */
    SCardGetStatusChange: async (
      context: SCARDCONTEXT,
      timeout: number,
      readerStates: readonly SCARD_READERSTATE[],
      wait: Pick<WaitOptions, "signal"> = {},
    ): Promise<{ readonly readerStates: ReaderStateAnswer[] }> => {
      const opened = foundation.handles.context(context);
      const limit = waitOf(timeout, wait.signal, STATUS_CHANGE);
      // The caller may change its objects while the wait lasts.
      const asked = readerStates.map((state) => ({
        ...state,
        currentState: dword(state.currentState, `current state of "${state.reader}"`, STATUS_CHANGE),
      }));
      // Ignored readers need not exist.
      const watched = asked.filter(({ currentState }) => (currentState & SCARD_STATE_IGNORE) === 0);
      const resolving = naming.resolveAll(
        opened,
        watched.map(({ reader }) => reader),
      );
      const resolved = resolving instanceof Promise ? await resolving : resolving;
      const devices = new Map(resolved.map((device, at) => [watched[at], device]));
      const queries = asked.map((state) => ({
        reader: devices.get(state) ?? state.reader,
        ...decodeReaderState(state.currentState),
      }));
      try {
        const reports = await opened.getStatusChange(queries, limit);
        return { readerStates: asked.map((state, index) => answerOf(state, reports[index])) };
      } catch (error) {
        throw underGivenNames(error, asked);
      }
    },

    /**
     * Ends all waits of a context with `cancelled`: SCardGetStatusChange first of all, waits for a locked reader, and the
     * dialogs of SCardUIDlgSelectCard and GetOpenCardName, which wait for the user. It does not end a running exchange or a later call. Without a wait it does nothing.
     *
     * @throws invalid-context
     * @see SCardCancel function (winscard.h), Microsoft
     */
    SCardCancel: async (context: SCARDCONTEXT): Promise<void> => {
      const opened = foundation.handles.context(context);
      foundation.cancelled(opened);
      await opened.cancel();
    },
  };
}

export type ContextFunctions = Readonly<ReturnType<typeof contextFunctions>>;

/** The current states of readers, whether they differ from the caller's or not. */
export async function lookOnce(
  getStatusChange: ContextFunctions["SCardGetStatusChange"],
  context: SCARDCONTEXT,
  asked: readonly SearchedReader[],
): Promise<FoundReader[]> {
  try {
    return (await getStatusChange(context, 0, asked)).readerStates;
  } catch (error) {
    const states = error instanceof SmartCardError && error.code === "timeout" ? error.details.readerStates : undefined;
    if (states === undefined) throw error;
    return asked.map((state, index) => answerOf(state, states[index]));
  }
}

/** The result of SCardGetStatusChange for its arguments. */
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

/** The states at the end of a wait that timed out, under the names that the caller has for the readers. */
function underGivenNames(error: unknown, asked: readonly SCARD_READERSTATE[]): unknown {
  const states = error instanceof SmartCardError && error.code === "timeout" ? error.details.readerStates : undefined;
  if (!(error instanceof SmartCardError) || states === undefined) return error;
  const renamed = states.map((state, index) => ({ ...state, reader: asked[index]?.reader ?? state.reader }));
  if (renamed.every(({ reader }, index) => reader === states[index]?.reader)) return error;
  const message = "no reader changed in time";
  return new SmartCardError("timeout", message, { ...error.details, readerStates: renamed }, { cause: error });
}
