// SPDX-License-Identifier: MIT

import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import { NoiseCipher, nonceOf } from "./noise-cipher.ts";
import { NOISE_KEY_BYTES, NOISE_TAG_BYTES, type NoiseCrypto } from "./noise-crypto.ts";

// Noise_IK_25519_AESGCM_SHA256 of The Noise Protocol Framework, revision 34: the initiator knows the responder's key, and
// shows its own, which no third side can read.
//   <- s
//   ...
//   -> e, es, s, ss
//   <- e, ee, se

const protocolName = new TextEncoder().encode("Noise_IK_25519_AESGCM_SHA256");
const HASH_BYTES = 32;
const nothing = new Uint8Array(0);

/** The private and the public key of one side: 32 bytes each. */
export interface NoiseKeys {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

/** What a side of a handshake begins with. */
export interface HandshakeOptions {
  readonly crypto: NoiseCrypto;
  /** The keys that this side is known by. */
  readonly own: NoiseKeys;
  /** The private key that is made for this connection alone: 32 random bytes. It is cleared when the handshake is over. */
  readonly ephemeral: Uint8Array;
  /** What both sides know without having said it: where it differs, the handshake fails. */
  readonly prologue: Uint8Array;
}

/** The two directions of a connection, after its handshake. */
export interface NoiseConnection {
  readonly send: NoiseCipher;
  readonly receive: NoiseCipher;
  /** The hash of all that was said: no other connection has the same. */
  readonly hash: Uint8Array;
}

/** What both sides mix into their secret (The Noise Protocol Framework, 5.2). */
class SymmetricState {
  readonly #library: NoiseCrypto;
  #chaining: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;
  #number = 0;

  constructor(crypto: NoiseCrypto, prologue: Uint8Array, responder: Uint8Array) {
    this.#library = crypto;
    this.#hash = new Uint8Array(HASH_BYTES);
    this.#hash.set(protocolName);
    this.#chaining = this.#hash.slice();
    this.mixHash(prologue);
    this.mixHash(responder);
  }

  get hash(): Uint8Array {
    return this.#hash;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#library.hash(concatBytes(this.#hash, data));
  }

  /** @returns false where the two keys agree on nothing */
  mixAgreed(privateKey: Uint8Array, publicKey: Uint8Array): boolean {
    const agreed = this.#library.agree(privateKey, publicKey);
    if (agreed === undefined) return false;
    const [chaining, key] = this.#derive(agreed);
    zeroBytes(agreed);
    this.#replace(chaining, key);
    return true;
  }

  seal(plain: Uint8Array): Uint8Array {
    const sealed = this.#library.seal(this.#keyInUse(), nonceOf(this.#number++), this.#hash, plain);
    this.mixHash(sealed);
    return sealed;
  }

  open(sealed: Uint8Array): Uint8Array | undefined {
    const plain = this.#library.open(this.#keyInUse(), nonceOf(this.#number++), this.#hash, sealed);
    this.mixHash(sealed);
    return plain;
  }

  /** The keys of the two directions; that of the initiator's messages first. Nothing is left here. */
  split(): readonly [initiator: Uint8Array, responder: Uint8Array] {
    const keys = this.#derive(nothing);
    this.clear();
    return keys;
  }

  clear(): void {
    zeroBytes(this.#chaining);
    if (this.#key !== undefined) zeroBytes(this.#key);
    this.#key = undefined;
  }

  #keyInUse(): Uint8Array {
    if (this.#key === undefined) throw new TypeError("the handshake has no key yet, or none any more");
    return this.#key;
  }

  /** HKDF with two outputs (The Noise Protocol Framework, 4.3). */
  #derive(material: Uint8Array): [first: Uint8Array, second: Uint8Array] {
    const { hmac } = this.#library;
    const base = hmac(this.#chaining, material);
    const first = hmac(base, Uint8Array.of(1));
    const second = hmac(base, concatBytes(first, Uint8Array.of(2)));
    zeroBytes(base);
    return [first, second];
  }

  #replace(chaining: Uint8Array, key: Uint8Array): void {
    this.clear();
    this.#chaining = chaining;
    this.#key = key;
    this.#number = 0;
  }
}

/** The side that begins: it knows the other's public key. Each of its two calls is made once, in order. */
export class NoiseInitiator {
  readonly #options: HandshakeOptions;
  readonly #responder: Uint8Array;
  readonly #state: SymmetricState;

  /** @param responder the public key of the other side: 32 bytes */
  constructor(options: HandshakeOptions, responder: Uint8Array) {
    checkKeys(options, responder);
    this.#options = options;
    this.#responder = responder;
    this.#state = new SymmetricState(options.crypto, options.prologue, responder);
  }

  /** The first message, with a payload that only the other side can read. @returns undefined where the other's key is a point of low order */
  begin(payload: Uint8Array): Uint8Array | undefined {
    const { crypto: library, ephemeral, own } = this.#options;
    const state = this.#state;
    const shown = library.publicKey(ephemeral);
    state.mixHash(shown);
    if (!state.mixAgreed(ephemeral, this.#responder)) return undefined;
    const sealedKey = state.seal(own.publicKey);
    if (!state.mixAgreed(own.privateKey, this.#responder)) return undefined;
    return concatBytes(shown, sealedKey, state.seal(payload));
  }

  /** Takes the answer. @returns undefined for one that is not of the side with that key, to this message */
  finish(message: Uint8Array): { readonly payload: Uint8Array; readonly connection: NoiseConnection } | undefined {
    const { crypto: library, ephemeral, own } = this.#options;
    const state = this.#state;
    try {
      if (message.length < NOISE_KEY_BYTES + NOISE_TAG_BYTES) return undefined;
      const shown = message.slice(0, NOISE_KEY_BYTES);
      state.mixHash(shown);
      if (!state.mixAgreed(ephemeral, shown) || !state.mixAgreed(own.privateKey, shown)) return undefined;
      const payload = state.open(message.slice(NOISE_KEY_BYTES));
      if (payload === undefined) return undefined;
      const { hash } = state;
      const [mine, theirs] = state.split();
      const connection = { send: new NoiseCipher(library, mine), receive: new NoiseCipher(library, theirs), hash };
      return { payload, connection };
    } finally {
      this.clear();
    }
  }

  /** Clears the keys of a handshake that is given up. */
  clear(): void {
    zeroBytes(this.#options.ephemeral);
    this.#state.clear();
  }
}

/** The side that answers: it learns the other's public key. Each of its two calls is made once, in order. */
export class NoiseResponder {
  readonly #options: HandshakeOptions;
  readonly #state: SymmetricState;
  #ephemeral: Uint8Array | undefined;
  #initiator: Uint8Array | undefined;

  constructor(options: HandshakeOptions) {
    checkKeys(options, options.own.publicKey);
    this.#options = options;
    this.#state = new SymmetricState(options.crypto, options.prologue, options.own.publicKey);
  }

  /**
   * Takes the first message. It may be an old one that is sent again: only what is sealed with the connection's keys shows
   * that the other side is there.
   *
   * @returns who has sent it, and its payload; undefined for a message that is not for this key, or is damaged
   */
  read(message: Uint8Array): { readonly initiator: Uint8Array; readonly payload: Uint8Array } | undefined {
    const opened = this.#open(message);
    if (opened === undefined) this.clear();
    return opened;
  }

  #open(message: Uint8Array): { readonly initiator: Uint8Array; readonly payload: Uint8Array } | undefined {
    const { own } = this.#options;
    const state = this.#state;
    const keyEnd = 2 * NOISE_KEY_BYTES + NOISE_TAG_BYTES;
    if (message.length < keyEnd + NOISE_TAG_BYTES) return undefined;
    const shown = message.slice(0, NOISE_KEY_BYTES);
    state.mixHash(shown);
    if (!state.mixAgreed(own.privateKey, shown)) return undefined;
    const initiator = state.open(message.slice(NOISE_KEY_BYTES, keyEnd));
    if (initiator === undefined || !state.mixAgreed(own.privateKey, initiator)) return undefined;
    const payload = state.open(message.slice(keyEnd));
    if (payload === undefined) return undefined;
    this.#ephemeral = shown;
    this.#initiator = initiator;
    return { initiator, payload };
  }

  /** The answer, with a payload that only the other side can read. @returns undefined where the other has shown a key of low order */
  finish(payload: Uint8Array): { readonly message: Uint8Array; readonly connection: NoiseConnection } | undefined {
    const { crypto: library, ephemeral } = this.#options;
    const state = this.#state;
    const [theirEphemeral, initiator] = [this.#ephemeral, this.#initiator];
    if (theirEphemeral === undefined || initiator === undefined)
      throw new TypeError("the first message was not read yet");
    try {
      const shown = library.publicKey(ephemeral);
      state.mixHash(shown);
      if (!state.mixAgreed(ephemeral, theirEphemeral) || !state.mixAgreed(ephemeral, initiator)) return undefined;
      const message = concatBytes(shown, state.seal(payload));
      const { hash } = state;
      const [theirs, mine] = state.split();
      const connection = { send: new NoiseCipher(library, mine), receive: new NoiseCipher(library, theirs), hash };
      return { message, connection };
    } finally {
      this.clear();
    }
  }

  /** Clears the keys of a handshake that is given up. */
  clear(): void {
    zeroBytes(this.#options.ephemeral);
    this.#state.clear();
  }
}

function checkKeys({ ephemeral, own }: HandshakeOptions, responder: Uint8Array): void {
  for (const key of [ephemeral, own.privateKey, own.publicKey, responder]) {
    if (key.length !== NOISE_KEY_BYTES)
      throw new RangeError(`a key has ${key.length} bytes; keys have ${NOISE_KEY_BYTES}`);
  }
}
