// SPDX-License-Identifier: MIT

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Random } from "../../port/index.ts";

const KEY_BYTES = 32;
/** Tabs that are let in again after a reload. The oldest is forgotten for a new one. */
const MAX_SESSIONS = 16;

/** Who may use a console: a token that lets one page in, once, and the secrets of the pages that were. Only hashes are kept. */
export class ConsoleKeys {
  readonly #random: Random;
  #token: string | undefined;
  readonly #sessions = new Set<string>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** A new token. The one before is worth nothing any more. */
  newToken(): string {
    const token = this.#newKey();
    this.#token = hashOf(token);
    return token;
  }

  /** Takes a token, which is worth nothing afterwards. @returns the secret of a session; undefined where the token is wrong */
  redeem(token: string): string | undefined {
    if (this.#token === undefined || hashOf(token) !== this.#token) return undefined;
    this.#token = undefined;
    const session = this.#newKey();
    this.#sessions.add(hashOf(session));
    const [oldest] = this.#sessions;
    if (this.#sessions.size > MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    return session;
  }

  /** Whether a session has this secret. */
  knows(session: string): boolean {
    return this.#sessions.has(hashOf(session));
  }

  #newKey(): string {
    return Buffer.from(this.#random.bytes(KEY_BYTES)).toString("base64url");
  }
}

/** Hashes are compared, so that the time it takes tells nothing of a key. */
function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}
