// SPDX-License-Identifier: MIT

import {
  nameOfNumber,
  PIV_NOWHERE,
  type PivPinPolicy,
  type PivTouchPolicy,
  pivKeyReferences,
  pivPinPolicies,
  pivTouchPolicies,
} from "../../base/card-applications/index.ts";
import { type DataObject, encodeDataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, onlyObject, readDataObjects, status, sw, valueIn } from "../software-card/index.ts";
import { type KeyAlgorithmInfo, keyAlgorithmById } from "./algorithms.ts";
import { attest } from "./attestation.ts";
import { defaultPinPolicy, isKeySlot } from "./key-references.ts";
import { hasFirmware, isYubico, type PivContext } from "./piv-context.ts";
import { generateMaterial, importMaterial, publicKeyObjects } from "./private-key.ts";

const TAG_REFERENCE_TEMPLATE = 0xac;
const TAG_ALGORITHM = 0x80;
const TAG_PUBLIC_KEY = 0x7f49;
const TAG_PIN_POLICY = 0xaa;
const TAG_TOUCH_POLICY = 0xab;

/** GENERATE ASYMMETRIC KEY PAIR. NIST SP 800-73-4 part 2, 3.3.1. */
export async function generateKeyPair(card: PivContext, command: ApplicationCommand): Promise<Answer> {
  if (command.p1 !== 0x00 || !mayHaveKey(card, command.p2)) return status(sw.wrongP1P2);
  if (!card.security.managementKeyShown) return status(sw.securityNotSatisfied);
  const template = onlyObject(command.data, TAG_REFERENCE_TEMPLATE);
  const objects = template && readDataObjects(template);
  const identifier = objects && valueIn(objects, TAG_ALGORITHM);
  const algorithm = identifier?.length === 1 ? supported(card, identifier[0]) : undefined;
  const policies = objects && readPolicies(card, command.p2, objects);
  if (algorithm === undefined || policies === undefined) return status(sw.wrongData);
  const material = await generateMaterial(card.crypto, algorithm.algorithm);
  if (command.abandoned) return status(sw.noDiagnosis);
  const key = { algorithm: algorithm.algorithm, material, ...policies, origin: "generated" } as const;
  card.image.keys.set(command.p2, key);
  card.changed();
  return { status: sw.success, data: encodeDataObject(TAG_PUBLIC_KEY, publicKeyObjects(card.crypto, key)) };
}

/** Yubico's IMPORT ASYMMETRIC KEY: P1 is the algorithm, P2 the slot. */
export function importKey(card: PivContext, command: ApplicationCommand): Answer {
  const algorithm = supported(card, command.p1);
  if (algorithm === undefined || !mayHaveKey(card, command.p2)) return status(sw.wrongP1P2);
  if (!card.security.managementKeyShown) return status(sw.securityNotSatisfied);
  const objects = readDataObjects(command.data);
  const policies = objects && readPolicies(card, command.p2, objects);
  const material = objects && importMaterial(card.crypto, algorithm, objects);
  if (policies === undefined || material === undefined) return status(sw.wrongData);
  card.image.keys.set(command.p2, { algorithm: algorithm.algorithm, material, ...policies, origin: "imported" });
  card.changed();
  return status(sw.success);
}

/** Yubico's MOVE KEY, since firmware 5.7: from slot P2 to slot P1; P1 FF deletes. The attestation key only goes away. */
export function moveKey(card: PivContext, { p1, p2, data }: ApplicationCommand): Answer {
  if (!hasFirmware(card, 5, 7)) return status(sw.wrongInstruction);
  const isMove = p1 !== PIV_NOWHERE;
  if (!isKeySlot(p2) || (isMove && !(isUserSlot(p1) && isUserSlot(p2)))) return status(sw.wrongP1P2);
  if (data.length > 0) return status(sw.wrongData);
  if (!card.security.managementKeyShown) return status(sw.securityNotSatisfied);
  const { keys } = card.image;
  const key = keys.get(p2);
  if (key === undefined) return status(sw.referenceNotFound);
  // A key that is in the way stays: it has to be deleted first.
  if (isMove && keys.has(p1)) return status(sw.conditionsNotSatisfied);
  keys.delete(p2);
  if (isMove) keys.set(p1, key);
  card.changed();
  return status(sw.success);
}

/** Yubico's ATTEST: a certificate for the key in slot P1, where the card has made it itself. */
export async function attestKey(card: PivContext, command: ApplicationCommand): Promise<Answer> {
  if (!isUserSlot(command.p1) || command.p2 !== 0x00) return status(sw.wrongP1P2);
  const key = card.image.keys.get(command.p1);
  // Tools take 6A80 for a slot without a key. An imported key is not attested.
  if (key?.origin !== "generated") return status(sw.wrongData);
  const certificate = await attest(card.crypto, card.image, command.p1, key);
  if (certificate === undefined) return status(sw.conditionsNotSatisfied);
  return { status: sw.success, data: certificate };
}

function isUserSlot(slot: number): boolean {
  return isKeySlot(slot) && slot !== pivKeyReferences.attestation;
}

function mayHaveKey(card: PivContext, slot: number): boolean {
  return isYubico(card) ? isKeySlot(slot) : isUserSlot(slot);
}

/** Algorithms of firmware 5.7 are not there before; without Yubico's extensions only those of the standard are. */
function supported(card: PivContext, identifier: number | undefined): KeyAlgorithmInfo | undefined {
  const algorithm = identifier === undefined ? undefined : keyAlgorithmById(identifier);
  if (algorithm === undefined) return undefined;
  if (!isYubico(card)) return isStandard(algorithm) ? algorithm : undefined;
  return algorithm.since57 && !hasFirmware(card, 5, 7) ? undefined : algorithm;
}

/** NIST SP 800-78-5, table 9. */
function isStandard({ algorithm, since57 }: KeyAlgorithmInfo): boolean {
  return !since57 || algorithm === "rsa3072";
}

interface Policies {
  readonly pinPolicy: PivPinPolicy;
  readonly touchPolicy: PivTouchPolicy;
}

/** Policies that the client asked for, or those of the slot; undefined for others. 0 stands for the slot's own. */
function readPolicies(card: PivContext, slot: number, objects: readonly DataObject[]): Policies | undefined {
  const pin = policyNumber(valueIn(objects, TAG_PIN_POLICY));
  const touch = policyNumber(valueIn(objects, TAG_TOUCH_POLICY));
  const pinPolicy = pin === 0 || !isYubico(card) ? defaultPinPolicy(slot) : nameOfNumber(pivPinPolicies, pin);
  const touchPolicy = touch === 0 || !isYubico(card) ? "never" : nameOfNumber(pivTouchPolicies, touch);
  return pinPolicy && touchPolicy && { pinPolicy, touchPolicy };
}

const WRONG_POLICY = 256;

function policyNumber(value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  return value.length === 1 ? (value[0] ?? WRONG_POLICY) : WRONG_POLICY;
}
