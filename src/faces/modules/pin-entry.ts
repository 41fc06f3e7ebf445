// SPDX-License-Identifier: MIT

import { copyBytes, isBytes, kindOf, SecretBytes, zeroBytes } from "../../base/binary/index.ts";
import { statusWords as sw } from "../../base/iso7816/index.ts";
import { type Clock, SmartCardError, type WaitOptions } from "../../port/index.ts";
import type { KeyContainer, PinDescription, PinRole } from "./card-module.ts";
import type { CardSessions, Session } from "./card-sessions.ts";
import { blocked, type FailurePlace, lastTry, pinFailure, triesIn } from "./failures.ts";
import type { PinCache } from "./pin-cache.ts";
import type { ReaderPinPad } from "./pin-pad.ts";
import { orGiveUp } from "./turns.ts";

/** A PIN. Bytes can be cleared, and a string cannot: it stays in memory until the garbage collector comes. */
export type PinValue = string | Uint8Array;

/** What {@link PinPrompt} is asked. */
export interface PinRequest {
  readonly role: PinRole;
  /** What people call it: "PIN", "PW3". */
  readonly name: string;
  /** What it is needed for: `sign`, `decrypt`, `deriveKey`, `verifyPin`. */
  readonly operation: string;
  /** The key that it is needed for. */
  readonly container: KeyContainer | undefined;
  readonly reader: string;
  /** What people call the card. */
  readonly card: string;
  /** Tries that the card allows; undefined where it does not tell. */
  readonly triesLeft: number | undefined;
  /** A wrong PIN blocks it now: answer `{ pin, lastTry: true }` to send it all the same. */
  readonly isLastTry: boolean;
  readonly leastBytes: number;
  readonly mostBytes: number;
  /** Whether the PIN can be entered at the PIN pad of the reader: answer `{ pad: true }`, and say that the pad waits for it. */
  readonly hasPad: boolean;
  /** Aborted where the operation is: close the dialog. */
  readonly signal: AbortSignal | undefined;
}

/**
 * A PIN, or that it is to be entered at the reader's PIN pad, and whether it may be the last try; undefined where the user gives
 * none. Bytes are taken over, and cleared.
 */
export type PinAnswer =
  | PinValue
  | { readonly pin: PinValue; readonly lastTry?: boolean }
  | { readonly pad: true; readonly lastTry?: boolean }
  | undefined;

/** Asks the user for a PIN. No transaction is held meanwhile, unless the caller holds one. */
export type PinPrompt = (request: PinRequest) => PinAnswer | Promise<PinAnswer>;

/** A PIN to show, or to be entered at the reader's pad, and whether the user has confirmed the last try. */
interface Shown {
  readonly secret: SecretBytes | "pad";
  readonly lastTry: boolean;
}

/** What a PIN is needed for. */
export interface PinNeed {
  readonly operation: string;
  readonly role: PinRole;
  readonly container: KeyContainer | undefined;
  readonly wait: WaitOptions;
  /** As {@link SessionTerms.repeat}. */
  readonly repeat: boolean;
}

/** What asks for PINs. */
export interface PinEntryParts {
  /** A function of the caller, or the PIN pad of the reader. */
  readonly prompt: PinPrompt | "pad" | undefined;
  readonly pad: ReaderPinPad;
  readonly clock: Clock;
  readonly reader: string;
}

/** The cached PIN must not be sent: the user is asked instead. */
const ASK_INSTEAD: unique symbol = Symbol("ask instead");

/** Gets PINs from the cache or from the user, and shows them to the card. */
export class PinEntry {
  readonly #sessions: CardSessions;
  readonly #cache: PinCache;
  readonly #prompt: PinPrompt | "pad" | undefined;
  readonly #pad: ReaderPinPad;
  readonly #clock: Clock;
  readonly #reader: string;

  constructor(sessions: CardSessions, cache: PinCache, parts: PinEntryParts) {
    this.#sessions = sessions;
    this.#cache = cache;
    this.#prompt = parts.prompt;
    this.#pad = parts.pad;
    this.#clock = parts.clock;
    this.#reader = parts.reader;
  }

  /**
   * Runs work after the PIN that it needs was shown, in the same transaction.
   *
   * @param mayBlock the caller has confirmed the last try of a PIN that the user is asked for
   */
  async withPin<T>(need: PinNeed, work: (session: Session) => Promise<T>, mayBlock = false): Promise<T> {
    if (this.#isVerified(need)) return this.#sessions.run(need, work);
    const cached = this.#cache.take(need.role);
    if (cached !== undefined) {
      const outcome = await this.#showThen(need, { secret: cached, lastTry: false }, work, true);
      if (outcome !== ASK_INSTEAD) return outcome;
    }
    const { lastTry, secret } = await this.#ask(need);
    return this.#showAsked(need, { secret, lastTry: lastTry || mayBlock }, work);
  }

  /** Has a PIN changed at the reader's pad. */
  async changeAtPad(need: PinNeed, mayBlock: boolean): Promise<void> {
    const { operation, role } = need;
    await this.#sessions.run(need, async (session) => {
      const pin = this.described(role, operation);
      await this.checkTries(session, pin, mayBlock, operation);
      forgetVerified(session);
      this.#cache.forget(role);
      await this.#enterAtPad("change", session, pin, need);
    });
  }

  /** Runs work after this PIN was shown. */
  async withGiven<T>(
    need: PinNeed,
    pin: PinValue,
    mayBlock: boolean,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const described = this.described(need.role, need.operation);
    return this.#showAsked(need, { secret: this.secretOf(pin, described, need.operation), lastTry: mayBlock }, work);
  }

  /** The PIN of a role, where it is one that is sent. @throws unsupported-feature (the card has none, or a key in its place) */
  sent(role: PinRole, operation: string): PinDescription {
    const pin = this.described(role, operation);
    if (pin.kind === "pin") return pin;
    const message = `the ${pin.name} of ${this.#sessions.card.label} is no PIN: it answers a challenge, with authenticate() or as secret of unblock()`;
    throw new SmartCardError("unsupported-feature", message, this.#place(operation));
  }

  /** The PIN of a role. @throws unsupported-feature (this card has none) */
  described(role: PinRole, operation: string): PinDescription {
    const { label, pins } = this.#sessions.card;
    const pin = pins.find((one) => one.role === role);
    if (pin !== undefined) return pin;
    const known = pins.map((one) => one.role).join(", ") || "none";
    const message = `${label} has no PIN for the role ${role}; its roles: ${known}`;
    throw new SmartCardError("unsupported-feature", message, this.#place(operation));
  }

  /** A PIN in bytes that will be cleared; the caller's are left alone. @throws invalid-chv (too short or too long) */
  secretOf(pin: PinValue, { leastBytes, mostBytes, name }: PinDescription, operation: string): SecretBytes {
    if (typeof pin !== "string" && !isBytes(pin)) {
      const message = `the ${name} is ${kindOf(pin)}; give a string, or a Uint8Array, which can be cleared`;
      throw new SmartCardError("invalid-parameter", message, this.#place(operation));
    }
    const bytes = typeof pin === "string" ? new TextEncoder().encode(pin) : copyBytes(pin);
    if (bytes.length >= leastBytes && bytes.length <= mostBytes) return new SecretBytes(bytes);
    zeroBytes(bytes);
    const message = `the ${name} given has ${bytes.length} bytes, and it has ${leastBytes} to ${mostBytes}; nothing was sent to the card`;
    throw new SmartCardError("invalid-chv", message, this.#place(operation));
  }

  /**
   * Refuses a PIN without tries, and one with a last try that the user has not confirmed.
   *
   * @throws chv-blocked, security-violation
   */
  async checkTries({ card }: Session, pin: PinDescription, mayBlock: boolean, operation: string): Promise<void> {
    const tries = await card.triesLeft?.(pin.role);
    if (tries === 0) {
      this.#cache.forget(pin.role);
      throw blocked(pin, { ...this.#place(operation), triesLeft: 0 });
    }
    if (tries === 1 && !mayBlock) throw lastTry(pin, this.#place(operation));
  }

  async #showAsked<T>(need: PinNeed, shown: Shown, work: (session: Session) => Promise<T>): Promise<T> {
    const outcome = await this.#showThen(need, shown, work, false);
    if (outcome === ASK_INSTEAD) throw new TypeError("a PIN that was given is sent or refused");
    return outcome;
  }

  async #showThen<T>(
    need: PinNeed,
    { lastTry: mayBlock, secret }: Shown,
    work: (session: Session) => Promise<T>,
    isCached: boolean,
  ): Promise<T | typeof ASK_INSTEAD> {
    const { operation, role } = need;
    try {
      return await this.#sessions.run<T | typeof ASK_INSTEAD>(need, async (session) => {
        const pin = this.described(role, operation);
        try {
          await this.checkTries(session, pin, mayBlock, operation);
        } catch (error) {
          // The PIN may have been changed by another program, and is shown only if the user says so.
          const asks = isCached && error instanceof SmartCardError && error.code === "security-violation";
          if (!asks || this.#prompt === undefined) throw error;
          this.#cache.forget(role);
          return ASK_INSTEAD;
        }
        await this.#show(session, need, secret, isCached);
        return work(session);
      });
    } finally {
      if (secret !== "pad") secret.release();
    }
  }

  async #show(session: Session, need: PinNeed, secret: SecretBytes | "pad", isCached: boolean): Promise<void> {
    const { card, verified } = session;
    const { container, operation, role } = need;
    const scope = scopeOf(card, role, container);
    // A wrong PIN takes a right one back.
    session.isShown = true;
    verified.delete(scope);
    if (secret === "pad") {
      await this.#enterAtPad("verify", session, this.described(role, operation), need);
      card.verifiedAtPad?.(role, container);
      verified.add(scope);
      return;
    }
    if (card.verify === undefined) {
      const message = `${card.label} takes no PIN through this module`;
      throw new SmartCardError("unsupported-feature", message, this.#place(operation));
    }
    try {
      await secret.use(async (bytes) => {
        const copy = copyBytes(bytes);
        try {
          await card.verify?.(role, copy, container);
        } finally {
          zeroBytes(copy);
        }
        verified.add(scope);
        // The time of a cached one counts from when it was entered.
        if (!isCached) this.#cache.keep(role, bytes);
      });
    } catch (error) {
      const isWrong = error instanceof SmartCardError && (error.code === "wrong-chv" || error.code === "chv-blocked");
      if (isWrong) this.#cache.forget(role);
      throw error;
    }
  }

  async #enterAtPad(
    what: "verify" | "change",
    { card }: Session,
    pin: PinDescription,
    { container, operation, role, wait }: PinNeed,
  ): Promise<void> {
    const command = card.pinPad?.(what, role, container);
    if (command === undefined) {
      const message = `the ${pin.name} of ${card.label} cannot be ${what === "verify" ? "entered" : "changed"} at a PIN pad; give openCard() a function pin that asks for it`;
      throw new SmartCardError("unsupported-feature", message, this.#place(operation));
    }
    const signal = wait.signal === undefined ? {} : { signal: wait.signal };
    const word = await this.#pad.enter(what, command, pin, this.#place(operation), signal);
    if (word === sw.success) return;
    const left = triesIn(word) ?? (await card.triesLeft?.(role));
    throw pinFailure(word, pin, this.#place(operation), left);
  }

  /** Whether the transaction that the caller holds has the PIN already, and neither key nor policy wants it again. */
  #isVerified({ container, role }: PinNeed): boolean {
    if (container?.pinPolicy === "always" || this.#cache.alwaysPrompts(role)) return false;
    const { card, heldVerified } = this.#sessions;
    return heldVerified?.has(scopeOf(card, role, container)) === true;
  }

  async #ask(need: PinNeed): Promise<Shown> {
    const { container, operation, role, wait } = need;
    const pin = this.described(role, operation);
    const prompt = this.#prompt;
    if (prompt === undefined) throw this.#cache.missing(role, pin.name, this.#place(operation));
    if (prompt === "pad") return { secret: "pad", lastTry: false };
    const { card } = this.#sessions;
    const hasPad = card.pinPad?.("verify", role, container) !== undefined && (await this.#pad.has("verify"));
    const triesLeft = await this.#sessions.run({ ...need, repeat: true }, async ({ card }) => card.triesLeft?.(role));
    if (triesLeft === 0) throw blocked(pin, { ...this.#place(operation), triesLeft: 0 });
    const { leastBytes, mostBytes, name } = pin;
    const request = {
      ...{ role, name, operation, container, triesLeft, leastBytes, mostBytes },
      ...{ reader: this.#reader, card: card.label, isLastTry: triesLeft === 1, hasPad, signal: wait.signal },
    };
    const asked = Promise.resolve().then(() => prompt(request));
    const signal = wait.signal === undefined ? {} : { signal: wait.signal };
    try {
      return this.#shown(await orGiveUp(this.#clock, asked, signal, this.#place(operation)), pin, operation);
    } finally {
      // Also what comes after the operation was aborted.
      void asked.then(wipe).catch(() => undefined);
    }
  }

  #shown(answer: PinAnswer, pin: PinDescription, operation: string): Shown {
    if (answer === undefined || answer === null) {
      const message = `the user gave no ${pin.name}: the function pin of openCard() returned nothing`;
      throw new SmartCardError("cancelled-by-user", message, this.#place(operation));
    }
    const isBare = typeof answer === "string" || isBytes(answer) || typeof answer !== "object";
    const given = isBare ? { pin: answer as PinValue } : answer;
    if ("pad" in given) return { secret: "pad", lastTry: given.lastTry === true };
    return { secret: this.secretOf(given.pin, pin, operation), lastTry: given.lastTry === true };
  }

  #place(operation: string): FailurePlace {
    return { reader: this.#reader, operation };
  }
}

/** What was verified may not be so any more: a PIN is replaced now. */
export function forgetVerified(session: Session): void {
  session.isShown = true;
  session.verified.clear();
}

/** Which keys one verification is good for. */
function scopeOf(card: Session["card"], role: PinRole, container: KeyContainer | undefined): string {
  return card.scope?.(role, container) ?? role;
}

function wipe(answer: PinAnswer): void {
  if (isBytes(answer)) zeroBytes(answer);
  else if (typeof answer === "object" && answer !== null && "pin" in answer && isBytes(answer.pin))
    zeroBytes(answer.pin);
}
