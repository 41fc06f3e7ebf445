// SPDX-License-Identifier: MIT

import { encodeHex, zeroBytes } from "../../base/binary/index.ts";
import {
  pivMetadataTags as metadataTags,
  nameOfNumber,
  pivObjects as objects,
  PIV_PIN_BYTES,
  PIV_PIN_PADDING,
  type PivKeySlot,
  pivKeyReferences,
  pivMainSlots,
  pivManagementCiphers,
  pivPinPolicies,
  pivPinReferences,
  pivRetiredSlots,
  pivYubicoInstructions as yubico,
} from "../../base/card-applications/index.ts";
import {
  applicationIdentifiers,
  decodeLeadingDataObjects,
  encodeBerTlv,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import { curveBytes, type PublicKey } from "../../base/keys/index.ts";
import type {
  AdminChallenge,
  CardModule,
  DecryptRequest,
  FreeSpace,
  KeyContainer,
  KeyType,
  KeyUse,
  ModuleCard,
  ModuleHost,
  PinDescription,
  PinPadCommand,
  PinRole,
  SignRequest,
} from "./card-module.ts";
import { triesIn } from "./failures.ts";
import {
  adminChallenge,
  answerChallenge,
  GENERAL_AUTHENTICATE,
  authenticationTags as tags,
} from "./general-authenticate.ts";
import { algorithmOf, certificateInObject, publicKeyOf, readObject, tagList, wholeApplication } from "./piv-objects.ts";
import { hasApplication, reselectApplication, selectApplication } from "./select-application.ts";
import { plainValue, valueAt } from "./tlv-values.ts";

const AID = applicationIdentifiers.piv;
/** Firmware of Yubico's tokens that tells about keys. */
const METADATA_SINCE = 0x0503;

interface Slot extends PivKeySlot {
  readonly label: string;
}

const mainLabels = ["PIV Authentication", "Digital Signature", "Key Management", "Card Authentication"];
const mainSlots: readonly Slot[] = pivMainSlots.map((slot, at) => ({ ...slot, label: mainLabels[at] ?? "" }));
const retiredSlots: readonly Slot[] = pivRetiredSlots.map((slot, at) => ({
  ...slot,
  label: `Retired Key Management ${at + 1}`,
}));
const slots: readonly Slot[] = [...mainSlots, ...retiredSlots];
const pinReferences = pivPinReferences;

/** In the discovery object: the global PIN is the one that the card prefers. NIST SP 800-73-4 part 1, 3.3.2. */
const TAG_PIN_USAGE = 0x5f2f;
const GLOBAL_PIN_FIRST = 0x20;

const pins: readonly PinDescription[] = [
  { role: "user", name: "PIN", kind: "pin", leastBytes: 6, mostBytes: PIV_PIN_BYTES, unblockedBy: ["unblock"] },
  { role: "unblock", name: "PUK", kind: "pin", leastBytes: 6, mostBytes: PIV_PIN_BYTES, unblockedBy: [] },
  { role: "admin", name: "management key", kind: "challenge-response", leastBytes: 16, mostBytes: 32, unblockedBy: [] },
];

const TRIPLE_DES = pivManagementCiphers["3des"].id;

/**
 * Cards with the PIV application: those of NIST SP 800-73-4, and Yubico's tokens. Of a token with firmware 5.3 or later all
 * keys are seen; of any other card those that have a certificate.
 */
export const pivModule: CardModule = {
  name: "piv",
  otherNames: ["msclmd.dll"],
  async open(host) {
    if (!(await hasApplication(host, AID))) return undefined;
    return PivCard.read(host);
  },
};

class PivCard implements ModuleCard {
  readonly identity: string;
  readonly label: string;
  readonly serialNumber: string | undefined;
  readonly pins: readonly PinDescription[];
  readonly #host: ModuleHost;
  /** The card's own PIN, or the global one. */
  readonly #userPin: number;
  /** Undefined for a card that is not Yubico's. */
  readonly #firmware: Uint8Array | undefined;
  #adminAlgorithm: number = TRIPLE_DES;
  #isAdmin = false;

  private constructor(
    host: ModuleHost,
    facts: {
      readonly chuid: Uint8Array;
      readonly firmware: Uint8Array | undefined;
      readonly serial: string | undefined;
      readonly usesGlobalPin: boolean;
    },
  ) {
    this.#host = host;
    this.#firmware = facts.firmware;
    this.#userPin = facts.usesGlobalPin ? pinReferences.global : pinReferences.pin;
    // The PUK is the one of the card's own PIN.
    this.pins = facts.usesGlobalPin ? pins.map((pin) => ({ ...pin, unblockedBy: [] })) : pins;
    this.identity = `piv ${facts.serial ?? ""} ${encodeHex(facts.chuid)}`;
    this.label = facts.firmware === undefined ? "PIV card" : `YubiKey ${facts.firmware.join(".")}`;
    this.serialNumber = facts.serial ?? guidOf(facts.chuid);
  }

  static async read(host: ModuleHost): Promise<PivCard> {
    const chuid = (await readObject(host, objects.chuid)) ?? new Uint8Array(0);
    const version = await host.send({ cla: 0, ins: yubico.GET_VERSION, p1: 0, p2: 0, le: 256 });
    const isYubico = version.sw === sw.success && version.data.length === 3;
    const serial = isYubico ? await host.send({ cla: 0, ins: yubico.GET_SERIAL, p1: 0, p2: 0, le: 256 }) : undefined;
    const number = serial?.sw === sw.success && serial.data.length === 4 ? serial.data : undefined;
    return new PivCard(host, {
      chuid,
      firmware: isYubico ? version.data : undefined,
      usesGlobalPin: await prefersGlobalPin(host),
      serial: number && String(new DataView(number.buffer, number.byteOffset).getUint32(0)),
    });
  }

  async select(): Promise<void> {
    await reselectApplication(this.#host, AID, "PIV");
  }

  /**
   * VERIFY with P1 FF; a card that does not know it forgets when another application is selected, or this one anew. So do all
   * with the management key, which has no such command.
   */
  async deauthenticate(): Promise<void> {
    if (this.#isAdmin) {
      this.#isAdmin = false;
      // Most cards have it beside PIV.
      await selectApplication(this.#host, applicationIdentifiers.issuerSecurityDomain);
      await this.select();
    }
    const { sw: word } = await this.#host.send({ cla: 0, ins: 0x20, p1: 0xff, p2: this.#userPin });
    if (word !== sw.success) await this.select();
  }

  async properties(): Promise<Readonly<Record<string, string>>> {
    const guid = guidOf((await readObject(this.#host, objects.chuid)) ?? new Uint8Array(0));
    return {
      ...(this.#firmware !== undefined && { firmware: this.#firmware.join(".") }),
      ...(guid !== undefined && { guid }),
    };
  }

  async freeSpace(): Promise<FreeSpace> {
    const { length } = await this.containers();
    return { bytes: undefined, containers: slots.length - length, mostContainers: slots.length };
  }

  async containers(): Promise<readonly KeyContainer[]> {
    const found: KeyContainer[] = [];
    const [major = 0, minor = 0] = this.#firmware ?? [];
    const tells = major * 256 + minor >= METADATA_SINCE;
    const asked = tells ? slots : [...mainSlots, ...retiredSlots.slice(0, await this.#retiredKeys())];
    for (const slot of asked) {
      const container = tells ? await this.#told(slot) : await this.#certified(slot);
      if (container !== undefined) found.push(container);
    }
    return found;
  }

  async certificate({ name }: KeyContainer): Promise<Uint8Array | undefined> {
    const slot = slots.find(({ reference }) => reference === Number.parseInt(name, 16));
    return slot && this.#certificateIn(slot);
  }

  async triesLeft(role: PinRole): Promise<number | undefined> {
    if (role === "admin") return undefined;
    if (role === "unblock") return this.#metadataTries(pinReferences.puk);
    const { sw: word } = await this.#host.send({ cla: 0, ins: 0x20, p1: 0x00, p2: this.#userPin });
    return word === sw.methodBlocked ? 0 : triesIn(word);
  }

  /** NIST SP 800-73-4 part 2, 3.2.1: VERIFY has no reference of the PUK. */
  async verify(role: PinRole, pin: Uint8Array): Promise<void> {
    if (role === "unblock")
      throw this.#host.failure(
        sw.functionNotSupported,
        "verify the PUK alone; changePin() and unblock() show it to the card",
      );
    await this.#withPin(role, 0x20, [pin]);
  }

  pinPad(operation: "verify" | "change", role: PinRole): PinPadCommand | undefined {
    // There is no command that verifies the PUK alone.
    if (role === "admin" || (role === "unblock" && operation === "verify")) return undefined;
    const p2 = role === "unblock" ? pinReferences.puk : this.#userPin;
    const ins = operation === "verify" ? 0x20 : 0x24;
    return { cla: 0x00, ins, p1: 0x00, p2, blockBytes: PIV_PIN_BYTES, padding: PIV_PIN_PADDING };
  }

  async changePin(role: PinRole, old: Uint8Array, next: Uint8Array): Promise<void> {
    await this.#withPin(role, 0x24, [old, next]);
  }

  /** RESET RETRY COUNTER: the PUK, and the new PIN. NIST SP 800-73-4 part 2, 3.2.3. */
  async unblock(_role: PinRole, next: Uint8Array, by: PinRole, secret: Uint8Array | undefined): Promise<void> {
    await this.#withPin(by, 0x2c, [secret ?? new Uint8Array(0), next], pinReferences.pin);
  }

  /** External authentication with the key 9B. NIST SP 800-73-4 part 2, 3.2.4. */
  async challenge(): Promise<AdminChallenge> {
    const metadata = await this.#host.send({
      cla: 0,
      ins: yubico.GET_METADATA,
      p1: 0,
      p2: pivKeyReferences.management,
      le: 256,
    });
    const told = metadata.sw === sw.success ? plainValue(metadata.data, metadataTags.algorithm)?.[0] : undefined;
    this.#adminAlgorithm = told ?? TRIPLE_DES;
    const challenge = await adminChallenge(this.#host, this.#adminKey);
    return { challenge, cipher: this.#adminAlgorithm === TRIPLE_DES ? "3des" : "aes" };
  }

  async authenticate(response: Uint8Array): Promise<void> {
    await answerChallenge(this.#host, this.#adminKey, response, "management key");
    this.#isAdmin = true;
  }

  get #adminKey(): { readonly p1: number; readonly p2: number } {
    return { p1: this.#adminAlgorithm, p2: pivKeyReferences.management };
  }

  async sign(container: KeyContainer, request: SignRequest): Promise<Uint8Array> {
    const { key } = container;
    const result = await this.#use(container, tags.challenge, this.#signed(key, request), "sign");
    return key.kind === "ec" ? this.#host.rawSignature(result, key.curve) : result;
  }

  async decrypt(container: KeyContainer, request: DecryptRequest): Promise<Uint8Array> {
    const block = await this.#use(container, tags.challenge, request.data, "decrypt");
    try {
      return this.#host.plainOf(request, block);
    } finally {
      zeroBytes(block);
    }
  }

  async agree(container: KeyContainer, key: PublicKey): Promise<Uint8Array> {
    return this.#use(
      container,
      tags.exponential,
      key.kind === "rsa" ? new Uint8Array(0) : key.point,
      "agree on a secret",
    );
  }

  /** A digest that is longer than the curve's numbers is cut to its leftmost bits. FIPS 186-5, 6.4.1. */
  #signed(key: KeyType, request: SignRequest): Uint8Array {
    if (request.scheme === "ed25519") return request.message;
    if (key.kind === "rsa") return this.#host.signatureBlock(request, key.bits);
    return request.digest.slice(0, key.kind === "ec" ? curveBytes[key.curve] : undefined);
  }

  /** GENERAL AUTHENTICATE with a private key. NIST SP 800-73-4 part 2, 3.2.4 and appendix A. */
  async #use({ key, name }: KeyContainer, tag: number, input: Uint8Array, what: string): Promise<Uint8Array> {
    const children = [
      { tag: tags.response, value: new Uint8Array(0) },
      { tag, value: input },
    ];
    const data = encodeBerTlv([{ tag: tags.template, children }]);
    const [p1, p2] = [algorithmOf(key), Number.parseInt(name, 16)];
    const answer = await this.#host.send(
      { cla: 0, ins: GENERAL_AUTHENTICATE, p1, p2, data, le: 256 },
      { longData: "chaining" },
    );
    const result = valueAt(this.#host.data(answer, what), tags.template, tags.response);
    zeroBytes(answer.data);
    if (result === undefined) throw this.#host.failure(answer.sw, `${what} with an answer that can be read`);
    return result.slice();
  }

  async #withPin(role: PinRole, ins: number, values: readonly Uint8Array[], p2?: number): Promise<void> {
    const data = padded(values);
    try {
      const reference = p2 ?? (role === "unblock" ? pinReferences.puk : this.#userPin);
      const { sw: word } = await this.#host.send({ cla: 0, ins, p1: 0x00, p2: reference, data });
      const pin = pins.find((one) => one.role === role);
      if (word !== sw.success && pin !== undefined) throw this.#host.pinFailure(word, pin);
    } finally {
      zeroBytes(data);
    }
  }

  async #metadataTries(reference: number): Promise<number | undefined> {
    const answer = await this.#host.send({ cla: 0, ins: yubico.GET_METADATA, p1: 0, p2: reference, le: 256 });
    return answer.sw === sw.success ? plainValue(answer.data, metadataTags.tries)?.[1] : undefined;
  }

  /** How many retired keys there are, which have numbers in a row. NIST SP 800-73-4 part 1, table 18. */
  async #retiredKeys(): Promise<number> {
    const history = await readObject(this.#host, objects.keyHistory);
    if (history === undefined) return 0;
    const count = (tag: number): number => plainValue(history, tag)?.[0] ?? 0;
    return count(0xc1) + count(0xc2);
  }

  /** What a token tells of the key in a slot. */
  async #told(slot: Slot): Promise<KeyContainer | undefined> {
    const answer = await this.#host.send({ cla: 0, ins: yubico.GET_METADATA, p1: 0, p2: slot.reference, le: 256 });
    if (answer.sw !== sw.success) return undefined;
    const values = decodeLeadingDataObjects(answer.data);
    const value = (tag: number): Uint8Array | undefined => values.find((one) => one.tag === tag)?.value;
    const publicKey = publicKeyOf(
      value(metadataTags.algorithm)?.[0],
      value(metadataTags.publicKey) ?? new Uint8Array(0),
    );
    if (publicKey === undefined) return undefined;
    const number = value(metadataTags.policy)?.[0];
    const pinPolicy = nameOfNumber(pivPinPolicies, number) ?? slot.pinPolicy;
    return container(slot, this.#host.keyOf(publicKey), pinPolicy);
  }

  async #certified(slot: Slot): Promise<KeyContainer | undefined> {
    const certificate = await this.#certificateIn(slot);
    const certified = certificate && this.#host.keyOfCertificate(certificate);
    return certified && container(slot, certified, slot.pinPolicy);
  }

  async #certificateIn({ certificate: object }: Slot): Promise<Uint8Array | undefined> {
    const value = await readObject(this.#host, object);
    return value && certificateInObject(value, this.#host.crypto);
  }
}

/** NIST SP 800-73-4 part 2, 3.1.2: the discovery object comes without the tag 53. */
async function prefersGlobalPin(host: ModuleHost): Promise<boolean> {
  const data = tagList(objects.discovery);
  const answer = await host.send({ cla: 0, ins: 0xcb, ...wholeApplication, data, le: 256 });
  const discovery = answer.sw === sw.success ? plainValue(answer.data, objects.discovery) : undefined;
  return discovery !== undefined && plainValue(discovery, TAG_PIN_USAGE)?.[1] === GLOBAL_PIN_FIRST;
}

/** GUID of the CHUID. NIST SP 800-73-4 part 1, table 9. */
function guidOf(chuid: Uint8Array): string | undefined {
  const guid = plainValue(chuid, 0x34);
  return guid === undefined || guid.every((byte) => byte === 0) ? undefined : encodeHex(guid);
}

function container(
  { label, reference }: Slot,
  { key, publicKey }: { readonly key: KeyType; readonly publicKey: Uint8Array },
  pinPolicy: KeyContainer["pinPolicy"],
): KeyContainer {
  const name = reference.toString(16).toUpperCase();
  const pin = pinPolicy === "never" ? undefined : "user";
  return { name, label, key, publicKey, uses: usesOf(key), pin, pinPolicy };
}

function usesOf({ kind }: KeyType): readonly KeyUse[] {
  switch (kind) {
    case "rsa":
      return ["sign", "decrypt"];
    case "ec":
      return ["sign", "derive"];
    case "ed25519":
      return ["sign"];
    case "x25519":
      return ["derive"];
  }
}

/** PINs, each filled up to eight bytes. NIST SP 800-73-4 part 2, 2.4.3. */
function padded(values: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(values.length * PIV_PIN_BYTES).fill(PIV_PIN_PADDING);
  values.forEach((value, at) => {
    data.set(value.subarray(0, PIV_PIN_BYTES), at * PIV_PIN_BYTES);
  });
  return data;
}
