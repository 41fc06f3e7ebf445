// SPDX-License-Identifier: MIT

import type { CommandInit, ResponseApdu } from "../../base/iso7816/index.ts";
import type { WaitOptions } from "../../port/index.ts";
import type { CardWebCrypto } from "../web-crypto/index.ts";
import type { AdminChallenge, FreeSpace, KeyContainer, PinDescription, PinRole } from "./card-module.ts";
import type { PinValue } from "./pin-entry.ts";
import type { DecryptOptions, SignOptions } from "./schemes.ts";

/** A certificate with the container of its key. */
export interface CardCertificate {
  readonly container: KeyContainer;
  /** X.509, in DER. */
  readonly certificate: Uint8Array;
}

/** A PIN of the card, and its tries. */
export interface PinState extends PinDescription {
  /** Undefined where the card does not tell. */
  readonly triesLeft: number | undefined;
}

/** What a card is. */
export interface CardProperties {
  /** The module that works with it. */
  readonly module: string;
  readonly label: string;
  readonly serialNumber: string | undefined;
  /** Further facts that the module has, for people. */
  readonly facts: Readonly<Record<string, string>>;
}

/** How to verify a PIN. */
export interface VerifyPinOptions extends WaitOptions {
  /** @default "user" */
  readonly role?: PinRole | undefined;
  /** Confirms that the PIN is sent although a wrong one would block it. @default false */
  readonly lastTry?: boolean | undefined;
}

/** How to change a PIN: with both PINs, or at the reader's PIN pad. */
export interface ChangePinRequest extends VerifyPinOptions {
  readonly oldPin?: PinValue | undefined;
  readonly newPin?: PinValue | undefined;
  /** Both are entered at the PIN pad of the reader, the new one twice. @default false */
  readonly pad?: boolean | undefined;
}

/** Answers a challenge of the card: the challenge, enciphered with the administrator's key. */
export type ChallengeAnswer = (challenge: AdminChallenge) => Uint8Array | Promise<Uint8Array>;

/** How to unblock a PIN. */
export interface UnblockRequest extends VerifyPinOptions {
  readonly newPin: PinValue;
  /** Who unblocks it. @default the first role that the PIN's `unblockedBy` names */
  readonly by?: PinRole | undefined;
  /** The PUK, the resetting code or the administrator's PIN; a key in bytes, or what answers a challenge. */
  readonly secret: PinValue | ChallengeAnswer;
}

/**
 * A card with keys: certificates, signatures, decryption, key agreement, and its PINs. `openCard` makes it.
 *
 * Each call is a transaction of its own: no other program comes in between, the application is selected anew, the PIN is
 * shown where the key needs it, and taken back at the end. Another program's reset is met by doing so again. Calls run one
 * after the other.
 *
 * All calls throw `removed-card` once the card was pulled, and `invalid-handle` after {@link OpenCard.close};
 * `timeout` and `cancelled` by their options, which limit the wait for the card and end an operation between two commands.
 */
export interface OpenCard extends AsyncDisposable {
  /** The reader that the card is in. */
  readonly reader: string;

  /** The name of the module that works with the card: `piv`, `gids`, `openpgp`, `pkcs15`. */
  readonly module: string;

  /**
   * The Web Cryptography API with the private keys of this card: for programs and libraries that work with CryptoKeys, and
   * for JSON Web Signatures. `webCrypto()` of `scard/web-crypto` gives it limits in time.
   *
   * @throws unsupported-feature where the host has no Web Crypto
   */
  readonly webcrypto: CardWebCrypto;

  /** The key pairs on the card, read anew. */
  containers(options?: WaitOptions): Promise<readonly KeyContainer[]>;

  /** All certificates on the card, read anew. */
  certificates(options?: WaitOptions): Promise<readonly CardCertificate[]>;

  /**
   * The certificate of a key: X.509, in DER.
   *
   * @param container of {@link containers}, or its name
   * @throws no-such-certificate, no-key-container
   */
  certificate(container: KeyContainer | string, options?: WaitOptions): Promise<Uint8Array>;

  /**
   * Signs data with a key of the card.
   *
   * @param container of {@link containers}, or its name
   * @returns RSA: as long as the modulus; ECDSA: by `format`; Ed25519: 64 bytes
   * @throws no-key-container; unsupported-feature (the key does not sign, the card cannot do this padding); invalid-value (a
   * digest or salt that does not fit); wrong-chv, chv-blocked, invalid-chv, cancelled-by-user (the PIN);
   * pin-cache-expired, no-pin-cache (the key needs it, and there is no function `pin`); security-violation (one try is left
   * and it is not confirmed; or the card refuses)
   */
  sign(container: KeyContainer | string, data: Uint8Array, options?: SignOptions): Promise<Uint8Array>;

  /**
   * Decrypts what was encrypted with the public RSA key of a container.
   *
   * @throws as {@link sign}; invalid-value where the data was encrypted for another key or with another padding
   */
  decrypt(container: KeyContainer | string, data: Uint8Array, options?: DecryptOptions): Promise<Uint8Array>;

  /**
   * Agrees on a secret with the owner of another key: ECDH or X25519. Derive keys from it with a hash or HKDF.
   *
   * @param publicKey of the other side: SubjectPublicKeyInfo in DER, or its point: uncompressed, or 32 bytes with X25519
   * @returns the x coordinate of the shared point, as long as one; 32 bytes with X25519
   * @throws as {@link sign}; invalid-value (a key on another curve)
   */
  deriveKey(container: KeyContainer | string, publicKey: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;

  /** The card's PINs, and how many tries each has. */
  pins(options?: WaitOptions): Promise<readonly PinState[]>;

  /**
   * Shows a PIN to the card, and caches it as `pinCache` says, so that the calls after this one need not ask.
   *
   * @param pin asked for as `pin` of {@link openCard} says where it is left out. Bytes are copied
   * @throws wrong-chv (`details.triesLeft` says how many are left), chv-blocked, security-violation (one try is left, and
   * `lastTry` does not confirm it), invalid-chv (too short or too long: nothing is sent), cancelled-by-user, timeout (nothing was
   * entered at the PIN pad), unsupported-feature (no such PIN, or it cannot be entered at a pad)
   */
  verifyPin(pin?: PinValue, options?: VerifyPinOptions): Promise<void>;

  /**
   * Changes a PIN. The new one takes the old one's place in the cache, where it was not entered at a PIN pad.
   *
   * @throws as {@link verifyPin}; reset-card (another program's reset came in the middle: find out which PIN is valid)
   */
  changePin(request: ChangePinRequest): Promise<void>;

  /**
   * Sets a new PIN in place of a blocked or forgotten one.
   *
   * @throws as {@link verifyPin}, about the PIN or key of `by`; unsupported-feature (it cannot be unblocked so)
   */
  unblock(request: UnblockRequest): Promise<void>;

  /**
   * Proves to the card that the caller is its administrator, with the key that the card knows: it sends a challenge, and
   * checks the answer. Do it in {@link transaction}: what it allows ends with the transaction.
   *
   * @param secret the key in bytes, or a function that answers the challenge, so that the key stays where it is
   * @throws unsupported-feature (the card has no such key), security-violation (another key)
   */
  authenticate(secret: Uint8Array | ChallengeAnswer, options?: WaitOptions): Promise<void>;

  /** What the card is. */
  properties(options?: WaitOptions): Promise<CardProperties>;

  /** How much room the card has, as far as it tells. */
  freeSpace(options?: WaitOptions): Promise<FreeSpace>;

  /**
   * Holds one transaction while a function runs: the calls in it, and all other calls on this card meanwhile, are done in it,
   * and a PIN that was shown stays shown. Do not wait for a person in it.
   *
   * @throws what `work` throws; reset-card where another program's reset comes into it
   *
   * **Portability**: Windows ends a transaction in which nothing is sent for 5 seconds and resets the card.
   */
  transaction<T>(work: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T>;

  /**
   * Sends a command of your own, with the application selected: in {@link transaction} after what it needs.
   *
   * @throws as `Connection.send`
   */
  send(command: CommandInit, options?: WaitOptions): Promise<ResponseApdu>;

  /**
   * Clears the cached PINs of this card, for all of this process that have it open, so that the next call asks again.
   * CardDeauthenticate of the minidriver specification.
   */
  forgetPins(): void;

  /** Ends the connection where `openCard` has made it; the last one that closes the card clears its cached PINs. */
  close(): Promise<void>;
}
