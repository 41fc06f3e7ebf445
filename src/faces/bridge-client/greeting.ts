// SPDX-License-Identifier: MIT

import {
  BRIDGE_VERSION,
  type BridgeMeeting,
  type DraftMessage,
  labelBytes,
  meetingBytes,
  PAIRING_ID_BYTES,
  PROOF_BYTES,
  type ServiceMessage,
} from "../../wire/bridge/index.ts";
import { notTheBridge } from "./errors.ts";
import type { BridgePairing, PageCrypto } from "./ports.ts";

/** The messages of a service before the page is let in. */
export type GreetingMessage = Extract<ServiceMessage, { readonly kind: "welcome" | "challenge" | "pairingWanted" }>;

/** What a page says until it is let in. A service that cannot prove itself gets nothing from it. `wire/bridge/proofs.ts` has the rules. */
export class Greeting {
  readonly #pairing: BridgePairing | undefined;
  readonly #asks: (isAsked: boolean) => void;
  #crypto: PageCrypto | undefined;
  #pageNonce: Uint8Array = new Uint8Array(PROOF_BYTES);
  /** The secret of an earlier pairing. */
  #token: Uint8Array | undefined;
  /** The secret of the exchange with a code. */
  #exchanged: Uint8Array | undefined;
  /** Whether the service may let the page in without a further proof. */
  #isProved: boolean;

  /** @param asks told when the user is asked for a code, and when the user has answered */
  constructor(pairing: BridgePairing | undefined, asks: (isAsked: boolean) => void) {
    this.#pairing = pairing;
    this.#asks = asks;
    this.#isProved = pairing === undefined;
  }

  /** The first message. */
  async hello(): Promise<DraftMessage> {
    let name: Uint8Array | undefined;
    if (this.#pairing !== undefined) {
      this.#crypto = this.#pairing.crypto();
      const { random } = this.#crypto;
      this.#pageNonce = random(PROOF_BYTES);
      this.#token = await this.#pairing.tokens.load().catch(() => undefined);
      if (this.#token !== undefined) name = (await this.#derive(this.#token, "name")).slice(0, PAIRING_ID_BYTES);
    }
    return { kind: "hello", version: BRIDGE_VERSION, nonce: this.#pageNonce, pairing: name };
  }

  /** Takes what the service says. @returns what to answer; undefined when the page is let in */
  async take(message: GreetingMessage): Promise<DraftMessage | undefined> {
    if (message.kind === "welcome") {
      await this.#welcome(message);
      return undefined;
    }
    if (this.#pairing === undefined || this.#isProved) throw notTheBridge(`${message.kind} has no place here`);
    const meeting = { ...this.#pairing, pageNonce: this.#pageNonce, serviceNonce: message.nonce };
    return message.kind === "challenge" ? this.#prove(message.proof, meeting) : this.#pair(message, meeting);
  }

  async #welcome({ proof, version }: Extract<GreetingMessage, { readonly kind: "welcome" }>): Promise<void> {
    if (version !== BRIDGE_VERSION)
      throw notTheBridge(`version ${version}, and the page speaks version ${BRIDGE_VERSION}`);
    const secret = this.#exchanged;
    if (this.#isProved && secret === undefined) return;
    if (secret === undefined || !isSame(proof, await this.#derive(secret, "service"))) throw impostor();
    const token = await this.#derive(secret, "secret");
    // A page that may keep nothing is asked for a code each time.
    await this.#pairing?.tokens.save(token).catch(() => undefined);
  }

  async #prove(proof: Uint8Array, meeting: BridgeMeeting): Promise<DraftMessage> {
    const token = this.#token;
    if (token === undefined || this.#exchanged !== undefined) throw impostor();
    const expected = await this.#hmac(await this.#derive(token, "service key"), meetingBytes("service", meeting));
    if (!isSame(proof, expected)) throw impostor();
    const key = await this.#derive(token, "page key");
    const mask = await this.#hmac(await this.#derive(key, "stored key"), meetingBytes("page", meeting));
    token.fill(0);
    this.#isProved = true;
    return { kind: "prove", proof: key.map((byte, place) => byte ^ (mask[place] ?? 0)) };
  }

  async #pair(
    { share, triesLeft }: Extract<GreetingMessage, { readonly kind: "pairingWanted" }>,
    meeting: BridgeMeeting,
  ): Promise<DraftMessage> {
    this.#asks(true);
    const code = await this.#pairing?.pairingCode({ triesLeft });
    this.#asks(false);
    if (!code) throw new DOMException("no pairing code was given", "NotAllowedError");
    const agreed = await this.#pairing?.exchange(code, meeting, share);
    if (agreed === undefined) throw impostor();
    this.#exchanged = agreed.secret;
    return { kind: "pair", share: agreed.share, proof: await this.#derive(agreed.secret, "page") };
  }

  #derive(key: Uint8Array, label: string): Promise<Uint8Array> {
    return this.#hmac(key, labelBytes(label));
  }

  #hmac(key: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
    return (this.#crypto as PageCrypto).hmac(key, data);
  }
}

function impostor(): Error {
  return notTheBridge("no proof that it is the bridge which this page was paired with");
}

/** Takes the same time, wherever the proofs differ. */
function isSame(given: Uint8Array | undefined, expected: Uint8Array): boolean {
  return given !== undefined && expected.reduce((all, byte, place) => all | (byte ^ (given[place] ?? 0)), 0) === 0;
}
