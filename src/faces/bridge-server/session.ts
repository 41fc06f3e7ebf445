// SPDX-License-Identifier: MIT

import { encodeHex, zeroBytes } from "../../base/binary/index.ts";
import { type CancelTimer, within } from "../../port/index.ts";
import {
  BRIDGE_VERSION,
  closeCodes,
  decodePageMessage,
  encodeServiceMessage,
  type PageMessage,
  type ServiceMessage,
  TOKEN_BYTES,
} from "../../wire/bridge/index.ts";
import { PageCalls } from "./calls.ts";
import { GrantedManager } from "./granted-manager.ts";
import { grantOf, maySee } from "./grants.ts";
import type { CheckedBridgeOptions } from "./options.ts";
import type { Pairing } from "./pairing.ts";
import type { BridgePipe } from "./ports.ts";

/** What a session is made with. */
export interface BridgeSessionOptions extends CheckedBridgeOptions {
  readonly origin: string;
  readonly pipe: BridgePipe;
  readonly pairing: Pairing;
  /** Whether the page needs no pairing: the program that has the page has made the connection itself. */
  readonly isTrusted: boolean;
  /** Whether one more page of the origin may be served, and whether one more may wait for a pairing code. */
  readonly mayOpen: () => boolean;
  readonly mayPair: () => boolean;
  /** A pairing was kept: an older one may have been forgotten for it. */
  readonly remembered: () => void;
  readonly ended: () => void;
}

/** A message that belongs to a page that is paired. */
type PageCall = Exclude<PageMessage, { readonly kind: "hello" | "pair" }>;

/** The connection of one page: first the pairing, then its calls. */
export class BridgeSession {
  readonly #options: BridgeSessionOptions;
  #state: "new" | "pairing" | "keeping" | "open" | "ended" = "new";
  /** The hash of the secret that the page has shown. */
  #token: string | undefined;
  #grant: string | undefined;
  #calls: PageCalls | undefined;
  #manager: GrantedManager | undefined;
  #isPaused = false;
  #cancelLimit: CancelTimer;

  constructor(options: BridgeSessionOptions) {
    this.#options = options;
    const { clock, limits } = options;
    const late = (): void => this.#end(closeCodes.malformed, "no message came");
    this.#cancelLimit = clock.schedule(limits.helloMs, "bridge: first message", late, { background: true });
  }

  /** What it waits for: the first message, the pairing code, the keeping of the pairing, or calls. */
  get state(): "new" | "pairing" | "keeping" | "open" | "ended" {
    return this.#state;
  }

  /** Takes one message of the page. Its bytes are cleared. */
  received(encoded: Uint8Array): void {
    if (this.#state === "ended") return;
    const decoded = decodePageMessage(encoded);
    zeroBytes(encoded);
    if (decoded.ok) this.#take(decoded.value);
    else this.#end(closeCodes.malformed, `malformed message: ${decoded.error.message}`);
    this.#watchOutput();
  }

  /** The page has taken some of what was sent. */
  drained(): void {
    this.#watchOutput();
  }

  /** The connection has ended. Settles when all that the page had is given back. */
  async closed(): Promise<void> {
    if (this.#state !== "ended") this.#release();
    await this.#over;
  }

  /** Ends the connection. */
  end(code: number, reason: string): void {
    if (this.#state !== "ended") this.#end(code, reason);
  }

  /** The list of origins was changed: a page whose pairing or grants are not the same any more is sent away. */
  originsChanged(): void {
    if (this.#state === "ended") return;
    const own = this.#options.origins.all().find(({ origin }) => origin === this.#options.origin);
    const isPaired = this.#token === undefined || own?.tokens.includes(this.#token) === true;
    if (own === undefined || !isPaired) this.end(closeCodes.revoked, "the pairing was revoked");
    else if (this.#grant !== undefined && this.#grant !== grantOf(this.#options.origin, this.#options.origins))
      this.end(closeCodes.revoked, "the readers of this origin have changed");
  }

  #take(message: PageMessage): void {
    if (message.kind === "hello" && this.#state === "new") this.#greet(message);
    else if (message.kind === "pair" && this.#state === "pairing") void this.#pair(message.code);
    else if (message.kind !== "hello" && message.kind !== "pair" && this.#state === "open") this.#call(message);
    else this.#end(closeCodes.malformed, `${message.kind} has no place here`);
  }

  #greet({ token, version }: Extract<PageMessage, { readonly kind: "hello" }>): void {
    if (version !== BRIDGE_VERSION) {
      this.#end(closeCodes.version, `the page speaks version ${version}, and the bridge version ${BRIDGE_VERSION}`);
      return;
    }
    if (this.#options.isTrusted) {
      this.#open(undefined);
      return;
    }
    const hash = token && encodeHex(this.#options.sha256(token));
    if (token) zeroBytes(token);
    const own = this.#options.origins.all().find(({ origin }) => origin === this.#options.origin);
    if (hash === undefined || !own?.tokens.includes(hash)) this.#askForCode();
    else if (this.#options.mayOpen()) this.#open(hash);
    else this.#end(closeCodes.tooMany, "too many connections");
  }

  #askForCode(): void {
    const { clock, limits, mayPair, notice, origin, pairing } = this.#options;
    if (!mayPair()) {
      this.#end(closeCodes.tooMany, "too many pages of this origin wait for a pairing code");
      return;
    }
    const offer = pairing.offer(origin);
    if (offer.kind === "paused") {
      const seconds = Math.ceil(offer.waitMs / 1000);
      this.#end(closeCodes.notPaired, `wrong pairing codes: there is no other one for ${seconds} s`);
      return;
    }
    this.#state = "pairing";
    this.#cancelLimit();
    const late = (): void => this.#end(closeCodes.notPaired, "the pairing code was not typed in in time");
    this.#cancelLimit = clock.schedule(limits.pairingMs, "bridge: pairing code", late, { background: true });
    if (offer.isNew) notice({ kind: "pairing-code", origin, code: offer.code });
    this.#send({ kind: "pairingWanted", triesLeft: offer.triesLeft });
  }

  async #pair(code: string): Promise<void> {
    const { mayOpen, notice, origin, origins, pairing, random, remembered, sha256 } = this.#options;
    const outcome = pairing.attempt(origin, code);
    if (outcome.kind === "wrong") {
      const { triesLeft } = outcome;
      notice({ kind: "wrong-code", origin, triesLeft });
      if (triesLeft > 0) this.#send({ kind: "pairingWanted", triesLeft });
      else this.#end(closeCodes.notPaired, "the pairing code was wrong, or is used up");
      return;
    }
    this.#state = "keeping";
    const token = random.bytes(TOKEN_BYTES);
    const hash = encodeHex(sha256(token));
    try {
      await origins.remember(origin, hash);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notice({ kind: "not-kept", origin, reason });
      this.end(closeCodes.ending, "the pairing cannot be kept: see the terminal of the bridge");
      return;
    }
    if (this.#state !== "keeping") return;
    this.#token = hash;
    // This page is looked at, too: its pairing may have been revoked since.
    remembered();
    if (this.#state !== "keeping") return;
    if (!mayOpen()) {
      this.#end(closeCodes.tooMany, "too many connections");
      return;
    }
    notice({ kind: "paired", origin });
    this.#open(hash, token);
    zeroBytes(token);
  }

  #open(hash: string | undefined, token?: Uint8Array): void {
    const { clock, limits, manager, origin, origins, random } = this.#options;
    this.#cancelLimit();
    this.#state = "open";
    this.#token = hash;
    this.#grant = grantOf(origin, origins);
    const granted = new GrantedManager({
      manager,
      sees: (reader) => maySee(origin, reader, origins),
      noReader: `no reader ${encodeHex(random.bytes(16))}`,
      now: () => clock.now(),
    });
    this.#manager = granted;
    this.#calls = new PageCalls({ manager: granted, limits, send: (message) => this.#send(message) });
    this.#send({ kind: "welcome", version: BRIDGE_VERSION, ...(token && { token }) });
  }

  #call(message: PageCall): void {
    const refusal = this.#calls?.take(message);
    if (refusal !== undefined) this.#end(closeCodes.malformed, refusal);
  }

  #send(message: ServiceMessage): void {
    if (this.#state === "ended") return;
    this.#options.pipe.send(encodeServiceMessage(message));
    this.#watchOutput();
  }

  /** A page that does not read its answers is not read from either. */
  #watchOutput(): void {
    if (this.#state === "ended") return;
    const { limits, pipe } = this.#options;
    const isFull = pipe.waitingBytes > limits.maxWaitingBytes;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) pipe.pause();
    else pipe.resume();
  }

  #end(code: number, reason: string): void {
    const { notice, origin, pipe } = this.#options;
    if (code !== closeCodes.ending) notice({ kind: "refused", origin, reason });
    this.#release();
    pipe.close(code, reason);
  }

  #over: Promise<void> = Promise.resolve();

  #release(): void {
    this.#state = "ended";
    this.#cancelLimit();
    this.#over = this.#releaseAll().finally(this.#options.ended);
  }

  /** Gives back all that the page had. Where a call does not end, its contexts are released all the same. */
  async #releaseAll(): Promise<void> {
    const { clock, limits } = this.#options;
    const calls = this.#calls?.end().catch(() => undefined);
    if (calls !== undefined) await within(clock, limits.endMs, "bridge: end of a page", calls, () => undefined);
    await this.#manager?.release();
  }
}
