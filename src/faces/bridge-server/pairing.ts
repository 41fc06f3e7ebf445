// SPDX-License-Identifier: MIT

import { type Clock, GrowingPause, type Random } from "../../port/index.ts";
import type { BridgeLimits } from "./limits.ts";

/** Digits of a code. */
const CODE_DIGITS = 8;

/** The pairing of one origin. */
interface OriginPairing {
  /** The code that the user was shown; undefined where there is none. */
  code: string | undefined;
  triesLeft: number;
  /** When the code ends, and when there may be another one. */
  expires: number;
  readonly pause: GrowingPause;
  pausedUntil: number;
}

/** What has come of asking for a code. */
export type CodeOffer =
  | { readonly kind: "code"; readonly code: string; readonly isNew: boolean; readonly triesLeft: number }
  | { readonly kind: "paused"; readonly waitMs: number };

/** What has come of a code that a page has sent. */
export type CodeOutcome = { readonly kind: "right" } | { readonly kind: "wrong"; readonly triesLeft: number };

/**
 * One-time pairing codes, one for each origin at a time. A code is good once, for some minutes and some tries, whichever connection of the origin
 * uses them up. A code that has ended leaves its tries to the next. After the last wrong try there is no code for a pause, and each pause is twice as
 * long: of 100,000,000 codes a page tries some dozens a day.
 */
export class Pairing {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: BridgeLimits;
  readonly #origins = new Map<string, OriginPairing>();

  constructor({ clock, random, limits }: { clock: Clock; random: Random; limits: BridgeLimits }) {
    this.#clock = clock;
    this.#random = random;
    this.#limits = limits;
  }

  /** The code of an origin: a new one, or the one that it has. */
  offer(origin: string): CodeOffer {
    const pairing = this.#of(origin);
    const now = this.#clock.now();
    if (now >= pairing.expires) pairing.code = undefined;
    if (pairing.code === undefined && now < pairing.pausedUntil)
      return { kind: "paused", waitMs: pairing.pausedUntil - now };
    const isNew = pairing.code === undefined;
    if (pairing.code === undefined) {
      pairing.code = this.#newCode();
      if (pairing.triesLeft <= 0) pairing.triesLeft = this.#limits.codeTries;
      pairing.expires = now + this.#limits.pairingMs;
    }
    return { kind: "code", code: pairing.code, isNew, triesLeft: pairing.triesLeft };
  }

  /** A page has tried a code. @param isRight whether it was the code that it was offered, which may have ended since */
  attempt(origin: string, offered: string, isRight: boolean): CodeOutcome {
    const pairing = this.#of(origin);
    if (this.#clock.now() >= pairing.expires) pairing.code = undefined;
    if (pairing.code !== offered) return { kind: "wrong", triesLeft: 0 };
    if (isRight) {
      this.#origins.delete(origin);
      return { kind: "right" };
    }
    pairing.triesLeft--;
    if (pairing.triesLeft <= 0) {
      pairing.code = undefined;
      pairing.pausedUntil = this.#clock.now() + pairing.pause.next();
    }
    return { kind: "wrong", triesLeft: Math.max(0, pairing.triesLeft) };
  }

  #of(origin: string): OriginPairing {
    const known = this.#origins.get(origin);
    if (known !== undefined) return known;
    const { firstPauseMs, longestPauseMs } = this.#limits;
    const pause = new GrowingPause(firstPauseMs, longestPauseMs);
    const made: OriginPairing = { code: undefined, triesLeft: 0, expires: 0, pause, pausedUntil: 0 };
    this.#origins.set(origin, made);
    return made;
  }

  /** Each digit is as likely as every other: bytes from 250 on are left out. */
  #newCode(): string {
    let code = "";
    while (code.length < CODE_DIGITS) {
      for (const byte of this.#random.bytes(CODE_DIGITS)) {
        if (byte < 250 && code.length < CODE_DIGITS) code += byte % 10;
      }
    }
    return code;
  }
}
