// SPDX-License-Identifier: MIT

import { bigEndianNumber, encodeHex, zeroBytes } from "../../base/binary/index.ts";
import {
  nameOfNumber,
  OPENPGP_BUTTON,
  OPENPGP_FINGERPRINT_BYTES,
  OPENPGP_TIME_BYTES,
  openPgpKeys,
  openPgpOrigins,
  openPgpPasswords,
  openPgpTouchPolicies,
  openPgpTags as tags,
  openPgpYubicoInstructions as yubico,
} from "../../base/card-applications/index.ts";
import { instructions as ins } from "../../base/iso7816/index.ts";
import { hashBytes } from "../../base/keys/index.ts";
import type { HostCrypto } from "../../port/index.ts";
import { blockPin, placeOn, sendChained, yubicoVersion } from "./card-admin.ts";
import { statusFailure } from "./failures.ts";
import type { OpenCard } from "./open-card.ts";
import { kdfIn, kdfOutput } from "./openpgp-kdf.ts";
import { type OpenPgpKeyName, readCertificate, readObject, selectCertificate } from "./openpgp-objects.ts";
import { deepValue } from "./tlv-values.ts";

/** When a key wants a touch. */
export type OpenPgpTouchPolicy = keyof typeof openPgpTouchPolicies;

const keyNames: readonly OpenPgpKeyName[] = ["signature", "decryption", "authentication"];

/** What the card tells of a key. */
export interface OpenPgpKeyFacts {
  readonly name: OpenPgpKeyName;
  /** Undefined where the fingerprint is all zeros. */
  readonly fingerprint: Uint8Array | undefined;
  /** Seconds since 1970; undefined for 0. */
  readonly created: number | undefined;
  readonly origin: "generated" | "imported" | undefined;
  readonly touchPolicy: OpenPgpTouchPolicy | undefined;
}

/** What is on an OpenPGP card. */
export interface OpenPgpStatus {
  /** Of the specification: "3.4". */
  readonly version: string;
  /** Firmware of a YubiKey. */
  readonly firmware: string | undefined;
  readonly serialNumber: string;
  readonly triesLeft: { readonly pin: number; readonly resetCode: number; readonly adminPin: number };
  /** Whether each signature needs the PIN anew. */
  readonly signaturePin: "always" | "once";
  readonly hasKdf: boolean;
  /** Those that are there. */
  readonly keys: readonly OpenPgpKeyFacts[];
}

const WRONG_BYTES = 8;

/** Administers an OpenPGP card. What changes it is done in a transaction in which the admin PIN was verified. */
export class OpenPgpAdmin {
  readonly #card: OpenCard;
  readonly #crypto: HostCrypto;

  constructor(card: OpenCard, crypto: HostCrypto) {
    this.#card = card;
    this.#crypto = crypto;
  }

  /** All that the card tells without a PIN. */
  status(): Promise<OpenPgpStatus> {
    return this.#card.transaction(async () => {
      const data = (await readObject(this.#card, tags.applicationData)) ?? new Uint8Array(0);
      const aid = deepValue(data, tags.applicationIdentifier) ?? new Uint8Array(16);
      const passwords = deepValue(data, tags.passwordStatus) ?? new Uint8Array(7);
      const firmware = await yubicoVersion(this.#card, yubico.GET_VERSION);
      const kdf = kdfIn((await readObject(this.#card, tags.kdf)) ?? new Uint8Array(0));
      return {
        version: `${aid[6] ?? 0}.${aid[7] ?? 0}`,
        firmware: firmware && Array.from(firmware, decimalOf).join("."),
        serialNumber: encodeHex(aid.subarray(10, 14)),
        triesLeft: { pin: passwords[4] ?? 0, resetCode: passwords[5] ?? 0, adminPin: passwords[6] ?? 0 },
        signaturePin: passwords[0] === 1 ? "once" : "always",
        hasKdf: kdf !== undefined,
        keys: keysIn(data),
      };
    });
  }

  /** A certificate, whether there is a key with it or not. */
  certificate(key: OpenPgpKeyName): Promise<Uint8Array | undefined> {
    return this.#card.transaction(() => readCertificate(this.#card, key));
  }

  /** Stores a certificate; removes it without one. */
  async putCertificate(key: OpenPgpKeyName, certificate: Uint8Array | undefined): Promise<void> {
    const what = certificate === undefined ? "delete a certificate" : "store a certificate";
    const refused = await selectCertificate(this.#card, key);
    if (refused !== undefined) throw statusFailure(refused, what, placeOn(this.#card, what));
    await this.#put(tags.certificate, certificate ?? new Uint8Array(0), what);
  }

  /** Sets the resetting code; removes it where it is empty. */
  async setResetCode(code: Uint8Array): Promise<void> {
    const kdf = kdfIn((await readObject(this.#card, tags.kdf)) ?? new Uint8Array(0));
    const data = kdf === undefined || code.length === 0 ? code.slice() : kdfOutput(kdf, "unblock", code, this.#crypto);
    try {
      await this.#put(tags.resettingCode, data, "take a resetting code");
    } finally {
      zeroBytes(data);
    }
  }

  /** Whether one PIN is good for several signatures. */
  async setSignaturePin(policy: "always" | "once"): Promise<void> {
    await this.#put(tags.passwordStatus, Uint8Array.of(policy === "once" ? 1 : 0), "set when signatures need the PIN");
  }

  async setTouchPolicy(key: OpenPgpKeyName, policy: OpenPgpTouchPolicy): Promise<void> {
    const data = Uint8Array.of(openPgpTouchPolicies[policy], OPENPGP_BUTTON);
    await this.#put(openPgpKeys[key].userInteraction, data, "change when the key wants a touch");
  }

  /** Sets how many tries the passwords have: a command of Yubico's keys. */
  async setTries(pin: number, resetCode: number, adminPin: number): Promise<void> {
    const data = Uint8Array.of(pin, resetCode, adminPin);
    await sendChained(this.#card, { ins: yubico.SET_PIN_RETRIES, p1: 0, p2: 0 }, data, "set the tries of its PINs");
  }

  /** Blocks the passwords, and makes the application as it left the factory. OpenPGP card 3.4.1, 7.2.16 and 7.2.17. */
  reset(): Promise<void> {
    return this.#card.transaction(async () => {
      const kdf = kdfIn((await readObject(this.#card, tags.kdf)) ?? new Uint8Array(0));
      const wrong = new Uint8Array(kdf === undefined ? WRONG_BYTES : hashBytes[kdf.hash]);
      for (const p2 of [openPgpPasswords.pw1Signature, openPgpPasswords.pw3])
        await blockPin(this.#card, { ins: ins.VERIFY, p1: 0, p2, data: wrong });
      await sendChained(this.#card, { ins: ins.TERMINATE_DF, p1: 0, p2: 0 }, undefined, "end its OpenPGP application");
      await sendChained(
        this.#card,
        { ins: ins.ACTIVATE_FILE, p1: 0, p2: 0 },
        undefined,
        "begin its OpenPGP application anew",
      );
    });
  }

  async #put(tag: number, data: Uint8Array, what: string): Promise<void> {
    await sendChained(this.#card, { ins: ins.PUT_DATA, p1: tag >> 8, p2: tag & 0xff }, data, what);
  }
}

/** The keys that are there: by the key information, or by their fingerprints on cards that have none. */
function keysIn(data: Uint8Array): readonly OpenPgpKeyFacts[] {
  const fingerprints = deepValue(data, tags.fingerprints) ?? new Uint8Array(0);
  const times = deepValue(data, tags.generationTimes) ?? new Uint8Array(0);
  const information = deepValue(data, tags.keyInformation);
  return keyNames.flatMap((name, at) => {
    const { reference, userInteraction } = openPgpKeys[name];
    const bytes = fingerprints.slice(at * OPENPGP_FINGERPRINT_BYTES, (at + 1) * OPENPGP_FINGERPRINT_BYTES);
    const fingerprint = bytes.some((byte) => byte !== 0) ? bytes : undefined;
    const origin = information === undefined ? undefined : originIn(information, reference);
    if (information === undefined ? fingerprint === undefined : origin === undefined) return [];
    const created = bigEndianNumber(times.subarray(at * OPENPGP_TIME_BYTES, (at + 1) * OPENPGP_TIME_BYTES));
    const [flag] = deepValue(data, userInteraction) ?? [];
    const touchPolicy = nameOfNumber(openPgpTouchPolicies, flag);
    return [{ name, fingerprint, created: created === 0 ? undefined : created, origin, touchPolicy }];
  });
}

/** OpenPGP card 3.4.1, 4.4.3.8: pairs of a key's number and its status. */
function originIn(information: Uint8Array, reference: number): "generated" | "imported" | undefined {
  for (let at = 0; at + 1 < information.length; at += 2) {
    if (information[at] !== reference) continue;
    return nameOfNumber(openPgpOrigins, information[at + 1]);
  }
  return undefined;
}

/** A byte of two decimal digits. */
function decimalOf(byte: number): number {
  return (byte >> 4) * 10 + (byte & 0x0f);
}
