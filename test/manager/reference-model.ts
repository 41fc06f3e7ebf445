// SPDX-License-Identifier: MIT

import type { Disposition, ErrorCode, Initialization } from "../../src/port/index.ts";

/** What has become of a call. */
export type Outcome = "pending" | "done" | ErrorCode;

export interface Call {
  readonly number: number;
  readonly client: string;
  outcome: Outcome;
}

export type Mode = "shared" | "exclusive";

/** A connection: what its client may still find out about the card is `fault`. */
export interface ModelConnection {
  readonly client: string;
  mode: Mode;
  open: boolean;
  fault: "reset-card" | "removed-card" | undefined;
}

/** A waiting call: `run` is the work of its turn, and returns the result of the call. */
interface Turn {
  readonly call: Call;
  readonly operation: "connect" | "reconnect" | "begin" | "end" | "transmit";
  readonly by: ModelConnection;
  readonly deadline: boolean;
  readonly run: () => Outcome;
}

/** Where the two profiles differ in what this model knows of. */
const rules = {
  windows: {
    noCard: "removed-card",
    pulled: "removed-card",
    foreignEnd: "not-transacted",
    resetOnExit: "always",
    idleLimit: true,
    endConcernsCaller: false,
    reconnectUnlocks: true,
  },
  pcsclite: {
    noCard: "no-smartcard",
    pulled: "no-smartcard",
    foreignEnd: "sharing-violation",
    resetOnExit: "where it holds the lock",
    idleLimit: false,
    endConcernsCaller: true,
    reconnectUnlocks: false,
  },
} as const;

/**
 * What the resource manager should do with one reader, told one event after the other: every method does all that
 * follows from the event before it returns, so that there are no promises, no driver and no moments in between.
 */
export class ReferenceReader {
  readonly #rules: (typeof rules)["windows" | "pcsclite"];
  /** The one queue, in order of arrival; it has the holder's own operations too. */
  queue: Turn[] = [];
  connections: ModelConnection[] = [];
  lock: { readonly owner: ModelConnection; depth: number; disposition: Disposition } | undefined;
  card: { powered: boolean } | undefined;
  /** An exchange that the card has not answered yet. No other client has a turn meanwhile. */
  exchange: Turn | undefined;
  /** What the card is to suffer for connections that are gone, as soon as no transaction is open. */
  #pending: { readonly disposition: Disposition; readonly waits: Call[] }[] = [];
  /** What the card has seen: its resets, and the commands by the number of their call. */
  readonly log: string[] = [];

  constructor(profile: keyof typeof rules) {
    this.#rules = rules[profile];
    this.insert();
  }

  connect(call: Call, by: ModelConnection, connected: () => void): void {
    if (this.#conflicts(by.mode, by)) end(call, "sharing-violation");
    this.#ask(call, "connect", by, () => {
      if (this.#conflicts(by.mode, by)) return "sharing-violation";
      if (this.card === undefined) return this.#rules.noCard;
      this.#powerUp(this.card);
      by.open = true;
      this.connections.push(by);
      connected();
      return "done";
    });
  }

  reconnect(call: Call, by: ModelConnection, mode: Mode, initialization: Initialization): void {
    if (this.#conflicts(mode, by)) end(call, "sharing-violation");
    this.#ask(call, "reconnect", by, () => {
      if (this.#conflicts(mode, by)) return "sharing-violation";
      if (this.card === undefined) return this.#rules.noCard;
      const due = this.lock?.owner === by && this.#rules.reconnectUnlocks ? this.lock.disposition : "leave";
      this.#dispose(most(initialization, due), by, true);
      if (this.card === undefined) return this.#rules.noCard;
      this.#powerUp(this.card);
      by.mode = mode;
      by.fault = undefined;
      if (this.#rules.reconnectUnlocks) this.#unlock(by);
      return "done";
    });
  }

  begin(call: Call, by: ModelConnection, deadline: boolean): void {
    const take = (): Outcome => {
      if (this.lock?.owner === by) this.lock.depth++;
      else this.lock = { owner: by, depth: 1, disposition: "leave" };
      return "done";
    };
    if (by.fault !== undefined) end(call, by.fault);
    this.#ask(call, "begin", by, take, deadline);
  }

  end(call: Call, by: ModelConnection, disposition: Disposition): void {
    const notTransacted = (): Outcome => {
      if (by.fault !== undefined) return by.fault;
      return this.lock === undefined ? "not-transacted" : this.#rules.foreignEnd;
    };
    if (this.lock?.owner !== by) end(call, notTransacted());
    this.#ask(call, "end", by, () => {
      if (this.lock?.owner !== by) return notTransacted();
      this.lock.disposition = most(this.lock.disposition, disposition);
      if (this.lock.depth > 1) this.lock.depth--;
      else {
        this.#dispose(this.lock.disposition, this.#rules.endConcernsCaller ? undefined : by, true);
        this.#unlock(by);
      }
      return "done";
    });
  }

  transmit(call: Call, by: ModelConnection, slow: boolean): void {
    if (by.fault !== undefined) end(call, by.fault);
    this.#ask(call, "transmit", by, () => {
      this.log.push(`#${call.number}`);
      return slow ? "pending" : "done";
    });
  }

  /** The card answers the exchange under way. */
  answer(): void {
    if (this.exchange !== undefined) end(this.exchange.call, "done");
    this.exchange = undefined;
    this.#goOn();
  }

  disconnect(by: ModelConnection, asked: Disposition, call?: Call): void {
    const disposition = most(asked, this.lock?.owner === by ? this.lock.disposition : "leave");
    by.open = false;
    this.connections = this.connections.filter((one) => one !== by);
    this.#fail((turn) => turn.by === by, "invalid-handle");
    const waits = call === undefined ? [] : [call];
    const last = this.#pending.at(-1);
    if (disposition === "leave" || this.card === undefined) for (const wait of waits) end(wait, "done");
    else if (last?.disposition === disposition) last.waits.push(...waits);
    else this.#pending.push({ disposition, waits });
    this.#unlock(by);
    this.#goOn();
  }

  /** Ends what the client waits for here, and nothing else. */
  cancel(client: string): void {
    this.#fail((turn) => turn.call.client === client && turn.operation !== "end", "cancelled");
    for (const { waits } of this.#pending) for (const wait of waits) if (wait.client === client) end(wait, "cancelled");
  }

  /** The client is dead, and has not disconnected. */
  crash(client: string): void {
    this.cancel(client);
    for (const by of this.connections.filter((one) => one.client === client)) {
      const isDue = this.#rules.resetOnExit === "always" || this.lock?.owner === by;
      this.disconnect(by, isDue && by.fault === undefined ? "reset" : "leave");
    }
  }

  insert(): void {
    this.card = { powered: false };
    this.#powerUp(this.card);
    this.#goOn();
  }

  remove(): void {
    this.#cardGone();
    this.#goOn();
  }

  /** Five idle seconds pass: deadlines, the idle limit, and the power-off grace have expired. */
  idle(): void {
    this.#fail((turn) => turn.deadline, "timeout");
    if (this.lock !== undefined && this.#rules.idleLimit) {
      this.#dispose("reset", undefined, true);
      this.lock = undefined;
      this.#goOn();
    }
    if (this.card !== undefined && this.connections.length === 0) this.card.powered = false;
  }

  /** Asks for a turn, unless the call has failed already. */
  #ask(call: Call, operation: Turn["operation"], by: ModelConnection, run: () => Outcome, deadline = false): void {
    if (call.outcome !== "pending") return;
    this.queue.push({ call, operation, by, deadline, run });
    this.#goOn();
  }

  /** Grants turns until none is possible: first pending dispositions, then first come, first served; the holder before all. */
  #goOn(): void {
    while (this.exchange === undefined) {
      const pending = this.lock === undefined ? this.#pending.shift() : undefined;
      if (pending !== undefined) {
        this.#dispose(pending.disposition, undefined, this.connections.length > 0);
        for (const wait of pending.waits) end(wait, "done");
        continue;
      }
      const turn = this.queue.find(({ by }) => this.lock === undefined || this.lock.owner === by);
      if (turn === undefined) return;
      this.queue = this.queue.filter((one) => one !== turn);
      end(turn.call, turn.run());
      if (turn.call.outcome === "pending") this.exchange = turn;
    }
  }

  #conflicts(mode: Mode, by: ModelConnection): boolean {
    return this.connections.some((other) => other !== by && (mode === "exclusive" || other.mode === "exclusive"));
  }

  #powerUp(card: { powered: boolean }): void {
    if (!card.powered) this.log.push("cold");
    card.powered = true;
  }

  #unlock(by: ModelConnection): void {
    if (this.lock?.owner !== by) return;
    this.lock = undefined;
    // An end in line is about this lock, unless a begin stands before it.
    const own = this.queue.filter((turn) => turn.by === by);
    const begin = own.findIndex(({ operation }) => operation === "begin");
    const late = own.slice(0, begin < 0 ? own.length : begin).filter(({ operation }) => operation === "end");
    this.#fail((turn) => late.includes(turn), by.fault ?? "not-transacted");
  }

  #dispose(disposition: Disposition, except: ModelConnection | undefined, keepPowered: boolean): void {
    if (disposition === "eject") this.#cardGone();
    if (disposition === "leave" || !this.card?.powered) return;
    this.card.powered = disposition === "reset" || keepPowered;
    if (this.card.powered) this.log.push(disposition === "reset" ? "warm" : "cold");
    for (const other of this.connections) if (other !== except) other.fault ??= "reset-card";
    this.#fail((turn) => needsCard(turn) && turn.by !== except, "reset-card");
  }

  #cardGone(): void {
    this.card = undefined;
    for (const { waits } of this.#pending) for (const wait of waits) end(wait, "done");
    this.#pending = [];
    for (const connection of this.connections) connection.fault = "removed-card";
    if (this.exchange !== undefined) end(this.exchange.call, this.#rules.pulled);
    this.exchange = undefined;
    this.#fail(needsCard, "removed-card");
    if (this.lock !== undefined) this.#unlock(this.lock.owner);
  }

  #fail(which: (turn: Turn) => boolean, outcome: Outcome): void {
    for (const turn of this.queue) if (which(turn)) end(turn.call, outcome);
    this.queue = this.queue.filter((turn) => !which(turn));
  }
}

/** What does more to the card. */
function most(one: Disposition, other: Disposition): Disposition {
  const order: readonly Disposition[] = ["eject", "unpower", "reset", "leave"];
  return order.find((disposition) => disposition === one || disposition === other) ?? "leave";
}

/** A call ends once: later events have no effect. */
function end(call: Call, outcome: Outcome): void {
  if (call.outcome === "pending") call.outcome = outcome;
}

function needsCard({ operation }: Turn): boolean {
  return operation === "begin" || operation === "transmit";
}
