// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  type OpenPgpKeyUse,
  openPgpCertificateOrder,
  openPgpFactory,
  openPgpKeys,
} from "../../base/card-applications/index.ts";
import type { CardKey } from "./card-key.ts";
import { defaultAttributes, usesOn } from "./key-attributes.ts";
import { OpenPgpPassword, type PasswordImage } from "./openpgp-password.ts";

/** A key pair in its place. */
export interface StoredKey {
  readonly origin: "generated" | "imported";
  readonly key: CardKey;
}

/** Occurrences of the cardholder certificate. */
export const CERTIFICATES = openPgpCertificateOrder.length;

const factoryPw1 = new TextEncoder().encode(openPgpFactory.pw1);
const factoryPw3 = new TextEncoder().encode(openPgpFactory.pw3);
const DEFAULT_TRIES = 3;

/** The passwords of a card. */
export interface Passwords {
  readonly pw1: PasswordImage;
  readonly pw3: PasswordImage;
  /** Wrong tries that block a resetting code, once there is one. */
  readonly resettingCodeTries: number;
}

/** Those of a card that has left the factory. */
export const factoryPasswords: Passwords = {
  pw1: { value: factoryPw1, tries: DEFAULT_TRIES, triesLeft: DEFAULT_TRIES },
  pw3: { value: factoryPw3, tries: DEFAULT_TRIES, triesLeft: DEFAULT_TRIES },
  resettingCodeTries: DEFAULT_TRIES,
};

/** Everything that a card keeps without power. */
export class OpenPgpState {
  /** After TERMINATE DF: only ACTIVATE FILE does anything. */
  terminated = false;
  /** Whether VERIFY of PW1 is good for several signatures. */
  severalSignatures: boolean;
  signatures = 0;
  readonly pw1: OpenPgpPassword;
  readonly pw3: OpenPgpPassword;
  /** Set by PUT DATA D3. */
  resettingCode: OpenPgpPassword | undefined;
  resettingCodeTries: number;
  /** PW3 was never set, and PW1 was changed with keys on the card: PW1 counts as PW3 ({@link OpenPgpIdentity.adminless}). */
  isAdminless = false;
  readonly attributes: Record<OpenPgpKeyUse, Uint8Array>;
  readonly keys: Partial<Record<OpenPgpKeyUse, StoredKey>> = {};
  /** Data objects that are stored as they came, by their tags. What is not here is empty, or has its default. */
  readonly objects = new Map<number, Uint8Array>();
  readonly certificates: Uint8Array[] = Array.from({ length: CERTIFICATES }, () => new Uint8Array(0));

  /**
   * An empty card.
   *
   * @param isYubico whether it begins as Yubico's keys do: there a VERIFY of PW1 is good for several signatures
   */
  constructor({ pw1, pw3, resettingCodeTries }: Passwords = factoryPasswords, isYubico = false) {
    this.severalSignatures = isYubico;
    this.pw1 = new OpenPgpPassword(pw1);
    this.pw3 = new OpenPgpPassword(pw3);
    this.resettingCodeTries = resettingCodeTries;
    this.attributes = {
      signature: defaultAttributes(isYubico),
      decryption: defaultAttributes(isYubico),
      authentication: defaultAttributes(isYubico),
      attestation: defaultAttributes(isYubico),
    };
  }

  /** Whether PW3 is the one of the factory. */
  get hasFactoryPw3(): boolean {
    return this.pw3.is(factoryPw3);
  }

  /** Gives PW1 and PW3 their first values, which a KDF may bring as hashes, and removes the resetting code. */
  resetPasswords(pw1: Uint8Array = factoryPw1, pw3: Uint8Array = factoryPw3): void {
    this.pw1.replace(pw1);
    this.pw3.replace(pw3);
    this.setResettingCode(undefined);
    this.isAdminless = false;
  }

  /**
   * PW1 and PW3 begin anew with a KDF, by the hashes in its object, or without one. Old clients expect the first passwords
   * then, as on Gnuk; others change the passwords before or after, and give the old form. So a first password has both
   * forms until it is changed.
   */
  beginKdf(pw1: Uint8Array | undefined, pw3: Uint8Array | undefined): void {
    beginAnew(this.pw1, factoryPw1, pw1);
    beginAnew(this.pw3, factoryPw3, pw3);
    this.isAdminless = false;
  }

  /** The KDF has ended: the first passwords are there again. */
  endKdf(): void {
    endAnew(this.pw1, factoryPw1);
    endAnew(this.pw3, factoryPw3);
  }

  setResettingCode(value: Uint8Array | undefined): void {
    this.resettingCode?.clear();
    const tries = this.resettingCodeTries;
    this.resettingCode = value && new OpenPgpPassword({ value, tries, triesLeft: tries });
  }

  /** The value of a stored object; empty where there is none. */
  object(tag: number): Uint8Array {
    return this.objects.get(tag) ?? new Uint8Array(0);
  }

  /** Stores an object; an empty one is as good as none. */
  setObject(tag: number, value: Uint8Array): void {
    const before = this.objects.get(tag);
    if (before !== undefined) zeroBytes(before);
    if (value.length === 0) this.objects.delete(tag);
    else this.objects.set(tag, copyBytes(value));
  }

  /** Puts a key in its place, or empties the place. A new signature key begins to count at zero. */
  setKey(use: OpenPgpKeyUse, stored: StoredKey | undefined): void {
    this.keys[use]?.key.clear();
    if (stored === undefined) delete this.keys[use];
    else this.keys[use] = stored;
    if (use === "signature") this.signatures = 0;
    // They tell of the key that was here.
    this.setObject(openPgpKeys[use].fingerprint, new Uint8Array(0));
    this.setObject(openPgpKeys[use].generationTime, new Uint8Array(0));
  }

  /** Takes a key with its objects from another state, which has it no more. */
  takeKey(use: OpenPgpKeyUse, from: OpenPgpState, objects: readonly number[]): void {
    this.attributes[use] = from.attributes[use];
    const stored = from.keys[use];
    delete from.keys[use];
    this.setKey(use, stored);
    for (const tag of objects) this.setObject(tag, from.object(tag));
  }

  /** Overwrites all secrets: the state is used no more. */
  clear(): void {
    this.pw1.clear();
    this.pw3.clear();
    this.setResettingCode(undefined);
    for (const use of usesOn(true)) this.setKey(use, undefined);
    for (const tag of [...this.objects.keys()]) this.setObject(tag, new Uint8Array(0));
  }
}

function beginAnew(password: OpenPgpPassword, factory: Uint8Array, hash: Uint8Array | undefined): void {
  if (hash === undefined) return;
  if (password.is(factory)) password.accept(hash);
  else password.replace(hash);
}

function endAnew(password: OpenPgpPassword, factory: Uint8Array): void {
  if (password.is(factory)) return;
  const { value } = password.toImage();
  password.replace(factory);
  password.accept(value);
  zeroBytes(value);
}
