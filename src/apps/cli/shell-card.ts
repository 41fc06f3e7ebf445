// SPDX-License-Identifier: MIT

import { ExchangeRedactor } from "../../base/iso7816/index.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import {
  type Connection,
  type ConnectionStatus,
  type Disposition,
  type Initialization,
  type Protocol,
  type ShareMode,
  SmartCardError,
} from "../../port/index.ts";
import { type Outcome, sendTimed } from "./card-outcome.ts";
import type { ConnectedCard } from "./card-session.ts";
import { explainingWait } from "./holder-notice.ts";
import type { ManagerSession } from "./manager-option.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

/** How the shell connects, and what it shows. */
export interface ShellCardOptions {
  readonly shareMode: ShareMode;
  readonly preferredProtocols: readonly Protocol[];
  /** Whether 61xx and 6Cxx are followed up. */
  readonly follow: boolean;
  /** Whether all data is shown. */
  readonly raw: boolean;
}

/**
 * The card of a shell. It connects when the card is needed, and again after a reset by another program or another card:
 * nothing is sent a second time.
 */
export class ShellCard implements ConnectedCard {
  readonly #session: ManagerSession;
  readonly #options: ShellCardOptions;
  /** Where waits are explained. */
  readonly #terminal: Terminal;
  #reader: string;
  #connection: Connection | undefined;
  /** Whether the connection has to be made anew: another program has reset the card. */
  #wasReset = false;
  #redactor: ExchangeRedactor;
  #application: Uint8Array | undefined;
  #last: Outcome | undefined;
  #heldSince: number | undefined;

  constructor(session: ManagerSession, reader: string, options: ShellCardOptions, terminal: Terminal) {
    this.#session = session;
    this.#reader = reader;
    this.#options = options;
    this.#terminal = terminal;
    this.#redactor = this.#newRedactor();
  }

  get reader(): string {
    return this.#reader;
  }

  get session(): ManagerSession {
    return this.#session;
  }

  get raw(): boolean {
    return this.#options.raw;
  }

  /** The identifier by which an application was selected last; undefined where none is known to be. */
  get application(): Uint8Array | undefined {
    return this.#application;
  }

  /** The last answer of the card. */
  get last(): Outcome | undefined {
    return this.#last;
  }

  /** How long the transaction lasts, in milliseconds; undefined where there is none. */
  get heldMs(): number | undefined {
    return this.#heldSince === undefined ? undefined : nodeClock.now() - this.#heldSince;
  }

  /** Takes the card in another reader. */
  async use(reader: string): Promise<void> {
    await this.close();
    this.#reader = reader;
  }

  /** The state of the card. Connects where that is needed. */
  async status(signal: AbortSignal): Promise<ConnectionStatus & { readonly connection: Connection }> {
    return this.#guarded(signal, async (connection) => {
      const status = await this.#explained(connection.status({ signal }));
      return { ...status, connection };
    });
  }

  /** Sends a command. Its bytes stay the caller's to clear. */
  async send(command: Uint8Array, signal: AbortSignal): Promise<Outcome> {
    return this.#guarded(signal, async (connection) => {
      const { follow } = this.#options;
      const outcome = await this.#explained(sendTimed(connection, command, follow, this.#redactor, signal));
      this.#last = outcome;
      this.#noteSelection(command, outcome);
      return outcome;
    });
  }

  /** Begins a transaction. @throws UsageError (there is one) */
  async begin(signal: AbortSignal): Promise<void> {
    if (this.#heldSince !== undefined) throw new UsageError('there is a transaction already; "end" ends it');
    await this.#guarded(signal, async (connection) => {
      await this.#explained(connection.beginTransaction({ signal }));
      this.#heldSince = nodeClock.now();
    });
  }

  /** Ends the transaction. @returns for how long it was held, in milliseconds @throws UsageError (there is none) */
  async end(disposition: Disposition, signal: AbortSignal): Promise<number> {
    const { heldMs } = this;
    if (heldMs === undefined) throw new UsageError('there is no transaction; "begin" begins one');
    await this.#guarded(signal, async (connection) => {
      this.#heldSince = undefined;
      await connection.endTransaction(disposition);
    });
    if (disposition !== "leave") this.#forget(true);
    return heldMs;
  }

  /** Resets the card. A transaction goes on. */
  async reset(initialization: Initialization, signal: AbortSignal): Promise<ConnectionStatus> {
    return this.#guarded(signal, async (connection) => {
      const { preferredProtocols, shareMode } = this.#options;
      await this.#explained(connection.reconnect({ shareMode, preferredProtocols, initialization, signal }));
      this.#forget(initialization !== "leave");
      return connection.status({ signal });
    });
  }

  async lend<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#heldSince !== undefined)
      throw new UsageError('this command makes a transaction of its own: "end" yours before');
    return this.#guarded(signal, async (connection) => {
      try {
        return await work(connection);
      } finally {
        // What the module has selected is not known here.
        this.#forget(false);
      }
    });
  }

  /** Disconnects, and leaves the card as it is. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#lose();
    await connection?.disconnect("leave").catch(ignoreFailure);
  }

  async #guarded<T>(signal: AbortSignal, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#connected(signal);
    try {
      return await work(connection);
    } catch (error) {
      await this.#noteFault(error);
      throw error;
    }
  }

  async #connected(signal: AbortSignal): Promise<Connection> {
    const { preferredProtocols, shareMode } = this.#options;
    const how = { shareMode, preferredProtocols, signal };
    const known = this.#connection;
    if (known !== undefined && this.#wasReset) {
      try {
        await this.#explained(known.reconnect({ ...how, initialization: "leave" }));
      } catch (error) {
        await this.#noteFault(error);
        throw error;
      }
      this.#wasReset = false;
    }
    if (known !== undefined) return known;
    this.#connection = await this.#explained(this.#session.context.connect(this.#reader, how)).catch(noCard);
    return this.#connection;
  }

  /** Another card, or the same after a reset, is begun anew. */
  async #noteFault(error: unknown): Promise<void> {
    if (!(error instanceof SmartCardError)) return;
    if (error.code === "reset-card") {
      this.#wasReset = true;
      this.#heldSince = undefined;
      this.#forget(true);
    } else if (lostCodes.has(error.code)) await this.close();
  }

  #lose(): void {
    this.#connection = undefined;
    this.#wasReset = false;
    this.#heldSince = undefined;
    this.#forget(false);
  }

  /** @param reset whether the card was reset: then nothing is selected */
  #forget(reset: boolean): void {
    this.#application = undefined;
    if (reset) this.#redactor.reset();
    else this.#redactor = this.#newRedactor();
  }

  #newRedactor(): ExchangeRedactor {
    return new ExchangeRedactor({ showData: this.#options.raw, continues: true });
  }

  #noteSelection(command: Uint8Array, { response }: Outcome): void {
    const [cla = 0xff, ins, p1, , lc = 0] = command;
    const isDone = response.sw === 0x9000 || response.sw >> 8 === 0x61 || response.sw >> 8 === 0x62;
    if (cla !== 0 || ins !== 0xa4 || !isDone) return;
    if (p1 === 0x04) this.#application = command.slice(5, 5 + lc);
    else if (p1 === 0x00 && (lc === 0 || (command[5] === 0x3f && command[6] === 0x00))) this.#application = undefined;
  }

  #explained<T>(work: Promise<T>): Promise<T> {
    return explainingWait(this.#session, this.#reader, this.#terminal, work);
  }
}

/** After these the connection is of no use any more. */
const lostCodes: ReadonlySet<string> = new Set([
  "removed-card",
  "no-smartcard",
  "reader-unavailable",
  "unknown-reader",
  "invalid-handle",
  "invalid-context",
  "service-stopped",
  "no-service",
]);

/** What to do after a failure of the card, for people; undefined where there is nothing to say. */
export function remedyOf(error: SmartCardError, reader: string): string | undefined {
  const where = `"${visible(reader)}"`;
  switch (error.code) {
    case "removed-card":
      return `the card was pulled out of ${where}; put one in, and the next command connects to it`;
    case "reset-card":
      return "another program has reset the card: what was selected, verified and held is gone; the next command connects again";
    default:
      return undefined;
  }
}

/** Pcsc-lite tells of a reader that was empty all the time that its card was removed. */
function noCard(error: unknown): never {
  if (error instanceof SmartCardError && error.code === "removed-card")
    throw new SmartCardError("no-smartcard", "there is no card in the reader: put one in", error.details);
  throw error;
}

function ignoreFailure(error: unknown): void {
  if (!(error instanceof SmartCardError)) throw error;
}
