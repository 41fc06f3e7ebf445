// SPDX-License-Identifier: MIT

import type { CommandInit, ResponseApdu } from "../../base/iso7816/index.ts";
import type { CurveName, HashName, PublicKey } from "../../base/keys/index.ts";
import type { HostCrypto, SendOptions, SmartCardError } from "../../port/index.ts";

/**
 * Who proves who they are with a PIN or key of the card. Those of the minidriver specification are numbers: ROLE_USER 1,
 * ROLE_ADMIN 2, and 3 to 7 for further PINs.
 *
 * - `user`: the holder's PIN, for most keys.
 * - `signature`: a second PIN of the holder, for signatures that bind, where a card has one.
 * - `unblock`: the PUK or resetting code, which only unblocks the user's PIN.
 * - `admin`: the administrator's PIN or key.
 */
export type PinRole = "user" | "signature" | "unblock" | "admin";

/**
 * How long a PIN that the card has accepted is kept, to be shown again: to another key, and after another program's reset.
 * PIN_CACHE_POLICY_TYPE of the minidriver specification.
 *
 * - `process`: until the card is pulled, or closed by all of this process that have it open. PinCacheNormal.
 * - `timedMs`: for so many milliseconds since it was entered, by the clock, however often it is used. PinCacheTimed.
 * - `none`: not at all. A PIN is good for the transaction in which it was shown. PinCacheNone.
 * - `always-prompt`: each operation asks for it, also in one transaction. PinCacheAlwaysPrompt.
 */
export type PinCachePolicy = "process" | "none" | "always-prompt" | { readonly timedMs: number };

/** A PIN of a card, or a key that proves who someone is. */
export interface PinDescription {
  readonly role: PinRole;
  /** What people call it: "PIN", "PUK", "PW3". */
  readonly name: string;
  /**
   * How it is shown to the card: a `pin` is sent; with `challenge-response` the card sends a challenge, and the answer to it
   * is calculated with a key.
   */
  readonly kind: "pin" | "challenge-response";
  /** Least and most bytes of a PIN, in UTF-8. */
  readonly leastBytes: number;
  readonly mostBytes: number;
  /** Which roles can set a new PIN in place of a blocked one; none where it cannot be unblocked. */
  readonly unblockedBy: readonly PinRole[];
  /** The most that its issuer lets programs keep it: PinCachePolicy of PIN_INFO. @default "process" */
  readonly cache?: PinCachePolicy | undefined;
}

/** The command with which a reader's PIN pad shows a PIN to the card: digits in ASCII, from the left. */
export interface PinPadCommand {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  /** How many bytes each PIN takes up, filled with `padding`; 0 where the data is as long as the PIN. */
  readonly blockBytes: number;
  /** 0 to 255. */
  readonly padding: number;
}

/** What a private key of a card is. */
export type KeyType =
  | { readonly kind: "rsa"; readonly bits: number }
  | { readonly kind: "ec"; readonly curve: CurveName }
  | { readonly kind: "ed25519" }
  | { readonly kind: "x25519" };

/** What a private key can do. */
export type KeyUse = "sign" | "decrypt" | "derive";

/** A key pair of a card, with the place of its certificate. */
export interface KeyContainer {
  /** Names it on this card: "9A", "signature". */
  readonly name: string;
  /** What people call it: "PIV Authentication". */
  readonly label: string;
  readonly key: KeyType;
  /** The public key as SubjectPublicKeyInfo, in DER; undefined where the card tells it only in a certificate that it lacks. */
  readonly publicKey: Uint8Array | undefined;
  readonly uses: readonly KeyUse[];
  /** Whose PIN the key needs; undefined for a key that is free. */
  readonly pin: PinRole | undefined;
  /** Whether one PIN is good for several operations, or each needs its own. `never` for a key that is free. */
  readonly pinPolicy: "never" | "once" | "always";
}

/** What is to be signed, ready for the card: data is hashed already. */
export type SignRequest =
  | { readonly scheme: "rsa-pkcs1"; readonly hash: HashName; readonly digest: Uint8Array }
  | { readonly scheme: "rsa-pss"; readonly hash: HashName; readonly digest: Uint8Array; readonly saltBytes: number }
  | { readonly scheme: "ecdsa"; readonly hash: HashName; readonly digest: Uint8Array }
  | { readonly scheme: "ed25519"; readonly message: Uint8Array };

/** What is to be decrypted with an RSA key. */
export type DecryptRequest =
  | { readonly scheme: "rsa-pkcs1"; readonly data: Uint8Array }
  | { readonly scheme: "rsa-oaep"; readonly data: Uint8Array; readonly hash: HashName; readonly label: Uint8Array };

/** The cipher of an administrator's key. */
export interface AdminChallenge {
  readonly challenge: Uint8Array;
  /** The cipher that the answer is made with, block by block. */
  readonly cipher: "3des" | "aes";
}

/** How much room a card has: CARD_FREE_SPACE_INFO of the minidriver specification. */
export interface FreeSpace {
  /** Bytes for files or objects; undefined where the card does not tell. */
  readonly bytes: number | undefined;
  /** Key containers that are free, and that there are in all. */
  readonly containers: number | undefined;
  readonly mostContainers: number | undefined;
}

/** One card, as its module sees it. Each function is called in a transaction, after {@link ModuleCard.select}. */
export interface ModuleCard {
  /** The same text for the same card and another for any other: it tells after a reset whether the card is still the same. */
  readonly identity: string;
  /** What people call the card: "YubiKey 5.7.2", "OpenPGP card 3.4". */
  readonly label: string;
  readonly serialNumber: string | undefined;
  readonly pins: readonly PinDescription[];
  /** Further facts, for people: the version of the firmware, the holder's name. @default none */
  properties?(): Promise<Readonly<Record<string, string>>>;
  freeSpace?(): Promise<FreeSpace>;
  /** Selects the application. Another program may have selected another one since the last transaction. */
  select(): Promise<void>;
  /** Takes back what was verified, so that other programs cannot use it. @default selecting the application does it */
  deauthenticate?(): Promise<void>;
  containers(): Promise<readonly KeyContainer[]>;
  /** The X.509 certificate of a container, in DER; undefined where there is none. */
  certificate(container: KeyContainer): Promise<Uint8Array | undefined>;
  /** How many tries a PIN has; undefined where the card does not tell. @default it does not tell */
  triesLeft?(role: PinRole): Promise<number | undefined>;
  /**
   * Shows a PIN to the card. The bytes are cleared afterwards.
   *
   * @param container the key that it is for, on cards that tell uses apart; undefined for all
   * @throws what {@link ModuleHost.pinFailure} makes of the card's answer
   */
  verify?(role: PinRole, pin: Uint8Array, container: KeyContainer | undefined): Promise<void>;
  /**
   * Which keys one verification is good for: the same text for those that share it. `deauthenticate` ends them all.
   *
   * @default the role: all keys that need its PIN
   */
  scope?(role: PinRole, container: KeyContainer | undefined): string;
  /**
   * The command that a PIN pad completes, to verify a PIN or to change it, so that the PIN is entered there and never comes into
   * this process. Undefined where this PIN cannot be entered so.
   *
   * @default no PIN can be entered at a pad
   */
  pinPad?(
    operation: "verify" | "change",
    role: PinRole,
    container: KeyContainer | undefined,
  ): PinPadCommand | undefined;
  /** Told that the card has accepted a PIN from the pad, with what `verify` would have got. @default it is not told */
  verifiedAtPad?(role: PinRole, container: KeyContainer | undefined): void;
  changePin?(role: PinRole, old: Uint8Array, next: Uint8Array): Promise<void>;
  /** Sets a new PIN with the secret of another role; with none where that has answered a challenge in this transaction. */
  unblock?(role: PinRole, next: Uint8Array, by: PinRole, secret: Uint8Array | undefined): Promise<void>;
  challenge?(): Promise<AdminChallenge>;
  /** @param response the challenge, enciphered */
  authenticate?(response: Uint8Array): Promise<void>;
  /** A signature; of ECDSA r and s after one another. */
  sign?(container: KeyContainer, request: SignRequest): Promise<Uint8Array>;
  decrypt?(container: KeyContainer, request: DecryptRequest): Promise<Uint8Array>;
  /** The x coordinate of the shared point, or what X25519 gives. @param key of the other side, on the same curve */
  agree?(container: KeyContainer, key: PublicKey): Promise<Uint8Array>;
}

/** What a module works with: the card in its transaction, and what modules share. */
export interface ModuleHost {
  readonly reader: string;
  readonly atr: Uint8Array;
  readonly crypto: HostCrypto;
  /**
   * Sends a command and brings the whole answer. The data is copied; a module clears its own buffers that hold secrets.
   *
   * @throws as `Connection.send`
   */
  send(command: CommandInit, options?: Pick<SendOptions, "longData">): Promise<ResponseApdu>;
  /** The data of an answer. @param what completes "the card refused to …" @throws {@link ModuleHost.failure} for 6XXX */
  data(answer: ResponseApdu, what: string): Uint8Array;
  /** The error for a status word. */
  failure(statusWord: number, what: string): SmartCardError;
  /** The error for the answer to a PIN: wrong-chv, chv-blocked, or another; `triesLeft` where the status word does not say. */
  pinFailure(statusWord: number, pin: PinDescription, triesLeft?: number): SmartCardError;
  /** For a card that does the bare RSA operation: what is to be signed, padded. @throws invalid-value (it does not fit) */
  signatureBlock(request: SignRequest & { readonly hash: HashName }, bits: number): Uint8Array;
  /** For a card that pads itself with PKCS #1 v1.5: the DigestInfo. @throws unsupported-feature (another padding) */
  digestInfo(request: SignRequest): Uint8Array;
  /** For a card that does the bare RSA operation: what was in the block. @throws invalid-value (a block of another form) */
  plainOf(request: DecryptRequest, block: Uint8Array): Uint8Array;
  /** The r and s of an ECDSA signature in DER. @throws comm-error (it is none) */
  rawSignature(der: Uint8Array, curve: CurveName): Uint8Array;
  /** The public key of a certificate, as SubjectPublicKeyInfo, and what it is; undefined for a kind that is not known. */
  keyOfCertificate(certificate: Uint8Array): CertifiedKey | undefined;
  /** A public key that a card has told, in the same form. */
  keyOf(key: PublicKey): CertifiedKey;
}

/** A public key in DER, and what its private key is. */
export interface CertifiedKey {
  readonly key: KeyType;
  readonly publicKey: Uint8Array;
}

/** The module of one kind of card. */
export interface CardModule {
  /** As the database of card types names it: see `CardType.providers`. Compared without regard to case. */
  readonly name: string;
  /** Further names: of Windows' own module for the same cards, for one. @default none */
  readonly otherNames?: readonly string[];
  /**
   * Identifiers of cards that tell them, as Windows' Plug and Play asks: GUIDs, in any form. A module with identifiers gets the
   * cards that tell one of them, and no other card is asked whether it is one of its.
   *
   * @default cards are asked by `open`
   */
  readonly identifiers?: readonly string[];
  /**
   * Selects the application of such cards, and reads what the card is.
   *
   * @returns undefined where this is not such a card
   */
  open(host: ModuleHost): Promise<ModuleCard | undefined>;
}
