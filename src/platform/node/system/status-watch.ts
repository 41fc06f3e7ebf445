// SPDX-License-Identifier: MIT

import { type StatusQuery, StatusWaits } from "../../../managers/client/index.ts";
import {
  asFailure,
  type Clock,
  errorNumber,
  GrowingPause,
  pause,
  type ReaderStateReport,
  STATUS_CHANGE,
} from "../../../port/index.ts";
import { atExit } from "./at-exit.ts";
import { contextFailure } from "./failures.ts";
import type { SystemLimits } from "./limits.ts";
import { NativeContext } from "./native-context.ts";
import type { NativeReaderState } from "./reader-states.ts";
import { CHANGED, isSame, readState, type Snapshot, whatWasSeen } from "./readers.ts";
import { type Calls, SUCCESS } from "./winscard-calls.ts";

interface Look extends Snapshot {
  /** The number of the query, in the order of their start. */
  readonly order: number;
}

/** The query of a caller that begins to wait. */
interface OwnLook extends Look {
  /** Its caller's own context, for queries while the watch is busy. */
  readonly context: NativeContext;
}

/** After so many calls in a row without a change the library's waits are no longer trusted. */
const MAX_IDLE_CALLS = 4;

/** The readers may change between being listed and being asked for. */
const LOOK_ATTEMPTS = 8;

/**
 * All waits for changes in this process. They share one SCardGetStatusChange, on a context of its own, because each
 * such call keeps a thread for as long as it waits. A new wait first queries the readers on its own context. If
 * the result differs from the state of the running call, that call is cancelled and restarted, so that no change is missed.
 */
export class StatusWatch {
  readonly #calls: Calls;
  readonly #clock: Clock;
  readonly #limits: SystemLimits;
  readonly #waits: StatusWaits<NativeReaderState, OwnLook>;
  #users = 0;
  #context: NativeContext | undefined;
  #isRunning = false;
  /** The state that the running call compares with. */
  #blockedOn: Snapshot | undefined;
  #looks = 0;
  #last: Look = { order: 0, readers: [], readerEvents: 1 };
  #names: string | undefined;
  /** The state of the pseudo reader when it was told last. */
  #notification = 0;
  #ended: Promise<void> = Promise.resolve();

  constructor(calls: Calls, clock: Clock, limits: SystemLimits) {
    this.#calls = calls;
    this.#clock = clock;
    this.#limits = limits;
    this.#waits = new StatusWaits({
      clock,
      read: readState,
      last: () => this.#last,
      joined: (seen) => this.#joined(seen),
      left: () => {
        if (this.#waits.all.size === 0) this.#wake();
      },
    });
  }

  /** A context has come. */
  join(): void {
    this.#users++;
  }

  /** A context has ended, and its waits with it. With the last one the watch's own context is released. */
  async leave(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    await this.#ended;
    if (this.#users === 0 && !this.#isRunning) await this.#close();
  }

  /** The readers as they are now. @throws service-stopped, and what else the library answers */
  async look(context: NativeContext): Promise<Snapshot> {
    return this.#look(context);
  }

  /** @param context the caller's own */
  getStatusChange(context: NativeContext, query: StatusQuery): Promise<ReaderStateReport[]> {
    return this.#waits.wait(query, async () => ({ ...(await this.#look(context)), context }));
  }

  #joined(seen: Look): void {
    if (this.#blockedOn !== undefined && !isSame(seen, this.#blockedOn)) this.#wake();
    this.#run();
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#ended = this.#follow().catch(async (error: unknown) => {
      this.#isRunning = false;
      this.#waits.giveUp(asFailure(error));
      // It may be of no use any more; the next wait opens another.
      await this.#close();
    });
  }

  /** Queries, reports, and waits for the next change, as long as there are waiting callers. */
  async #follow(): Promise<void> {
    let before: Snapshot | undefined;
    let idleCalls = 0;
    let isTold = false;
    while (this.#waits.all.size > 0) {
      this.#context ??= await NativeContext.open(this.#calls, 0);
      const seen = await this.#look(this.#context);
      this.#waits.tell(seen, (waiting) => waiting.seen.order <= seen.order);
      if (this.#waits.all.size === 0) break;
      idleCalls = isTold && before !== undefined && isSame(before, seen) ? idleCalls + 1 : 0;
      before = seen;
      if (idleCalls > MAX_IDLE_CALLS) await pause(this.#clock, this.#limits.pollMs, "look for readers");
      // A caller that began to wait meanwhile may have a newer state.
      if ([...this.#waits.all].every((waiting) => waiting.seen.order < seen.order || isSame(waiting.seen, seen))) {
        isTold = await this.#block(this.#context, seen);
      }
    }
    // In the same step as the look at those who wait: the next wait begins anew.
    this.#isRunning = false;
    if (this.#users === 0) await this.#close();
  }

  /** Waits until something differs from the last state, or until a cancel; returns whether the library reported a change. */
  async #block(context: NativeContext, seen: Look): Promise<boolean> {
    const { abi, threads } = this.#calls;
    const { blockMs, pollMs } = this.#limits;
    const notification = {
      "counts-readers": seen.readers.length << 16,
      "counts-events": this.#notification,
      none: undefined,
    };
    const asked = whatWasSeen(seen, notification[abi.notification]);
    // What does not fit into one call, or what the call does not report, is polled; with too few threads everything is.
    const isWhole = asked.length <= abi.statesPerCall && abi.notification !== "none" && threads.count > 2;
    const part = asked.slice(0, abi.statesPerCall);
    this.#blockedOn = seen;
    const forgetExit = atExit(() => this.#cancelAtExit(context));
    const stopLooking = isWhole ? this.#lookAgain(seen) : (): void => {};
    try {
      if (part.length === 0) {
        await pause(this.#clock, pollMs, "look for readers");
        return false;
      }
      const timeoutMs = isWhole ? blockMs : pollMs;
      const { rv, states } = await context.run((calls, handle) =>
        calls.getStatusChange("patient", handle, timeoutMs, part),
      );
      const told = abi.notification === "counts-events" ? states[seen.readers.length]?.state : undefined;
      if (told !== undefined) this.#notification = (told & ~CHANGED) >>> 0;
      if (!this.#isEndOfWait(rv)) throw contextFailure(abi, rv, STATUS_CHANGE);
      return rv === SUCCESS;
    } finally {
      stopLooking();
      forgetExit();
      this.#blockedOn = undefined;
    }
  }

  #isEndOfWait(rv: number): boolean {
    const { dialect } = this.#calls.abi;
    const ends = ["timeout", "cancelled", "unknown-reader"] as const;
    return rv === SUCCESS || ends.some((code) => rv === errorNumber(code, dialect));
  }

  /**
   * libpcsclite up to 1.9.9 reports only readers that came after its call began, not between our query and the call. So the
   * names are queried again when the call has certainly begun.
   */
  #lookAgain(seen: Snapshot): () => void {
    const timers = this.#limits.lookAgainMs.map((ms) =>
      this.#clock.schedule(ms, "look for readers again", () => {
        const [waiting] = this.#waits.all;
        waiting?.seen.context
          .run((calls, handle) => calls.listReaders(handle))
          .then(({ names, rv }) => {
            const known = seen.readers.map(({ name }) => name);
            if (rv === SUCCESS && this.#blockedOn === seen && names.join("\0") !== known.join("\0")) this.#wake();
          })
          // A context that has ended meanwhile reports nothing.
          .catch(() => {});
      }),
    );
    return () => {
      for (const cancelTimer of timers) cancelTimer();
    };
  }

  /** Cancels the call under way. A cancel that comes before the call has begun is lost: it is repeated. */
  #wake(): void {
    const blockedOn = this.#blockedOn;
    const context = this.#context;
    if (blockedOn === undefined || context === undefined) return;
    const pauses = new GrowingPause(5, 500);
    const again = (): void => {
      if (this.#blockedOn !== blockedOn) return;
      const next = (): void => {
        this.#clock.schedule(pauses.next(), "cancel the wait for changes", again);
      };
      this.#calls.cancel(context.handle).then(next, next);
    };
    again();
  }

  /** Node waits for the threads of its pool before it exits, and this one would not come back. */
  #cancelAtExit(context: NativeContext): void {
    this.#calls.cancelNow(context.handle);
    // The call may have been about to begin.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    this.#calls.cancelNow(context.handle);
  }

  async #close(): Promise<void> {
    const context = this.#context;
    this.#context = undefined;
    await context?.release();
  }

  async #look(context: NativeContext): Promise<Look> {
    const order = ++this.#looks;
    const { abi } = this.#calls;
    for (let attempt = 1; ; attempt++) {
      const listed = await context.run((calls, handle) => calls.listReaders(handle));
      const isNone = listed.rv === errorNumber("no-readers-available", abi.dialect);
      if (listed.rv !== SUCCESS && !isNone) throw contextFailure(abi, listed.rv, "list readers");
      const answer = await this.#statesOf(context, listed.names);
      if (answer.rv === SUCCESS) return this.#accept(order, answer.states);
      if (attempt === LOOK_ATTEMPTS || !this.#isEndOfWait(answer.rv))
        throw contextFailure(abi, answer.rv, STATUS_CHANGE);
    }
  }

  async #statesOf(
    context: NativeContext,
    names: readonly string[],
  ): Promise<{ readonly rv: number; readonly states: NativeReaderState[] }> {
    const { dialect, statesPerCall } = this.#calls.abi;
    const states: NativeReaderState[] = [];
    for (let at = 0; at < names.length; at += statesPerCall) {
      // Unaware of anything: it answers at once. No time at all means for ever to some libraries.
      const part = names.slice(at, at + statesPerCall).map((name) => ({ name, state: 0 }));
      const answer = await context.run((calls, handle) => calls.getStatusChange("prompt", handle, 1, part));
      if (answer.rv !== SUCCESS && answer.rv !== errorNumber("timeout", dialect)) return answer;
      states.push(...answer.states);
    }
    return { rv: SUCCESS, states };
  }

  #accept(order: number, readers: readonly NativeReaderState[]): Look {
    const last = this.#last;
    // A query that ended after a later one has nothing new.
    if (order < last.order) return { order, readers, readerEvents: last.readerEvents };
    const names = JSON.stringify(readers.map(({ name }) => name));
    const hasChanged = this.#names !== undefined && this.#names !== names;
    const count = last.readerEvents >= 0xffff ? 1 : last.readerEvents + 1;
    this.#names = names;
    this.#last = { order, readers, readerEvents: hasChanged ? count : last.readerEvents };
    return this.#last;
  }
}
