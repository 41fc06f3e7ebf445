// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import { pivKeyReferences } from "../../base/card-applications/index.ts";
import { type DataObject, encodeDataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import {
  type Answer,
  matchesSecret,
  onlyObject,
  readDataObjects,
  status,
  sw,
  valueIn,
} from "../software-card/index.ts";
import {
  keyAlgorithmById,
  type ManagementAlgorithm,
  type ManagementAlgorithmInfo,
  managementAlgorithmById,
} from "./algorithms.ts";
import { isKeySlot } from "./key-references.ts";
import { isFactoryKey, managementCipher } from "./management-key.ts";
import { isYubico, type PivContext } from "./piv-context.ts";
import type { PivKey } from "./piv-image.ts";
import { agree, sign } from "./private-key.ts";

const TAG_TEMPLATE = 0x7c;
const TAG_WITNESS = 0x80;
const TAG_CHALLENGE = 0x81;
const TAG_RESPONSE = 0x82;
const TAG_EXPONENTIATION = 0x85;

/** GENERAL AUTHENTICATE. NIST SP 800-73-4 part 2, 3.2.4. */
export function generalAuthenticate(card: PivContext, command: ApplicationCommand): Answer | Promise<Answer> {
  const template = onlyObject(command.data, TAG_TEMPLATE);
  const objects = template && readDataObjects(template);
  if (objects === undefined) return status(sw.wrongData);
  if (command.p2 === pivKeyReferences.management) return withManagementKey(card, command, objects);
  if (!isKeySlot(command.p2) || command.p2 === pivKeyReferences.attestation) return status(sw.wrongP1P2);
  return withPrivateKey(card, command, objects);
}

/** Signs, deciphers or agrees on a secret, with a key that the client may use now. */
function withPrivateKey(
  card: PivContext,
  command: ApplicationCommand,
  objects: readonly DataObject[],
): Answer | Promise<Answer> {
  const key = card.image.keys.get(command.p2);
  // Yubico's tokens answer 6A80 for a slot without a key, and for a key of another algorithm, and their tools know it so.
  if (key === undefined || keyAlgorithmById(command.p1)?.algorithm !== key.algorithm) return status(sw.wrongData);
  // The standard wants an empty response, which stands for what the card is to answer.
  if ((valueIn(objects, TAG_RESPONSE)?.length ?? 1) !== 0) return status(sw.wrongData);
  if (!mayUse(card, key, command)) return status(sw.securityNotSatisfied);
  const challenge = valueIn(objects, TAG_CHALLENGE);
  const point = valueIn(objects, TAG_EXPONENTIATION);
  if ((challenge === undefined) === (point === undefined)) return status(sw.wrongData);
  card.security.useVerification();
  return point === undefined
    ? answerWith(sign(card.crypto, key, copyBytes(challenge ?? new Uint8Array(0))))
    : answerWith(agree(card.crypto, key, copyBytes(point)));
}

/** What came out of the key; 6A80 where the key does not take what it was given. */
async function answerWith(result: Promise<Uint8Array | undefined>): Promise<Answer> {
  const response = await result;
  if (response === undefined) return status(sw.wrongData);
  return { status: sw.success, data: encodeDataObject(TAG_TEMPLATE, encodeDataObject(TAG_RESPONSE, response)) };
}

function mayUse(card: PivContext, key: PivKey, command: ApplicationCommand): boolean {
  const { security } = card;
  // Through the air the standard leaves the card authentication key alone. NIST SP 800-73-4 part 1, table 4b.
  const isFar = command.interface === "contactless" && !isYubico(card);
  if (isFar && command.p2 !== pivKeyReferences.cardAuthentication) return false;
  switch (key.pinPolicy) {
    case "never":
      return true;
    case "once":
      return security.anyPinVerified;
    case "always":
      return security.verifiedByLastCommand;
  }
}

/**
 * Authenticates the client with the management key, one way or both ways. There is no internal authentication with this
 * key: else the card itself would encipher the challenge that it gave. NIST SP 800-73-4 part 2, appendix A.
 */
function withManagementKey(card: PivContext, command: ApplicationCommand, objects: readonly DataObject[]): Answer {
  const algorithm = managementAlgorithmById(command.p1);
  if (algorithm === undefined || !acceptsManagementAlgorithm(card, algorithm.algorithm)) return status(sw.wrongData);
  const witness = valueIn(objects, TAG_WITNESS);
  const challenge = valueIn(objects, TAG_CHALLENGE);
  const response = valueIn(objects, TAG_RESPONSE);
  if (witness?.length === 0) return giveWitness(card, algorithm);
  if (witness !== undefined) return checkWitness(card, algorithm, witness, challenge);
  if (challenge?.length === 0) return giveChallenge(card, algorithm);
  if (challenge === undefined && response !== undefined) return checkResponse(card, algorithm, response);
  return status(sw.wrongData);
}

/**
 * The factory's key of AES 192 also works as the triple DES key of the same bytes: programs that were written before
 * firmware 5.7 know no other cipher. Both are equally public.
 */
function acceptsManagementAlgorithm({ image }: PivContext, algorithm: ManagementAlgorithm): boolean {
  const { managementKey } = image;
  if (algorithm === managementKey.algorithm) return true;
  return algorithm === "3des" && managementKey.algorithm === "aes192" && isFactoryKey(managementKey.value);
}

/** External authentication, first step: a challenge for the client. */
function giveChallenge(card: PivContext, { algorithm, blockBytes }: ManagementAlgorithmInfo): Answer {
  const challenge = card.crypto.randomBytes(blockBytes);
  const expected = managementCipher(card, algorithm).encrypt(challenge);
  card.security.challenge({ kind: "external", algorithm, expected });
  return answer(TAG_CHALLENGE, challenge);
}

/** External authentication, second step. */
function checkResponse(card: PivContext, { algorithm }: ManagementAlgorithmInfo, response: Uint8Array): Answer {
  const expected = card.security.takeChallenge("external", algorithm);
  if (expected === undefined) return status(sw.conditionsNotSatisfied);
  card.security.managementKeyShown = matchesSecret(expected, response);
  return status(card.security.managementKeyShown ? sw.success : sw.securityNotSatisfied);
}

/** Mutual authentication, first step: a witness, which the client is to decipher. */
function giveWitness(card: PivContext, { algorithm, blockBytes }: ManagementAlgorithmInfo): Answer {
  const expected = card.crypto.randomBytes(blockBytes);
  const witness = managementCipher(card, algorithm).encrypt(expected);
  card.security.challenge({ kind: "mutual", algorithm, expected });
  return answer(TAG_WITNESS, witness);
}

/** Mutual authentication, second step: the card enciphers the client's challenge once the client has shown the key. */
function checkWitness(
  card: PivContext,
  { algorithm, blockBytes }: ManagementAlgorithmInfo,
  witness: Uint8Array,
  challenge: Uint8Array | undefined,
): Answer {
  const expected = card.security.takeChallenge("mutual", algorithm);
  if (expected === undefined) return status(sw.conditionsNotSatisfied);
  if (challenge?.length !== blockBytes) return status(sw.wrongData);
  card.security.managementKeyShown = matchesSecret(expected, witness);
  if (!card.security.managementKeyShown) return status(sw.securityNotSatisfied);
  return answer(TAG_RESPONSE, managementCipher(card, algorithm).encrypt(challenge));
}

function answer(tag: number, value: Uint8Array): Answer {
  return { status: sw.success, data: encodeDataObject(TAG_TEMPLATE, encodeDataObject(tag, value)) };
}
