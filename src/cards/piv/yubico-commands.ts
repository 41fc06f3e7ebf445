// SPDX-License-Identifier: MIT

import { bigEndianBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import {
  nameOfNumber,
  pivKeyReferences,
  pivManagementTouch,
  pivObjects,
  pivOrigins,
  pivPinPolicies,
  pivPinReferences,
  pivTouchPolicies,
  pivMetadataTags as tags,
} from "../../base/card-applications/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, byteObject, matchesSecret, status, sw } from "../software-card/index.ts";
import { keyAlgorithm, managementAlgorithm, managementAlgorithmById } from "./algorithms.ts";
import { factoryPin, factoryPuk, resetToFactory } from "./factory.ts";
import { isKeySlot } from "./key-references.ts";
import { isFactoryKey } from "./management-key.ts";
import { hasFirmware, type PivContext } from "./piv-context.ts";
import type { ReferenceData } from "./piv-image.ts";
import { publicKeyObjects } from "./private-key.ts";

/** Yubico's GET VERSION. */
export function getVersion(card: PivContext, { p1, p2 }: ApplicationCommand): Answer {
  if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
  return { status: sw.success, data: Uint8Array.from(card.image.firmware) };
}

/** Yubico's GET SERIAL, since firmware 5. */
export function getSerial(card: PivContext, { p1, p2 }: ApplicationCommand): Answer {
  if (!hasFirmware(card, 5, 0)) return status(sw.wrongInstruction);
  if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
  const serial = bigEndianBytes(card.image.serialNumber, 4, 4, "a serial number");
  return { status: sw.success, data: Uint8Array.from(serial) };
}

const ALGORITHM_OF_A_PIN = 0xff;

/** Yubico's GET METADATA, since firmware 5.3: what is known of the key, the PIN or the PUK with the reference P2. */
export function getMetadata(card: PivContext, { p1, p2, data }: ApplicationCommand): Answer {
  if (!hasFirmware(card, 5, 3)) return status(sw.wrongInstruction);
  if (p1 !== 0) return status(sw.wrongP1P2);
  if (data.length > 0) return status(sw.wrongData);
  if (p2 === pivPinReferences.pin) return pinMetadata(card.image.pin, factoryPin());
  if (p2 === pivPinReferences.puk) return pinMetadata(card.image.puk, factoryPuk());
  if (p2 === pivKeyReferences.management) return managementKeyMetadata(card);
  return isKeySlot(p2) ? keyMetadata(card, p2) : status(sw.referenceNotFound);
}

function pinMetadata({ value, tries, triesLeft }: ReferenceData, factory: Uint8Array): Answer {
  return metadata(
    byteObject(tags.algorithm, ALGORITHM_OF_A_PIN),
    byteObject(tags.isDefault, Number(matchesSecret(factory, value))),
    byteObject(tags.tries, tries, triesLeft),
  );
}

function managementKeyMetadata({ image }: PivContext): Answer {
  const { algorithm, touchPolicy, value } = image.managementKey;
  return metadata(
    byteObject(tags.algorithm, managementAlgorithm(algorithm).id),
    byteObject(tags.policy, 0, pivTouchPolicies[touchPolicy]),
    byteObject(tags.isDefault, Number(isFactoryKey(value))),
  );
}

function keyMetadata({ crypto, image }: PivContext, slot: number): Answer {
  const key = image.keys.get(slot);
  if (key === undefined) return status(sw.referenceNotFound);
  return metadata(
    byteObject(tags.algorithm, keyAlgorithm(key.algorithm).id),
    byteObject(tags.policy, pivPinPolicies[key.pinPolicy], pivTouchPolicies[key.touchPolicy]),
    byteObject(tags.origin, pivOrigins[key.origin]),
    encodeDataObject(tags.publicKey, publicKeyObjects(crypto, key)),
  );
}

function metadata(...objects: readonly Uint8Array[]): Answer {
  return { status: sw.success, data: Uint8Array.from(objects.flatMap((object) => [...object])) };
}

const P1_MANAGEMENT_KEY = 0xff;
/** Yubico's SET MANAGEMENT KEY: data is the algorithm, 9B, the length and the key. The client stays authenticated. */
export function setManagementKey(card: PivContext, { p1, p2, data }: ApplicationCommand): Answer {
  const touchPolicy = nameOfNumber(pivManagementTouch, p2);
  if (p1 !== P1_MANAGEMENT_KEY || touchPolicy === undefined) return status(sw.wrongP1P2);
  if (!card.security.managementKeyShown) return status(sw.securityNotSatisfied);
  const [identifier = -1, reference, length] = data;
  const algorithm = identifier === 0 ? undefined : managementAlgorithmById(identifier);
  const isKnown = algorithm !== undefined && (algorithm.cipher === "3des" || hasFirmware(card, 5, 4));
  const isWhole = length === algorithm?.keyBytes && data.length === 3 + (length ?? 0);
  if (!isKnown || !isWhole || reference !== pivKeyReferences.management) return status(sw.wrongData);
  zeroBytes(card.image.managementKey.value);
  card.image.managementKey = { algorithm: algorithm.algorithm, value: copyBytes(data.subarray(3)), touchPolicy };
  card.changed();
  return status(sw.success);
}

/** Yubico's SET PIN RETRIES: P1 tries of the PIN, P2 of the PUK. Both get their factory values, too. */
export function setPinRetries(card: PivContext, { p1, p2, data }: ApplicationCommand): Answer {
  if (data.length > 0) return status(sw.wrongData);
  const { security, image } = card;
  if (!security.managementKeyShown || !security.pinVerified) return status(sw.securityNotSatisfied);
  if (p1 === 0 || p2 === 0) return status(sw.wrongP1P2);
  image.pin = { value: factoryPin(), tries: p1, triesLeft: p1 };
  image.puk = { value: factoryPuk(), tries: p2, triesLeft: p2 };
  security.pinIsUnverified("pin");
  card.changed();
  return status(sw.success);
}

/** Yubico's RESET: only where PIN and PUK are blocked. The attestation key and its certificate stay. */
export function reset(card: PivContext, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 !== 0 || p2 !== 0) return status(sw.wrongP1P2);
  if (data.length > 0) return status(sw.wrongData);
  const { pin, puk } = card.image;
  if (pin.triesLeft > 0 || puk.triesLeft > 0) return status(sw.conditionsNotSatisfied);
  resetToFactory(card.image, [pivObjects.attestation]);
  card.security.clear();
  card.changed();
  return status(sw.success);
}
