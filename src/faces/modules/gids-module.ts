// SPDX-License-Identifier: MIT

import { bigEndianBytes, concatBytes, encodeHex, hexByte, hexBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  applicationIdentifiers,
  encodeBerTlv,
  type ResponseApdu,
  statusWords as sw,
} from "../../base/iso7816/index.ts";
import type { CurveName, PublicKey } from "../../base/keys/index.ts";
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
import { hasApplication, reselectApplication } from "./select-application.ts";
import { plainValue, valueAt } from "./tlv-values.ts";

/** With the free byte that most cards have, and without it. GIDS 2.0, 2.1. */
const aids: readonly string[] = [`${applicationIdentifiers.gids2}01`, applicationIdentifiers.gids2];

/** A file of the minidriver: the elementary file, and the data object in it. */
interface FilePlace {
  readonly file: number;
  readonly object: number;
}

/** Where the files are that each card has. */
const places = {
  list: { file: 0xa000, object: 0xdf1f },
  cardId: { file: 0xa012, object: 0xdf20 },
  containerMap: { file: 0xa010, object: 0xdf23 },
} as const satisfies Readonly<Record<string, FilePlace>>;
const DIRECTORY = "mscp";
const CONTAINER_MAP = "cmapfile";

/** The list of files: version 1, then records with directory, name, object and file. */
const LIST_VERSION = 1;
const LISTED_BYTES = 28;
const NAME_BYTES = 9;
const OBJECT_AT = 20;
const FILE_AT = 24;

/** A record of the map of containers. Windows Smart Card Minidriver Specification, CONTAINER_MAP_RECORD. */
const CONTAINER_BYTES = 86;
const CONTAINER_NAME_CHARACTERS = 39;
const FLAGS_AT = 80;
const EXCHANGE_BITS_AT = 84;
const VALID = 0x01;
/** The key of the first container, and of the last one that there can be. */
const FIRST_KEY = 0x81;
const MOST_CONTAINERS = 30;

const MAX_CERTIFICATE_BYTES = 65_536;
/** What is before the stream of zlib in the file of a certificate: 01 00, and its length. */
const STORED_HEADER_BYTES = 4;

/** References of PINs, P2 of the commands; the last one ends all that was verified. GIDS 2.0, tables 40 and 73. */
const references = { pin: 0x80, puk: 0x81, securityStatus: 0x82, adminKey: 0x80 } as const;
/** Objects of the application that tell the tries of its PINs. GIDS 2.0, 9.5. */
const statusTags = { pin: 0x7f71, puk: 0x7f73 } as const;
const TAG_TRIES_LEFT = 0x97;

/** Control reference templates, and the upper half of a mechanism reference. GIDS 2.0, tables 23, 27 and 28. */
const SIGNATURE = 0xb6;
const CONFIDENTIALITY = 0xb8;
const paddings = { none: 0x00, digest: 0x10, pkcs1: 0x40, pkcs1Digest: 0x50 } as const;
/** The lower half of a mechanism reference. GIDS 2.0, tables 25 to 28. */
const rsaMechanisms: Readonly<Record<number, number>> = { 1024: 0x6, 2048: 0x7, 3072: 0x8, 4096: 0x9 };
const curves: readonly (readonly [name: CurveName, pointBytes: number, mechanism: number])[] = [
  ["P-256", 65, 0xc],
  ["P-384", 97, 0xd],
  ["P-521", 133, 0xe],
];

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
    const cardId = await readFile(host, places.cardId);
    const { sw: word } = await getData(host, 0x3fff, statusTags.puk);
    return new GidsCard(host, aid, cardId, word === sw.success);
  }

  async select(): Promise<void> {
    await reselectApplication(this.#host, this.#aid, "GIDS");
  }

  /** VERIFY of the security status. GIDS 2.0, 13.17. */
  async deauthenticate(): Promise<void> {
    await this.#host.send({ cla: 0, ins: 0x20, p1: 0x00, p2: references.securityStatus });
  }

  async freeSpace(): Promise<FreeSpace> {
    const { length } = await this.containers();
    return { bytes: undefined, containers: MOST_CONTAINERS - length, mostContainers: MOST_CONTAINERS };
  }

  async containers(): Promise<readonly KeyContainer[]> {
    const files = await listFiles(this.#host);
    const map = (await readFile(this.#host, placeIn(files, CONTAINER_MAP) ?? places.containerMap)) ?? new Uint8Array(0);
    const found: KeyContainer[] = [];
    for (const [at, record] of recordsOf(map, CONTAINER_BYTES).slice(0, MOST_CONTAINERS).entries()) {
      if (((record[FLAGS_AT] ?? 0) & VALID) === 0) continue;
      const container = await this.#container(at, record);
      if (container !== undefined) found.push(container);
    }
    return found;
  }

  async #container(at: number, record: Uint8Array): Promise<KeyContainer | undefined> {
    const name = (FIRST_KEY + at).toString(16).toUpperCase();
    const told = await this.#publicKey(FIRST_KEY + at);
    const certificate = told === undefined ? await this.#certificateAt(at) : undefined;
    const certified = told ? this.#host.keyOf(told) : certificate && this.#host.keyOfCertificate(certificate);
    if (certified === undefined) return undefined;
    const isForExchange = viewOf(record).getUint16(EXCHANGE_BITS_AT, true) > 0;
    const uses: readonly KeyUse[] = certified.key.kind === "rsa" && isForExchange ? ["sign", "decrypt"] : ["sign"];
    return { name, label: containerName(record), ...certified, uses, pin: "user", pinPolicy: "once" };
  }

  async certificate({ name }: KeyContainer): Promise<Uint8Array | undefined> {
    return this.#certificateAt(Number.parseInt(name, 16) - FIRST_KEY);
  }

  /** The file `kxcNN` of a key for exchange, or `kscNN` of one for signatures. */
  async #certificateAt(at: number): Promise<Uint8Array | undefined> {
    const files = await listFiles(this.#host);
    const number = hexByte(at);
    const place = placeIn(files, `kxc${number}`) ?? placeIn(files, `ksc${number}`);
    const stored = place && (await readFile(this.#host, place));
    if (stored === undefined || stored.length === 0) return undefined;
    // A certificate that is not packed begins with a SEQUENCE.
    if (stored[0] !== 0x01) return stored;
    return this.#host.crypto.unpack("zlib", stored.subarray(STORED_HEADER_BYTES), MAX_CERTIFICATE_BYTES);
  }

  async triesLeft(role: PinRole): Promise<number | undefined> {
    if (role === "admin") return undefined;
    const tag = role === "user" ? statusTags.pin : statusTags.puk;
    const answer = await getData(this.#host, 0x3fff, tag);
    const told = answer.sw === sw.success ? valueAt(answer.data, tag, TAG_TRIES_LEFT)?.[0] : undefined;
    if (told !== undefined || role !== "user") return told;
    const { sw: word } = await this.#host.send({ cla: 0, ins: 0x20, p1: 0x00, p2: references.pin });
    return word === sw.methodBlocked ? 0 : triesIn(word);
  }

  async verify(role: PinRole, pin: Uint8Array): Promise<void> {
    await this.#withPin(role, { ins: 0x20, p1: 0x00, p2: role === "user" ? references.pin : references.puk }, [pin]);
  }

  /** Two PINs of variable length are told apart by no reader. */
  pinPad(operation: "verify" | "change", role: PinRole): PinPadCommand | undefined {
    if (role === "admin" || operation === "change") return undefined;
    const p2 = role === "user" ? references.pin : references.puk;
    return { cla: 0x00, ins: 0x20, p1: 0x00, p2, blockBytes: 0, padding: 0xff };
  }

  async changePin(role: PinRole, old: Uint8Array, next: Uint8Array): Promise<void> {
    const p2 = role === "user" ? references.pin : references.puk;
    await this.#withPin(role, { ins: 0x24, p1: 0x00, p2 }, [old, next]);
  }

  /** RESET RETRY COUNTER, with the PUK or after the administrator's answer. GIDS 2.0, 13.14. */
  async unblock(_role: PinRole, next: Uint8Array, by: PinRole, secret: Uint8Array | undefined): Promise<void> {
    const values = by === "admin" || secret === undefined ? [next] : [secret, next];
    await this.#withPin(by, { ins: 0x2c, p1: by === "admin" ? 0x02 : 0x00, p2: references.pin }, values);
  }

  /** External authentication. GIDS 2.0, 10.2. */
  async challenge(): Promise<AdminChallenge> {
    const data = Uint8Array.of(0x83, 0x01, references.adminKey);
    const chosen = await this.#host.send({ cla: 0, ins: 0x22, p1: 0x81, p2: 0xa4, data });
    this.#host.data(chosen, "choose the administrator's key");
    const answer = await this.#host.send({ cla: 0, ins: 0x87, p1: 0, p2: 0, data: hexBytes("7C028100"), le: 256 });
    const challenge = valueAt(this.#host.data(answer, "give a challenge"), 0x7c, 0x81);
    if (challenge === undefined) throw this.#host.failure(answer.sw, "give a challenge that can be read");
    return { challenge, cipher: "3des" };
  }

  async authenticate(response: Uint8Array): Promise<void> {
    const data = encodeBerTlv([{ tag: 0x7c, children: [{ tag: 0x82, value: response }] }]);
    const answer = await this.#host.send({ cla: 0, ins: 0x87, p1: 0, p2: 0, data });
    this.#host.data(answer, "take the administrator's key");
  }

  async sign({ key, name }: KeyContainer, request: SignRequest): Promise<Uint8Array> {
    const [padding, data] = this.#signed(key, request);
    await this.#choose(SIGNATURE, padding | mechanismOf(key), name);
    return this.#perform(0x9e9a, data, "sign");
  }

  /** A card undoes PKCS #1 itself. OAEP it knows with SHA-1 alone, so that is undone here. */
  async decrypt({ key, name }: KeyContainer, request: DecryptRequest): Promise<Uint8Array> {
    const isOaep = request.scheme === "rsa-oaep";
    await this.#choose(CONFIDENTIALITY, (isOaep ? paddings.none : paddings.pkcs1) | mechanismOf(key), name);
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
    if (request.scheme === "ed25519") return [paddings.digest, request.message];
    if (key.kind !== "rsa") return [paddings.digest, request.digest];
    if (request.scheme === "rsa-pss") return [paddings.digest, this.#host.signatureBlock(request, key.bits)];
    return [paddings.pkcs1Digest, this.#host.digestInfo(request)];
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
    const [modulus, exponent, point] = [0x81, 0x82, 0x86].map((tag) => valueAt(answer.data, 0x7f49, tag));
    if (modulus !== undefined && exponent !== undefined) {
      const from = modulus.findIndex((byte) => byte !== 0);
      return { kind: "rsa", modulus: modulus.subarray(Math.max(from, 0)), exponent };
    }
    const known = curves.find(([, bytes]) => bytes === point?.length);
    return known && point && { kind: "ec", curve: known[0], point };
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

type ListedFile = FilePlace & { readonly directory: string; readonly name: string };

async function listFiles(host: ModuleHost): Promise<readonly ListedFile[]> {
  const list = (await readFile(host, places.list)) ?? new Uint8Array(0);
  if (list[0] !== LIST_VERSION) return [];
  return recordsOf(list.subarray(1), LISTED_BYTES).map((record) => ({
    directory: asciiOf(record.subarray(0, NAME_BYTES)),
    name: asciiOf(record.subarray(NAME_BYTES, 2 * NAME_BYTES)),
    object: viewOf(record).getUint32(OBJECT_AT, true),
    file: viewOf(record).getUint32(FILE_AT, true),
  }));
}

function placeIn(files: readonly ListedFile[], wanted: string): FilePlace | undefined {
  return files.find(({ directory, name }) => directory === DIRECTORY && name.toLowerCase() === wanted.toLowerCase());
}

function containerName(record: Uint8Array): string {
  const view = viewOf(record);
  const units = Array.from({ length: CONTAINER_NAME_CHARACTERS }, (_, at) => view.getUint16(2 * at, true));
  const end = units.indexOf(0);
  return String.fromCharCode(...(end < 0 ? units : units.slice(0, end)));
}

function mechanismOf(key: KeyType): number {
  if (key.kind === "rsa") return rsaMechanisms[key.bits] ?? 0x7;
  const known = key.kind === "ec" ? curves.find(([name]) => name === key.curve) : undefined;
  return known?.[2] ?? 0xc;
}

function recordsOf(bytes: Uint8Array, length: number): readonly Uint8Array[] {
  const count = Math.floor(bytes.length / length);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * length, (at + 1) * length));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asciiOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}
