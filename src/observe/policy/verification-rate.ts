// SPDX-License-Identifier: MIT

import type { ClientIdentity, Clock } from "../../port/index.ts";

/** So many programs have a count of their own; further ones share one. */
const MOST_CLIENTS = 1024;

/** Counts how often programs have PINs compared: all processes of one program and one user together. */
export class VerificationRate {
  readonly #clock: Pick<Clock, "now">;
  /** When each of the last comparisons was, by program and user. */
  readonly #taken = new Map<string, number[]>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Takes one of the comparisons that a client may have; false where there is none left. */
  take(client: ClientIdentity, { count, windowMs }: { readonly count: number; readonly windowMs: number }): boolean {
    const now = this.#clock.now();
    const key = this.#keyOf(client, now - windowMs);
    const recent = (this.#taken.get(key) ?? []).filter((time) => time > now - windowMs);
    if (recent.length < count) this.#taken.set(key, [...recent, now]);
    return recent.length < count;
  }

  #keyOf({ name, pid, uid }: ClientIdentity, since: number): string {
    const key = JSON.stringify([uid ?? `pid ${pid}`, name]);
    if (this.#taken.has(key) || this.#taken.size < MOST_CLIENTS) return key;
    for (const [known, times] of this.#taken) if ((times.at(-1) ?? 0) <= since) this.#taken.delete(known);
    return this.#taken.size < MOST_CLIENTS ? key : "others";
  }
}
