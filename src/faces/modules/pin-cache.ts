// SPDX-License-Identifier: MIT

import { copyBytes, SecretBytes } from "../../base/binary/index.ts";
import { type CancelTimer, type Clock, SmartCardError } from "../../port/index.ts";
import type { PinRole } from "./card-module.ts";
import type { FailurePlace } from "./failures.ts";

/**
 * How long a PIN that the card has accepted is kept, to be shown again: to another key, and after another program's reset.
 *
 * - `process`: until the card is closed or pulled. PinCacheNormal of the minidriver specification.
 * - `none`: not at all. Each operation asks for it. PinCacheNone.
 * - `timedMs`: for so many milliseconds since it was verified last, by the clock. PinCacheTimed.
 */
export type PinCachePolicy = "process" | "none" | { readonly timedMs: number };

interface Entry {
  readonly secret: SecretBytes;
  readonly cancel: CancelTimer;
}

/** The PINs of one open card. Each is cleared when it is over, and all are at the end. */
export class PinCache {
  readonly #policy: PinCachePolicy;
  readonly #clock: Clock;
  readonly #entries = new Map<PinRole, Entry>();
  readonly #expired = new Set<PinRole>();

  constructor(policy: PinCachePolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /** Keeps a copy of a PIN that the card has accepted. */
  keep(role: PinRole, pin: Uint8Array): void {
    if (this.#policy === "none") return;
    const secret = new SecretBytes(copyBytes(pin));
    this.forget(role);
    this.#expired.delete(role);
    this.#entries.set(role, { secret, cancel: this.#startTimer(role) });
  }

  /** A copy for one use; undefined where none is kept. */
  take(role: PinRole): Promise<SecretBytes> | undefined {
    return this.#entries.get(role)?.secret.use((bytes) => SecretBytes.copy(bytes));
  }

  /** The error for an operation that needs a PIN when there is no function that asks for it. */
  missing(role: PinRole, name: string, place: FailurePlace): SmartCardError {
    const remedy = "call verifyPin() again, or give openCard() a function pin that asks for it";
    if (this.#expired.has(role)) {
      return new SmartCardError("pin-cache-expired", `the time of the cached ${name} is over; ${remedy}`, place);
    }
    const message = `the card needs the ${name}, and none is cached; ${remedy}`;
    return new SmartCardError("no-pin-cache", message, place);
  }

  forget(role: PinRole): void {
    const entry = this.#entries.get(role);
    entry?.cancel();
    entry?.secret.release();
    this.#entries.delete(role);
  }

  /** Clears all PINs. */
  clear(): void {
    for (const role of [...this.#entries.keys()]) this.forget(role);
  }

  #startTimer(role: PinRole): CancelTimer {
    if (typeof this.#policy === "string") return () => undefined;
    const expire = (): void => {
      this.forget(role);
      this.#expired.add(role);
    };
    return this.#clock.schedule(this.#policy.timedMs, "end of a cached PIN", expire, { background: true });
  }
}
