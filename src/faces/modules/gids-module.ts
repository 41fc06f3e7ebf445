// SPDX-License-Identifier: MIT

import { bigEndianBytes, concatBytes, encodeHex, hexByte, hexBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  type Container,
  certificateFileName,
  decodeContainerMap,
  decodeFileList,
  type FilePlace,
  filePlaces,
  gidsFileIds,
  gidsKeyReferences,
  gidsMechanisms,
  gidsPaddings,
  gidsPinTags,
  gidsReferences,
  gidsTemplates,
  type ListedFile,
  MSCP,
} from "../../base/card-applications/index.ts";
import { applicationIdentifiers, type ResponseApdu, statusWords as sw } from "../../base/iso7816/index.ts";
import { type CurveName, curveBytes, type PublicKey, withoutZeros } from "../../base/keys/index.ts";
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
import { adminChallenge, answerChallenge } from "./general-authenticate.ts";
import { hasApplication, reselectApplication } from "./select-application.ts";
import { plainValue, publicKeyIn, valueAt } from "./tlv-values.ts";

/** With the free byte that most cards have, and without it. GIDS 2.0, 2.1. */
const aids: readonly string[] = [`${applicationIdentifiers.gids2}01`, applicationIdentifiers.gids2];

/** The keys that a map of containers can have. */
const MOST_CONTAINERS = gidsKeyReferences.last - gidsKeyReferences.first + 1;

const CONTAINER_MAP = "cmapfile";
const MAX_CERTIFICATE_BYTES = 65_536;
/** What is before the stream of zlib in the file of a certificate: 01 00, and its length. */
const STORED_HEADER_BYTES = 4;

const curves = Object.entries(gidsMechanisms.curve) as readonly (readonly [name: CurveName, mechanism: number])[];

/** P1 and P2 of GENERAL AUTHENTICATE: with the key that was chosen. */
const chosenKey = { p1: 0x00, p2: 0x00 } as const;

const userPin = { role: "user", name: "PIN", kind: "pin", leastBytes: 4, mostBytes: 127 } as const;
const puk: PinDescription = { ...userPin, role: "unblock", name: "PUK", unblockedBy: [] };
const adminKey: PinDescription = {
  role: "admin",
  name: "administrator's key",
  kind: "challenge-response",
  leastBytes: 16,
  mostBytes: 32,
  unblockedBy: [],
};

/** Cards of the Generic Identity Device Specification, which Windows has a module for. They have to be set up. */
export const gidsModule: CardModule = {
  name: "gids",
  otherNames: ["msclmd.dll"],
  async open(host) {
    for (const aid of aids) if (await hasApplication(host, aid)) return GidsCard.read(host, aid);
    return undefined;
  },
};

class GidsCard implements ModuleCard {
  readonly identity: string;
  readonly label = "GIDS card";
  readonly serialNumber: string | undefined;
  readonly pins: readonly PinDescription[];
  readonly #host: ModuleHost;
  readonly #aid: string;

  private constructor(host: ModuleHost, aid: string, cardId: Uint8Array | undefined, hasPuk: boolean) {
    this.#host = host;
    this.#aid = aid;
    this.serialNumber = cardId && encodeHex(cardId);
    this.identity = `gids ${this.serialNumber ?? ""}`;
    // A card with a PUK has its PIN reset by that alone. GIDS 2.0, 9.5.3.
    this.pins = hasPuk
      ? [{ ...userPin, unblockedBy: ["unblock"] }, puk, adminKey]
      : [{ ...userPin, unblockedBy: ["admin"] }, adminKey];
  }

  static async read(host: ModuleHost, aid: string): Promise<GidsCard> {
    const cardId = await readFile(host, filePlaces.cardId);
    const { sw: word } = await getData(host, gidsFileIds.application, gidsPinTags.puk);
    return new GidsCard(host, aid, cardId, word === sw.success);
  }

  async select(): Promise<void> {
    await reselectApplication(this.#host, this.#aid, "GIDS");
  }

  /** VERIFY of the security status. GIDS 2.0, 13.17. */
  async deauthenticate(): Promise<void> {
    await this.#host.send({ cla: 0, ins: 0x20, p1: 0x00, p2: gidsReferences.securityStatus });
  }

  async freeSpace(): Promise<FreeSpace> {
    const { length } = await this.containers();
    return { bytes: undefined, containers: MOST_CONTAINERS - length, mostContainers: MOST_CONTAINERS };
  }

  async containers(): Promise<readonly KeyContainer[]> {
    const files = await listFiles(this.#host);
    const map =
      (await readFile(this.#host, placeIn(files, CONTAINER_MAP) ?? filePlaces.containerMap)) ?? new Uint8Array(0);
    const found: KeyContainer[] = [];
    for (const [at, container] of decodeContainerMap(map).slice(0, MOST_CONTAINERS).entries()) {
      const described = container.isValid ? await this.#container(at, container) : undefined;
      if (described !== undefined) found.push(described);
    }
    return found;
  }

  async #container(at: number, { exchangeBits, name: label }: Container): Promise<KeyContainer | undefined> {
    const name = hexByte(gidsKeyReferences.first + at);
    const told = await this.#publicKey(gidsKeyReferences.first + at);
    const certificate = told === undefined ? await this.#certificateAt(at) : undefined;
    const certified = told ? this.#host.keyOf(told) : certificate && this.#host.keyOfCertificate(certificate);
    if (certified === undefined) return undefined;
    const isRsa = certified.key.kind === "rsa";
    const uses: readonly KeyUse[] = isRsa && exchangeBits > 0 ? ["sign", "decrypt"] : ["sign"];
    return { name, label, ...certified, uses, pin: "user", pinPolicy: "once" };
  }

  async certificate({ name }: KeyContainer): Promise<Uint8Array | undefined> {
    return this.#certificateAt(Number.parseInt(name, 16) - gidsKeyReferences.first);
  }

  /** The file `kxcNN` of a key for exchange, or `kscNN` of one for signatures. */
  async #certificateAt(at: number): Promise<Uint8Array | undefined> {
    const files = await listFiles(this.#host);
    const place =
      placeIn(files, certificateFileName(at, "exchange")) ?? placeIn(files, certificateFileName(at, "signature"));
    const stored = place && (await readFile(this.#host, place));
    if (stored === undefined || stored.length === 0) return undefined;
    // A certificate that is not packed begins with a SEQUENCE.
    if (stored[0] !== 0x01) return stored;
    return this.#host.crypto.unpack("zlib", stored.subarray(STORED_HEADER_BYTES), MAX_CERTIFICATE_BYTES);
  }

  async triesLeft(role: PinRole): Promise<number | undefined> {
    if (role === "admin") return undefined;
    const tag = role === "user" ? gidsPinTags.globalPin : gidsPinTags.puk;
    const answer = await getData(this.#host, gidsFileIds.application, tag);
    const told = answer.sw === sw.success ? valueAt(answer.data, tag, gidsPinTags.triesLeft)?.[0] : undefined;
    if (told !== undefined || role !== "user") return told;
    const { sw: word } = await this.#host.send({ cla: 0, ins: 0x20, p1: 0x00, p2: gidsReferences.pin });
    return word === sw.methodBlocked ? 0 : triesIn(word);
  }

  async verify(role: PinRole, pin: Uint8Array): Promise<void> {
    await this.#withPin(role, { ins: 0x20, p1: 0x00, p2: role === "user" ? gidsReferences.pin : gidsReferences.puk }, [
      pin,
    ]);
  }

  /** Two PINs of variable length are told apart by no reader. */
  pinPad(operation: "verify" | "change", role: PinRole): PinPadCommand | undefined {
    if (role === "admin" || operation === "change") return undefined;
    const p2 = role === "user" ? gidsReferences.pin : gidsReferences.puk;
    return { cla: 0x00, ins: 0x20, p1: 0x00, p2, blockBytes: 0, padding: 0xff };
  }

  async changePin(role: PinRole, old: Uint8Array, next: Uint8Array): Promise<void> {
    const p2 = role === "user" ? gidsReferences.pin : gidsReferences.puk;
    await this.#withPin(role, { ins: 0x24, p1: 0x00, p2 }, [old, next]);
  }

  /** RESET RETRY COUNTER, with the PUK or after the administrator's answer. GIDS 2.0, 13.14. */
  async unblock(_role: PinRole, next: Uint8Array, by: PinRole, secret: Uint8Array | undefined): Promise<void> {
    const values = by === "admin" || secret === undefined ? [next] : [secret, next];
    await this.#withPin(by, { ins: 0x2c, p1: by === "admin" ? 0x02 : 0x00, p2: gidsReferences.pin }, values);
  }

  /** External authentication. GIDS 2.0, 10.2. */
  async challenge(): Promise<AdminChallenge> {
    const data = Uint8Array.of(0x83, 0x01, gidsKeyReferences.administrator);
    const chosen = await this.#host.send({ cla: 0, ins: 0x22, p1: 0x81, p2: 0xa4, data });
    this.#host.data(chosen, "choose the administrator's key");
    return { challenge: await adminChallenge(this.#host, chosenKey), cipher: "3des" };
  }

  async authenticate(response: Uint8Array): Promise<void> {
    await answerChallenge(this.#host, chosenKey, response, "administrator's key");
  }

  async sign({ key, name }: KeyContainer, request: SignRequest): Promise<Uint8Array> {
    const [padding, data] = this.#signed(key, request);
    await this.#choose(gidsTemplates.signature, padding | mechanismOf(key), name);
    return this.#perform(0x9e9a, data, "sign");
  }

  /** A card undoes PKCS #1 itself. OAEP it knows with SHA-1 alone, so that is undone here. */
  async decrypt({ key, name }: KeyContainer, request: DecryptRequest): Promise<Uint8Array> {
    const isOaep = request.scheme === "rsa-oaep";
    await this.#choose(
      gidsTemplates.confidentiality,
      (isOaep ? gidsPaddings.none : gidsPaddings.pkcs1) | mechanismOf(key),
      name,
    );
    const result = await this.#perform(0x8086, request.data, "decrypt");
    if (!isOaep) return result;
    try {
      return this.#host.plainOf(request, result);
    } finally {
      zeroBytes(result);
    }
  }

  /** What the card gets, and how it pads it: a DigestInfo that it pads, a whole block, or a digest. */
  #signed(key: KeyType, request: SignRequest): readonly [padding: number, data: Uint8Array] {
    if (request.scheme === "ed25519") return [gidsPaddings.digest, request.message];
    if (key.kind !== "rsa") return [gidsPaddings.digest, request.digest];
    if (request.scheme === "rsa-pss") return [gidsPaddings.digest, this.#host.signatureBlock(request, key.bits)];
    return [gidsPaddings.pkcs1Digest, this.#host.digestInfo(request)];
  }

  /** MANAGE SECURITY ENVIRONMENT. GIDS 2.0, 13.10. */
  async #choose(template: number, mechanism: number, name: string): Promise<void> {
    const data = Uint8Array.of(0x80, 0x01, mechanism, 0x84, 0x01, Number.parseInt(name, 16));
    const answer = await this.#host.send({ cla: 0, ins: 0x22, p1: 0x41, p2: template, data });
    this.#host.data(answer, `use the key ${name} so`);
  }

  /** PERFORM SECURITY OPERATION. GIDS 2.0, 13.11. */
  async #perform(operation: number, data: Uint8Array, what: string): Promise<Uint8Array> {
    const [p1, p2] = [operation >> 8, operation & 0xff];
    const answer = await this.#host.send({ cla: 0, ins: 0x2a, p1, p2, data, le: 256 }, { longData: "chaining" });
    return this.#host.data(answer, what);
  }

  /** GET PUBLIC KEY. GIDS 2.0, 13.8. */
  async #publicKey(reference: number): Promise<PublicKey | undefined> {
    const data = concatBytes(hexBytes("70088401"), Uint8Array.of(reference), hexBytes("A5037F4980"));
    const answer = await this.#host.send({ cla: 0, ins: 0xcb, p1: 0x3f, p2: 0xff, data, le: 256 });
    if (answer.sw !== sw.success) return undefined;
    const found = publicKeyIn(answer.data, (point) => {
      const known = curves.find(([name]) => 1 + 2 * curveBytes[name] === point.length);
      return known && { kind: "ec", curve: known[0], point };
    });
    return found?.kind === "rsa" ? { ...found, modulus: withoutZeros(found.modulus) } : found;
  }

  async #withPin(
    role: PinRole,
    command: { readonly ins: number; readonly p1: number; readonly p2: number },
    values: readonly Uint8Array[],
  ): Promise<void> {
    const data = concatBytes(...values);
    try {
      const { sw: word } = await this.#host.send({ cla: 0, ...command, data });
      const pin = this.pins.find((one) => one.role === role);
      if (word !== sw.success && pin !== undefined) throw this.#host.pinFailure(word, pin);
    } finally {
      zeroBytes(data);
    }
  }
}

/** One object of a file, by GET DATA. GIDS 2.0, 13.7. */
async function getData(host: ModuleHost, file: number, object: number): Promise<ResponseApdu> {
  const tag = Uint8Array.from(bigEndianBytes(object, 2, 2, "a tag"));
  const data = concatBytes(Uint8Array.of(0x5c, tag.length), tag);
  return host.send({ cla: 0, ins: 0xcb, p1: file >> 8, p2: file & 0xff, data, le: 256 });
}

async function readFile(host: ModuleHost, { file, object }: FilePlace): Promise<Uint8Array | undefined> {
  const answer = await getData(host, file, object);
  return answer.sw === sw.success ? plainValue(answer.data, object) : undefined;
}

async function listFiles(host: ModuleHost): Promise<readonly ListedFile[]> {
  return decodeFileList((await readFile(host, filePlaces.list)) ?? new Uint8Array(0)) ?? [];
}

function placeIn(files: readonly ListedFile[], wanted: string): FilePlace | undefined {
  return files.find(({ directory, name }) => directory === MSCP && name.toLowerCase() === wanted.toLowerCase());
}

function mechanismOf(key: KeyType): number {
  const { curve, rsa } = gidsMechanisms;
  if (key.kind === "rsa") return (rsa as Readonly<Record<number, number>>)[key.bits] ?? rsa[2048];
  const known = key.kind === "ec" ? curves.find(([name]) => name === key.curve) : undefined;
  return known?.[1] ?? curve["P-256"];
}
