// SPDX-License-Identifier: MIT

import { checkBytes, copyBytes, kindOf, zeroBytes } from "../base/binary/index.ts";
import {
  type CommandApdu,
  type CommandInit,
  decodeClassByte,
  decodeCommand,
  encodeCommand,
  type LongData,
  longDataOf,
  MAX_EXTENDED_LE,
  MAX_SHORT_DATA_BYTES,
  type ResponseApdu,
} from "../base/iso7816/index.ts";
import { checkSendOptions, checkWait, waitMembers } from "./arguments.ts";
import { listOf, optional, optionsOf, refuse } from "./check.ts";
import { dispositions, protocols } from "./codes.ts";
import { SmartCardError } from "./error.ts";
import { exchangeCommand } from "./exchange.ts";
import type {
  Connection,
  ConnectionStatus,
  ReconnectOptions,
  SendOptions,
  TransactionOptions,
  TransmitOptions,
  WaitOptions,
} from "./resource-manager.ts";
import { byteString, callback, partsOf, truth, wholeNumber, word } from "./value-checks.ts";
import type { Disposition, Protocol, ShareMode } from "./vocabulary.ts";

/** What a manager gives its connections. */
export interface ConnectionTerms {
  /** Milliseconds on the manager's monotonic clock. */
  readonly now: () => number;
  /** What the connection was made with: what a reconnect asks for. */
  readonly preferredProtocols: readonly Protocol[];
}

/** How often one transaction reconnects, and how often it runs a function again, before it fails. */
const MAX_RESETS = 8;

const transactionOptions = optionsOf<TransactionOptions>({
  ...waitMembers,
  disposition: optional(word(dispositions, "disposition")),
  onReset: optional(word({ fail: 0, reconnect: 1, repeat: 2 }, "answer to a reset")),
});

const checkTerms = partsOf<ConnectionTerms>(
  {
    now: callback<() => number>("a function that tells the time"),
    preferredProtocols: listOf(word(protocols, "protocol"), "protocols", 64),
  },
  "an object with now and preferredProtocols",
);

const byte = wholeNumber(0, 0xff);
const commandInit = optionsOf<CommandInit>({
  cla: byte,
  ins: byte,
  p1: byte,
  p2: byte,
  data: optional(byteString),
  le: optional(wholeNumber(1, MAX_EXTENDED_LE)),
  extended: optional(truth),
});

/**
 * The protocol of an exchange.
 *
 * @param asked the protocol that the caller names; undefined for the connection's own
 * @throws proto-mismatch (none is in use, or another one than was asked for)
 */
export function protocolToTransmit(
  connection: { readonly reader: string; readonly protocol: Protocol | undefined },
  asked: Protocol | undefined,
): Protocol {
  const { protocol: inUse, reader } = connection;
  if (inUse !== undefined && (asked === undefined || asked === inUse)) return inUse;
  const message = `the connection's protocol is ${inUse ?? "not agreed on"}; ${asked ?? "one"} was asked for`;
  throw new SmartCardError("proto-mismatch", message, { reader, operation: "transmit" });
}

/** Base of every manager's connections: the members that need only the manager's own calls. */
export abstract class ConnectionBase implements Connection {
  abstract readonly reader: string;
  abstract readonly shareMode: ShareMode;
  abstract readonly protocol: Protocol | undefined;
  /** Arguments of the next reconnect that the connection makes itself. */
  protected preferredProtocols: readonly Protocol[];
  readonly #now: () => number;
  /** How many calls of {@link transaction} are under way: the second is inside the first. */
  #transactions = 0;

  constructor(terms: ConnectionTerms) {
    checkTerms(terms, { operation: "ConnectionBase", path: "terms" });
    this.#now = terms.now;
    this.preferredProtocols = terms.preferredProtocols;
  }

  abstract reconnect(options: ReconnectOptions): Promise<Protocol | undefined>;
  abstract disconnect(disposition?: Disposition): Promise<void>;
  abstract beginTransaction(options?: WaitOptions): Promise<void>;
  abstract endTransaction(disposition?: Disposition): Promise<void>;
  abstract status(options?: WaitOptions): Promise<ConnectionStatus>;
  abstract transmit(command: Uint8Array, options?: TransmitOptions): Promise<Uint8Array>;
  abstract control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;
  abstract getAttribute(attribute: number, options?: WaitOptions): Promise<Uint8Array>;
  abstract setAttribute(attribute: number, value: Uint8Array, options?: WaitOptions): Promise<void>;
  abstract transmitCount(): Promise<number>;
  abstract [Symbol.asyncDispose](): Promise<void>;

  async send(command: Uint8Array | CommandInit, options?: SendOptions): Promise<ResponseApdu> {
    const { longData, ...wait } = checkSendOptions(options);
    const remaining = this.#remaining(wait);
    const sent = commandOf(command);
    try {
      const how = { protocol: this.protocol, longData: longData ?? (await this.#longDataFor(sent, remaining())) };
      return await exchangeCommand(sent, (bytes) => this.transmit(bytes, remaining()), how);
    } finally {
      zeroBytes(sent.data);
    }
  }

  /** How the card wants a long command: its ATR tells, and is asked for where it can make a difference. */
  async #longDataFor({ cla, data }: CommandApdu, wait: WaitOptions): Promise<LongData | undefined> {
    if (data.length <= MAX_SHORT_DATA_BYTES || decodeClassByte(cla).kind !== "interindustry") return undefined;
    const { atr } = await this.status(wait);
    return longDataOf(atr);
  }

  async transaction<T>(
    work: (connection: Connection) => T | PromiseLike<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    const run = callback<typeof work>("a function")(work, { operation: "transaction", path: "work" });
    const { disposition = "leave", onReset = "fail", ...wait } = transactionOptions(options, place);
    const remaining = this.#remaining(checkWait("transaction", wait));
    // Inside another transaction a new begin would start a separate transaction: the outermost one begins again.
    const answer = this.#transactions > 0 ? "fail" : onReset;
    for (let resets = 0; ; ) {
      resets = await this.#begin(answer, resets, remaining);
      const outcome = await this.#perform(run, disposition);
      if (outcome.ok) return outcome.value;
      if (answer === "fail" || !this.#isReset(outcome.error)) throw outcome.error;
      const isUsable = await this.#connectAnew(remaining()).then(
        () => true,
        () => false,
      );
      if (answer === "reconnect" || !isUsable || ++resets >= MAX_RESETS) throw outcome.error;
    }
  }

  /** Begins; after a reset it reconnects first. Returns the number of resets. */
  async #begin(answer: OnReset, resets: number, remaining: () => WaitOptions): Promise<number> {
    for (let seen = resets; ; ) {
      try {
        await this.beginTransaction(remaining());
        return seen;
      } catch (error) {
        if (answer === "fail" || !this.#isReset(error) || ++seen >= MAX_RESETS) throw error;
        await this.#connectAnew(remaining());
      }
    }
  }

  /** Runs a function in a transaction that has begun, and ends it. */
  async #perform<T>(
    run: (connection: Connection) => T | PromiseLike<T>,
    disposition: Disposition,
  ): Promise<Outcome<T>> {
    let outcome: Outcome<T>;
    this.#transactions++;
    try {
      outcome = { ok: true, value: await run(this) };
    } catch (error) {
      outcome = { ok: false, error };
    } finally {
      this.#transactions--;
    }
    try {
      await this.endTransaction(disposition);
    } catch (error) {
      // The function's own failure is more useful; and a disconnect in it has already ended the transaction.
      const isOver = error instanceof SmartCardError && error.code === "invalid-handle";
      if (outcome.ok && !isOver) outcome = { ok: false, error };
    }
    return outcome;
  }

  async #connectAnew(wait: WaitOptions): Promise<void> {
    const { preferredProtocols, shareMode } = this;
    await this.reconnect({ ...wait, shareMode, preferredProtocols, initialization: "leave" });
  }

  /** Whether a failure is a reset of this connection's card. */
  #isReset(error: unknown): boolean {
    if (!(error instanceof SmartCardError) || error.code !== "reset-card") return false;
    return error.details.reader === undefined || error.details.reader === this.reader;
  }

  /** The rest of a wait that several calls share. */
  #remaining({ signal, timeoutMs }: WaitOptions): () => WaitOptions {
    const own = signal === undefined ? {} : { signal };
    if (timeoutMs === undefined) return () => own;
    const end = this.#now() + timeoutMs;
    return () => ({ ...own, timeoutMs: Math.max(0, Math.ceil(end - this.#now())) });
  }
}

type OnReset = NonNullable<TransactionOptions["onReset"]>;
type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

const place = { operation: "transaction", path: "options" };

/** The command, in memory of its own. @throws invalid-parameter, TypeError */
function commandOf(command: unknown): CommandApdu {
  const bytes = bytesOf(command);
  try {
    const decoded = decodeCommand(bytes);
    // Its data is in memory of its own.
    if (decoded.ok) return decoded.value;
  } finally {
    zeroBytes(bytes);
  }
  // What was read as a length may be the first byte of a PIN.
  const message =
    `send: the ${bytes.length} bytes are not a command APDU: its length fields say how long it is; transmit() sends ` +
    "bytes as they are";
  throw new SmartCardError("invalid-parameter", message, { operation: "send" });
}

function bytesOf(command: unknown): Uint8Array {
  const at = { operation: "send", path: "command" };
  if (kindOf(command) !== "an object") {
    checkBytes(command, `${at.operation}: ${at.path}`);
    return copyBytes(command);
  }
  const init = commandInit(command, at);
  try {
    return encodeCommand(init);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    return refuse(at, "not a command APDU", problem, "invalid-parameter", cause);
  }
}
