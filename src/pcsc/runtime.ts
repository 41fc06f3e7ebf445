// SPDX-License-Identifier: MIT

/** Ends a scheduled call; does nothing once the call was made or ended. */
export type CancelTimer = () => void;

/** How to schedule a call. */
export interface ScheduleOptions {
  /** True for housekeeping: the program need not be kept alive until it is done. @default false */
  readonly background?: boolean;
}

/** The two times there are, the only way to wait, and to let others go on. */
export interface Clock {
  /** Milliseconds on a clock that never goes back, with fractions; its zero means nothing. For waiting and measuring. */
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
   * Resolves when the event loop has had a turn: timers that are due, sockets, other threads. Left out where time is simulated:
   * nothing happens there but what is told.
   */
  breathe?(): Promise<void>;
}

/** Where random bytes come from. Seeded in simulation, the system's own otherwise. */
export interface Random {
  bytes(length: number): Uint8Array;
}

/** One thing that happened, for an observer: plain data, with no PIN in it. */
export interface TraceEvent {
  /** Milliseconds of {@link Clock.now}. */
  readonly at: number;
  /** What happened, as `noun-verb`: `lock-granted`, `card-reset`, … */
  readonly kind: string;
  readonly reader?: string;
  readonly client?: string;
  readonly detail?: string;
}

/** Receives trace events as they happen. Must not throw. */
export type Trace = (event: TraceEvent) => void;

/** Everything that the pure layers need from the machine. It is passed in, never looked up. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
}
