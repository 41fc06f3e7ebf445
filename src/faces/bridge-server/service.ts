// SPDX-License-Identifier: MIT

import { closeCodes } from "../../wire/bridge/index.ts";
import { defaultBridgeLimits } from "./limits.ts";
import type { BridgeServiceOptions, CheckedBridgeOptions } from "./options.ts";
import { Pairing } from "./pairing.ts";
import type { BridgePipe } from "./ports.ts";
import { BridgeSession } from "./session.ts";

/** Why a page may not connect. */
export interface BridgeRefusal {
  /** The status of HTTP that says it. */
  readonly status: 403 | 503;
  readonly reason: string;
}

/**
 * The service that lets pages of listed origins use smart cards. Connections are the platform's: each is asked for with {@link refusal}, then
 * handed to {@link accept}.
 */
export class BridgeService {
  readonly #options: CheckedBridgeOptions;
  readonly #pairing: Pairing;
  readonly #sessions = new Map<BridgeSession, string>();
  /** Origins that the user was told of: once is enough. */
  readonly #unlisted = new Set<string>();
  #hasEnded = false;

  constructor(options: BridgeServiceOptions) {
    this.#options = { ...options, limits: { ...defaultBridgeLimits, ...options.limits } };
    this.#pairing = new Pairing(this.#options);
  }

  /** How many pages are connected. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Why a page of this origin may not connect now; undefined where it may. */
  refusal(origin: string | undefined): BridgeRefusal | undefined {
    const { origins } = this.#options;
    if (origin === undefined || !origins.all().some((listed) => listed.origin === origin)) {
      this.#tellUnlisted(origin);
      return { status: 403, reason: "this origin is not listed" };
    }
    if (this.#hasEnded || !this.#hasPlace(origin)) return { status: 503, reason: "too many connections" };
    return undefined;
  }

  /** Begins to serve a page. Hand the session what arrives, and tell it when the connection has ended. */
  accept(origin: string, pipe: BridgePipe): BridgeSession {
    return this.#accept(origin, pipe, false);
  }

  /** The same for a page that needs no pairing: its program has made the connection itself, as in Electron. */
  acceptTrusted(origin: string, pipe: BridgePipe): BridgeSession {
    return this.#accept(origin, pipe, true);
  }

  #accept(origin: string, pipe: BridgePipe, isTrusted: boolean): BridgeSession {
    const silent = this.#of(origin, "new", "proving");
    if (silent.length >= this.#options.limits.maxSilentSockets)
      silent[0]?.end(closeCodes.tooMany, "too many connections have sent nothing");
    const session: BridgeSession = new BridgeSession({
      ...this.#options,
      origin,
      pipe,
      pairing: this.#pairing,
      isTrusted,
      mayOpen: () => this.#hasPlace(origin),
      makePlace: () => this.#makePlace(origin),
      remembered: () => this.originsChanged(),
      ended: () => this.#sessions.delete(session),
    });
    this.#sessions.set(session, origin);
    return session;
  }

  /** The list of origins was changed: pages that may not go on are sent away. */
  originsChanged(): void {
    for (const session of [...this.#sessions.keys()]) session.originsChanged();
  }

  /** Ends all connections. Settles when all that the pages had is given back. */
  async close(): Promise<void> {
    this.#hasEnded = true;
    const sessions = [...this.#sessions.keys()];
    for (const session of sessions) session.end(closeCodes.ending, "the bridge ends");
    await Promise.all(sessions.map((session) => session.closed()));
  }

  /** A page waits for a pairing code: the one that has waited longest gives its place to it. */
  #makePlace(origin: string): void {
    const waiting = this.#of(origin, "pairing");
    if (waiting.length >= this.#options.limits.maxUnpairedSockets)
      waiting[0]?.end(closeCodes.tooMany, "newer pages of this origin wait for a pairing code");
  }

  /** Whether one more page of an origin may be served. */
  #hasPlace(origin: string): boolean {
    const { limits, origins } = this.#options;
    if (origins.isSure?.() === false) return false;
    const { maxSockets, maxSocketsOfOrigin } = limits;
    const open = [...this.#sessions].filter(([session]) => session.state === "open" || session.state === "ended");
    return open.length < maxSockets && open.filter(([, other]) => other === origin).length < maxSocketsOfOrigin;
  }

  /** The connections of an origin in one of these states, the oldest first. */
  #of(origin: string, ...states: readonly BridgeSession["state"][]): readonly BridgeSession[] {
    return [...this.#sessions]
      .filter(([session, other]) => other === origin && states.includes(session.state))
      .map(([session]) => session);
  }

  #tellUnlisted(origin: string | undefined): void {
    const named = origin ?? "a program that names no origin";
    if (this.#unlisted.has(named) || this.#unlisted.size >= this.#options.limits.maxSockets) return;
    this.#unlisted.add(named);
    this.#options.notice({ kind: "refused", origin: named, reason: "it is not listed" });
  }
}
