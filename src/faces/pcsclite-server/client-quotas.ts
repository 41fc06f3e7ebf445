// SPDX-License-Identifier: MIT

import { type ClientIdentity, SmartCardError } from "../../port/index.ts";
import type { ServerLimits } from "./limits.ts";

/** A session whose bytes are counted. */
export interface Holding {
  readonly identity: ClientIdentity;
  /** Ends the session at once, and gives back what is held for it. */
  drop(reason: string): void;
}

/** The share of one user. */
interface Usage {
  sessions: number;
  connections: number;
  bytes: number;
}

/**
 * Counts what is held for clients, in all and for each user, and enforces the limits. Root (uid 0), and clients of an unknown
 * user, have no share of their own: only the total limits them.
 */
export class ClientQuotas {
  readonly #limits: ServerLimits;
  readonly #users = new Map<number | undefined, Usage>();
  readonly #bytes = new Map<Holding, number>();
  readonly #total: Usage = { sessions: 0, connections: 0, bytes: 0 };

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** Bytes that are held for all clients together. */
  get bytes(): number {
    return this.#total.bytes;
  }

  /** Counts a session. False, and nothing is counted, where there are too many. */
  begin({ identity }: Holding): boolean {
    const { sessions, sessionsPerUid } = this.#limits;
    if (this.#total.sessions >= sessions) return false;
    if (isBound(identity) && (this.#users.get(identity.uid)?.sessions ?? 0) >= sessionsPerUid) return false;
    this.#count(identity, "sessions", 1);
    return true;
  }

  /** Counts a session, and what is held for it, no more. */
  end(holding: Holding): void {
    this.hold(holding, 0);
    this.#count(holding.identity, "sessions", -1);
  }

  /** Counts a connection. @throws no-memory where there are too many */
  connect(identity: ClientIdentity): void {
    const { connections, connectionsPerUid } = this.#limits;
    const own = this.#users.get(identity.uid)?.connections ?? 0;
    if (this.#total.connections >= connections || (isBound(identity) && own >= connectionsPerUid)) {
      const whose = this.#total.connections >= connections ? "of all users" : `of user ${identity.uid}`;
      throw new SmartCardError("no-memory", `there are too many connections ${whose}: disconnect those not in use`);
    }
    this.#count(identity, "connections", 1);
  }

  disconnect(identity: ClientIdentity, connections = 1): void {
    this.#count(identity, "connections", -connections);
  }

  /**
   * Sets how many bytes are held for a session. Above a limit, the largest sessions are dropped: those of that user, or of the
   * largest user.
   */
  hold(holding: Holding, bytes: number): void {
    const before = this.#bytes.get(holding) ?? 0;
    if (bytes === before) return;
    if (bytes === 0) this.#bytes.delete(holding);
    else this.#bytes.set(holding, bytes);
    this.#count(holding.identity, "bytes", bytes - before);
    if (bytes < before) return;
    const { clientBytes, clientBytesPerUid } = this.#limits;
    const own = (): number => this.#users.get(holding.identity.uid)?.bytes ?? 0;
    while (isBound(holding.identity) && own() > clientBytesPerUid) this.#dropLargest(holding.identity.uid);
    while (this.#total.bytes > clientBytes) this.#dropLargest(this.#largestUser());
  }

  #largestUser(): number | undefined {
    let [largest, most]: [number | undefined, number] = [undefined, -1];
    for (const [uid, { bytes }] of this.#users) if (bytes > most) [largest, most] = [uid, bytes];
    return largest;
  }

  #dropLargest(uid: number | undefined): void {
    let [largest, most]: [Holding | undefined, number] = [undefined, 0];
    for (const [holding, bytes] of this.#bytes) {
      if (holding.identity.uid === uid && bytes > most) [largest, most] = [holding, bytes];
    }
    if (largest === undefined) throw new SmartCardError("internal-error", "bytes are counted that no session holds");
    largest.drop(`too much is held for the clients of user ${uid ?? "unknown"}: this one had ${most} bytes`);
    // It no longer counts, even if its end fails.
    this.hold(largest, 0);
  }

  #count({ uid }: ClientIdentity, what: keyof Usage, difference: number): void {
    const share = this.#users.get(uid) ?? { sessions: 0, connections: 0, bytes: 0 };
    share[what] += difference;
    this.#total[what] += difference;
    if (share.sessions === 0 && share.connections === 0 && share.bytes === 0) this.#users.delete(uid);
    else this.#users.set(uid, share);
  }
}

/** Whether a client is held to a user's share. */
function isBound({ uid }: ClientIdentity): boolean {
  return uid !== undefined && uid !== 0;
}
