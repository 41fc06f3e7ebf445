// SPDX-License-Identifier: MIT

import { type CancelTimer, type Clock, SmartCardError } from "../../port/index.ts";

/** State of a {@link HeldRequest} wait when its client must be answered. */
export type HeldRequestOutcome<T> =
  | { readonly kind: "done"; readonly value: T }
  | { readonly kind: "failed"; readonly error: SmartCardError }
  /** Not yet: the client is to try again, and its place is kept. */
  | { readonly kind: "later" };

/**
 * A client that was told to try again does so within a poll of its library, or not at all: one that is set not to wait
 * (PCSCLITE_NO_BLOCKING), or that is not libpcsclite. Its place must not delay the next client.
 */
const PLACE_GRACES = 4;

/** Dependencies of a held request. */
export interface HeldRequestDeps<T> {
  readonly clock: Clock;
  /** Begins the wait. */
  readonly begin: (signal: AbortSignal) => Promise<T>;
  /**
   * How long what came late is kept for the client's next try, in milliseconds. A place whose client has not come again
   * for {@link PLACE_GRACES} times as long is given up before its turn comes.
   */
  readonly graceMs: number;
  /** Undoes a result that was not fetched. */
  readonly unclaimed: (value: T) => void;
  /** The wait is over and nothing more can be fetched from it. */
  readonly over: () => void;
}

/**
 * A wait that may outlive the request that began it. The client is answered after a while and tries again; the wait keeps
 * its place meanwhile, and what it brings is kept for a short time.
 */
export class HeldRequest<T> {
  readonly #deps: HeldRequestDeps<T>;
  readonly #controller = new AbortController();
  #result: Exclude<HeldRequestOutcome<T>, { kind: "later" }> | undefined;
  #answer: ((outcome: HeldRequestOutcome<T>) => void) | undefined;
  #cancelTimer: CancelTimer | undefined;
  #over = false;

  constructor(deps: HeldRequestDeps<T>) {
    this.#deps = deps;
    deps.begin(this.#controller.signal).then(
      (value) => this.#settled({ kind: "done", value }),
      (error: unknown) => this.#settled({ kind: "failed", error: asError(error) }),
    );
  }

  /**
   * Waits for the result, at most `holdMs` milliseconds, or without limit where that is undefined. A result that is
   * given out is the client's.
   */
  claim(holdMs: number | undefined): Promise<HeldRequestOutcome<T>> {
    this.#cancelTimer?.();
    if (this.#result !== undefined) {
      this.#end();
      return Promise.resolve(this.#result);
    }
    if (holdMs === 0) {
      this.#expectTry();
      return Promise.resolve({ kind: "later" });
    }
    return new Promise((resolve) => {
      this.#answer = resolve;
      if (holdMs === undefined) return;
      this.#cancelTimer = this.#deps.clock.schedule(holdMs, "held request", () => this.#later(), {
        background: true,
      });
    });
  }

  /** Ends the wait with an error, also without a waiting client; its result is undone. */
  abandon(error: SmartCardError): void {
    if (this.#over) return;
    if (this.#result?.kind === "done") this.#deps.unclaimed(this.#result.value);
    this.#end();
    this.#controller.abort(error);
    this.#answer?.({ kind: "failed", error });
    this.#answer = undefined;
  }

  #later(): void {
    this.#expectTry();
    this.#answer?.({ kind: "later" });
    this.#answer = undefined;
  }

  #expectTry(): void {
    this.#cancelTimer = this.#deps.clock.schedule(
      PLACE_GRACES * this.#deps.graceMs,
      "kept place",
      () => this.abandon(new SmartCardError("cancelled", "the client did not try again")),
      { background: true },
    );
  }

  #settled(result: Exclude<HeldRequestOutcome<T>, { kind: "later" }>): void {
    if (this.#over) {
      if (result.kind === "done") this.#deps.unclaimed(result.value);
      return;
    }
    if (this.#answer !== undefined) {
      this.#cancelTimer?.();
      this.#end();
      this.#answer(result);
      this.#answer = undefined;
      return;
    }
    this.#result = result;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#deps.clock.schedule(this.#deps.graceMs, "reserved turn", () => this.#expired(), {
      background: true,
    });
  }

  #expired(): void {
    if (this.#result?.kind === "done") this.#deps.unclaimed(this.#result.value);
    this.#end();
  }

  #end(): void {
    this.#cancelTimer?.();
    this.#over = true;
    this.#deps.over();
  }
}

function asError(error: unknown): SmartCardError {
  if (error instanceof SmartCardError) return error;
  return new SmartCardError("internal-error", "a wait failed in an unexpected way", {}, { cause: error });
}
