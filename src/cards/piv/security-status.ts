// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import type { ManagementAlgorithm } from "./algorithms.ts";

/** A challenge that the next command must answer. */
export interface PendingChallenge {
  /** External: the client enciphers it. Mutual: the client has deciphered it. */
  readonly kind: "external" | "mutual";
  /** The cipher that was asked for. */
  readonly algorithm: ManagementAlgorithm;
  /** What the client has to show. */
  readonly expected: Uint8Array;
}

/** What has been shown to the card application since it was selected. It lives without power in no case. */
export class SecurityStatus {
  /** The PIN, or the global PIN, was verified. */
  pinVerified = false;
  globalPinVerified = false;
  /** The client has shown that it has the management key. */
  managementKeyShown = false;
  #verifiedJustNow = false;
  #verifiedBefore = false;
  #pending: PendingChallenge | undefined;
  #current: PendingChallenge | undefined;

  /** Whether one of the PINs was verified. */
  get anyPinVerified(): boolean {
    return this.pinVerified || this.globalPinVerified;
  }

  /** Whether the command before this one verified a PIN: what keys with the PIN policy "always" want. */
  get verifiedByLastCommand(): boolean {
    return this.anyPinVerified && this.#verifiedBefore;
  }

  /** A command begins: a challenge, and the right to use a key with the policy "always", last for one command. */
  begin(): void {
    this.#verifiedBefore = this.#verifiedJustNow;
    this.#verifiedJustNow = false;
    if (this.#current !== undefined) zeroBytes(this.#current.expected);
    this.#current = this.#pending;
    this.#pending = undefined;
  }

  /** A PIN was verified by this command. */
  pinWasVerified(which: "pin" | "global"): void {
    if (which === "pin") this.pinVerified = true;
    else this.globalPinVerified = true;
    this.#verifiedJustNow = true;
  }

  /** A PIN is not verified any more. */
  pinIsUnverified(which: "pin" | "global"): void {
    if (which === "pin") this.pinVerified = false;
    else this.globalPinVerified = false;
  }

  /** The key with the policy "always" was used. */
  useVerification(): void {
    this.#verifiedBefore = false;
  }

  /** Keeps a challenge for the next command. */
  challenge(challenge: PendingChallenge): void {
    this.#pending = challenge;
  }

  /** Takes the challenge that the last command gave; it counts once. */
  takeChallenge(kind: PendingChallenge["kind"], algorithm: ManagementAlgorithm): Uint8Array | undefined {
    const current = this.#current;
    this.#current = undefined;
    return current?.kind === kind && current.algorithm === algorithm ? current.expected : undefined;
  }

  /** Everything is forgotten: another application was selected, or the card was reset. */
  clear(): void {
    this.pinVerified = false;
    this.globalPinVerified = false;
    this.managementKeyShown = false;
    this.#verifiedJustNow = false;
    this.#verifiedBefore = false;
    for (const challenge of [this.#pending, this.#current]) if (challenge !== undefined) zeroBytes(challenge.expected);
    this.#pending = undefined;
    this.#current = undefined;
  }
}
