// SPDX-License-Identifier: MIT

import type { Connection, WaitOptions } from "../../port/index.ts";

/** The pending SCardBeginTransaction calls, so that SCardCancelTransaction can end those of one connection. */
export class PendingBegins {
  readonly #pending = new Map<Connection, Set<AbortController>>();

  /** Runs a wait that ends when {@link cancel} is called for the connection, or when its own signal is aborted. */
  async run(connection: Connection, wait: WaitOptions, begin: (wait: WaitOptions) => Promise<void>): Promise<void> {
    const { signal } = wait;
    const controller = new AbortController();
    const follow = (): void => controller.abort(signal?.reason);
    const begins = this.#pending.get(connection) ?? new Set();
    this.#pending.set(connection, begins.add(controller));
    if (signal?.aborted === true) follow();
    // A signal may outlive many waits: nothing stays on it. AbortSignal.any() kept such waits alive in early Node 20.
    else signal?.addEventListener("abort", follow, { once: true });
    try {
      await begin({ ...wait, signal: controller.signal });
    } finally {
      signal?.removeEventListener("abort", follow);
      begins.delete(controller);
      if (begins.size === 0) this.#pending.delete(connection);
    }
  }

  /** Ends the waits of a connection. */
  cancel(connection: Connection): void {
    for (const controller of this.#pending.get(connection) ?? []) controller.abort();
  }
}
