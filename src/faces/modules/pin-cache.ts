// SPDX-License-Identifier: MIT

import { SecretBytes, zeroBytes } from "../../base/binary/index.ts";
import { type CancelTimer, type Clock, SmartCardError } from "../../port/index.ts";
import type { PinCachePolicy, PinRole } from "./card-module.ts";
import type { FailurePlace } from "./failures.ts";

/** Policies of single PINs; what is left out has the usual one. */
export type PinCachePolicies = { readonly [role in PinRole]?: PinCachePolicy | undefined };

const USUAL: PinCachePolicy = "process";

/**
 * What holds of two policies: the one that keeps less. The order is that of the minidriver specification's modes, from
 * PinCacheAlwaysPrompt over PinCacheNone and PinCacheTimed to PinCacheNormal.
 */
export function stricterPolicy(one: PinCachePolicy = USUAL, other: PinCachePolicy = USUAL): PinCachePolicy {
  for (const policy of ["always-prompt", "none"] as const) if (one === policy || other === policy) return policy;
  if (typeof one !== "object") return other;
  return typeof other === "object" && other.timedMs < one.timedMs ? other : one;
}

/** The same text for the same policy. */
function textOf(policy: PinCachePolicy): string {
  return typeof policy === "string" ? policy : `${policy.timedMs}`;
}

/**
 * A PIN in memory: a random mask, and the PIN under it, so that its digits stand nowhere while it is kept. Windows enciphers
 * its cached PINs for the same reason.
 */
class MaskedPin {
  readonly #mask: Uint8Array;
  readonly #masked: Uint8Array;

  constructor(pin: Uint8Array, mask: Uint8Array) {
    this.#mask = mask;
    this.#masked = mask.map((byte, at) => byte ^ (pin[at] ?? 0));
  }

  /** The PIN, for one use. */
  shown(): SecretBytes {
    return new SecretBytes(this.#masked.map((byte, at) => byte ^ (this.#mask[at] ?? 0)));
  }

  wipe(): void {
    zeroBytes(this.#mask);
    zeroBytes(this.#masked);
  }
}

interface Entry {
  readonly role: PinRole;
  readonly policy: string;
  readonly pin: MaskedPin;
  readonly isOver: () => boolean;
  readonly cancel: CancelTimer;
}

/** What a PIN is kept with. */
interface Keeping {
  readonly role: PinRole;
  readonly policy: PinCachePolicy;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** The cached PINs of one card: all that have opened it share them. */
export class CardPins {
  readonly eventCount: number;
  readonly #ended: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #expired = new Set<string>();
  #holders = 0;
  #isGone = false;

  /** @param eventCount of the reader when the card was opened: it tells whether the card was pulled meanwhile */
  constructor(eventCount: number, ended: () => void) {
    this.eventCount = eventCount;
    this.#ended = ended;
  }

  /** Whether any PIN is kept. */
  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  join(): void {
    this.#holders++;
  }

  /** The last one that leaves clears all. */
  leave(): void {
    if (--this.#holders === 0) this.end();
  }

  /** The card was pulled, or no one has it open any more: clears all, and keeps nothing from now on. */
  end(): void {
    if (this.#isGone) return;
    this.clear();
    this.#isGone = true;
    this.#ended();
  }

  keep({ clock, policy, randomBytes, role }: Keeping, pin: Uint8Array): void {
    if (policy === "none" || policy === "always-prompt" || this.#isGone) return;
    const key = keyOf(role, policy);
    this.#drop(key);
    this.#expired.delete(key);
    const isTimed = typeof policy === "object";
    const end = isTimed ? clock.now() + policy.timedMs : Number.POSITIVE_INFINITY;
    const expire = (): void => {
      this.#drop(key);
      this.#expired.add(key);
    };
    const entry: Entry = {
      role,
      policy: textOf(policy),
      pin: new MaskedPin(pin, randomBytes(pin.length)),
      isOver: () => clock.now() >= end,
      cancel: isTimed
        ? clock.schedule(policy.timedMs, "end of a cached PIN", expire, { background: true })
        : () => undefined,
    };
    this.#entries.set(key, entry);
  }

  /** The PIN, for one use; undefined where none is kept under this policy, or its time is over. */
  take(role: PinRole, policy: PinCachePolicy): SecretBytes | undefined {
    const key = keyOf(role, policy);
    const entry = this.#entries.get(key);
    if (entry?.isOver()) {
      this.#drop(key);
      this.#expired.add(key);
      return undefined;
    }
    return entry?.pin.shown();
  }

  hasExpired(role: PinRole, policy: PinCachePolicy): boolean {
    return this.#expired.has(keyOf(role, policy));
  }

  /** Clears a PIN under all policies, or under all but this one. */
  forget(role: PinRole, except?: PinCachePolicy): void {
    for (const [key, entry] of [...this.#entries])
      if (entry.role === role && (except === undefined || entry.policy !== textOf(except))) this.#drop(key);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
    this.#expired.clear();
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    entry?.cancel();
    entry?.pin.wipe();
    this.#entries.delete(key);
  }
}

function keyOf(role: PinRole, policy: PinCachePolicy): string {
  return `${role} ${textOf(policy)}`;
}

/** The cached PINs of all cards that a process has open. */
export class PinCaches {
  readonly #cards = new Map<string, CardPins>();
  readonly #all = new Set<CardPins>();

  /**
   * The cached PINs of a card; they are empty where it was pulled since it was opened the last time.
   *
   * @param card names it; undefined for one that nothing tells apart from others of its kind, whose PINs are not shared
   * @param eventCount of its reader
   */
  of(card: string | undefined, eventCount: number): CardPins {
    const known = card === undefined ? undefined : this.#cards.get(card);
    if (known?.eventCount === eventCount) return known;
    known?.end();
    const pins: CardPins = new CardPins(eventCount, () => {
      this.#all.delete(pins);
      if (card !== undefined && this.#cards.get(card) === pins) this.#cards.delete(card);
    });
    this.#all.add(pins);
    if (card !== undefined) this.#cards.set(card, pins);
    return pins;
  }

  /** Clears all PINs: the process ends. */
  end(): void {
    for (const pins of [...this.#all]) pins.end();
  }
}

/** What the cache of an open card needs. */
export interface PinCacheOptions {
  readonly pins: CardPins;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  /** What holds of a PIN now: the card is read anew after a reset. */
  readonly policyOf: (role: PinRole) => PinCachePolicy;
  /** Called when a PIN is kept: from now on it matters that the card is pulled. */
  readonly kept: () => void;
}

/** The PINs that one open card keeps and finds, by its policies. */
export class PinCache {
  readonly #options: PinCacheOptions;
  readonly #policies = new Map<PinRole, PinCachePolicy>();
  #hasLeft = false;

  /** @param roles of the card's PINs: what is kept of them under another policy is cleared */
  constructor(options: PinCacheOptions, roles: readonly PinRole[]) {
    this.#options = options;
    options.pins.join();
    for (const role of roles) {
      const policy = options.policyOf(role);
      this.#policies.set(role, policy);
      options.pins.forget(role, policy);
    }
  }

  /** Whether any PIN of the card is kept. */
  get isEmpty(): boolean {
    return this.#options.pins.isEmpty;
  }

  /** Whether each operation asks for the PIN, even where it was shown in the same transaction. */
  alwaysPrompts(role: PinRole): boolean {
    return this.#policyNow(role) === "always-prompt";
  }

  /** Keeps a copy of a PIN that the card has accepted. */
  keep(role: PinRole, pin: Uint8Array): void {
    const { clock, kept, pins, randomBytes } = this.#options;
    if (this.#hasLeft) return;
    pins.keep({ role, policy: this.#policyNow(role), clock, randomBytes }, pin);
    if (!pins.isEmpty) kept();
  }

  /** A copy for one use; undefined where none is kept. */
  take(role: PinRole): SecretBytes | undefined {
    return this.#options.pins.take(role, this.#policyNow(role));
  }

  /** The error for an operation that needs a PIN when there is no function that asks for it. */
  missing(role: PinRole, name: string, place: FailurePlace): SmartCardError {
    const policy = this.#policyNow(role);
    if (policy === "none" || policy === "always-prompt") {
      const how =
        policy === "none" ? ", or call verifyPin() and the operation in one transaction()" : ": each operation asks it";
      const message = `the card needs the ${name}, and the policy of its cache is ${policy}; give openCard() a function pin${how}`;
      return new SmartCardError("no-pin-cache", message, place);
    }
    const remedy = "call verifyPin() again, or give openCard() a function pin that asks for it";
    if (this.#options.pins.hasExpired(role, policy))
      return new SmartCardError("pin-cache-expired", `the time of the cached ${name} is over; ${remedy}`, place);
    const message = `the card needs the ${name}, and none is cached; ${remedy}`;
    return new SmartCardError("no-pin-cache", message, place);
  }

  forget(role: PinRole): void {
    this.#options.pins.forget(role);
  }

  /** Clears all PINs of the card. */
  clear(): void {
    this.#options.pins.clear();
  }

  /** The card was pulled. */
  end(): void {
    this.#options.pins.end();
  }

  /** The card is closed. */
  leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#options.pins.leave();
  }

  /** What holds now; what was kept under another policy is cleared. */
  #policyNow(role: PinRole): PinCachePolicy {
    const policy = this.#options.policyOf(role);
    const before = this.#policies.get(role);
    this.#policies.set(role, policy);
    if (before !== undefined && textOf(before) !== textOf(policy)) this.#options.pins.forget(role, policy);
    return policy;
  }
}
