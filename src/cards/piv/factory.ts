// SPDX-License-Identifier: MIT

import { concatBytes, hexBytes, zeroBytes } from "../../base/binary/index.ts";
import { pivFactory, pivKeyReferences, pivObjects } from "../../base/card-applications/index.ts";
import { applicationProviders, encodeDataObject } from "../../base/iso7816/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import type { FirmwareVersion } from "../software-card/index.ts";
import { byteObject } from "../software-card/index.ts";
import type { ManagementAlgorithm } from "./algorithms.ts";
import { addAttestationKey } from "./attestation.ts";
import { pivAid } from "./identifiers.ts";
import { factoryManagementKey } from "./management-key.ts";
import type { PivImage } from "./piv-image.ts";
import { paddedPin } from "./reference-data.ts";

const FACTORY_TRIES = 3;

/** The PIN of a new card, 123456. */
export function factoryPin(): Uint8Array {
  return paddedPin(new TextEncoder().encode(pivFactory.pin));
}

/** The PUK of a new card, 12345678. */
export function factoryPuk(): Uint8Array {
  return paddedPin(new TextEncoder().encode(pivFactory.puk));
}

/** What the maker of a new card decides. */
export interface PivFactoryOptions {
  /** Whose commands there are beside the standard's. @default yubico */
  readonly extensions?: PivImage["extensions"];
  /** Version of the firmware. @default 5.7.2 */
  readonly firmware?: FirmwareVersion;
  /** 1 to 4294967295. @default random, of eight digits */
  readonly serialNumber?: number;
  /** Whether the card has a CHUID and a card capability container, as the standard wants and no new token has. @default true */
  readonly identified?: boolean;
}

/** A card as it comes from the factory: without keys, but for the one that attests. */
export async function newPivImage(library: CardCrypto, options: PivFactoryOptions = {}): Promise<PivImage> {
  const { extensions = "yubico", firmware = [5, 7, 2], identified = true } = options;
  const image: PivImage = {
    extensions,
    firmware,
    serialNumber: options.serialNumber ?? randomSerialNumber(library),
    pin: { value: new Uint8Array(0), tries: 0, triesLeft: 0 },
    puk: { value: new Uint8Array(0), tries: 0, triesLeft: 0 },
    globalPin: undefined,
    managementKey: { algorithm: "aes192", value: new Uint8Array(0), touchPolicy: "never" },
    keys: new Map(),
    objects: new Map(),
  };
  resetToFactory(image, []);
  if (identified) identify(library, image);
  if (extensions === "yubico") await addAttestationKey(library, image);
  return image;
}

/** Deletes keys and objects, and sets PIN, PUK and management key to what they are when new. */
export function resetToFactory(image: PivImage, keptObjects: readonly number[]): void {
  for (const { value } of [image.pin, image.puk, image.managementKey]) zeroBytes(value);
  image.pin = { value: factoryPin(), tries: FACTORY_TRIES, triesLeft: FACTORY_TRIES };
  image.puk = { value: factoryPuk(), tries: FACTORY_TRIES, triesLeft: FACTORY_TRIES };
  const algorithm = factoryAlgorithm(image.firmware);
  image.managementKey = { algorithm, value: factoryManagementKey(), touchPolicy: "never" };
  for (const slot of [...image.keys.keys()]) if (slot !== pivKeyReferences.attestation) image.keys.delete(slot);
  for (const tag of [...image.objects.keys()]) if (!keptObjects.includes(tag)) image.objects.delete(tag);
  image.objects.set(pivObjects.discovery, discoveryObject(image.globalPin !== undefined));
}

/** Tokens have AES 192 since firmware 5.7, and triple DES before. */
function factoryAlgorithm([major, minor]: FirmwareVersion): ManagementAlgorithm {
  return major > 5 || (major === 5 && minor >= 7) ? "aes192" : "3des";
}

function randomSerialNumber(library: CardCrypto): number {
  const number = library.randomBytes(4).reduce((sum, byte) => sum * 256 + byte, 0);
  return 10_000_000 + (number % 90_000_000);
}

/** The PIN usage policy: 40, the PIN alone; 60 10, the global PIN too, and the PIN is preferred. */
function discoveryObject(hasGlobalPin: boolean): Uint8Array {
  const policy = hasGlobalPin ? byteObject(0x5f2f, 0x60, 0x10) : byteObject(0x5f2f, 0x40, 0x00);
  return concatBytes(encodeDataObject(0x4f, pivAid()), policy);
}

/** FASC-N of an issuer that is no federal one: 9999-9999-999999-0-1-0000000000300001. */
const FASC_N = "D4E739DA739CED39CE739D836858210842108421C84210C3EB";
const GUID_BYTES = 16;
const CARD_ID_BYTES = 14;
const EXPIRATION_DATE = "20400101";

/** Gives a card an identity of its own. NIST SP 800-73-4 part 1, tables 8 and 9. */
function identify(library: CardCrypto, image: PivImage): void {
  image.objects.set(pivObjects.chuid, chuid(library));
  image.objects.set(pivObjects.capability, capabilityContainer(library));
}

function chuid(library: CardCrypto): Uint8Array {
  return concatBytes(
    encodeDataObject(0x30, hexBytes(FASC_N)),
    encodeDataObject(0x34, library.randomBytes(GUID_BYTES)),
    encodeDataObject(0x35, new TextEncoder().encode(EXPIRATION_DATE)),
    // No signature of an issuer.
    encodeDataObject(0x3e),
    encodeDataObject(0xfe),
  );
}

function capabilityContainer(library: CardCrypto): Uint8Array {
  const identifier = concatBytes(hexBytes(`${applicationProviders.gsa}FF02`), library.randomBytes(CARD_ID_BYTES));
  return concatBytes(
    encodeDataObject(0xf0, identifier),
    byteObject(0xf1, 0x21),
    byteObject(0xf2, 0x21),
    encodeDataObject(0xf3),
    byteObject(0xf4, 0x00),
    byteObject(0xf5, 0x10),
    ...[0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe].map((tag) => encodeDataObject(tag)),
  );
}
