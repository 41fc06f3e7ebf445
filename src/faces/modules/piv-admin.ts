// SPDX-License-Identifier: MIT

import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  encodePivCertificate,
  nameOfNumber,
  PIV_NOWHERE,
  PIV_PIN_BYTES,
  pivKeyReferences,
  pivManagementTouch,
  pivObjects,
  pivOrigins,
  pivPinReferences,
  pivMetadataTags as tags,
  pivYubicoInstructions as yubico,
} from "../../base/card-applications/index.ts";
import {
  decodeLeadingDataObjects,
  encodeDataObject,
  instructions,
  type ResponseApdu,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import {
  curveBytes,
  encodeDigestInfo,
  encodePublicKey,
  type HashName,
  type PublicKey,
  padForSignature,
} from "../../base/keys/index.ts";
import { type HostCrypto, SmartCardError } from "../../port/index.ts";
import { blockPin, placeOn, sendChained, yubicoVersion } from "./card-admin.ts";
import type { KeyType } from "./card-module.ts";
import { statusFailure } from "./failures.ts";
import type { OpenCard } from "./open-card.ts";
import {
  type ManagementAlgorithm,
  managementAlgorithms,
  type PivAlgorithm,
  type PivKeyFacts,
  type PivPinFacts,
  type PivPinPolicy,
  type PivSlot,
  type PivStatus,
  type PivTouchPolicy,
  pinPolicies,
  pivAlgorithmIds,
  pivSlots,
  touchPolicies,
} from "./piv-facts.ts";
import { algorithmOf, certificateInObject, publicKeyOf, readObject, tagList, wholeApplication } from "./piv-objects.ts";
import { plainValue, valueAt } from "./tlv-values.ts";

const objects = pivObjects;
const references = { pin: pivPinReferences.pin, puk: pivPinReferences.puk, management: pivKeyReferences.management };
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
      const version = await yubicoVersion(this.#card, yubico.GET_VERSION);
      const slots = [];
      for (const slot of pivSlots) {
        const key = await this.#keyIn(slot);
        const certificate = await this.#certificateIn(slot);
        if ((key === undefined || key === "unknown") && certificate === undefined) continue;
        slots.push({ slot, key, certificate });
      }
      return {
        version: version?.join("."),
        pin: await this.#pin(references.pin),
        puk: await this.#pin(references.puk),
        managementKey: await this.#managementKey(version !== undefined),
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
      placeOn(this.#card, "tell of a key"),
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
    const value = await readObject(this.#card, objects.printedInformation);
    const inner = value && plainValue(value, 0x88);
    return inner && plainValue(inner, 0x89);
  }

  /** Makes a key, in place of one that is there. In a transaction with the management key. @returns SubjectPublicKeyInfo */
  async generate(
    slot: PivSlot,
    algorithm: PivAlgorithm,
    policies: { readonly pin: PivPinPolicy; readonly touch: PivTouchPolicy },
  ): Promise<Uint8Array> {
    const data = encodeDataObject(0xac, byte(0x80, pivAlgorithmIds[algorithm]), policyObjects(policies));
    const answer = await sendChained(
      this.#card,
      { ins: instructions.GENERATE_ASYMMETRIC_KEY_PAIR + 1, p1: 0, p2: slot.reference, le: 256 },
      data,
      "make a key",
    );
    const value = valueAt(answer.data, 0x7f49) ?? plainValue(answer.data, 0x7f49) ?? new Uint8Array(0);
    const key = publicKeyOf(pivAlgorithmIds[algorithm], value);
    if (key === undefined)
      throw statusFailure(answer.sw, "tell the key that it has made", placeOn(this.#card, "generate"));
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
      const command = { ins: yubico.IMPORT_KEY, p1: pivAlgorithmIds[algorithm], p2: slot.reference };
      await sendChained(this.#card, command, data, "take a key");
    } finally {
      pieces.forEach(zeroBytes);
      zeroBytes(data);
    }
  }

  /** Stores a certificate; removes it without one. In a transaction with the management key. */
  async putCertificate(slot: PivSlot, certificate: Uint8Array | undefined): Promise<void> {
    const value = certificate === undefined ? new Uint8Array(0) : encodePivCertificate(certificate);
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
    const answer = await sendChained(
      this.#card,
      { ins: instructions.GENERAL_AUTHENTICATE + 1, p1: algorithmOf(keyTypeOf(key)), p2: slot.reference, le: 256 },
      encodeDataObject(0x7c, encodeDataObject(0x82), encodeDataObject(0x81, this.#signed(key, hash, message))),
      what,
    );
    const signature = valueAt(answer.data, 0x7c, 0x82);
    if (signature === undefined) throw statusFailure(answer.sw, what, placeOn(this.#card, "sign"));
    return signature.slice();
  }

  #signed(key: PublicKey, hash: HashName, message: Uint8Array): Uint8Array {
    if (key.kind === "ed25519") return message;
    const digest = this.#library.hash(hash, message);
    if (key.kind !== "rsa") return digest.slice(0, key.kind === "ec" ? curveBytes[key.curve] : undefined);
    const block = padForSignature(encodeDigestInfo(hash, digest), key.modulus.length);
    if (block !== undefined) return block;
    throw new SmartCardError(
      "invalid-value",
      `a signature with ${hash} does not fit the key`,
      placeOn(this.#card, "sign"),
    );
  }

  /** The certificate by which a card says that it has made a key itself. */
  async attest(slot: PivSlot): Promise<Uint8Array> {
    const answer = await this.#card.send({ cla: 0, ins: yubico.ATTEST, p1: slot.reference, p2: 0, le: 256 });
    if (answer.sw === sw.success) return answer.data;
    if (answer.sw !== sw.wrongData) throw statusFailure(answer.sw, "attest a key", placeOn(this.#card, "attest"));
    const message = "the card attests only a key that it has made itself, and there is none in this slot";
    throw new SmartCardError("no-key-container", message, { ...placeOn(this.#card, "attest"), statusWord: answer.sw });
  }

  /** Moves a key into a slot without one; deletes it without a target. In a transaction with the management key. */
  async moveKey(from: PivSlot, to: PivSlot | undefined): Promise<void> {
    const what = to === undefined ? "delete a key" : "move a key into a slot that must be empty";
    await sendChained(
      this.#card,
      { ins: yubico.MOVE_KEY, p1: to?.reference ?? PIV_NOWHERE, p2: from.reference },
      undefined,
      what,
    );
  }

  /** Sets how many tries PIN and PUK have, which become those of the factory. In a transaction with key and PIN. */
  async setTries(pin: number, puk: number): Promise<void> {
    await sendChained(
      this.#card,
      { ins: yubico.SET_PIN_RETRIES, p1: pin, p2: puk },
      undefined,
      "set the tries of PIN and PUK",
    );
  }

  /** In a transaction with the management key of before. */
  async setManagementKey(algorithm: ManagementAlgorithm, key: Uint8Array, touch: boolean): Promise<void> {
    const data = concatBytes(Uint8Array.of(managementAlgorithms[algorithm].id, references.management, key.length), key);
    try {
      const command = {
        ins: yubico.SET_MANAGEMENT_KEY,
        p1: 0xff,
        p2: touch ? pivManagementTouch.always : pivManagementTouch.never,
      };
      await sendChained(this.#card, command, data, "take a new management key");
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
      if ((await yubicoVersion(this.#card, yubico.GET_VERSION)) === undefined) {
        const message = "this card has no command that resets its PIV application; it is not a YubiKey";
        throw new SmartCardError("unsupported-feature", message, placeOn(this.#card, "reset"));
      }
      const wrong = (length: number): Uint8Array => new Uint8Array(length);
      await blockPin(this.#card, { ins: instructions.VERIFY, p1: 0, p2: references.pin, data: wrong(PIV_PIN_BYTES) });
      await blockPin(this.#card, {
        ins: instructions.RESET_RETRY_COUNTER,
        p1: 0,
        p2: references.pin,
        data: wrong(2 * PIV_PIN_BYTES),
      });
      await sendChained(this.#card, { ins: yubico.RESET, p1: 0, p2: 0 }, undefined, "reset its PIV application");
    });
  }

  async #putObject(tag: number, value: Uint8Array, what: string): Promise<void> {
    const data = concatBytes(tagList(tag), encodeDataObject(0x53, value));
    await sendChained(this.#card, { ins: instructions.PUT_DATA + 1, ...wholeApplication }, data, what);
  }

  async #keyIn({ reference }: PivSlot): Promise<PivKeyFacts | "unknown" | undefined> {
    const answer = await this.#metadata(reference);
    if (answer.sw === sw.referenceNotFound) return undefined;
    if (answer.sw !== sw.success) return "unknown";
    const values = new Map(decodeLeadingDataObjects(answer.data).map(({ tag, value }) => [tag, value]));
    const [number] = values.get(tags.algorithm) ?? [];
    const [pin, touch] = values.get(tags.policy) ?? [];
    const [origin] = values.get(tags.origin) ?? [];
    const publicKey = publicKeyOf(number, values.get(tags.publicKey) ?? new Uint8Array(0));
    return {
      algorithm: nameOfNumber(pivAlgorithmIds, number),
      origin: nameOfNumber(pivOrigins, origin),
      pinPolicy: nameOfNumber(pinPolicies, pin),
      touchPolicy: nameOfNumber(touchPolicies, touch),
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
      const [isDefault] = plainValue(answer.data, tags.isDefault) ?? [];
      const [tries, triesLeft] = plainValue(answer.data, tags.tries) ?? [];
      return { tries, triesLeft, isDefault: isDefault === undefined ? undefined : isDefault === 1 };
    }
    const role = reference === references.pin ? "user" : "unblock";
    const state = (await this.#card.pins()).find((pin) => pin.role === role);
    return { triesLeft: state?.triesLeft, tries: undefined, isDefault: undefined };
  }

  async #managementKey(isYubico: boolean): Promise<PivStatus["managementKey"]> {
    const { data, sw: word } = await this.#metadata(references.management);
    const told = word === sw.success ? data : new Uint8Array(0);
    const [number] = plainValue(told, tags.algorithm) ?? [];
    const [isDefault] = plainValue(told, tags.isDefault) ?? [];
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
    return this.#card.send({ cla: 0, ins: yubico.GET_METADATA, p1: 0, p2: reference, le: 256 });
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
