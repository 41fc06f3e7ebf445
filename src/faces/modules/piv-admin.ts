// SPDX-License-Identifier: MIT

import { bigEndianBytes, concatBytes, hexBytes, zeroBytes } from "../../base/binary/index.ts";
import type { CommandInit, ResponseApdu } from "../../base/iso7816/index.ts";
import { decodeLeadingDataObjects, encodeDataObject, statusWords as sw } from "../../base/iso7816/index.ts";
import {
  curveBytes,
  encodeDigestInfo,
  encodePublicKey,
  type HashName,
  type PublicKey,
  padForSignature,
} from "../../base/keys/index.ts";
import { type HostCrypto, SmartCardError } from "../../port/index.ts";
import type { KeyType } from "./card-module.ts";
import { type FailurePlace, statusFailure, triesIn } from "./failures.ts";
import type { OpenCard } from "./open-card.ts";
import { algorithmOf, certificateInObject, publicKeyOf, readObject } from "./piv-module.ts";
import { plainValue, valueAt } from "./tlv-values.ts";

/** Algorithms of PIV keys as Yubico's tools spell them. NIST SP 800-78-5, table 9; the last three are Yubico's. */
const pivAlgorithms = {
  RSA1024: 0x06,
  RSA2048: 0x07,
  RSA3072: 0x05,
  ECCP256: 0x11,
  ECCP384: 0x14,
  RSA4096: 0x16,
  ED25519: 0xe0,
  X25519: 0xe1,
} as const;

/** An algorithm of a PIV key. */
export type PivAlgorithm = keyof typeof pivAlgorithms;

/** Ciphers of the management key, with their numbers and the bytes of a key. NIST SP 800-78-5, table 9. */
export const managementAlgorithms = {
  TDES: { id: 0x03, bytes: 24 },
  AES128: { id: 0x08, bytes: 16 },
  AES192: { id: 0x0a, bytes: 24 },
  AES256: { id: 0x0c, bytes: 32 },
} as const;

/** A cipher of the management key. */
export type ManagementAlgorithm = keyof typeof managementAlgorithms;

const pinPolicies = { default: 0, never: 1, once: 2, always: 3 } as const;
const touchPolicies = { default: 0, never: 1, always: 2, cached: 3 } as const;

/** When a key wants the PIN: `default` is that of the slot. */
export type PivPinPolicy = keyof typeof pinPolicies;
/** When a key wants a touch: `default` is never. */
export type PivTouchPolicy = keyof typeof touchPolicies;

/** A slot of a PIV card: its reference, and what Yubico's tools call it. */
export interface PivSlot {
  readonly reference: number;
  readonly name: string;
  /** The object of its certificate. NIST SP 800-73-4 part 1, table 3. */
  readonly object: number;
}

const retired: readonly PivSlot[] = Array.from({ length: 20 }, (_, at) => ({
  reference: 0x82 + at,
  name: `RETIRED${at + 1}`,
  object: 0x5fc10d + at,
}));

/** The slots, in the order of lists. */
export const pivSlots: readonly PivSlot[] = [
  { reference: 0x9a, name: "AUTHENTICATION", object: 0x5fc105 },
  { reference: 0x9c, name: "SIGNATURE", object: 0x5fc10a },
  { reference: 0x9d, name: "KEY_MANAGEMENT", object: 0x5fc10b },
  { reference: 0x9e, name: "CARD_AUTH", object: 0x5fc101 },
  ...retired,
];

/** What a card tells of the key in a slot. */
export interface PivKeyFacts {
  /** Undefined for a number that is not known. */
  readonly algorithm: PivAlgorithm | undefined;
  readonly origin: "generated" | "imported" | undefined;
  readonly pinPolicy: PivPinPolicy | undefined;
  readonly touchPolicy: PivTouchPolicy | undefined;
  /** SubjectPublicKeyInfo, in DER. */
  readonly publicKey: Uint8Array | undefined;
}

/** A PIN or PUK, as far as the card tells. */
export interface PivPinFacts {
  readonly triesLeft: number | undefined;
  readonly tries: number | undefined;
  /** Whether it is the one of the factory. */
  readonly isDefault: boolean | undefined;
}

/** What is on a PIV card. */
export interface PivStatus {
  /** Firmware of a YubiKey. */
  readonly version: string | undefined;
  readonly pin: PivPinFacts;
  readonly puk: PivPinFacts;
  readonly managementKey: {
    readonly algorithm: ManagementAlgorithm | undefined;
    readonly isDefault: boolean | undefined;
    /** Derived from the PIN, or kept on the card behind it, as Yubico's tools do. */
    readonly isDerived: boolean;
    readonly isStored: boolean;
  };
  readonly chuid: Uint8Array | undefined;
  readonly ccc: Uint8Array | undefined;
  readonly slots: readonly {
    readonly slot: PivSlot;
    /** Undefined where there is no key; "unknown" where the card does not tell. */
    readonly key: PivKeyFacts | "unknown" | undefined;
    readonly certificate: Uint8Array | undefined;
  }[];
}

const objects = { chuid: 0x5fc102, capability: 0x5fc107, printed: 0x5fc109, ofManager: 0x5fff00 } as const;
const references = { pin: 0x80, puk: 0x81, management: 0x9b } as const;
const ins = {
  VERIFY: 0x20,
  RESET_RETRY_COUNTER: 0x2c,
  GENERATE: 0x47,
  GENERAL_AUTHENTICATE: 0x87,
  PUT_DATA: 0xdb,
  MOVE_KEY: 0xf6,
  METADATA: 0xf7,
  ATTEST: 0xf9,
  SET_TRIES: 0xfa,
  RESET: 0xfb,
  VERSION: 0xfd,
  IMPORT: 0xfe,
  SET_MANAGEMENT_KEY: 0xff,
} as const;
const CHAINED = 0x10;
const MOST_BLOCK_BYTES = 255;
const PIN_BYTES = 8;
/** More tries than a PIN can have. */
const MOST_TRIES = 256;
const NOWHERE = 0xff;
const TOUCH_NEVER = 0xff;
const TOUCH_ALWAYS = 0xfe;
/** Of the flags in the object that Yubico's tools keep. */
const KEY_IS_STORED = 0x02;

/** Administers a PIV card: what an issuer does, and what its holder reads of it. Yubico's own commands are among it. */
export class PivAdmin {
  readonly #card: OpenCard;
  readonly #library: HostCrypto;

  constructor(card: OpenCard, library: HostCrypto) {
    this.#card = card;
    this.#library = library;
  }

  /** All that the card tells without a PIN. */
  status(): Promise<PivStatus> {
    return this.#card.transaction(async () => {
      const version = await this.#card.send({ cla: 0, ins: ins.VERSION, p1: 0, p2: 0, le: 256 });
      const isYubico = version.sw === sw.success && version.data.length === 3;
      const slots = [];
      for (const slot of pivSlots) {
        const key = await this.#keyIn(slot);
        const certificate = await this.#certificateIn(slot);
        if ((key === undefined || key === "unknown") && certificate === undefined) continue;
        slots.push({ slot, key, certificate });
      }
      return {
        version: isYubico ? version.data.join(".") : undefined,
        pin: await this.#pin(references.pin),
        puk: await this.#pin(references.puk),
        managementKey: await this.#managementKey(isYubico),
        chuid: await readObject(this.#card, objects.chuid),
        ccc: await readObject(this.#card, objects.capability),
        slots,
      };
    });
  }

  /** What the card tells of a key; undefined where the slot is empty. @throws unsupported-feature (it does not tell) */
  async keyFacts(slot: PivSlot): Promise<PivKeyFacts | undefined> {
    const facts = await this.#keyIn(slot);
    if (facts !== "unknown") return facts;
    throw new SmartCardError(
      "unsupported-feature",
      "this card does not tell of its keys: a YubiKey does since firmware 5.3",
      this.#place("tell of a key"),
    );
  }

  /** A certificate, whether there is a key with it or not. */
  certificate(slot: PivSlot): Promise<Uint8Array | undefined> {
    return this.#card.transaction(() => this.#certificateIn(slot));
  }

  /** The cipher of the management key. */
  async managementAlgorithm(): Promise<ManagementAlgorithm> {
    return (await this.#managementKey(false)).algorithm ?? "TDES";
  }

  /** Whether Yubico's tools keep the management key on the card, behind the PIN. */
  async managementKeyIsStored(): Promise<boolean> {
    return (await this.#managementKey(false)).isStored;
  }

  /** The management key that Yubico's tools keep on the card. The PIN must be verified in this transaction. */
  async storedManagementKey(): Promise<Uint8Array | undefined> {
    const value = await readObject(this.#card, objects.printed);
    const inner = value && plainValue(value, 0x88);
    return inner && plainValue(inner, 0x89);
  }

  /** Makes a key, in place of one that is there. In a transaction with the management key. @returns SubjectPublicKeyInfo */
  async generate(
    slot: PivSlot,
    algorithm: PivAlgorithm,
    policies: { readonly pin: PivPinPolicy; readonly touch: PivTouchPolicy },
  ): Promise<Uint8Array> {
    const data = encodeDataObject(0xac, byte(0x80, pivAlgorithms[algorithm]), policyObjects(policies));
    const answer = await this.#done({ ins: ins.GENERATE, p1: 0, p2: slot.reference, le: 256 }, data, "make a key");
    const value = valueAt(answer.data, 0x7f49) ?? plainValue(answer.data, 0x7f49) ?? new Uint8Array(0);
    const key = publicKeyOf(pivAlgorithms[algorithm], value);
    if (key === undefined) throw statusFailure(answer.sw, "tell the key that it has made", this.#place("generate"));
    return encodePublicKey(key);
  }

  /** Puts a private key into a slot. In a transaction with the management key. @param parts with Yubico's tags */
  async importKey(
    slot: PivSlot,
    algorithm: PivAlgorithm,
    parts: readonly (readonly [tag: number, value: Uint8Array])[],
    policies: { readonly pin: PivPinPolicy; readonly touch: PivTouchPolicy },
  ): Promise<void> {
    const pieces = parts.map(([tag, value]) => encodeDataObject(tag, value));
    const data = concatBytes(...pieces, policyObjects(policies));
    try {
      const command = { ins: ins.IMPORT, p1: pivAlgorithms[algorithm], p2: slot.reference };
      await this.#done(command, data, "take a key");
    } finally {
      pieces.forEach(zeroBytes);
      zeroBytes(data);
    }
  }

  /** Stores a certificate; removes it without one. In a transaction with the management key. */
  async putCertificate(slot: PivSlot, certificate: Uint8Array | undefined): Promise<void> {
    const value =
      certificate === undefined
        ? new Uint8Array(0)
        : concatBytes(encodeDataObject(0x70, certificate), byte(0x71, 0), encodeDataObject(0xfe));
    const what = certificate === undefined ? "delete a certificate" : "store a certificate";
    await this.#putObject(slot.object, value, what);
  }

  /**
   * Signs with a key that the card does not tell: its public key is known from when it was made. The PIN must have been
   * verified just before in this transaction, where the key wants it. RSA signatures are those of PKCS #1 v1.5.
   *
   * @returns as certificates have it: an ECDSA signature in DER
   * @throws invalid-value (the digest does not fit the key)
   */
  async sign(slot: PivSlot, key: PublicKey, hash: HashName, message: Uint8Array): Promise<Uint8Array> {
    const what = `sign with the key in slot ${slot.name}`;
    const answer = await this.#done(
      { ins: ins.GENERAL_AUTHENTICATE, p1: algorithmOf(keyTypeOf(key)), p2: slot.reference, le: 256 },
      encodeDataObject(0x7c, encodeDataObject(0x82), encodeDataObject(0x81, this.#signed(key, hash, message))),
      what,
    );
    const signature = valueAt(answer.data, 0x7c, 0x82);
    if (signature === undefined) throw statusFailure(answer.sw, what, this.#place("sign"));
    return signature.slice();
  }

  #signed(key: PublicKey, hash: HashName, message: Uint8Array): Uint8Array {
    if (key.kind === "ed25519") return message;
    const digest = this.#library.hash(hash, message);
    if (key.kind !== "rsa") return digest.slice(0, key.kind === "ec" ? curveBytes[key.curve] : undefined);
    const block = padForSignature(encodeDigestInfo(hash, digest), key.modulus.length);
    if (block !== undefined) return block;
    throw new SmartCardError("invalid-value", `a signature with ${hash} does not fit the key`, this.#place("sign"));
  }

  /** The certificate by which a card says that it has made a key itself. */
  async attest(slot: PivSlot): Promise<Uint8Array> {
    const answer = await this.#card.send({ cla: 0, ins: ins.ATTEST, p1: slot.reference, p2: 0, le: 256 });
    if (answer.sw === sw.success) return answer.data;
    if (answer.sw !== sw.wrongData) throw statusFailure(answer.sw, "attest a key", this.#place("attest"));
    const message = "the card attests only a key that it has made itself, and there is none in this slot";
    throw new SmartCardError("no-key-container", message, { ...this.#place("attest"), statusWord: answer.sw });
  }

  /** Moves a key into a slot without one; deletes it without a target. In a transaction with the management key. */
  async moveKey(from: PivSlot, to: PivSlot | undefined): Promise<void> {
    const what = to === undefined ? "delete a key" : "move a key into a slot that must be empty";
    await this.#done({ ins: ins.MOVE_KEY, p1: to?.reference ?? NOWHERE, p2: from.reference }, undefined, what);
  }

  /** Sets how many tries PIN and PUK have, which become those of the factory. In a transaction with key and PIN. */
  async setTries(pin: number, puk: number): Promise<void> {
    await this.#done({ ins: ins.SET_TRIES, p1: pin, p2: puk }, undefined, "set the tries of PIN and PUK");
  }

  /** In a transaction with the management key of before. */
  async setManagementKey(algorithm: ManagementAlgorithm, key: Uint8Array, touch: boolean): Promise<void> {
    const data = concatBytes(Uint8Array.of(managementAlgorithms[algorithm].id, references.management, key.length), key);
    try {
      const command = { ins: ins.SET_MANAGEMENT_KEY, p1: 0xff, p2: touch ? TOUCH_ALWAYS : TOUCH_NEVER };
      await this.#done(command, data, "take a new management key");
    } finally {
      zeroBytes(data);
    }
  }

  /**
   * Blocks PIN and PUK, and makes the application as it left the factory: keys and certificates are gone.
   *
   * @throws unsupported-feature (no YubiKey: such cards have no command for it)
   */
  reset(): Promise<void> {
    return this.#card.transaction(async () => {
      const version = await this.#card.send({ cla: 0, ins: ins.VERSION, p1: 0, p2: 0, le: 256 });
      if (version.sw !== sw.success) {
        const message = "this card has no command that resets its PIV application; it is not a YubiKey";
        throw new SmartCardError("unsupported-feature", message, this.#place("reset"));
      }
      const wrong = (length: number): Uint8Array => new Uint8Array(length);
      await this.#block({ ins: ins.VERIFY, p1: 0, p2: references.pin, data: wrong(PIN_BYTES) });
      await this.#block({ ins: ins.RESET_RETRY_COUNTER, p1: 0, p2: references.pin, data: wrong(2 * PIN_BYTES) });
      await this.#done({ ins: ins.RESET, p1: 0, p2: 0 }, undefined, "reset its PIV application");
    });
  }

  async #block(command: Omit<CommandInit, "cla">): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { sw: word } = await this.#card.send({ cla: 0, ...command });
      if (word === sw.methodBlocked || triesIn(word) === 0) return;
    }
    throw new SmartCardError("unexpected", "the card does not block its PIN, whatever is sent", this.#place("reset"));
  }

  async #putObject(tag: number, value: Uint8Array, what: string): Promise<void> {
    const name = concatBytes(hexBytes("5C03"), Uint8Array.from(bigEndianBytes(tag, 3, 3, "a tag")));
    await this.#done({ ins: ins.PUT_DATA, p1: 0x3f, p2: 0xff }, concatBytes(name, encodeDataObject(0x53, value)), what);
  }

  /** Sends a command, in several with chaining where its data is long. @throws the error for another answer than 9000 */
  async #done(
    command: Omit<CommandInit, "cla" | "data">,
    data: Uint8Array | undefined,
    what: string,
  ): Promise<ResponseApdu> {
    let rest = data;
    let answer: ResponseApdu | undefined;
    while (rest !== undefined && rest.length > MOST_BLOCK_BYTES) {
      const { le: _le, ...begun } = command;
      answer = await this.#card.send({ ...begun, cla: CHAINED, data: rest.subarray(0, MOST_BLOCK_BYTES) });
      if (answer.sw !== sw.success) throw statusFailure(answer.sw, what, this.#place(what));
      rest = rest.subarray(MOST_BLOCK_BYTES);
    }
    answer = await this.#card.send({ ...command, cla: 0, ...(rest !== undefined && { data: rest }) });
    if (answer.sw !== sw.success) throw statusFailure(answer.sw, what, this.#place(what));
    return answer;
  }

  async #keyIn({ reference }: PivSlot): Promise<PivKeyFacts | "unknown" | undefined> {
    const answer = await this.#metadata(reference);
    if (answer.sw === sw.referenceNotFound) return undefined;
    if (answer.sw !== sw.success) return "unknown";
    const values = new Map(decodeLeadingDataObjects(answer.data).map(({ tag, value }) => [tag, value]));
    const [number] = values.get(0x01) ?? [];
    const [pin, touch] = values.get(0x02) ?? [];
    const [origin] = values.get(0x03) ?? [];
    const publicKey = publicKeyOf(number, values.get(0x04) ?? new Uint8Array(0));
    return {
      algorithm: nameOf(pivAlgorithms, number),
      origin: origin === 1 ? "generated" : origin === 2 ? "imported" : undefined,
      pinPolicy: nameOf(pinPolicies, pin),
      touchPolicy: nameOf(touchPolicies, touch),
      publicKey: publicKey && encodePublicKey(publicKey),
    };
  }

  async #certificateIn({ object }: PivSlot): Promise<Uint8Array | undefined> {
    const value = await readObject(this.#card, object);
    return value && certificateInObject(value, this.#library);
  }

  async #pin(reference: number): Promise<PivPinFacts> {
    const answer = await this.#metadata(reference);
    if (answer.sw === sw.success) {
      const [isDefault] = plainValue(answer.data, 0x05) ?? [];
      const [tries, triesLeft] = plainValue(answer.data, 0x06) ?? [];
      return { tries, triesLeft, isDefault: isDefault === undefined ? undefined : isDefault === 1 };
    }
    const role = reference === references.pin ? "user" : "unblock";
    const state = (await this.#card.pins()).find((pin) => pin.role === role);
    return { triesLeft: state?.triesLeft, tries: undefined, isDefault: undefined };
  }

  async #managementKey(isYubico: boolean): Promise<PivStatus["managementKey"]> {
    const { data, sw: word } = await this.#metadata(references.management);
    const told = word === sw.success ? data : new Uint8Array(0);
    const [number] = plainValue(told, 0x01) ?? [];
    const [isDefault] = plainValue(told, 0x05) ?? [];
    const names = Object.keys(managementAlgorithms) as ManagementAlgorithm[];
    const known = names.find((name) => managementAlgorithms[name].id === number);
    const kept = (await readObject(this.#card, objects.ofManager)) ?? new Uint8Array(0);
    const inner = plainValue(kept, 0x80) ?? new Uint8Array(0);
    const [flags = 0] = plainValue(inner, 0x81) ?? [];
    return {
      // A token without metadata has triple DES alone.
      algorithm: known ?? (isYubico ? "TDES" : undefined),
      isDefault: isDefault === undefined ? undefined : isDefault === 1,
      isDerived: plainValue(inner, 0x82) !== undefined,
      isStored: (flags & KEY_IS_STORED) !== 0,
    };
  }

  #metadata(reference: number): Promise<ResponseApdu> {
    return this.#card.send({ cla: 0, ins: ins.METADATA, p1: 0, p2: reference, le: 256 });
  }

  #place(operation: string): FailurePlace {
    return { reader: this.#card.reader, operation };
  }
}

function keyTypeOf(key: PublicKey): KeyType {
  return key.kind === "rsa" ? { kind: "rsa", bits: 8 * key.modulus.length } : key;
}

function byte(tag: number, value: number): Uint8Array {
  return encodeDataObject(tag, Uint8Array.of(value));
}

/** What is left out has the policy of its slot. */
function policyObjects({ pin, touch }: { readonly pin: PivPinPolicy; readonly touch: PivTouchPolicy }): Uint8Array {
  return concatBytes(
    pin === "default" ? new Uint8Array(0) : byte(0xaa, pinPolicies[pin]),
    touch === "default" ? new Uint8Array(0) : byte(0xab, touchPolicies[touch]),
  );
}

function nameOf<N extends string>(names: Readonly<Record<N, number>>, number: number | undefined): N | undefined {
  return (Object.keys(names) as N[]).find((name) => names[name] === number);
}
