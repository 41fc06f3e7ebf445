// SPDX-License-Identifier: MIT

import type { EmbeddedManager } from "../src/managers/embedded/index.ts";
import { type Inspection, PNP_NOTIFICATION, type ReaderInspection } from "../src/port/index.ts";
import type { ObservedReader } from "./observed-reader.ts";
import type { Oracle } from "./oracle.ts";
import type { Place } from "./place.ts";
import type { Plan } from "./plan.ts";
import { type Call, type SlotRecord, turnOperations } from "./records.ts";

/** What is remembered of each reader from one rest to the next, by its id. */
export type EventCounts = Map<
  string,
  { readonly count: number; readonly hadCard: boolean | undefined; readonly slot: SlotRecord }
>;

/** The world at rest: all due work is done. */
export interface Rest {
  readonly oracle: Oracle;
  readonly manager: EmbeddedManager;
  readonly plan: Plan;
  readonly places: readonly (Place | undefined)[];
  readonly observed: readonly (ObservedReader | undefined)[];
  readonly counts: EventCounts;
  /** Names of the timers that are set. */
  readonly timers: readonly string[];
}

/** What must hold whenever everything that is due has happened. */
export async function checkAtRest(rest: Rest): Promise<void> {
  const { manager, oracle } = rest;
  oracle.rests++;
  const inspection = await manager.inspect();
  checkClients(oracle, inspection);
  for (const reader of inspection.readers) {
    checkReader(oracle, reader);
    checkCounts(rest, reader);
    checkCard(rest, reader);
    checkAges(oracle, reader);
  }
  for (const call of oracle.pending) checkCall(rest, call, inspection);
  checkLimits(rest);
  checkDeadlines(rest);
  for (const { by, passedOver } of oracle.turns.suspicions.splice(0)) {
    if (passedOver.outcome === undefined)
      oracle.violated(`#${passedOver.number} ${passedOver.operation} was passed over by ${by}, which came later`);
  }
}

/** A deadline's timer ends with its wait. */
function checkDeadlines({ oracle, timers }: Rest): void {
  const deadlines = timers.filter((name) => name.endsWith(" deadline")).length;
  const calls = [...oracle.pending].filter(({ timeoutMs }) => timeoutMs !== undefined).length;
  if (deadlines > calls) oracle.violated(`${deadlines} deadlines are set, and ${calls} calls have one`);
}

function checkClients(oracle: Oracle, { clients, readers }: Inspection): void {
  const names = [
    ...clients.map(({ client }) => client.name),
    ...readers.flatMap(({ connections, lock, queue }) =>
      [...connections, ...queue, ...(lock === undefined ? [] : [lock])].map(({ client }) => client.name),
    ),
  ];
  for (const name of names) if (oracle.ended.has(name)) oracle.violated(`${name} has died and is still there`);
}

function checkReader(oracle: Oracle, { card, lock, name, queue }: ReaderInspection): void {
  const slot = oracle.slots.get(name);
  if (slot === undefined) return;
  if (card !== undefined) oracle.deps.reached(`card ${card.mute ? "mute" : card.powered ? "powered" : "unpowered"}`);
  else oracle.deps.reached("card absent");
  if (queue.length > 0)
    oracle.deps.reached(`queue of ${Math.min(queue.length, 4)}${queue.length > 3 ? " and more" : ""}`);
  if (lock?.client.name !== slot.lockedBy)
    oracle.violated(
      `${lock?.client.name ?? "no client"} has the lock of ${name}, but the trace says ${slot.lockedBy ?? "no client"}`,
    );
  const holder = oracle.turns.holderOf(slot);
  if (holder !== undefined && holder.context.client.name !== lock?.client.name)
    oracle.violated(`${holder.context.client.name} has lost the lock of ${name} unasked`);
  if (slot.inFlight !== undefined) {
    slot.lastWork = oracle.deps.now();
    return;
  }
  if (holder !== undefined && oracle.turns.overdueMs(holder) > 0)
    oracle.violated(`${holder.context.client.name} keeps the lock of ${name}, and does nothing for too long`);
  const [first] = queue;
  if (lock === undefined && first !== undefined)
    oracle.violated(`${first.client.name} waits to ${first.operation} at ${name}, which is free`);
  // The disposition of a connection that ends runs before another client's turn: with the lock free, it is done.
  for (const call of oracle.pending)
    if (lock === undefined && call.slot === slot && call.operation === "disconnect")
      oracle.violated(`the disconnect #${call.number} of ${call.context.client.name} waits at ${name}, which is free`);
  if (holder === undefined) return;
  for (const call of holder.pending)
    if (turnOperations.has(call.operation) || call.operation === "end")
      oracle.violated(`the holder's own ${call.operation} #${call.number} waits at ${name} for nothing`);
}

/** Event counts never go back, and a card that comes or goes is counted. */
function checkCounts({ counts, oracle, places, plan }: Rest, reader: ReaderInspection): void {
  const slot = oracle.slots.get(reader.name);
  if (slot === undefined) return;
  const last = counts.get(slot.id);
  // Where few readers are remembered, one that comes again may begin to count anew.
  const isForgotten = last !== undefined && last.slot !== slot && plan.limits.rememberedReaders <= plan.readers.length;
  if (isForgotten) oracle.deps.reached("reader forgotten");
  const before = isForgotten ? undefined : last;
  const place = places.find((one) => one?.reader.description.id === slot.id);
  if (slot.inFlight === undefined && place !== undefined && !slot.lost && place.noticesByNow !== false) {
    const isIn = place.card !== undefined;
    if (isIn !== (reader.card !== undefined))
      oracle.violated(`a card is ${isIn ? "in" : "not in"} ${reader.name}, and the manager says otherwise`);
  }
  const hasCard = reader.card !== undefined;
  if (before !== undefined) {
    const ahead = (reader.eventCount - before.count + 0xffff) % 0xffff;
    if (ahead > 0x7fff)
      oracle.violated(`the event count of ${reader.name} went from ${before.count} to ${reader.eventCount}`);
    if (before.hadCard !== hasCard && ahead === 0)
      oracle.violated(`a card came to ${reader.name} or went, and was not counted`);
  }
  counts.set(slot.id, { count: reader.eventCount, hadCard: hasCard, slot });
}

/** The card is what its driver has told last, and speaks what it was told to. */
function checkCard({ observed, oracle }: Rest, { card, id, name }: ReaderInspection): void {
  const reader = observed.find((one) => one?.description.id === id);
  const slot = oracle.slots.get(name);
  if (reader === undefined || slot === undefined || slot.inFlight !== undefined || slot.lost) return;
  const told = reader.card;
  const isPowered = told === "powered" || told === "negotiated";
  if (card?.powered === true && !isPowered) oracle.violated(`the card of ${name} has no power, and is said to have`);
  if (card?.mute === true && told !== "mute" && told !== "unpowered")
    oracle.violated(`the card of ${name} is ${told}, and is said to be mute`);
  if (card?.protocol !== undefined && card.protocol !== reader.protocol)
    oracle.violated(`the card of ${name} speaks ${reader.protocol}, and is said to speak ${card.protocol}`);
}

/** No duration exceeds that of the world or is negative: the wall clock has no influence. */
function checkAges(oracle: Oracle, { connections, lock, name, queue }: ReaderInspection): void {
  const now = oracle.deps.now();
  const ages = [
    ...connections.map(({ connectedMs }) => connectedMs),
    ...queue.map(({ waitingMs }) => waitingMs),
    ...(lock === undefined ? [] : [lock.heldMs, lock.lastExchangeMs ?? 0]),
  ];
  for (const age of ages) if (age < 0 || age > now) oracle.violated(`something at ${name} is ${age} ms old`);
}

function checkCall(rest: Rest, call: Call, inspection: Inspection): void {
  const { oracle } = rest;
  const what = `#${call.number} ${call.operation} of ${call.context.client.name}`;
  const { reachedDriver, slot } = call;
  if (
    call.operation === "transmit" &&
    reachedDriver !== undefined &&
    slot !== undefined &&
    slot.removals > reachedDriver.removals
  )
    oracle.violated(`${what} waits on for a card that was pulled`);
  checkTurn(oracle, call, what);
  const isWait = call.operation === "begin" || call.operation === "status-change";
  if (!isWait) return;
  if (call.context.ended) oracle.violated(`${what} waits on in a context that has ended`);
  if (call.context.cancelledAt >= call.number) oracle.violated(`${what} waits on after it was cancelled`);
  if (call.signal?.aborted) oracle.violated(`${what} waits on after its signal`);
  if (call.timeoutMs !== undefined && oracle.deps.now() > call.askedAt + call.timeoutMs)
    oracle.violated(`${what} waits on past its deadline`);
  if (call.operation === "begin" && call.slot?.lost) oracle.violated(`${what} waits on at a reader that is lost`);
  if (call.operation === "status-change") checkWatch(rest, call, what, inspection);
}

/** How often a card may be reset before a waiting client gets a turn: more often than all earlier requests could cause. */
const MAX_RESETS = 200;

/** A client that waits for a turn waits for another client, and gets it in the end. */
function checkTurn(oracle: Oracle, call: Call, what: string): void {
  const { connection, context, slot, timeoutMs } = call;
  if (slot === undefined || slot.lost || !turnOperations.has(call.operation)) return;
  if (call.reachedDriver === undefined && slot.interruptions - call.interruptionsAtAsk > MAX_RESETS)
    oracle.violated(`${what} waits while the card of ${slot.name} is reset again and again`);
  const holder = oracle.turns.holderOf(slot);
  if (!context.oneAtATime || timeoutMs !== undefined || holder?.context !== context || holder === connection) return;
  // The service can end a wait over the wire; and a client that makes two requests at once breaks its promise.
  if (call.signal === undefined && call.wasHeldHere) oracle.violated(`${what} waits for itself`);
}

/** A status wait must not sleep while its caller's state is outdated. */
function checkWatch({ manager, oracle }: Rest, call: Call, what: string, { readers }: Inspection): void {
  for (const { eventCount = 0, flags = {}, reader: name } of call.queries ?? []) {
    if (flags.ignore) continue;
    if (name === PNP_NOTIFICATION) {
      const count = manager.profile.pnpCounts === "readers" ? readers.length : manager.readerEvents;
      const isTold = manager.profile.pnpCounts === "readers" || eventCount !== 0;
      if (isTold && count !== eventCount) oracle.violated(`${what} missed a reader that came or went`);
      continue;
    }
    const reader = readers.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (reader === undefined) {
      if (!flags.unknown) oracle.violated(`${what} missed that ${name} went`);
      continue;
    }
    if (flags.unknown) oracle.violated(`${what} missed that ${name} came`);
    if (eventCount !== 0 && eventCount !== reader.eventCount)
      oracle.violated(`${what} missed a change: it believes ${eventCount}, and ${name} has ${reader.eventCount}`);
    if (flags.empty && reader.card !== undefined) oracle.violated(`${what} missed that a card came to ${name}`);
    if (flags.present && reader.card === undefined) oracle.violated(`${what} missed that the card of ${name} went`);
    if (flags.present && reader.card !== undefined && (flags.mute ?? false) !== reader.card.mute)
      oracle.violated(`${what} missed that the card of ${name} fell silent or answers again`);
  }
}

function checkLimits({ manager, oracle, plan }: Rest): void {
  const { connectionsPerContext, contexts, readers, waitsPerContext } = plan.limits;
  if (oracle.contexts.size > contexts)
    oracle.violated(`${oracle.contexts.size} contexts, and the limit is ${contexts}`);
  if (manager.readers().length > readers)
    oracle.violated(`${manager.readers().length} readers; the limit is ${readers}`);
  for (const { client, connections, pending } of oracle.contexts) {
    const open = [...connections].filter((connection) => connection.open).length;
    if (open > connectionsPerContext) oracle.violated(`${client.name} has ${open} connections in one context`);
    const waits = [...pending].filter(({ operation }) => operation === "status-change").length;
    if (waits > waitsPerContext) oracle.violated(`${client.name} has ${waits} waits in one context`);
  }
}
