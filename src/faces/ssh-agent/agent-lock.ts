// SPDX-License-Identifier: MIT

import { equalBytes, SecretBytes } from "../../base/binary/index.ts";
import { type Clock, pause } from "../../port/index.ts";

/** A wrong passphrase is answered so much later, in milliseconds, so that guessing takes long. */
const WRONG_PASSPHRASE_MS = 1_000;

/** The lock of an agent: `ssh-add -x` sets it with a passphrase, `ssh-add -X` takes it away. */
export class AgentLock {
  readonly #clock: Clock;
  #passphrase: SecretBytes | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the agent is locked: it shows no key and signs nothing. */
  get isLocked(): boolean {
    return this.#passphrase !== undefined;
  }

  /** Locks it. False where it is locked already. */
  lock(passphrase: Uint8Array): boolean {
    if (this.#passphrase !== undefined) return false;
    this.#passphrase = SecretBytes.copy(passphrase);
    return true;
  }

  /** Unlocks it. False for another passphrase, after a second, and where it is not locked. */
  async unlock(passphrase: Uint8Array, signal: AbortSignal): Promise<boolean> {
    const kept = this.#passphrase;
    if (kept === undefined) return false;
    if (await kept.use((bytes) => equalBytes(bytes, passphrase))) {
      kept.release();
      if (this.#passphrase === kept) this.#passphrase = undefined;
      return true;
    }
    await pause(this.#clock, WRONG_PASSPHRASE_MS, "ssh-agent-unlock", { signal });
    return false;
  }
}
