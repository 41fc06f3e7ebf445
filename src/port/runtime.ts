// SPDX-License-Identifier: MIT

import type { ClientIdentity } from "./client-identity.ts";

/** Cancels a scheduled call; does nothing once it was made or cancelled. */
export type CancelTimer = () => void;

/** How to schedule a call. */
export interface ScheduleOptions {
  /** True for housekeeping that does not keep the program alive. @default false */
  readonly background?: boolean;
  /**
   * It may be up to a second late, where it is of a second or more: for limits that are hardly ever reached, which cost less then.
   *
   * @default false
   */
  readonly coarse?: boolean;
}

/** Monotonic and wall time, the only way to wait, and to yield to the event loop. */
export interface Clock {
  /** Milliseconds on a clock that never goes back, with fractions and an arbitrary zero. For waiting and measuring. */
  now(): number;
  /** Milliseconds since 1970 UTC; may jump. For showing to people, never for waiting. */
  wallTime(): number;
  /**
   * Calls `callback` once, `delayMs` (0 or more) from now, never before `schedule` has returned.
   *
   * @param name says what is waited for; it appears in traces and in leak reports.
   */
  schedule(delayMs: number, name: string, callback: () => void, options?: ScheduleOptions): CancelTimer;
  /**
   * Resolves when the event loop has had a turn: timers that are due, sockets, other threads. Left out where time is simulated.
   *
   */
  breathe?(): Promise<void>;
  /** How many turns the event loop has had: another number after each of them. Left out where the machine does not tell. */
  turns?(): number;
}

/** The source of random bytes. Seeded in simulation, the system's own otherwise. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** An event for an observer: plain data, without any PIN. */
export interface TraceEvent {
  /** Milliseconds of {@link Clock.now}. */
  readonly at: number;
  /** What happened, as `noun-verb`: `lock-granted`, `card-reset`, … */
  readonly kind: string;
  readonly reader?: string;
  /** Name of the client. A getter is read when the name is wanted. */
  readonly client?: string;
  /** The client itself. */
  readonly by?: ClientIdentity;
  /** Of a reset, and of a card that loses its power. */
  readonly cause?: ResetCause;
  readonly detail?: string;
  /** Of what is over: when it began, in milliseconds of {@link Clock.now}. */
  readonly since?: number;
}

/**
 * Why a card is reset, or loses its power.
 *
 * - `disposition`: a disconnect, the end of a transaction, a reconnect, or a control function asked for it.
 * - `exit`: its program ended without disconnecting.
 * - `idle-limit`: a transaction was idle for too long, or no program was connected to the card.
 * - `connect`: a connection needed the card in another protocol, or with power.
 * - `reader`: an exchange with the card was broken off.
 */
export type ResetCause = "disposition" | "exit" | "idle-limit" | "connect" | "reader";

/** Receives trace events as they happen. Must not throw. */
export type Trace = (event: TraceEvent) => void;

/** Where nothing is told: what has this trace need not make events. */
export const noTrace: Trace = () => {};

/** Everything that the pure layers need from the machine. It is passed in, never global. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
}
