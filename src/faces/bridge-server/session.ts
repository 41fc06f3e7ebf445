// SPDX-License-Identifier: MIT

import { encodeHex, zeroBytes } from "../../base/binary/index.ts";
import { type CancelTimer, within } from "../../port/index.ts";
import {
  BRIDGE_VERSION,
  type BridgeMeeting,
  closeCodes,
  decodePageMessage,
  encodeServiceMessage,
  type PageMessage,
  PROOF_BYTES,
  type ServiceMessage,
  versionOfPage,
} from "../../wire/bridge/index.ts";
import { clearBytes, PageCalls } from "./calls.ts";
import { GrantedManager } from "./granted-manager.ts";
import { grantOf, maySee } from "./grants.ts";
import type { CheckedBridgeOptions } from "./options.ts";
import type { Pairing } from "./pairing.ts";
import type { BridgeCrypto, BridgeOrigin, BridgePairing, BridgePipe } from "./ports.ts";
import { CodeExchange, isPageProof, serviceProof } from "./proofs.ts";

/** What a session is made with. */
export interface BridgeSessionOptions extends CheckedBridgeOptions {
  readonly origin: string;
  readonly pipe: BridgePipe;
  readonly pairing: Pairing;
  /** Whether the page needs no pairing: the program that has the page has made the connection itself. */
  readonly isTrusted: boolean;
  /** Whether one more page of the origin may be served. */
  readonly mayOpen: () => boolean;
  /** Makes place for one more page that waits for a pairing code. */
  readonly makePlace: () => void;
  /** A pairing was kept: an older one may have been forgotten for it. */
  readonly remembered: () => void;
  readonly ended: () => void;
}

/** A message that belongs to a page that is paired. */
type PageCall = Exclude<PageMessage, Greeting | { readonly kind: "ping" }>;
/** What a page says before that. */
type Greeting = Extract<PageMessage, { readonly kind: "hello" | "prove" | "pair" }>;
type GreetingOf<K extends Greeting["kind"]> = Extract<Greeting, { readonly kind: K }>;
type State = "new" | "proving" | "pairing" | "keeping" | "open" | "ended";

/** The connection of one page: first the pairing, then its calls. */
export class BridgeSession {
  readonly #options: BridgeSessionOptions;
  #state: State = "new";
  #meeting: BridgeMeeting | undefined;
  #exchange: CodeExchange | undefined;
  /** The name of the pairing that the page has, or says that it has. */
  #pairing: string | undefined;
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

  /** What it waits for: the first message, a proof, the pairing code, the keeping of the pairing, or calls. */
  get state(): State {
    return this.#state;
  }

  /** Takes one message of the page. Its bytes are cleared. */
  received(encoded: Uint8Array): void {
    if (this.#state === "ended") return;
    const version = this.#state === "new" ? versionOfPage(encoded) : undefined;
    const decoded = decodePageMessage(encoded);
    zeroBytes(encoded);
    // What else a message of another version holds, and where, is not known.
    if (version !== undefined && version !== BRIDGE_VERSION)
      this.#end(closeCodes.version, `the page speaks version ${version}, and the bridge version ${BRIDGE_VERSION}`);
    else if (decoded.ok) this.#take(decoded.value);
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
    const isPaired = this.#pairing === undefined || this.#kept(this.#pairing) !== undefined;
    if (this.#own() === undefined || !isPaired) this.end(closeCodes.revoked, "the pairing was revoked");
    else if (this.#grant !== undefined && this.#grant !== grantOf(this.#options.origin, this.#options.origins))
      this.end(closeCodes.revoked, "the readers of this origin have changed");
  }

  #own(): BridgeOrigin | undefined {
    return this.#options.origins.all().find(({ origin }) => origin === this.#options.origin);
  }

  /** What is kept of a pairing of this origin now. */
  #kept(name: string): BridgePairing | undefined {
    return this.#own()?.pairings.find(({ id }) => id === name);
  }

  #take(message: PageMessage): void {
    if (message.kind === "hello" && this.#state === "new") this.#greet(message);
    else if (message.kind === "prove" && this.#state === "proving") this.#prove(message);
    else if (message.kind === "pair" && this.#state === "pairing") void this.#pair(message);
    else if (message.kind === "ping" && this.#state === "open") this.#send({ kind: "pong" });
    else if (!isGreeting(message) && message.kind !== "ping" && this.#state === "open") this.#call(message);
    else {
      clearBytes(message);
      this.#end(closeCodes.malformed, `${message.kind} has no place here`);
    }
  }

  #greet({ nonce, pairing }: GreetingOf<"hello">): void {
    const { crypto, isTrusted, origin, pipe, random } = this.#options;
    if (isTrusted) {
      this.#open();
      return;
    }
    if (crypto === undefined) {
      this.#end(closeCodes.notPaired, "no page can be paired here");
      return;
    }
    const meeting = { origin, address: pipe.address, pageNonce: nonce, serviceNonce: random.bytes(PROOF_BYTES) };
    const kept = pairing && this.#kept(encodeHex(pairing));
    if (kept === undefined) {
      this.#askForCode(meeting, crypto);
      return;
    }
    this.#meeting = meeting;
    this.#pairing = kept.id;
    this.#state = "proving";
    this.#send({ kind: "challenge", nonce: meeting.serviceNonce, proof: serviceProof(crypto, kept, meeting) });
  }

  /** A proof is about the nonces of this connection: one of another connection is wrong here. */
  #prove({ proof }: GreetingOf<"prove">): void {
    const { crypto } = this.#options;
    const kept = this.#pairing === undefined ? undefined : this.#kept(this.#pairing);
    const isRight =
      kept !== undefined &&
      this.#meeting !== undefined &&
      crypto !== undefined &&
      isPageProof(crypto, kept, this.#meeting, proof);
    if (!isRight) this.#end(closeCodes.notPaired, "the proof of the pairing is wrong");
    else if (this.#options.mayOpen()) this.#open();
    else this.#end(closeCodes.tooMany, "too many connections");
  }

  #askForCode(meeting: BridgeMeeting, crypto: BridgeCrypto): void {
    const { clock, limits, makePlace, notice, origin, pairing } = this.#options;
    const offer = pairing.offer(origin);
    if (offer.kind === "paused") {
      const seconds = Math.ceil(offer.waitMs / 1000);
      this.#end(closeCodes.notPaired, `wrong pairing codes: there is no other one for ${seconds} s`);
      return;
    }
    makePlace();
    this.#state = "pairing";
    this.#cancelLimit();
    const late = (): void => this.#end(closeCodes.notPaired, "the pairing code was not typed in in time");
    this.#cancelLimit = clock.schedule(limits.pairingMs, "bridge: pairing code", late, { background: true });
    if (offer.isNew) notice({ kind: "pairing-code", origin, code: offer.code });
    this.#offer(offer.code, offer.triesLeft, meeting, crypto);
  }

  /** Each try has a share of its own: what a page learns of one is no good for the next. */
  #offer(code: string, triesLeft: number, meeting: BridgeMeeting, crypto: BridgeCrypto): void {
    const { random } = this.#options;
    this.#meeting = meeting;
    this.#exchange = new CodeExchange(crypto, random, code, meeting);
    this.#send({ kind: "pairingWanted", triesLeft, nonce: meeting.serviceNonce, share: this.#exchange.share });
  }

  async #pair({ proof, share }: GreetingOf<"pair">): Promise<void> {
    const { crypto, notice, origin, pairing, random } = this.#options;
    const [exchange, meeting] = [this.#exchange, this.#meeting];
    if (crypto === undefined || exchange === undefined || meeting === undefined) return;
    const agreed = exchange.finish(share, proof);
    const outcome = pairing.attempt(origin, exchange.code, agreed !== undefined);
    if (agreed !== undefined && outcome.kind === "right") {
      this.#state = "keeping";
      await this.#keep(agreed.pairing, agreed.proof);
      return;
    }
    const triesLeft = outcome.kind === "wrong" ? outcome.triesLeft : 0;
    notice({ kind: "wrong-code", origin, triesLeft });
    const next = { ...meeting, serviceNonce: random.bytes(PROOF_BYTES) };
    if (triesLeft > 0) this.#offer(exchange.code, triesLeft, next, crypto);
    else this.#end(closeCodes.notPaired, "the pairing code was wrong, or is used up");
  }

  async #keep(kept: BridgePairing, proof: Uint8Array): Promise<void> {
    const { mayOpen, notice, origin, origins, remembered } = this.#options;
    try {
      await origins.remember(origin, kept);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      notice({ kind: "not-kept", origin, reason });
      this.end(closeCodes.ending, "the pairing cannot be kept: see the terminal of the bridge");
      return;
    }
    if (this.#state !== "keeping") return;
    this.#pairing = kept.id;
    // This page is looked at, too: its pairing may have been revoked since.
    remembered();
    if (this.#state !== "keeping") return;
    if (!mayOpen()) {
      this.#end(closeCodes.tooMany, "too many connections");
      return;
    }
    notice({ kind: "paired", origin });
    this.#open(proof);
  }

  #open(proof?: Uint8Array): void {
    const { clock, limits, manager, origin, origins, random } = this.#options;
    this.#cancelLimit();
    this.#state = "open";
    this.#grant = grantOf(origin, origins);
    const granted = new GrantedManager({
      manager,
      sees: (reader) => maySee(origin, reader, origins),
      noReader: `no reader ${encodeHex(random.bytes(16))}`,
      now: () => clock.now(),
    });
    this.#manager = granted;
    this.#calls = new PageCalls({ manager: granted, limits, send: (message) => this.#send(message) });
    this.#send({ kind: "welcome", version: BRIDGE_VERSION, ...(proof && { proof }) });
  }

  #call(message: PageCall): void {
    const refusal = this.#calls?.take(message);
    if (refusal !== undefined) this.#end(closeCodes.malformed, refusal);
  }

  #send(message: ServiceMessage): void {
    if (this.#state !== "ended") this.#options.pipe.send(encodeServiceMessage(message));
    clearBytes(message);
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

function isGreeting(message: PageMessage): message is Greeting {
  return message.kind === "hello" || message.kind === "prove" || message.kind === "pair";
}
