// SPDX-License-Identifier: MIT

import { encodeHex, hexByte, hexBytes, hexWord } from "../../base/binary/index.ts";
import {
  type Container,
  cacheAfterChange,
  cardApps,
  certificateFileName,
  dataFileIds,
  decodeContainerMap,
  decodeFileList,
  encodeContainerMap,
  encodeFileList,
  type FilePlace,
  filePlaces,
  firstFiles,
  freePlace,
  gidsKeyReferences,
  gidsPaddings,
  gidsTemplates,
  MSCP,
  storedCertificate,
  withKey,
} from "../../base/card-applications/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import { assert, refuse } from "../../port/index.ts";
import {
  type CardCrypto,
  type CertificateContent,
  checkCertificateContent,
  issueCertificate,
  keyUsageExtension,
  keyUsages,
} from "../crypto/index.ts";
import { decodeFileControl } from "./file-control.ts";
import { type DataFile, type GidsFile, type KeyFile, newFile } from "./gids-file.ts";
import type { GidsImage } from "./gids-image.ts";
import { generateKey } from "./gids-key.ts";
import { FACTORY_TRIES } from "./gids-limits.ts";
import { GidsPin } from "./gids-pin.ts";
import { keyFileId } from "./identifiers.ts";
import { mechanismOf } from "./mechanisms.ts";

/** The PIN of a card that was set up without one. */
const FIRST_PIN = "123456";
/** The administrator's key of a card that was set up here, for triple DES: the one that Windows' tools begin with. */
const FIRST_ADMINISTRATOR_KEY = "010203040506070801020304050607080102030405060708";
const { administrator: ADMINISTRATOR, first: FIRST_KEY, last: LAST_KEY } = gidsKeyReferences;
const CARD_ID_BYTES = 16;

/** Who may read and write what is in a file: conditions of PUT DATA and GET DATA. */
const conditions: Readonly<Record<keyof typeof dataFileIds, string>> = {
  directories: "3000",
  userWrites: "3000",
  userExecutes: "30FF",
  administratorWrites: "2000",
  userOnly: "3030",
  administratorOnly: "2020",
};

/** A key with a certificate, for a card. */
export interface GidsProvision extends CertificateContent {
  /** The key reference: 81 for the first container, to 9E. */
  readonly reference: number;
  readonly algorithm: "rsa1024" | "rsa2048" | "rsa3072" | "rsa4096";
}

const mechanisms: Readonly<Record<GidsProvision["algorithm"], number>> = {
  rsa1024: 0x06,
  rsa2048: 0x07,
  rsa3072: 0x08,
  rsa4096: 0x09,
};

/** Whether a card was set up: it has the files of the minidriver, and its rules hold. */
function isSetUp({ lifeCycle }: GidsImage): boolean {
  return lifeCycle !== "initialization";
}

/**
 * Sets a card from the factory up, as `gids-tool --initialize` does: its files, the administrator's key, a PIN, and a card
 * identifier that is random. One that was set up stays as it is.
 */
export function setUpGids(library: CardCrypto, image: GidsImage): void {
  if (isSetUp(image)) return;
  image.files.clear();
  for (const [name, id] of Object.entries(dataFileIds)) {
    const rules = conditions[name as keyof typeof dataFileIds];
    addFile(image, `8201398302${hexWord(id)}8C0303${rules}`);
  }
  // The user may choose it for an authentication; the administrator may replace it.
  const template = `A409800102${"8301"}${hexByte(ADMINISTRATOR)}9501C0`;
  const key = addFile(image, `8201188302${hexWord(keyFileId(ADMINISTRATOR))}8C04870020FFA50B${template}`);
  assert(key.kind === "key", "the administrator's key has a file of a key");
  key.key = { kind: "symmetric", value: hexBytes(FIRST_ADMINISTRATOR_KEY) };
  write(image, filePlaces.list, encodeFileList(firstFiles));
  write(image, filePlaces.cardApps, cardApps);
  write(image, filePlaces.cardCache, new Uint8Array(6));
  write(image, filePlaces.containerMap, new Uint8Array(0));
  write(image, filePlaces.cardId, library.randomBytes(CARD_ID_BYTES));
  image.pin ??= new GidsPin({
    value: new TextEncoder().encode(FIRST_PIN),
    tries: FACTORY_TRIES,
    triesLeft: FACTORY_TRIES,
  });
  image.lifeCycle = "operational";
}

/**
 * Generates a key, and puts it and a certificate for it into a card, in a container for signatures and decryption. A card
 * from the factory is set up first.
 *
 * @returns the certificate, in DER
 * @throws invalid-parameter for a reference that is not free or not the next, a name that is too long, times of another form,
 * an authority whose certificate is not one; invalid-value for a card whose files are not those of the minidriver
 */
export async function provisionGids(
  library: CardCrypto,
  image: GidsImage,
  provision: GidsProvision,
): Promise<Uint8Array> {
  const { algorithm, reference } = provision;
  checkCertificateContent(provision, "rsa", place);
  setUpGids(library, image);
  const files = decodeFileList(read(image, filePlaces.list));
  const containers = decodeContainerMap(read(image, filePlaces.containerMap));
  if (files === undefined || image.lifeCycle === "terminated") {
    const remedy = "make a new card";
    refuse({ ...place, path: "image" }, "a card without the files of the minidriver", remedy, "invalid-value");
  }
  const container = checkReference(image, reference, containers);
  const mechanism = mechanisms[algorithm];
  const made = await generateKey(library, mechanismOf(mechanism) ?? unreachable());
  assert(made?.kind === "rsa", "an RSA mechanism makes RSA keys");
  const uses = keyUsageExtension(keyUsages.digitalSignature | keyUsages.keyEncipherment);
  const content = { algorithm: "rsa", material: made.rsa } as const;
  const certificate = await issueCertificate(library, content, provision, [uses], place);
  addKeyFile(image, reference, mechanism).key = made;
  const name = certificateFileName(container);
  const at = freePlace(files);
  assert(at !== undefined, "a card has more places than keys");
  write(image, at, storedCertificate(certificate));
  write(image, filePlaces.list, encodeFileList([...files, { directory: MSCP, name, ...at }]));
  const all = [...containers];
  all[container] = {
    name: containerName(library),
    isValid: true,
    isDefault: !containers.some(({ isDefault }) => isDefault),
    signatureBits: 0,
    exchangeBits: made.rsa.n.length * 8,
  };
  write(image, filePlaces.containerMap, encodeContainerMap(all));
  const keyMap = withKey(read(image, filePlaces.keyMap), container, mechanism, keyFileId(reference));
  write(image, filePlaces.keyMap, keyMap);
  write(image, filePlaces.cardCache, cacheAfterChange(read(image, filePlaces.cardCache)));
  return certificate;
}

const place = { operation: "provisionGids", path: "provision" } as const;

function unreachable(): never {
  throw new TypeError("GIDS has this mechanism");
}

/** The container of a key: the next one, or one before whose key was removed. */
function checkReference(image: GidsImage, reference: number, containers: readonly Container[]): number {
  const container = reference - FIRST_KEY;
  const next = hexByte(FIRST_KEY + containers.length);
  const isInRange = reference >= FIRST_KEY && reference <= LAST_KEY && container <= containers.length;
  const isFree = isInRange && containers[container]?.isValid !== true && !image.files.has(keyFileId(reference));
  const remedy = containers.length + FIRST_KEY > LAST_KEY ? "make room for it on the card" : `use ${next}`;
  if (!isFree) refuse({ ...place, path: "provision.reference" }, `${hexByte(reference)}, which is not free`, remedy);
  return container;
}

/** For signatures and decryption: the uses that the minidriver gives a key for exchange. */
function addKeyFile(image: GidsImage, reference: number, mechanism: number): KeyFile {
  const template = (tag: number, padding: number): string => {
    return `${hexByte(tag)}098001${hexByte(padding | mechanism)}8301${hexByte(reference)}950140`;
  };
  const { confidentiality, signature } = gidsTemplates;
  const templates = [
    template(confidentiality, gidsPaddings.none),
    template(confidentiality, gidsPaddings.oaep),
    template(confidentiality, gidsPaddings.pkcs1),
    template(signature, gidsPaddings.digest),
    template(signature, gidsPaddings.pkcs1Digest),
  ].join("");
  const id = hexWord(keyFileId(reference));
  const file = addFile(image, `8201188302${id}8C058F10101000A5${hexByte(templates.length / 2)}${templates}`);
  assert(file.kind === "key", "the file of a key is one");
  return file;
}

function addFile(image: GidsImage, parameters: string): GidsFile {
  const whole = encodeDataObject(0x62, hexBytes(parameters));
  const control = decodeFileControl(whole);
  assert(control !== undefined, "these are file control parameters");
  const file = newFile(control, whole, isSetUp(image));
  file.activated = true;
  image.files.set(control.id, file);
  return file;
}

function write(image: GidsImage, { file, object }: FilePlace, value: Uint8Array): void {
  dataFile(image, file)?.objects.set(object, value);
}

/** What is in a file of the minidriver; nothing where it is missing. */
function read(image: GidsImage, { file, object }: FilePlace): Uint8Array {
  return dataFile(image, file)?.objects.get(object) ?? new Uint8Array(0);
}

function dataFile(image: GidsImage, id: number): DataFile | undefined {
  const file = image.files.get(id);
  return file?.kind === "data" ? file : undefined;
}

/** The containers of a card, and whether each has a certificate. */
export function containersOf(image: GidsImage): readonly (Container & { readonly hasCertificate: boolean })[] {
  const names = new Set((decodeFileList(read(image, filePlaces.list)) ?? []).map(({ name }) => name));
  return decodeContainerMap(read(image, filePlaces.containerMap)).map((container, at) => {
    const name = certificateFileName(at);
    return { ...container, hasCertificate: names.has(name) || names.has(`ksc${name.slice(3)}`) };
  });
}

/** A name that no other container has, in the form of a GUID, as the minidriver makes them. */
function containerName(library: CardCrypto): string {
  const digits = encodeHex(library.randomBytes(16)).toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
