// SPDX-License-Identifier: MIT

import { contextFailure } from "./failures.ts";
import { withRefusals } from "./refusals.ts";
import type { CallKind } from "./threads.ts";
import { type Calls, SUCCESS } from "./winscard-calls.ts";

/**
 * One SCARDCONTEXT, and its calls one after the other. A library may hold a lock of its own while it waits for a context
 * that another thread is busy with (libpcsclite 1.9 waits holding the lock that every call of every context needs), so
 * that no two calls are ever made on one context at the same time. The one exception is SCardCancel.
 */
export class NativeContext {
  readonly calls: Calls;
  readonly handle: bigint;
  /** Whether an answer has said that the service is gone, or has closed this connection to it. */
  isLost = false;
  #last: Promise<unknown> = Promise.resolve();
  #underWay = 0;
  #released: Promise<void> | undefined;

  private constructor(calls: Calls, handle: bigint) {
    this.calls = calls;
    this.handle = handle;
  }

  /** @param scope SCARD_SCOPE_… @throws no-service, security-violation, and what else the library answers */
  static async open(calls: Calls, scope: number): Promise<NativeContext> {
    const { context, rv } = await withRefusals(calls.abi, () => calls.establishContext(scope));
    if (rv !== SUCCESS) throw contextFailure(calls.abi, rv, "establish context");
    return new NativeContext(calls, context);
  }

  /** Whether a call is under way. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** Makes a call when those before it have been answered. */
  async run<T>(call: (calls: Calls, context: bigint) => Promise<T>): Promise<T> {
    this.#underWay++;
    const before = this.#last;
    const result = (async () => {
      await before;
      try {
        return await call(this.calls, this.handle);
      } finally {
        this.#underWay--;
      }
    })();
    // The next call waits for the end of this one, however it ends.
    this.#last = result.then(ignore, ignore);
    return result;
  }

  /** Releases the context, once its calls have been answered. It never fails. */
  release(kind: CallKind = "prompt"): Promise<void> {
    this.#released ??= this.run((calls, context) => calls.releaseContext(kind, context)).then(ignore, ignore);
    return this.#released;
  }

  /**
   * Releases it at once and on this thread, as the process ends: a call of another context may be waiting in its thread
   * for the transaction that is ended thereby.
   */
  releaseNow(): void {
    if (!this.isBusy && this.#released === undefined) this.calls.releaseContextNow(this.handle);
  }
}

function ignore(): void {}
