// SPDX-License-Identifier: MIT

import { type AccessDecision, type AccessSubject, type Clock, decideAccess, type PeerRule } from "../../port/index.ts";
import type { BytePipe, BytePipeEvents } from "./byte-pipe.ts";
import type { VpcdReader } from "./reader.ts";

/** One entry of a vpcd listener's log: plain data, with no APDU in it. */
export interface VpcdLogEntry {
  readonly level: "info" | "warn";
  readonly message: string;
  /** The reader that it is about; absent where it is about all of a listener. */
  readonly reader?: VpcdReader;
  /** The program that is the card, or wanted to be: its effective user, and where the system tells them its process and what it runs. */
  readonly uid?: number;
  readonly pid?: number;
  readonly program?: string;
  /** Which rule of `access` refused it, counted from 0. */
  readonly rule?: number;
  /** Why a card was unplugged, or why it is not known who wanted to be one. */
  readonly reason?: string;
  /** How long the card was in, in milliseconds. */
  readonly pluggedMs?: number;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Where a listener tells what happens. Must not throw. */
export type VpcdLog = (entry: VpcdLogEntry) => void;

/** What a door decides by. */
export interface CardDoorOptions {
  readonly reader: VpcdReader;
  readonly clock: Clock;
  readonly log: VpcdLog;
  /** The first that matches counts. Where none does, the user of this process and root may be the card. */
  readonly rules: readonly PeerRule[];
  /** Effective user of this process; undefined where users have no numbers. */
  readonly ownUid: number | undefined;
  /**
   * Whether a program that the system tells nothing of may be the card where no rule matches: where the system itself keeps
   * others out, or where there is no way to know.
   */
  readonly admitsUnknown: boolean;
  /** What to do where it is not known who wants to be the card. */
  readonly unknownRemedy: string;
}

/** Who wants to be the card. */
export interface CardPeer extends AccessSubject {
  /** Why the system does not tell who it is. */
  readonly reason?: string;
}

/**
 * The door of a vpcd reader: decides who may be the card before a byte goes to the connection, because the card sees the PINs
 * that programs send to it, and tells in the log who plugged in, who was refused, and who is gone.
 */
export class CardDoor {
  readonly #options: CardDoorOptions;

  constructor(options: CardDoorOptions) {
    this.#options = options;
  }

  /**
   * Makes a connection the card, or closes it: where its program may not be the card, where there is a card already, and
   * where the reader is over.
   *
   * @returns where the platform reports what happens to the connection; undefined where it was closed
   */
  admit(pipe: BytePipe, peer: CardPeer): BytePipeEvents | undefined {
    const { clock, log, reader } = this.#options;
    const decision = this.#decide(peer);
    if (!decision.allowed) {
      log({
        level: "warn",
        message: "refused: a program may not be the card of a reader",
        ...this.#refusal(peer, decision),
      });
      pipe.close("it may not be the card");
      return undefined;
    }
    const events = reader.attach(pipe);
    if (events === undefined) return undefined;
    const who = { reader, ...knownOf(peer) };
    const since = clock.now();
    log({ level: "info", message: "a card was plugged in", ...who });
    return {
      received: (bytes) => events.received(bytes),
      closed: (reason) => {
        const pluggedMs = Math.round(clock.now() - since);
        log({ level: "info", message: "a card was unplugged", ...who, reason, pluggedMs });
        events.closed(reason);
      },
    };
  }

  #decide(peer: CardPeer): AccessDecision {
    const { admitsUnknown, ownUid, rules } = this.#options;
    const decision = decideAccess(rules, peer);
    if (decision.rule !== undefined) return decision;
    const uid = peer.credentials?.uid;
    const allowed = uid === undefined ? admitsUnknown : uid === 0 || uid === ownUid;
    return { allowed, rule: undefined };
  }

  #refusal(peer: CardPeer, { rule }: AccessDecision): Omit<VpcdLogEntry, "level" | "message"> {
    const uid = peer.credentials?.uid;
    const allow = JSON.stringify({ effect: "allow", uid });
    const where = rule === undefined ? `into "access" of the reader` : `before rule ${rule} of "access" of the reader`;
    const remedy = uid === undefined ? this.#options.unknownRemedy : `to allow it, put ${allow} ${where}`;
    const { reason } = peer;
    return {
      reader: this.#options.reader,
      ...knownOf(peer),
      ...(rule !== undefined && { rule }),
      ...(reason !== undefined && { reason }),
      remedy,
    };
  }
}

function knownOf({ credentials, program }: AccessSubject): Pick<VpcdLogEntry, "uid" | "pid" | "program"> {
  return {
    ...(credentials !== undefined && { uid: credentials.uid }),
    ...(credentials?.pid !== undefined && { pid: credentials.pid }),
    ...(program !== undefined && { program: program.path ?? program.name }),
  };
}

/** Whether rules admit any program, also one that the system tells nothing of: then nothing is checked. */
export function admitsAnybody(rules: readonly PeerRule[]): boolean {
  const decision = decideAccess(rules, { credentials: undefined, program: undefined });
  return decision.allowed && decision.rule !== undefined;
}
