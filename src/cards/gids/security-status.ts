// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import type { KeyFile } from "./gids-file.ts";

/** A challenge that the next GENERAL AUTHENTICATE has to answer. */
export type PendingChallenge =
  | { readonly kind: "external"; readonly file: KeyFile; readonly own: Uint8Array }
  | { readonly kind: "mutual"; readonly file: KeyFile; readonly own: Uint8Array; readonly other: Uint8Array };

/** What has been shown to the application since it was selected. It never outlives the power. */
export class SecurityStatus {
  /** The PIN was verified. */
  user = false;
  /** The client has shown that it has an administrator's key. */
  administrator = false;
  #pending: PendingChallenge | undefined;
  /** Uses of keys since the PIN was verified. */
  readonly #uses = new Map<KeyFile, number>();

  /** The PIN was compared. */
  userTried(isRight: boolean): void {
    this.user = isRight;
    this.#uses.clear();
  }

  /** Counts one use of a key; false where it needs VERIFY before. GIDS 2.0, 9.4. */
  countUse(file: KeyFile, usesPerPin: number): boolean {
    const uses = this.#uses.get(file) ?? 0;
    if (usesPerPin > 0 && uses >= usesPerPin) return false;
    this.#uses.set(file, uses + 1);
    return true;
  }

  /** Keeps a challenge for the next command. */
  challenge(pending: PendingChallenge): void {
    this.forgetChallenge();
    this.#pending = pending;
  }

  /** Takes the challenge that the last command gave: it counts once. Overwrite it when it has served. */
  takeChallenge(): PendingChallenge | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  /** Any other command ends an authentication in the middle. GIDS 2.0, 13.6. */
  forgetChallenge(): void {
    if (this.#pending !== undefined) zeroBytes(this.#pending.own);
    this.#pending = undefined;
  }

  /** Everything is forgotten. */
  clear(): void {
    this.user = false;
    this.administrator = false;
    this.#uses.clear();
    this.forgetChallenge();
  }
}
