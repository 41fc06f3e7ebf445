// SPDX-License-Identifier: MIT

import { SmartCardError, type TraceEvent } from "../src/port/index.ts";
import { ConnectionTransitions } from "./connection-transitions.ts";
import { Fairness } from "./fairness.ts";
import { ObserverRules } from "./observer-rules.ts";
import { allowedOutcomes, refusedBesideLock, refusedToOneAtATime } from "./outcomes.ts";
import { Reconnects } from "./reconnects.ts";
import {
  type Call,
  type CallStart,
  type ClientRecord,
  type ConnectionRecord,
  type ContextRecord,
  concernsLock,
  nameOf,
  type SlotRecord,
  turnOperations,
} from "./records.ts";
import { TurnRules } from "./turn-rules.ts";

/** What the oracle needs from the world. */
export interface OracleDeps {
  readonly now: () => number;
  /** Milliseconds after which an idle transaction is ended; undefined: never. */
  readonly idleMs: number | undefined;
  readonly windows: boolean;
  /** Takes a line of the timeline. */
  readonly tell: (line: () => string) => void;
  /** Something was reached: for the report of what was not. */
  readonly reached: (what: string) => void;
}

/**
 * Checks a history while it runs. It sees every call at the manager's port, every operation of every driver, and the trace,
 * but not the inside of the manager. What depends on the moment is judged in that moment; what can
 * be told of a world at rest is judged between events, by `rules-at-rest.ts`.
 *
 * A client learns that its call has succeeded a few promise callbacks after it has. The records are therefore careful in
 * one direction: a connection counts as holding the lock only from when its client was told until it is asked to give it back.
 */
export class Oracle {
  readonly deps: OracleDeps;
  readonly violations: string[] = [];
  readonly contexts: Set<ContextRecord> = new Set();
  readonly slots: Map<string, SlotRecord> = new Map();
  readonly pending: Set<Call> = new Set();
  readonly ended: Set<string> = new Set();
  /** Error messages: no PIN may be in them. */
  readonly messages: Set<string> = new Set();
  readonly turns: TurnRules = new TurnRules(this);
  readonly reconnects: Reconnects = new Reconnects();
  readonly observer: ObserverRules = new ObserverRules((what) => this.violated(what));
  readonly fairness: Fairness = new Fairness((what) => this.violated(what));
  /** Events so far: the steps in which things happen. */
  step = 0;
  /** Services that have ended so far. */
  services = 0;
  /** A service has been told to stop, and no other one runs yet. */
  stopping = false;
  /** How often the world was at rest so far. */
  rests = 0;
  readonly #senders = new Map<number, { readonly connection: ConnectionRecord; readonly call: Call }>();
  readonly #transitions = new ConnectionTransitions();
  #callNumber = 0;
  /** The call that is being made at this very moment. */
  #making: Call | undefined;

  constructor(deps: OracleDeps) {
    this.deps = deps;
  }

  violated(what: string): void {
    this.violations.push(what);
    this.deps.tell(() => `VIOLATION ${what}`);
  }

  // Clients.

  /** Makes a call and follows it to its end. */
  call<T>(start: CallStart, run: () => Promise<T>, done?: (value: T, call: Call) => void): Promise<T> {
    const call = this.#begin(start);
    this.fairness.turnedTo(start.context.client.name);
    this.#making = call;
    const made = run();
    this.#making = undefined;
    return made.then(
      (value) => {
        this.#end(call, "done");
        done?.(value, call);
        this.#succeeded(call);
        return value;
      },
      (error: unknown) => {
        const isOurs = error instanceof SmartCardError;
        if (error instanceof Error) this.messages.add(error.message);
        if (!isOurs) this.violated(`${call.operation} of ${name(call)} failed with ${String(error)}`);
        this.#end(call, isOurs ? error.code : "broken");
        this.#failed(call);
        throw error;
      },
    );
  }

  /** A connect has succeeded. */
  connected(connection: ConnectionRecord): void {
    const { context, slot } = connection;
    if (context.ended || slot.lost) {
      connection.open = !context.ended;
      return;
    }
    context.connections.add(connection);
    this.turns.checkSharing(connection);
  }

  /** A connection is over: asked to be, or its client is gone, or its reader. */
  closed(connection: ConnectionRecord): void {
    connection.open = false;
    connection.depth = 0;
    connection.context.connections.delete(connection);
  }

  /** A context ends, and everything in it. `properly`: by its own release; the rest is a program that died. */
  contextEnds(context: ContextRecord): void {
    if (context.ended) return;
    context.ended = true;
    this.contexts.delete(context);
    for (const connection of [...context.connections]) {
      this.#owedByGone(connection);
      this.closed(connection);
    }
  }

  clientEnds(client: ClientRecord): void {
    client.ended = true;
    this.ended.add(client.name);
    for (const context of this.contexts) if (context.client === client) this.contextEnds(context);
  }

  /** The service is gone, and with it everything that it knew. */
  serviceEnds(): void {
    this.services++;
    this.stopping = true;
    for (const context of [...this.contexts]) {
      context.ended = true;
      for (const connection of [...context.connections]) this.closed(connection);
      this.contexts.delete(context);
    }
    // Grants while the service stops are ignored.
    for (const slot of this.slots.values()) slot.lockedBy = undefined;
    this.slots.clear();
  }

  /** A disposition that must run before another client gets the card. */
  dispositionDue(connection: ConnectionRecord, why: string): void {
    const { slot } = connection;
    const { client } = connection.context;
    const others = [...this.contexts].flatMap((context) => [...context.connections]);
    const isAlone = !others.some((one) => one !== connection && one.slot === slot && one.context.client === client);
    const except = slot.lockedBy === client.name && isAlone ? undefined : slot.lockedBy;
    // With the lock free and the driver idle, the next turn may be granted already, and not begun; and where
    // a protocol is agreed on, a turn has begun whose command is still to come.
    const { inFlight, lockedBy } = slot;
    const isGiven = lockedBy === undefined && (inFlight === undefined || inFlight === "set-protocol");
    const turnsTo = isGiven ? this.#callNumber : 0;
    if (slot.powered) slot.due ??= { why, interruptions: slot.interruptions, except, turnsTo };
  }

  // Readers.

  /** A driver's operation begins. */
  operates(slot: SlotRecord, operation: string): void {
    if (slot.inFlight !== undefined) this.violated(`${operation} of ${slot.id} began during its ${slot.inFlight}`);
    if (slot.lost) this.violated(`${operation} of ${slot.id} began after the reader was lost`);
    slot.inFlight = operation;
    slot.lastWork = this.deps.now();
  }

  power(slot: SlotRecord, action: string): void {
    this.observer.unselected(slot);
    slot.interruptions++;
    this.deps.reached(`driver ${action}`);
    slot.due = undefined;
    const holder = this.turns.holderOf(slot);
    if (slot.arrivals > 0) slot.arrivals = 0;
    else if (holder !== undefined && !this.#mayDisturb(holder)) {
      this.violated(`the card of ${slot.name} got a ${action} in the transaction of ${nameOf(holder)}`);
    }
  }

  /** A command has reached the driver: in whose turn? */
  reachesDriver(
    slot: SlotRecord,
    number: number,
    kind: "transmit" | "control" | "set-attribute",
    isSelect = false,
  ): void {
    const sender = this.#senders.get(number);
    if (sender === undefined) {
      this.violated(`a ${kind} that no client sent reached ${slot.name}`);
      return;
    }
    const { connection, call } = sender;
    if (kind === "transmit") this.observer.sent(slot, number, isSelect);
    const who = nameOf(connection);
    call.reachedDriver = { removals: slot.removals };
    const holder = this.turns.holderOf(slot);
    if (holder !== undefined && holder !== connection)
      this.violated(`a ${kind} of ${who} reached ${slot.name} in the transaction of ${nameOf(holder)}`);
    if (slot.lockedBy !== undefined && slot.lockedBy !== connection.context.client.name)
      this.violated(`a ${kind} of ${who} reached ${slot.name} while ${slot.lockedBy} had the lock`);
    if (connection.slot !== slot) this.violated(`a ${kind} of ${who} reached another reader, ${slot.name}`);
    if (call.outcome === undefined) this.turns.served(slot, call);
    if (kind !== "transmit") return;
    const isChanging = [...connection.pending].some(
      ({ operation }) => operation === "end" || operation === "reconnect",
    );
    if (slot.interruptions > connection.knownMost && !isChanging)
      this.violated(`${who} reached a card that was reset or changed, and was not told`);
    const { due } = slot;
    const isDue = due !== undefined && due.interruptions === slot.interruptions && call.number > due.turnsTo;
    if (isDue && due.except !== connection.context.client.name)
      this.violated(`${who} got the card of ${slot.name} before it was reset: ${due.why}`);
  }

  removed(slot: SlotRecord): void {
    this.observer.unselected(slot);
    slot.removals++;
    slot.removalRest = this.rests;
    slot.interruptions++;
    slot.arrivals = 0;
    slot.powered = false;
    slot.due = undefined;
  }

  slotLost(slot: SlotRecord): void {
    slot.lost = true;
    slot.lockedBy = undefined;
    this.slots.delete(slot.name);
    for (const context of this.contexts) {
      for (const connection of [...context.connections]) {
        if (connection.slot !== slot) continue;
        connection.depth = 0;
        context.connections.delete(connection);
      }
    }
  }

  // The trace.

  traced(event: TraceEvent): void {
    this.deps.reached(`trace ${event.kind}`);
    if (event.kind === "reader-lost") this.deps.reached(`reader lost: ${event.detail}`);
    const slot = event.reader === undefined ? undefined : this.slots.get(event.reader);
    if (slot === undefined) return;
    if (event.kind === "lock-granted" && event.client !== undefined)
      this.turns.lockGranted(slot, event.client, this.#making);
    if (event.kind === "lock-idle") this.turns.lockIdle(slot);
    if (event.kind === "lock-freed") this.turns.lockFreed(slot);
    if (event.kind === "reader-lost") this.slotLost(slot);
  }

  #begin(start: CallStart): Call {
    const { connection, context, operation, queries, wait } = start;
    const slot = start.slot ?? connection?.slot;
    const nested = connection?.nested?.serial === connection?.lockSerial ? connection?.nested : undefined;
    const resets = start.resets === true;
    const ejects = start.ejects === true;
    // The strongest of what all ends of a transaction have asked for is done.
    const isReset = (resets || nested?.resets === true) && !ejects && nested?.ejects !== true;
    const call: Call = {
      number: ++this.#callNumber,
      operation,
      context,
      connection,
      slot,
      askedAt: this.deps.now(),
      timeoutMs: wait?.timeoutMs,
      signal: wait?.signal,
      queries,
      interruptionsAtAsk: slot?.interruptions ?? 0,
      removalsAtAsk: slot?.removals ?? 0,
      lockSerial: connection?.lockSerial ?? 0,
      sends: start.sends,
      resets,
      ejects,
      mustReset: operation === "end" && isReset && slot?.powered === true && isLastEnd(connection),
      wasLocked: slot?.lockedBy === context.client.name,
      wasHeldHere: slot !== undefined && this.turns.holderOf(slot)?.context === context,
      outcome: undefined,
      reachedDriver: undefined,
    };
    this.pending.add(call);
    context.pending.add(call);
    connection?.pending.add(call);
    if (connection !== undefined && start.sends !== undefined) this.#senders.set(start.sends, { connection, call });
    if (connection !== undefined && start.ends === true) connection.depth--;
    this.deps.tell(() => {
      const deadline = wait?.timeoutMs === undefined ? "" : ` within ${wait.timeoutMs} ms`;
      return `#${call.number} ${name(call)} ${operation}${start.detail === undefined ? "" : ` ${start.detail}`}${deadline}`;
    });
    return call;
  }

  #end(call: Call, outcome: string): void {
    if (call.outcome !== undefined) this.violated(`#${call.number} ${call.operation} ended twice`);
    call.outcome = outcome;
    this.observer.ended(call, outcome);
    this.pending.delete(call);
    call.context.pending.delete(call);
    call.connection?.pending.delete(call);
    if (call.connection !== undefined) call.connection.lastEnd = this.deps.now();
    this.deps.tell(() => `#${call.number} ${name(call)} ${call.operation} -> ${outcome}`);
    this.deps.reached(`${call.operation} ${outcome}`);
    const transition = this.#transitions.taken(call);
    if (transition !== undefined) this.deps.reached(transition);
  }

  #succeeded(call: Call): void {
    const { connection, operation, slot } = call;
    if (connection === undefined || slot === undefined) return;
    const { reachedDriver } = call;
    if (operation === "transmit" && reachedDriver === undefined)
      this.violated(`a transmit of ${nameOf(connection)} was answered without a card`);
    if (reachedDriver !== undefined && operation === "transmit" && this.#removedBefore(call))
      this.violated(`a transmit of ${nameOf(connection)} was answered after the card was pulled`);
    if (operation === "begin") this.turns.begun(connection, call);
    else if (turnOperations.has(operation) || operation === "end") connection.lastUse = this.deps.now();
    if (call.mustReset && slot.interruptions === call.interruptionsAtAsk)
      this.violated(`the end of ${nameOf(connection)} was to reset the card of ${slot.name}, and did not`);
    if (operation === "begin" && connection.depth > 1) this.deps.reached("lock taken again");
    if (operation === "end" && connection.depth > 0) {
      this.deps.reached("lock given back in part");
      const { lockSerial: serial, nested } = connection;
      const before = nested?.serial === serial ? nested : undefined;
      const [resets, ejects] = [call.resets || before?.resets === true, call.ejects || before?.ejects === true];
      // Whether the lock is still that one can be told where nothing has come between.
      connection.nested = call.lockSerial === serial ? { serial, resets, ejects } : undefined;
    }
    this.turns.settleDepth(connection);
    if (operation === "reconnect") this.#reconnected(connection, call);
    if (operation === "end" && this.deps.windows) {
      // What is under way already is another's doing: the turn went on before this client was told of its end.
      const isPower = slot.inFlight === "cold-reset" || slot.inFlight === "warm-reset";
      connection.knownMost = isPower ? Math.max(connection.knownMost, slot.interruptions - 1) : slot.interruptions;
      if (slot.inFlight !== undefined) connection.touched = true;
    }
  }

  #failed(call: Call): void {
    const { connection, operation, outcome, slot } = call;
    const allowed = allowedOutcomes[operation];
    const isCommon = outcome === "invalid-context" || outcome === "service-stopped";
    if (outcome !== "broken" && !isCommon && allowed?.includes(outcome ?? "") !== true)
      this.violated(`${operation} of ${name(call)} ended with ${outcome}, which is no way for it to end`);
    if (outcome === "cancelled" && !this.#wasCancelled(call))
      this.violated(`${operation} of ${name(call)} was cancelled without a cancel`);
    if (outcome === "timeout" && (call.timeoutMs === undefined || this.deps.now() - call.askedAt < call.timeoutMs))
      this.violated(`${operation} of ${name(call)} timed out too early`);
    if (isCommon && !call.context.ended) this.violated(`${operation} of ${name(call)}: ${outcome}, but it is valid`);
    const waits = refusedToOneAtATime.has(operation) || (this.deps.windows && refusedBesideLock.has(operation));
    if (outcome === "sharing-violation" && waits && !call.context.oneAtATime)
      this.violated(`${operation} of ${name(call)} was refused, and could have waited`);
    if (connection === undefined || slot === undefined) return;
    if (operation === "end" && outcome !== "invalid-value" && call.lockSerial === connection.lockSerial) {
      if (connection.depthIsSure) connection.depth++;
    }
    this.turns.settleDepth(connection);
    const mayHaveReset = operation === "reconnect" || (operation === "end" && this.deps.windows);
    if (mayHaveReset && connection.knownMost !== slot.interruptions) {
      connection.knownMost = slot.interruptions;
      connection.touched = true;
    }
    if (outcome === "no-smartcard" && operation === "transmit" && this.deps.windows)
      this.violated(`transmit of ${name(call)} ended with no-smartcard, which Windows does not say`);
    if (outcome === "reset-card" && slot.interruptions <= connection.knownLeast)
      this.violated(`${nameOf(connection)} was told of a reset that never was`);
    const needsCard = operation !== "reconnect";
    const isRemoval = outcome === "removed-card" || (outcome === "no-smartcard" && operation === "transmit");
    if (isRemoval && needsCard && slot.removals <= connection.removalsLeast)
      this.violated(`${nameOf(connection)} was told of a removal that never was`);
    if (outcome === "reader-unavailable" && !slot.lost && !call.context.ended)
      this.violated(`${nameOf(connection)} lost a reader that is there`);
    if (outcome === "invalid-handle" && connection.open && !call.context.ended)
      this.violated(`${nameOf(connection)} lost a connection that is open`);
  }

  /** After a reconnect a connection knows all that has happened to the card. */
  #reconnected(connection: ConnectionRecord, call: Call): void {
    const { slot } = connection;
    connection.knownMost = slot.interruptions;
    connection.knownLeast = call.interruptionsAtAsk;
    connection.removalsLeast = call.removalsAtAsk;
    connection.touched = slot.inFlight !== undefined;
    if (connection.open) this.turns.checkSharing(connection);
  }

  /** Whether the world was at rest since the card went: until then an answer may be on its way. */
  #removedBefore({ reachedDriver, slot }: Call): boolean {
    if (slot === undefined || reachedDriver === undefined) return false;
    return slot.removals > reachedDriver.removals && slot.removalRest < this.rests;
  }

  #wasCancelled(call: Call): boolean {
    const { connection, context, signal } = call;
    return (
      context.cancelledAt >= call.number || context.ended || signal?.aborted === true || connection?.open === false
    );
  }

  /** Whether what happens to the card may happen in the transaction of that connection. */
  #mayDisturb(holder: ConnectionRecord): boolean {
    const isChanging = [...holder.pending].some(({ operation }) =>
      ["end", "reconnect", "disconnect"].includes(operation),
    );
    return isChanging || holder.slot.idled;
  }

  /** The disposition for a connection whose program has exited. */
  #owedByGone(connection: ConnectionRecord): void {
    const { slot } = connection;
    const isUntouched = slot.interruptions === connection.knownMost && !connection.touched;
    // A reconnect under way may have made it a direct one already, which leaves the card as it is.
    const isChanging = [...connection.pending].some(({ operation }) => operation === "reconnect");
    if (!connection.usesCard || !isUntouched || slot.lost || isChanging) return;
    if (connection.depth > 0) this.deps.reached("lock freed by death");
    if (this.deps.windows || connection.depth > 0)
      this.dispositionDue(connection, `${nameOf(connection)} was gone without disconnecting`);
  }
}

/** Whether an end that is asked for now ends the transaction, and can be told to. */
function isLastEnd(connection: ConnectionRecord | undefined): boolean {
  if (connection === undefined || connection.depthIsLeast || connection.depth !== 1) return false;
  return ![...connection.pending].some(concernsLock);
}

function name(call: Call): string {
  return `${call.context.client.name}${call.slot === undefined ? "" : ` ${call.slot.name}`}`;
}
