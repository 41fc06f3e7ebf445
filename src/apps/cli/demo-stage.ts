// SPDX-License-Identifier: MIT

import { type ReaderStateAnswer, SCARD_LEAVE_CARD } from "../../faces/winscard/index.ts";
import type { EmbeddedManager } from "../../managers/embedded/index.ts";
import {
  cardStates,
  fromNumber,
  PNP_NOTIFICATION,
  type ReaderInspection,
  readerFlags,
  readerStateBits,
} from "../../port/index.ts";
import type { VirtualReader } from "../../readers/virtual/index.ts";
import { clientName } from "../reports/index.ts";
import type { DemoProgram } from "./demo-program.ts";
import type { PendingCall, Transcript } from "./demo-transcript.ts";
import { holderOf } from "./readers.ts";
import { count, duration } from "./text.ts";

/** The programs, readers and cards of the demo. */
export interface Stage {
  readonly transcript: Transcript;
  readonly manager: EmbeddedManager;
  readonly reader: VirtualReader;
  /** Watches readers and cards. */
  readonly monitor: DemoProgram;
  /** Two programs that share the card. */
  readonly signer: DemoProgram;
  readonly mailer: DemoProgram;
  /** A program that blocks them, and dies. */
  readonly updater: DemoProgram;
}

/** The longest that the demo waits for anything, so that it ends even where a wake-up is lost. */
const PATIENCE_MS = 5000;

/** The result of SCardGetStatusChange. */
export type StateAnswers = { readonly readerStates: readonly ReaderStateAnswer[] };

/** SCardGetStatusChange, waiting. */
export type StatusWait = PendingCall<StateAnswers>;

/** Waits for readers to come or go; `known` is how many the program knows of. */
export function waitForReaders(program: DemoProgram, known: number): StatusWait {
  const state = { reader: PNP_NOTIFICATION, currentState: known << 16 };
  return program.begin(`SCardGetStatusChange(${PNP_NOTIFICATION})`, (api) =>
    api.SCardGetStatusChange(program.context, PATIENCE_MS, [state]),
  );
}

/** Waits until a reader's state is another than the one that was told last. */
export function waitForChange(program: DemoProgram, last: ReaderStateAnswer): StatusWait {
  return program.begin("SCardGetStatusChange", (api) =>
    api.SCardGetStatusChange(program.context, PATIENCE_MS, [{ ...last, currentState: last.eventState }]),
  );
}

/** Waits for the lock. */
export function beginTransaction(program: DemoProgram): PendingCall<void> {
  return program.begin("SCardBeginTransaction", (api) =>
    api.SCardBeginTransaction(program.card, { timeoutMs: PATIENCE_MS }),
  );
}

/** Takes the lock, which is free. */
export async function lock(program: DemoProgram): Promise<void> {
  await program.does("SCardBeginTransaction", (api) => api.SCardBeginTransaction(program.card, { timeoutMs: 0 }));
}

/** Releases the lock and leaves the card as it is. */
export async function unlock(program: DemoProgram): Promise<void> {
  await program.does("SCardEndTransaction(LEAVE)", (api) => api.SCardEndTransaction(program.card, SCARD_LEAVE_CARD));
}

/** Asks for the status of a connection. */
export function askStatus(program: DemoProgram): PendingCall<{ readonly state: number }> {
  return program.begin("SCardStatus", (api) => api.SCardStatus(program.card, { timeoutMs: PATIENCE_MS }));
}

/** The state of a card as SCardStatus tells it, in words. */
export function describeCardState({ state }: { readonly state: number }): string {
  const name = fromNumber(cardStates, state);
  return name === undefined ? String(state) : cardStates[name].name;
}

/** Asks for a reader's state without waiting; `flag` must be in it. */
export async function lookAt(stage: Stage, reader: string, flag: number): Promise<ReaderStateAnswer> {
  const { monitor, transcript } = stage;
  const pending: StatusWait = monitor.begin("SCardGetStatusChange(UNAWARE)", (api) =>
    api.SCardGetStatusChange(monitor.context, 0, [{ reader, currentState: 0 }]),
  );
  const answers = await transcript.succeeds(monitor.name, pending, describeStates, hasState(flag));
  return answers.readerStates[0] ?? { reader, currentState: 0, eventState: 0, atr: new Uint8Array() };
}

/** Demands that the first state has all these flags. */
export function hasState(flags: number): { holds: (answers: StateAnswers) => boolean; what: string } {
  const holds = ({ readerStates: [state] }: StateAnswers): boolean =>
    state !== undefined && (state.eventState & flags) === flags;
  return { holds, what: flagNames(flags) };
}

/** Demands that the pseudo reader counts so many readers. */
export function hasReaders(number: number): { holds: (answers: StateAnswers) => boolean; what: string } {
  const holds = ({ readerStates: [pnp] }: StateAnswers): boolean =>
    pnp !== undefined && pnp.eventState >>> 16 === number;
  return { holds, what: count(number, "reader") };
}

/** Reader states in words: `CHANGED|PRESENT, event count 2`. */
export function describeStates({ readerStates }: StateAnswers): string {
  const texts = readerStates.map(({ eventState, reader }) => {
    const high = eventState >>> 16;
    const counted = reader === PNP_NOTIFICATION ? count(high, "reader") : `event count ${high}`;
    return `${flagNames(eventState)}, ${counted}`;
  });
  return texts.join("; ");
}

function flagNames(state: number): string {
  const names = readerFlags.filter((flag) => (state & readerStateBits[flag].windows) !== 0);
  return names.map((flag) => readerStateBits[flag].name.replace("SCARD_STATE_", "")).join("|") || "UNAWARE";
}

/** Records that a status wait is still pending, for its program and for the manager. */
export async function showWaiting(stage: Stage, program: DemoProgram, wait: StatusWait): Promise<void> {
  const { clients } = await stage.manager.inspect();
  const waits = clients.find(({ client }) => client.name === program.name)?.statusWaits ?? 0;
  const state = wait.waiting ? "waits" : "has come back";
  const result = `${state}; inspect: ${clientName(program.client.identity)} has ${count(waits, "status wait")}`;
  const step = { who: program.name, call: wait.call, result };
  stage.transcript.step(step, wait.waiting && waits === 1, "one status wait that lasts");
}

/** Records the holder of the reader's lock and the waiting clients. */
export async function showLock(stage: Stage, holder: DemoProgram, queue: readonly DemoProgram[]): Promise<void> {
  const [reader] = (await stage.manager.inspect()).readers;
  const waiting = reader?.queue.map(({ client }) => client.name).join();
  const holds = reader?.lock?.client.name === holder.name && waiting === queue.map(({ name }) => name).join();
  const what = `${holder.name} with the lock, and ${queue.length === 0 ? "no program" : waitersOf(queue)} behind it`;
  stage.transcript.step({ who: "operator", call: "inspect", result: describeLock(reader) }, holds, what);
}

function waitersOf(queue: readonly DemoProgram[]): string {
  return queue.map(({ name }) => name).join(", ");
}

/** The holder of the lock and the waiting clients, in words. */
export function describeLock(reader: ReaderInspection | undefined): string {
  if (reader === undefined) return "there is no reader";
  const held = reader.lock === undefined ? "the lock is free" : holderOf(reader.lock);
  const queue = reader.queue.map(
    ({ client, operation, waitingMs }) => `${clientName(client)} waits to ${operation} since ${duration(waitingMs)}`,
  );
  return `${held}; ${queue.length === 0 ? "no program waits" : queue.join(", ")}`;
}
