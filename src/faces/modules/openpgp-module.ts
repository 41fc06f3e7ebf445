// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex, zeroBytes } from "../../base/binary/index.ts";
import {
  openPgpCurveIn,
  openPgpKeys,
  openPgpTemplates,
  openPgpPasswords as passwords,
  openPgpTags as tags,
} from "../../base/card-applications/index.ts";
import {
  applicationIdentifiers,
  decodeCompactTlv,
  encodeBerTlv,
  type ResponseApdu,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import type { PublicKey } from "../../base/keys/index.ts";
import { SmartCardError } from "../../port/index.ts";
import type {
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
import { type Kdf, kdfIn, kdfOutput } from "./openpgp-kdf.ts";
import { getData, type OpenPgpKeyName, readCertificate, readObject } from "./openpgp-objects.ts";
import { hasApplication, reselectApplication } from "./select-application.ts";
import { deepValue, publicKeyIn } from "./tlv-values.ts";

const AID = applicationIdentifiers.openPgp;
const MOST_PASSWORD_BYTES = 127;

interface Slot {
  readonly name: OpenPgpKeyName;
  readonly label: string;
  readonly use: KeyUse;
}

const slots: readonly Slot[] = [
  { name: "signature", label: "Signature", use: "sign" },
  { name: "decryption", label: "Decryption", use: "decrypt" },
  { name: "authentication", label: "Authentication", use: "sign" },
];

const password = { kind: "pin", mostBytes: MOST_PASSWORD_BYTES } as const;
const pins: readonly PinDescription[] = [
  { ...password, role: "user", name: "PIN (PW1)", leastBytes: 6, unblockedBy: ["unblock", "admin"] },
  { ...password, role: "unblock", name: "resetting code", leastBytes: 8, unblockedBy: ["admin"] },
  { ...password, role: "admin", name: "admin PIN (PW3)", leastBytes: 8, unblockedBy: [] },
];

const POINT_NATIVE = 0x40;

/** Cards with the OpenPGP application, version 2 and 3: three keys, which GnuPG and ykman make. */
export const openPgpModule: CardModule = {
  name: "openpgp",
  async open(host) {
    if (!(await hasApplication(host, AID))) return undefined;
    return OpenPgpCard.read(host);
  },
};

class OpenPgpCard implements ModuleCard {
  readonly identity: string;
  readonly label: string;
  readonly serialNumber: string;
  readonly pins: readonly PinDescription[] = pins;
  readonly #host: ModuleHost;
  /** How a command with more than 255 bytes goes; undefined where the ATR decides. */
  readonly #longData: "chaining" | undefined;
  readonly #kdf: Kdf | undefined;
  /** What was verified since the application was selected. */
  readonly #verified = new Set<number>();

  private constructor(host: ModuleHost, aid: Uint8Array, chains: boolean, kdf: Kdf | undefined) {
    this.#host = host;
    this.#longData = chains ? "chaining" : undefined;
    this.#kdf = kdf;
    this.identity = `openpgp ${encodeHex(aid)}`;
    this.label = `OpenPGP card ${aid[6] ?? 0}.${aid[7] ?? 0}`;
    this.serialNumber = encodeHex(aid.subarray(10, 14));
  }

  static async read(host: ModuleHost): Promise<OpenPgpCard | undefined> {
    const data = (await readObject(host, tags.applicationData)) ?? new Uint8Array(0);
    const aid = deepValue(data, tags.applicationIdentifier);
    if (aid === undefined || aid.length < 16) return undefined;
    const kdf = kdfIn((await readObject(host, tags.kdf)) ?? new Uint8Array(0));
    return new OpenPgpCard(host, aid, chains(deepValue(data, tags.historicalBytes)), kdf);
  }

  async select(): Promise<void> {
    this.#verified.clear();
    await reselectApplication(this.#host, AID, "OpenPGP");
  }

  /** VERIFY with P1 FF, since version 3; an older card forgets when the application is selected anew. */
  async deauthenticate(): Promise<void> {
    for (const p2 of this.#verified) {
      const { sw: word } = await this.#host.send({ cla: 0, ins: 0x20, p1: 0xff, p2 });
      if (word !== sw.success) return this.select();
    }
    this.#verified.clear();
  }

  async properties(): Promise<Readonly<Record<string, string>>> {
    const holder = (await readObject(this.#host, tags.cardholderData)) ?? new Uint8Array(0);
    const name = new TextDecoder().decode(deepValue(holder, tags.name) ?? new Uint8Array(0));
    return name === "" ? {} : { holder: name };
  }

  async freeSpace(): Promise<FreeSpace> {
    const { length } = await this.containers();
    return { bytes: undefined, containers: slots.length - length, mostContainers: slots.length };
  }

  async containers(): Promise<readonly KeyContainer[]> {
    const data = this.#host.data(await getData(this.#host, tags.applicationData), "tell of its keys");
    const [several = 0] = deepValue(data, tags.passwordStatus) ?? [];
    const found: KeyContainer[] = [];
    for (const slot of slots) {
      const publicKey = await this.#publicKey(
        slot,
        deepValue(data, openPgpKeys[slot.name].attributes) ?? new Uint8Array(0),
      );
      if (publicKey === undefined) continue;
      const certified = this.#host.keyOf(publicKey);
      // A signature takes the PIN back, unless the card says that it is good for several.
      const pinPolicy = slot.name === "signature" && several === 0 ? "always" : "once";
      const uses = usesOf(slot, certified.key);
      found.push({ name: slot.name, label: slot.label, ...certified, uses, pin: "user", pinPolicy });
    }
    return found;
  }

  /** GET DATA, of the certificate that was chosen. OpenPGP card 3.4.1, 7.2.6. */
  async certificate({ name }: KeyContainer): Promise<Uint8Array | undefined> {
    const slot = slots.find((one) => one.name === name);
    return slot && readCertificate(this.#host, slot.name);
  }

  /** The PW status bytes. OpenPGP card 3.4.1, 4.3.1. */
  async triesLeft(role: PinRole): Promise<number | undefined> {
    const data = await readObject(this.#host, tags.passwordStatus);
    const status = data?.[0] === tags.passwordStatus && data.length === 9 ? data.subarray(2) : data;
    if (role === "unblock") return status?.[5];
    return status?.[role === "admin" ? 6 : 4];
  }

  scope(role: PinRole, container: KeyContainer | undefined): string {
    return `${referenceFor(role, container)}`;
  }

  async verify(role: PinRole, pin: Uint8Array, container: KeyContainer | undefined): Promise<void> {
    if (role === "unblock") throw this.#noCommandFor("verify");
    const reference = referenceFor(role, container);
    await this.#withPassword(role, [[role, pin]], (data) => ({ ins: 0x20, p1: 0x00, p2: reference, data }));
    this.#verified.add(reference);
  }

  /** A pad cannot hash a password, and tells two of variable length apart on no reader. */
  pinPad(
    operation: "verify" | "change",
    role: PinRole,
    container: KeyContainer | undefined,
  ): PinPadCommand | undefined {
    if (this.#kdf !== undefined || role === "unblock" || operation === "change") return undefined;
    const p2 = referenceFor(role, container);
    return { cla: 0x00, ins: 0x20, p1: 0x00, p2, blockBytes: 0, padding: 0xff };
  }

  verifiedAtPad(role: PinRole, container: KeyContainer | undefined): void {
    this.#verified.add(referenceFor(role, container));
  }

  async changePin(role: PinRole, old: Uint8Array, next: Uint8Array): Promise<void> {
    if (role === "unblock") throw this.#noCommandFor("change");
    const values: readonly (readonly [PinRole, Uint8Array])[] = [
      [role, old],
      [role, next],
    ];
    const p2 = role === "admin" ? passwords.pw3 : passwords.pw1Signature;
    await this.#withPassword(role, values, (data) => ({ ins: 0x24, p1: 0x00, p2, data }));
  }

  /**
   * RESET RETRY COUNTER, with the resetting code or after VERIFY of PW3; the resetting code itself is a data object that PW3
   * writes. OpenPGP card 3.4.1, 7.2.4 and 4.4.1.
   */
  async unblock(role: PinRole, next: Uint8Array, by: PinRole, secret: Uint8Array | undefined): Promise<void> {
    const code = secret ?? new Uint8Array(0);
    if (by !== "admin") {
      const values = [[by, code] as const, [role, next] as const];
      return this.#withPassword(by, values, (data) => ({ ins: 0x2c, p1: 0x00, p2: passwords.pw1Signature, data }));
    }
    await this.verify("admin", code, undefined);
    const command =
      role === "unblock"
        ? { ins: 0xda, p1: 0x00, p2: tags.resettingCode }
        : { ins: 0x2c, p1: 0x02, p2: passwords.pw1Signature };
    await this.#withPassword(by, [[role, next]], (data) => ({ ...command, data }));
    await this.deauthenticate();
  }

  async sign({ key, name }: KeyContainer, request: SignRequest): Promise<Uint8Array> {
    const data = this.#signed(key, request);
    const isSignature = name === "signature";
    const [ins, p1, p2] = isSignature ? [0x2a, 0x9e, 0x9a] : [0x88, 0x00, 0x00];
    return this.#host.data(await this.#send(ins, p1, p2, data), "sign");
  }

  /** The card undoes PKCS #1 v1.5 itself. OpenPGP card 3.4.1, 7.2.11. */
  async decrypt(_container: KeyContainer, request: DecryptRequest): Promise<Uint8Array> {
    if (request.scheme === "rsa-oaep") {
      const message = 'an OpenPGP card undoes the padding itself, and knows PKCS #1 v1.5 alone: use scheme "pkcs1"';
      throw new SmartCardError("unsupported-feature", message, { reader: this.#host.reader, operation: "decrypt" });
    }
    return this.#decipher(concatBytes(Uint8Array.of(0x00), request.data), "decrypt");
  }

  async agree(_container: KeyContainer, key: PublicKey): Promise<Uint8Array> {
    const point = key.kind === "rsa" ? new Uint8Array(0) : key.point;
    const cipher = [{ tag: 0x7f49, children: [{ tag: 0x86, value: point }] }];
    const secret = await this.#decipher(encodeBerTlv([{ tag: 0xa6, children: cipher }]), "agree on a secret");
    // Some cards answer with the whole point. The secret is its x coordinate.
    const isPoint = key.kind === "ec" && secret.length === point.length && secret[0] === 0x04;
    return isPoint ? secret.slice(1, 1 + (point.length - 1) / 2) : secret;
  }

  /** OpenPGP card 3.4.1, 7.2.2 and 7.2.3: VERIFY and CHANGE REFERENCE DATA know PW1 and PW3 alone. */
  #noCommandFor(what: "verify" | "change"): SmartCardError {
    const message = `an OpenPGP card has no command to ${what} the resetting code: the admin PIN sets a new one, with unblock({ role: "unblock", by: "admin", secret, newPin })`;
    return new SmartCardError("unsupported-feature", message, { reader: this.#host.reader, operation: `${what}Pin` });
  }

  async #decipher(data: Uint8Array, what: string): Promise<Uint8Array> {
    const answer = await this.#send(0x2a, 0x80, 0x86, data);
    return this.#host.data(answer, what);
  }

  #signed(key: KeyType, request: SignRequest): Uint8Array {
    if (request.scheme === "ed25519") return request.message;
    return key.kind === "rsa" ? this.#host.digestInfo(request) : request.digest;
  }

  async #send(ins: number, p1: number, p2: number, data: Uint8Array): Promise<ResponseApdu> {
    const longData = this.#longData;
    return this.#host.send({ cla: 0, ins, p1, p2, data, le: 256 }, longData === undefined ? {} : { longData });
  }

  /** Sends passwords, hashed where the card has a KDF. */
  async #withPassword(
    shown: PinRole,
    values: readonly (readonly [PinRole, Uint8Array])[],
    command: (data: Uint8Array) => {
      readonly ins: number;
      readonly p1: number;
      readonly p2: number;
      readonly data: Uint8Array;
    },
  ): Promise<void> {
    const kdf = this.#kdf;
    const parts = values.map(([role, value]) =>
      kdf === undefined ? value.slice() : kdfOutput(kdf, role, value, this.#host.crypto),
    );
    const data = concatBytes(...parts);
    try {
      const { sw: word } = await this.#host.send({ cla: 0, ...command(data) });
      if (word === sw.success) return;
      const pin = pins.find((one) => one.role === shown);
      // 6982 is a wrong password, and the tries stand in an object of their own.
      const triesLeft = word === sw.securityNotSatisfied ? await this.triesLeft(shown) : undefined;
      if (pin !== undefined) throw this.#host.pinFailure(word, pin, triesLeft);
    } finally {
      parts.forEach(zeroBytes);
      zeroBytes(data);
    }
  }

  /** GENERATE ASYMMETRIC KEY PAIR reads the public key with P1 81. OpenPGP card 3.4.1, 7.2.14. */
  async #publicKey({ name }: Slot, attributes: Uint8Array): Promise<PublicKey | undefined> {
    const data = Uint8Array.of(openPgpTemplates[name], 0x00);
    const answer = await this.#host.send({ cla: 0, ins: 0x47, p1: 0x81, p2: 0x00, data, le: 256 });
    if (answer.sw !== sw.success) return undefined;
    return publicKeyIn(answer.data, (point) => pointKey(attributes, point));
  }
}

/** PW1 is verified apart for signatures and for all else. */
function referenceFor(role: PinRole, container: KeyContainer | undefined): number {
  if (role === "admin") return passwords.pw3;
  return container?.name === "signature" ? passwords.pw1Signature : passwords.pw1;
}

/** Whether the historical bytes say that the card has command chaining. ISO/IEC 7816-4:2013, table 119. */
function chains(historical: Uint8Array | undefined): boolean {
  const decoded = historical?.[0] === 0x00 ? decodeCompactTlv(historical.subarray(1, -3)) : undefined;
  const capabilities = decoded?.ok ? decoded.value.find(({ tag }) => tag === 0x7)?.value : undefined;
  return ((capabilities?.[2] ?? 0) & 0x80) !== 0;
}

/** An elliptic key by its algorithm attributes. */
function pointKey(attributes: Uint8Array, point: Uint8Array): PublicKey | undefined {
  const curve = openPgpCurveIn(attributes);
  if (curve !== "ed25519" && curve !== "x25519") return curve && { kind: "ec", curve, point };
  return { kind: curve, point: point.length === 33 && point[0] === POINT_NATIVE ? point.slice(1) : point };
}

function usesOf({ use }: Slot, { kind }: KeyType): readonly KeyUse[] {
  if (use === "sign") return kind === "x25519" ? [] : ["sign"];
  return [kind === "rsa" ? "decrypt" : "derive"];
}
