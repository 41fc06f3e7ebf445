// SPDX-License-Identifier: MIT

import { bigEndianNumber, encodeHex, zeroBytes } from "../../base/binary/index.ts";
import { type CommandInit, type ResponseApdu, statusWords as sw } from "../../base/iso7816/index.ts";
import { hashBytes } from "../../base/keys/index.ts";
import { type HostCrypto, SmartCardError } from "../../port/index.ts";
import { type FailurePlace, statusFailure, triesIn } from "./failures.ts";
import type { OpenCard } from "./open-card.ts";
import { kdfIn, kdfOutput } from "./openpgp-kdf.ts";
import { readObject, selectCertificate, openPgpTags as tags } from "./openpgp-module.ts";
import { deepValue } from "./tlv-values.ts";

/** Touch policies, with the numbers of the user interaction flag. OpenPGP card 3.4.1, 4.4.3.6; the last two are Yubico's. */
const touchPolicies = { off: 0, on: 1, fixed: 2, cached: 3, "cached-fixed": 4 } as const;

/** When a key wants a touch. */
export type OpenPgpTouchPolicy = keyof typeof touchPolicies;

/** A key of an OpenPGP card, as the commands of the card number it. */
interface KeyPlace {
  readonly name: "signature" | "decryption" | "authentication";
  /** Its number in the key information. */
  readonly reference: number;
  readonly touchTag: number;
  /** Which certificate is its own. */
  readonly occurrence: number;
}

const places: readonly KeyPlace[] = [
  { name: "signature", reference: 0x01, touchTag: 0xd6, occurrence: 2 },
  { name: "decryption", reference: 0x02, touchTag: 0xd7, occurrence: 1 },
  { name: "authentication", reference: 0x03, touchTag: 0xd8, occurrence: 0 },
];

/** What the card tells of a key. */
export interface OpenPgpKeyFacts {
  readonly name: KeyPlace["name"];
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

const ins = {
  VERIFY: 0x20,
  ACTIVATE: 0x44,
  PUT_DATA: 0xda,
  TERMINATE: 0xe6,
  VERSION: 0xf1,
  SET_TRIES: 0xf2,
} as const;
const references = { pw1: 0x81, pw3: 0x83 } as const;
const FINGERPRINT_BYTES = 20;
const TIME_BYTES = 4;
const BUTTON = 0x20;
const CHAINED = 0x10;
const MOST_BLOCK_BYTES = 255;
const MOST_TRIES = 256;
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
      const data = (await readObject(this.#card, tags.application)) ?? new Uint8Array(0);
      const aid = deepValue(data, 0x4f) ?? new Uint8Array(16);
      const passwords = deepValue(data, tags.passwordStatus) ?? new Uint8Array(7);
      const firmware = await this.#card.send({ cla: 0, ins: ins.VERSION, p1: 0, p2: 0, le: 256 });
      const isYubico = firmware.sw === sw.success && firmware.data.length === 3;
      const kdf = kdfIn((await readObject(this.#card, tags.kdf)) ?? new Uint8Array(0));
      return {
        version: `${aid[6] ?? 0}.${aid[7] ?? 0}`,
        firmware: isYubico ? Array.from(firmware.data, decimalOf).join(".") : undefined,
        serialNumber: encodeHex(aid.subarray(10, 14)),
        triesLeft: { pin: passwords[4] ?? 0, resetCode: passwords[5] ?? 0, adminPin: passwords[6] ?? 0 },
        signaturePin: passwords[0] === 1 ? "once" : "always",
        hasKdf: kdf !== undefined,
        keys: keysIn(data),
      };
    });
  }

  /** A certificate, whether there is a key with it or not. */
  certificate(key: KeyPlace["name"]): Promise<Uint8Array | undefined> {
    return this.#card.transaction(async () => {
      const { occurrence } = placeOf(key);
      const word = await selectCertificate(this.#card, occurrence);
      if (word !== sw.success && occurrence > 0) return undefined;
      const certificate = await readObject(this.#card, tags.certificate);
      return certificate === undefined || certificate.length === 0 ? undefined : certificate;
    });
  }

  /** Stores a certificate; removes it without one. */
  async putCertificate(key: KeyPlace["name"], certificate: Uint8Array | undefined): Promise<void> {
    const what = certificate === undefined ? "delete a certificate" : "store a certificate";
    const { occurrence } = placeOf(key);
    const word = await selectCertificate(this.#card, occurrence);
    // Cards before version 3 have one certificate, that of the authentication key.
    if (word !== sw.success && occurrence > 0) throw statusFailure(word, what, this.#place(what));
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

  async setTouchPolicy(key: KeyPlace["name"], policy: OpenPgpTouchPolicy): Promise<void> {
    const data = Uint8Array.of(touchPolicies[policy], BUTTON);
    await this.#put(placeOf(key).touchTag, data, "change when the key wants a touch");
  }

  /** Sets how many tries the passwords have: a command of Yubico's keys. */
  async setTries(pin: number, resetCode: number, adminPin: number): Promise<void> {
    const data = Uint8Array.of(pin, resetCode, adminPin);
    await this.#done({ ins: ins.SET_TRIES, p1: 0, p2: 0 }, data, "set the tries of its PINs");
  }

  /** Blocks the passwords, and makes the application as it left the factory. OpenPGP card 3.4.1, 7.2.16 and 7.2.17. */
  reset(): Promise<void> {
    return this.#card.transaction(async () => {
      const kdf = kdfIn((await readObject(this.#card, tags.kdf)) ?? new Uint8Array(0));
      const wrong = new Uint8Array(kdf === undefined ? WRONG_BYTES : hashBytes[kdf.hash]);
      for (const reference of [references.pw1, references.pw3]) await this.#block(reference, wrong);
      await this.#done({ ins: ins.TERMINATE, p1: 0, p2: 0 }, undefined, "end its OpenPGP application");
      await this.#done({ ins: ins.ACTIVATE, p1: 0, p2: 0 }, undefined, "begin its OpenPGP application anew");
    });
  }

  async #block(p2: number, data: Uint8Array): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { sw: word } = await this.#card.send({ cla: 0, ins: ins.VERIFY, p1: 0, p2, data });
      if (word === sw.methodBlocked || triesIn(word) === 0) return;
    }
    throw new SmartCardError("unexpected", "the card does not block its PINs, whatever is sent", this.#place("reset"));
  }

  #put(tag: number, data: Uint8Array, what: string): Promise<void> {
    return this.#done({ ins: ins.PUT_DATA, p1: tag >> 8, p2: tag & 0xff }, data, what);
  }

  /** Sends a command, in several with chaining where its data is long. */
  async #done(command: Omit<CommandInit, "cla" | "data">, data: Uint8Array | undefined, what: string): Promise<void> {
    let rest = data;
    let answer: ResponseApdu;
    while (rest !== undefined && rest.length > MOST_BLOCK_BYTES) {
      answer = await this.#card.send({ ...command, cla: CHAINED, data: rest.subarray(0, MOST_BLOCK_BYTES) });
      if (answer.sw !== sw.success) throw statusFailure(answer.sw, what, this.#place(what));
      rest = rest.subarray(MOST_BLOCK_BYTES);
    }
    answer = await this.#card.send({
      ...command,
      cla: 0,
      ...(rest !== undefined && rest.length > 0 && { data: rest }),
    });
    if (answer.sw !== sw.success) throw statusFailure(answer.sw, what, this.#place(what));
  }

  #place(operation: string): FailurePlace {
    return { reader: this.#card.reader, operation };
  }
}

function placeOf(key: KeyPlace["name"]): KeyPlace {
  const found = places.find(({ name }) => name === key);
  if (found === undefined) throw new TypeError(`no key of an OpenPGP card: ${key}`);
  return found;
}

/** The keys that are there: by the key information, or by their fingerprints on cards that have none. */
function keysIn(data: Uint8Array): readonly OpenPgpKeyFacts[] {
  const fingerprints = deepValue(data, 0xc5) ?? new Uint8Array(0);
  const times = deepValue(data, 0xcd) ?? new Uint8Array(0);
  const information = deepValue(data, 0xde);
  return places.flatMap(({ name, reference, touchTag }, at) => {
    const bytes = fingerprints.slice(at * FINGERPRINT_BYTES, (at + 1) * FINGERPRINT_BYTES);
    const fingerprint = bytes.some((byte) => byte !== 0) ? bytes : undefined;
    const origin = information === undefined ? undefined : originIn(information, reference);
    if (information === undefined ? fingerprint === undefined : origin === undefined) return [];
    const created = bigEndianNumber(times.subarray(at * TIME_BYTES, (at + 1) * TIME_BYTES));
    const [flag] = deepValue(data, touchTag) ?? [];
    const touchPolicy = (Object.keys(touchPolicies) as OpenPgpTouchPolicy[]).find((one) => touchPolicies[one] === flag);
    return [{ name, fingerprint, created: created === 0 ? undefined : created, origin, touchPolicy }];
  });
}

/** OpenPGP card 3.4.1, 4.4.3.8: pairs of a key's number and its status. */
function originIn(information: Uint8Array, reference: number): "generated" | "imported" | undefined {
  for (let at = 0; at + 1 < information.length; at += 2) {
    if (information[at] !== reference) continue;
    const status = information[at + 1];
    return status === 1 ? "generated" : status === 2 ? "imported" : undefined;
  }
  return undefined;
}

/** A byte of two decimal digits. */
function decimalOf(byte: number): number {
  return (byte >> 4) * 10 + (byte & 0x0f);
}
