// SPDX-License-Identifier: MIT

import {
  type Context,
  decodeReaderState,
  PNP_NOTIFICATION,
  type ReaderStateQuery,
  type ReaderStateReport,
  SmartCardError,
  timeoutOfNumber,
  type WaitOptions,
} from "../../port/index.ts";
import type { SmartcardHost } from "./host.ts";
import { connectOptions, SmartcardCard } from "./smartcard-card.ts";
import { PCSCError, smartcardError } from "./smartcard-error.ts";
import { defaults, INVALID_HANDLE, stateNumber } from "./terms.ts";

/** A reader in `waitForChange`. */
export interface ReaderState<B extends Uint8Array> {
  readonly name: string;
  /** SCARD_STATE_*, and the number of insertions and removals in the high word. */
  readonly state: number;
  readonly changed: boolean;
  readonly atr: B | null;
}

/** A reader argument of `waitForChange`: a reader, an earlier result, or just a name. */
export type WatchedReader = string | { readonly name: string; readonly state?: number };

/** A reader of `smartcard`, as it was when it was listed. */
export class SmartcardReader<B extends Uint8Array> {
  readonly name: string;
  /** SCARD_STATE_*, and the number of insertions and removals in the high word. */
  readonly state: number;
  readonly #context: SmartcardContext<B>;
  readonly #host: SmartcardHost<B>;
  readonly #atr: Uint8Array;

  constructor(context: SmartcardContext<B>, host: SmartcardHost<B>, report: ReaderStateReport) {
    this.#context = context;
    this.#host = host;
    this.name = report.reader;
    this.state = stateNumber(report);
    this.#atr = report.atr;
  }

  /** ATR of the card that was in; null without one. */
  get atr(): B | null {
    return this.#atr.length > 0 ? this.#host.toBytes(this.#atr) : null;
  }

  /**
   * Connects to the card.
   *
   * @param shareMode SCARD_SHARE_SHARED by default
   * @param protocols SCARD_PROTOCOL_T0 and SCARD_PROTOCOL_T1 by default
   * @throws SharingViolationError, PCSCError
   */
  connect(shareMode?: number, protocols?: number): Promise<SmartcardCard<B>> {
    return this.#context.connect(this.name, shareMode, protocols);
  }
}

/** A deadline as the port has it: none for INFINITE, in either sign, and at most what the machine's timers take. */
function deadlineOf(milliseconds: number): WaitOptions {
  const timeoutMs = milliseconds === -1 ? undefined : timeoutOfNumber(milliseconds);
  return timeoutMs === undefined ? {} : { timeoutMs };
}

/**
 * The `Context` of `smartcard`. It opens the manager when it first needs it, and keeps no program alive before.
 */
export class SmartcardContext<B extends Uint8Array> {
  readonly #host: SmartcardHost<B>;
  #opening: Promise<Context> | undefined;
  #closed = false;
  /** The last known readers, where the host has no synchronous query. */
  #picture: readonly ReaderStateReport[] = [];
  /** Background work of calls that have returned. */
  readonly #behind = new Set<Promise<unknown>>();

  constructor(host: SmartcardHost<B>) {
    this.#host = host;
  }

  /** Whether it was not closed yet. */
  get isValid(): boolean {
    return !this.#closed;
  }

  /**
   * The readers, with their states, as they are now.
   *
   * @throws ServiceNotRunningError, PCSCError
   *
   * **Portability**: where the manager has no synchronous query they are those of the last {@link refresh}, and each call
   * starts another one in the background.
   */
  listReaders(): SmartcardReader<B>[] {
    if (this.#closed) throw new PCSCError("Context is not valid", INVALID_HANDLE);
    return this.#look().map((report) => new SmartcardReader(this, this.#host, report));
  }

  /** Queries the readers, for {@link listReaders}. Not in `smartcard`: a program of ours awaits it once. */
  async refresh(): Promise<void> {
    try {
      const context = await this.#open();
      const names = await context.listReaders();
      this.#picture = names.length === 0 ? [] : await statesNow(context, names);
    } catch (error) {
      throw smartcardError(error);
    }
  }

  /**
   * Waits until the state of a reader differs from the one given, and returns all states. A name without a state, and no
   * reader at all, return at once; without any reader it waits for one.
   *
   * @param timeoutMs milliseconds; without it, and for 0xFFFFFFFF, there is no deadline. Longer ones than 0x7FFFFFFF
   *   pass after that, 24 days
   * @returns null when cancelled, nothing when the time has passed
   * @throws PCSCError
   */
  async waitForChange(
    readers?: readonly WatchedReader[] | number,
    timeoutMs?: number,
  ): Promise<ReaderState<B>[] | null> {
    const watched = Array.isArray(readers) ? (readers as readonly WatchedReader[]) : [];
    const limit = typeof readers === "number" ? readers : timeoutMs;
    try {
      const context = await this.#open();
      const queries = watched.length > 0 ? watched.map(queryOf) : await queriesForAll(context);
      const wait = limit === undefined ? {} : deadlineOf(limit);
      return (await context.getStatusChange(queries, wait)).map((report) => this.#told(report));
    } catch (error) {
      if (error instanceof SmartCardError && error.code === "cancelled") return null;
      if (error instanceof SmartCardError && error.code === "timeout") return [];
      throw smartcardError(error);
    }
  }

  /** Ends the waits under way: they resolve to null. */
  cancel(): void {
    if (!this.#closed) this.#goOn(this.#opening?.then((context) => context.cancel()));
  }

  /** Ends the context, and its connections, as for a program that exits. It continues in the background. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const opening = this.#opening;
    this.#opening = undefined;
    void this.#settleBehind().then(() => opening?.then((context) => context.release()).catch(() => {}));
  }

  /** Connects to the card in a reader: {@link SmartcardReader.connect} for a name. Not in `smartcard`. */
  async connect(
    reader: string,
    shareMode: number = defaults.shareMode,
    protocols: number = defaults.protocols,
  ): Promise<SmartcardCard<B>> {
    try {
      const options = connectOptions(shareMode, protocols, this.#host.dialect);
      const context = await this.#open();
      await this.#settleBehind();
      const connection = await context.connect(reader, options);
      const status = await connection.status();
      return new SmartcardCard(this.#host, connection, status, (work) => this.#goOn(work));
    } catch (error) {
      throw smartcardError(error);
    }
  }

  #look(): readonly ReaderStateReport[] {
    try {
      const seen = this.#host.look();
      if (seen !== undefined) return seen;
    } catch (error) {
      throw smartcardError(error);
    }
    this.#goOn(this.refresh());
    return this.#picture;
  }

  /**
   * The port's context. If it could not be opened, the next call tries again; after the service has stopped it is reopened.
   */
  async #open(): Promise<Context> {
    const before = this.#opening;
    const context = await before?.catch(() => undefined);
    if (context !== undefined && (await context.isValid())) return context;
    if (this.#closed) throw new PCSCError("Context is not valid", INVALID_HANDLE);
    if (this.#opening === before) {
      this.#goOn(context?.release());
      this.#opening = this.#host.manager().then((manager) => manager.establishContext());
    }
    return this.#opening ?? this.#open();
  }

  #told(report: ReaderStateReport): ReaderState<B> {
    return {
      name: report.reader,
      state: stateNumber(report),
      changed: report.flags.changed === true,
      atr: report.atr.length > 0 ? this.#host.toBytes(report.atr) : null,
    };
  }

  /** Runs work in the background; its failure is not reported. */
  #goOn(work: Promise<unknown> | undefined): void {
    if (work === undefined) return;
    const quiet: Promise<unknown> = work.catch(() => {});
    this.#behind.add(quiet);
    void quiet.then(() => this.#behind.delete(quiet));
  }

  async #settleBehind(): Promise<void> {
    await Promise.all(this.#behind);
  }
}

function queryOf(reader: WatchedReader): ReaderStateQuery {
  if (typeof reader === "string") return { reader };
  const { flags, eventCount } = decodeReaderState(reader.state ?? 0);
  const { changed: _, ...believed } = flags;
  return { reader: reader.name, flags: believed, eventCount };
}

async function queriesForAll(context: Context): Promise<ReaderStateQuery[]> {
  const names = await context.listReaders();
  return names.length === 0 ? [{ reader: PNP_NOTIFICATION }] : names.map((reader) => ({ reader }));
}

async function statesNow(context: Context, names: readonly string[]): Promise<readonly ReaderStateReport[]> {
  const queries = names.map((reader) => ({ reader }));
  return context.getStatusChange(queries, { timeoutMs: 0 });
}
