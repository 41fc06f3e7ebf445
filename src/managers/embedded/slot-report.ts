// SPDX-License-Identifier: MIT

import type { CardState, LockInspection, Protocol, ReaderInspection, WaiterInspection } from "../../port/index.ts";
import type { Card } from "./card.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { TransactionQueue } from "./transaction-queue.ts";

/**
 * The state of a card for a connection that has agreed on `protocol`. Every card is in position: a reader that would move it
 * first has no way to say so. Without a protocol to use them with, no specific parameters are reported.
 */
export function cardState(card: Card, protocol: Protocol | undefined): CardState {
  if (card.powered) return card.protocol === undefined || protocol === undefined ? "negotiable" : "specific";
  return card.present ? "swallowed" : "absent";
}

/** A slot, as an operator sees it at the moment `now`. */
export function inspectSlot(
  slot: {
    readonly name: string;
    readonly id: string;
    readonly eventCount: number;
    readonly card: Card;
    readonly connections: Iterable<ConnectionState>;
    readonly queue: TransactionQueue<ConnectionState>;
    readonly lastExchange: number | undefined;
  },
  now: number,
): ReaderInspection {
  const { card, eventCount, id, lastExchange, name, queue } = slot;
  const connections = Array.from(slot.connections, (connection) => ({
    client: connection.context.client,
    shareMode: connection.shareMode,
    protocol: connection.protocol,
    connectedMs: now - connection.since,
  }));
  const lock: LockInspection | undefined = queue.lock && {
    client: queue.lock.owner.context.client,
    heldMs: now - queue.lock.since,
    depth: queue.lock.depth,
    lastExchangeMs: lastExchange === undefined ? undefined : now - lastExchange,
  };
  const waiters = Array.from(queue.waiting, (turn): WaiterInspection => {
    return { client: turn.context.client, operation: turn.operation, waitingMs: now - turn.since };
  });
  return { name, id, eventCount, card: card.attended ? card.inspect() : undefined, connections, lock, queue: waiters };
}
