// SPDX-License-Identifier: MIT

import type { Oracle } from "./oracle.ts";
import { type Call, type ConnectionRecord, concernsLock, nameOf, type SlotRecord, turnOperations } from "./records.ts";

/** Rules for sharing, turns and locks: which client gets them, in which order, and for which reason it loses them. */
export class TurnRules {
  /** Grants that passed over an earlier request: a violation if that still waits in the end. */
  readonly suspicions: { readonly passedOver: Call; readonly by: string }[] = [];
  readonly #oracle: Oracle;

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
  }

  /** The connection that surely holds the lock. */
  holderOf(slot: SlotRecord): ConnectionRecord | undefined {
    for (const context of this.#oracle.contexts)
      for (const connection of context.connections)
        if (connection.slot === slot && connection.depth > 0) return connection;
    return undefined;
  }

  /** No connection may stand beside one that excludes it. */
  checkSharing(connection: ConnectionRecord): void {
    for (const context of this.#oracle.contexts) {
      for (const other of context.connections) {
        if (other === connection || other.slot !== connection.slot) continue;
        if ([...other.pending].some(({ operation }) => operation === "reconnect")) continue;
        const modes = [other.mode, connection.mode];
        const excluded = modes.includes("exclusive") || (this.#oracle.deps.windows && modes.includes("direct"));
        if (excluded) {
          const [a, b] = [`${nameOf(connection)} (${connection.mode})`, `${nameOf(other)} (${other.mode})`];
          this.#oracle.violated(`${a} was connected to ${connection.slot.name} beside ${b}`);
        }
      }
    }
  }

  begun(connection: ConnectionRecord, call: Call): void {
    const { slot } = connection;
    if (!connection.open || slot.lost || !connection.depthIsSure || call.lockSerial !== connection.lockSerial) return;
    const holder = this.holderOf(slot);
    if (holder !== undefined && holder !== connection)
      this.#oracle.violated(`${nameOf(connection)} got the lock of ${slot.name} beside ${nameOf(holder)}`);
    // A nested one is a use of the card. What another connection of the client had is not this one's.
    if (connection.depth > 0 || !call.wasLocked) connection.lastUse = this.#oracle.deps.now();
    connection.depth++;
  }

  /** Nothing is under way that a lost lock could concern: from here on the depth can be told again. */
  settleDepth(connection: ConnectionRecord): void {
    if (connection.depthIsSure || [...connection.pending].some(concernsLock)) return;
    connection.depth = 0;
    connection.depthIsSure = true;
  }

  isIdle(holder: ConnectionRecord): boolean {
    const { idleMs, now } = this.#oracle.deps;
    return idleMs !== undefined && now() - holder.lastUse >= idleMs;
  }

  /** For how long an idle holder has kept the lock beyond its limit, in milliseconds; 0 where it has not. */
  overdueMs({ lastEnd, lastUse, slot }: ConnectionRecord): number {
    const { idleMs, now } = this.#oracle.deps;
    if (idleMs === undefined || slot.inFlight !== undefined) return 0;
    // Where the card is in use when the limit is reached, the holder has the whole limit once more.
    return Math.max(0, now() - Math.max(lastUse, lastEnd, slot.lastWork) - 2 * idleMs);
  }

  lockGranted(slot: SlotRecord, client: string, making: Call | undefined): void {
    if (slot.lockedBy !== undefined)
      this.#oracle.violated(`${client} got the lock of ${slot.name} while ${slot.lockedBy} had it`);
    slot.lockedBy = client;
    if (slot.due !== undefined && slot.due.interruptions === slot.interruptions && slot.due.except === undefined)
      this.#oracle.violated(`${client} got the lock of ${slot.name} before the card was reset: ${slot.due.why}`);
    const isTheirs = (call: Call): boolean =>
      call.slot === slot && call.operation === "begin" && call.context.client.name === client;
    const granted = [...this.#oracle.pending].find(isTheirs);
    if (granted === undefined)
      this.#oracle.violated(`${client} got the lock of ${slot.name} without having asked for it`);
    else this.served(slot, granted);
    this.#oracle.deps.reached(granted === making ? "lock granted at once" : "lock granted after a wait");
  }

  /** An earlier request that is not served was passed over, unless it turns out to have ended just now. */
  served(slot: SlotRecord, granted: Call): void {
    const client = granted.context.client.name;
    if (slot.lockedBy === client && granted.operation !== "begin") return;
    for (const call of this.#oracle.pending) {
      if (call.number >= granted.number) return;
      if (call.slot !== slot || !turnOperations.has(call.operation) || call.reachedDriver !== undefined) continue;
      if (call.context.client.name === client) continue;
      this.suspicions.push({ passedOver: call, by: `#${granted.number} ${granted.operation} of ${client}` });
    }
  }

  /** The manager has found that the holder of the lock does nothing, and is about to take the lock. */
  lockIdle(slot: SlotRecord): void {
    slot.idleInterruptions = slot.powered ? slot.interruptions : undefined;
    const holder = this.holderOf(slot);
    slot.idled = holder !== undefined && this.isIdle(holder);
  }

  lockFreed(slot: SlotRecord): void {
    const client = slot.lockedBy;
    slot.lockedBy = undefined;
    if (slot.due !== undefined) slot.due.except = undefined;
    if (slot.idleInterruptions === slot.interruptions && slot.powered)
      this.#oracle.violated(`the idle transaction of ${client} at ${slot.name} ended, and the card was not reset`);
    slot.idleInterruptions = undefined;
    const holder = this.holderOf(slot);
    if (holder !== undefined) this.#lockTaken(slot, holder);
    slot.idled = false;
    for (const context of this.#oracle.contexts) {
      if (context.client.name !== client) continue;
      for (const connection of context.connections) {
        if (connection.slot !== slot) continue;
        const [first, second] = [...connection.pending].filter(concernsLock);
        const isOneEnd = first?.operation === "end" && second === undefined;
        if (isOneEnd) this.#oracle.deps.reached("lock freed by end");
        if (first !== undefined && !isOneEnd) {
          connection.depthIsSure = false;
          connection.depthIsLeast = true;
        }
        connection.lockSerial++;
        connection.depth = 0;
      }
    }
  }

  /** A lock was freed without a request of its holder: why? */
  #lockTaken(slot: SlotRecord, holder: ConnectionRecord): void {
    const isRemoval = holder.usesCard && slot.removals > holder.removalsLeast;
    const isReconnect = [...holder.pending].some(({ operation }) => operation === "reconnect");
    const isLost = slot.lost || slot.deaf;
    if (!isRemoval && !isReconnect && !isLost && !slot.idled)
      this.#oracle.violated(`the lock of ${slot.name} was taken from ${nameOf(holder)}`);
    const cause = isLost ? "loss of the reader" : isRemoval ? "removal" : isReconnect ? "reconnect" : "idleness";
    this.#oracle.deps.reached(`lock freed by ${cause}`);
  }
}
