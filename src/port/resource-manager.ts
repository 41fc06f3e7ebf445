// SPDX-License-Identifier: MIT

import type { CommandInit, LongData, ResponseApdu } from "../base/iso7816/index.ts";
import type { ContextCache, ContextDatabase } from "./context-database.ts";
import type { ReaderType } from "./reader.ts";
import type { Clock } from "./runtime.ts";
import type { CardState, Disposition, Initialization, Protocol, ReaderFlags, Scope, ShareMode } from "./vocabulary.ts";

/** Limits a wait. Without `timeoutMs` a wait has no deadline; it can still be aborted, cancelled, or released. */
export interface WaitOptions {
  /** Longest wait in milliseconds, 0 or more; `timeout` when it has passed. */
  readonly timeoutMs?: number;
  /** Ends the wait with `cancelled` when aborted; the signal's reason becomes the error's cause. */
  readonly signal?: AbortSignal;
  /**
   * Called when the call's turn at the reader has come, before its work begins; it must not throw. For observers, which measure how long
   * calls wait for each other. Managers whose queue is in another process never call it.
   */
  readonly onTurn?: () => void;
}

/** Options for opening a context. */
export interface ContextOptions {
  /** Domain of database operations; `user` by default. */
  readonly scope?: Scope;
  /**
   * True where the client can do one thing at a time in this context, as in a session of the pcscd protocol. A wait
   * that only the waiter itself could end is then refused with `sharing-violation` instead of lasting for ever.
   */
  readonly oneAtATime?: boolean;
}

/** The state of a reader that a caller assumes, for {@link Context.getStatusChange}. */
export interface ReaderStateQuery {
  /** Reader name, or {@link PNP_NOTIFICATION}. */
  readonly reader: string;
  /** The flags of the last report; no flags and an event count of 0 mean "unaware", which returns at once. */
  readonly flags?: ReaderFlags;
  /** The event count of the last report, 0 to 65,535; 0 if the caller has no count. */
  readonly eventCount?: number;
}

/** The state of a reader. */
export interface ReaderStateReport {
  readonly reader: string;
  readonly flags: ReaderFlags;
  /** Insertions and removals so far, modulo 65,536; for {@link PNP_NOTIFICATION} see there. */
  readonly eventCount: number;
  /** ATR of the card, empty without one. */
  readonly atr: Uint8Array;
}

/** A reader as a device of this machine. */
export interface ReaderDevice {
  /** The reader's name in this manager. */
  readonly reader: string;
  /** The device's name in its system, at most 128 bytes: SCARD_ATTR_DEVICE_SYSTEM_NAME. */
  readonly systemName: string;
  /** Identifies this device, also after it was unplugged and the machine restarted. */
  readonly instanceId: string;
  /** Vendor, product and serial number; undefined where the manager cannot tell. */
  readonly vendor: string | undefined;
  readonly product: string | undefined;
  readonly serial: string | undefined;
  /** How it is attached; undefined where the manager cannot tell. */
  readonly type: ReaderType | undefined;
  /** 0xDDDDCCCC: kind of channel and its number (PC/SC part 3, 3.1.1, channel id); undefined where there is none. */
  readonly channelId: number | undefined;
}

/** How to connect to a reader. */
export interface ConnectOptions extends WaitOptions {
  readonly shareMode: ShareMode;
  /** Protocols that the caller can work with, in no order; may be empty with `direct` only. */
  readonly preferredProtocols: readonly Protocol[];
}

/** How to reconnect. */
export interface ReconnectOptions extends ConnectOptions {
  readonly initialization: Initialization;
}

/** How to send a command. */
export interface TransmitOptions extends WaitOptions {
  /** The protocol that the command is written for; `proto-mismatch` if it is not the one in use. @default any */
  readonly protocol?: Protocol | undefined;
}

/** How {@link Connection.send} sends a command. */
export interface SendOptions extends WaitOptions {
  /**
   * How a command with more than 255 bytes of data is sent; shorter ones are never cut.
   *
   * - `extended`: in one command with extended length fields. T=0 has none: `unsupported-feature`.
   * - `envelope`: in ENVELOPE commands, as ISO/IEC 7816-3 maps such a command onto T=0.
   * - `chaining`: in a chain of commands with short length fields, as the applications PIV and OpenPGP want it.
   *
   * @default "chaining" for a card whose ATR says that it has command chaining and no extended length fields; for any other
   * "envelope" over T=0 and "extended" over the other protocols
   */
  readonly longData?: LongData;
}

/** How to run a function in a transaction: see {@link Connection.transaction}. */
export interface TransactionOptions extends WaitOptions {
  /** What to do with the card at the end, also after a failure. @default "leave" */
  readonly disposition?: Disposition;
  /**
   * What to do when another program has reset the card.
   *
   * - `fail`: nothing; the call rejects with `reset-card`, and {@link Connection.reconnect} is the caller's.
   * - `reconnect`: before the function has begun, reconnect and begin again. Once it has begun, reconnect, so that the
   *   connection can be used, and reject with its failure: its effects before the reset may be lost.
   * - `repeat`: as `reconnect`, and the function runs again from its start. Use this only where that does no harm.
   *
   * Inside another transaction of the same connection it is `fail`: the outermost one begins again.
   *
   * @default "fail"
   */
  readonly onReset?: "fail" | "reconnect" | "repeat";
}

/** State of a connection's reader and card. */
export interface ConnectionStatus {
  readonly reader: string;
  readonly state: CardState;
  /** The protocol in use; undefined before one is negotiated. */
  readonly protocol: Protocol | undefined;
  readonly atr: Uint8Array;
  readonly eventCount: number;
}

/**
 * A resource manager as its clients see it: the port between the faces (WinSCard, web, providers) and the managers
 * (embedded, pcscd's, the operating system's). All failures are `SmartCardError`, but
 * for a TypeError where bytes are asked for and something else is given.
 */
export interface ResourceManager {
  /** The clock on which its waits run; `watchReaders` waits on it too. Every manager of this package has one. */
  readonly clock?: Clock;
  /** True once it was closed, or its client has ended: no context can be opened any more. Absent where that never happens. */
  readonly isClosed?: boolean;
  /** Opens a context. @throws no-service, server-too-busy, security-violation, no-memory (a limit is reached) */
  establishContext(options?: ContextOptions): Promise<Context>;
}

/**
 * A client's context. After {@link Context.release}, or when the client has exited, every call fails
 * with `invalid-context`.
 */
export interface Context extends AsyncDisposable {
  readonly scope: Scope;

  /**
   * The manager's cache of card data. Undefined where the manager has no cache.
   *
   * **Portability**: pcscd has no such cache. Over it, and over the operating system's manager, the cache is this
   * process's: all contexts of one manager object share it.
   */
  readonly cache?: ContextCache;

  /**
   * The manager's own smart card database. Undefined where it has none.
   *
   * **Portability**: only Windows' own manager has one.
   */
  readonly database?: ContextDatabase | undefined;

  /** Whether calls can still succeed: not released, and the manager is there. */
  isValid(): Promise<boolean>;

  /**
   * Names of the attached readers, in order of arrival; may be empty.
   *
   * @param groups names of reader groups; readers of any of them are listed. Undefined: all readers.
   */
  listReaders(groups?: readonly string[]): Promise<string[]>;

  /** Names of the reader groups that hold at least one reader. */
  listReaderGroups(): Promise<string[]>;

  /**
   * Returns the device of a reader. It does not disturb programs that use it.
   *
   * @throws unknown-reader, reader-unavailable (it was just removed)
   *
   * **Portability**: managers without such a call read the reader's attributes over a direct connection, and return what
   * they get: only names while another program has the reader exclusively.
   */
  describeReader(reader: string): Promise<ReaderDevice>;

  /**
   * Waits until the state of at least one reader differs from the caller's, and reports them all. With nothing to
   * watch (no query, or all ignored) it returns at once. If the report is passed to the next call, no change is missed.
   *
   * @throws timeout (the states at the end are in `details.readerStates`), cancelled, unknown-reader (a name that is
   * not known when the call is made), service-stopped
   */
  getStatusChange(queries: readonly ReaderStateQuery[], options?: WaitOptions): Promise<ReaderStateReport[]>;

  /**
   * Connects to the card in a reader, or to the reader. Waits in the reader's queue while another connection holds a
   * transaction.
   *
   * @throws unknown-reader, reader-unavailable, sharing-violation (`details.holder` says who), no-smartcard,
   * unresponsive-card, unsupported-card, proto-mismatch, not-ready, timeout, cancelled, no-memory (a limit is reached),
   * invalid-value (an unknown share mode)
   */
  connect(reader: string, options: ConnectOptions): Promise<Connection>;

  /**
   * Ends every outstanding wait of this context with `cancelled`. It does not affect an exchange in progress, another
   * context, or a later call. Without a wait it does nothing.
   */
  cancel(): Promise<void>;

  /**
   * Ends the context and all its connections as if the program had exited: the manager's documentation says what happens to the cards.
   * Outstanding waits end with `cancelled`.
   */
  release(): Promise<void>;
}

/**
 * One connection to a reader and the card in it. After the card was reset by another, or removed, calls fail with
 * `reset-card` or `removed-card` until {@link Connection.reconnect} has succeeded. After {@link Connection.disconnect}
 * every call fails with `invalid-handle`.
 */
export interface Connection extends AsyncDisposable {
  readonly reader: string;
  readonly shareMode: ShareMode;
  /** The protocol that was agreed on; undefined for a direct connection without one. */
  readonly protocol: Protocol | undefined;

  /**
   * Re-establishes the connection and clears the error state.
   *
   * @throws as connect; invalid-value; cant-dispose, comm-error (it ends a transaction of which a nested end has asked for an
   * ejection, and the reader cannot eject, or failed to)
   */
  reconnect(options: ReconnectOptions): Promise<Protocol | undefined>;

  /**
   * Ends the connection, and an open transaction with it, and performs `disposition` on the card. The
   * connection is closed in every case; the promise settles when the disposition is done.
   *
   * @param disposition what happens to the card; `leave` without it
   * @throws invalid-value (nothing has changed then), invalid-handle, cant-dispose
   */
  disconnect(disposition?: Disposition): Promise<void>;

  /**
   * Waits for the reader's lock and takes it. Nested calls count. First come, first served.
   *
   * @throws reset-card, removed-card, reader-unavailable, timeout, cancelled, sharing-violation (only in a
   * one-at-a-time context: the wait could never end)
   */
  beginTransaction(options?: WaitOptions): Promise<void>;

  /**
   * Releases the lock; when the last nested one ends, performs `disposition` on the card and grants the next request at
   * once.
   *
   * @param disposition what happens to the card; `leave` without it
   * @throws invalid-value (nothing has changed then), not-transacted, reset-card (the lock is released all the same),
   * removed-card, cant-dispose, cancelled (the program exited during the call)
   */
  endTransaction(disposition?: Disposition): Promise<void>;

  /**
   * Runs a function in a transaction, so that no other program comes between its commands, and resolves to what it
   * returns. The transaction ends when the function does, whether it succeeds or throws. Nested calls are one transaction,
   * which the outermost ends. Two concurrent calls on one connection are one transaction too: use a
   * connection for each.
   *
   * `timeoutMs` and `signal` limit the wait for the lock, over all tries together, but not the function.
   *
   * @param work gets this connection
   * @throws what `work` throws, also where the end fails as well; what {@link Connection.beginTransaction} and, with
   * `onReset`, {@link Connection.reconnect} throw; what {@link Connection.endTransaction} throws where `work` has
   * succeeded: the card may have been reset in the middle of it, or not be disposed of
   *
   * **Portability**: Windows ends a transaction in which nothing is sent for 5 seconds and resets the card.
   */
  transaction<T>(work: (connection: Connection) => T | PromiseLike<T>, options?: TransactionOptions): Promise<T>;

  /** State of reader and card; waits while another connection holds a transaction. */
  status(options?: WaitOptions): Promise<ConnectionStatus>;

  /**
   * Sends a command and returns the answer, SW1 SW2 included: 2 to 65,538 bytes. The options limit the wait for the
   * lock, not the exchange itself, which is never interrupted.
   *
   * @throws proto-mismatch (`options.protocol` is not the one in use), invalid-parameter (length), reset-card,
   * removed-card, no-smartcard (pcsc-lite, where the card was pulled during the exchange), unresponsive-card,
   * comm-error, waited-too-long, timeout, cancelled
   */
  transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array>;

  /**
   * Sends a command APDU and returns the whole response: after 61xx the rest is fetched with GET RESPONSE, and after
   * 6Cxx the command is sent again with the right Le. Over T=0 the command is written as that protocol carries it. More
   * than 255 bytes of data go in one command or in several: see {@link SendOptions.longData}.
   * A status word other than 9000 is a result and not an error. Another program's command may come between several
   * commands that are sent for one: use {@link Connection.transaction} where cards are shared.
   *
   * @param command the bytes of an APDU, or its parts
   * @throws invalid-parameter (bytes that are not an APDU, parts out of range); unsupported-feature (more than 255 bytes
   * of data over T=0, and the card does not support ENVELOPE); comm-error (also for a card whose answers never end); and
   * as transmit
   * @see ISO/IEC 7816-3:2006, 12.2; ISO/IEC 7816-4:2005, 5.1.1.1, 5.1.3 and 7.6
   */
  send(command: Uint8Array | CommandInit, options?: SendOptions): Promise<ResponseApdu>;

  /**
   * Sends a command to the reader. `code` is given as Windows counts, `0x00310000 + 4 n`, or as pcsc-lite does,
   * `0x42000000 + n`: the manager passes the latter to drivers. Windows' codes for the functions of its class driver
   * (IOCTL_SMARTCARD_POWER, _SET_PROTOCOL, _GET_STATE, …) are for the manager, not for the reader. Our manager implements them;
   * a service without them refuses them.
   *
   * @throws unsupported-feature, invalid-parameter (input that the function does not take), sharing-violation (another
   * connection has a transaction), and as transmit
   *
   * **Portability**: Windows lets it wait for the end of another connection's transaction; pcsc-lite refuses it at once.
   */
  control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;

  /**
   * Reads an attribute at once: it does not wait for another connection's transaction.
   *
   * @throws not-supported
   *
   * **Portability**: pcscd refuses it during another connection's transaction (sharing-violation); other managers may let it wait
   * (timeout, cancelled). Whether text ends in a NUL: see {@link attributes}.
   */
  getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array>;

  /** Sets an attribute. @throws not-supported, timeout, cancelled, sharing-violation (as control) */
  setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void>;

  /** Exchanges completed by this reader since it was attached. */
  transmitCount(): Promise<number>;
}
