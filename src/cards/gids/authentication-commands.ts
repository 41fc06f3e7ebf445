// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { gidsTemplates } from "../../base/card-applications/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import { ecdsaToDer } from "../../base/keys/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import {
  type Answer,
  type BlockCipher,
  decryptCbc,
  encryptCbc,
  matchesSecret,
  onlyObject,
  padded80,
  readDataObjects,
  status,
  sw,
  valueIn,
} from "../software-card/index.ts";
import { usages } from "./file-control.ts";
import type { KeyFile } from "./gids-file.ts";
import { gidsLimits as limits } from "./gids-limits.ts";
import type { GidsSession } from "./gids-session.ts";
import { tags } from "./identifiers.ts";
import type { Mechanism } from "./mechanisms.ts";
import { chosenKey } from "./security-operations.ts";
import type { PendingChallenge } from "./security-status.ts";

/** Bytes of the challenges: R of an external authentication, R1 and R2 of a mutual one. GIDS 2.0, 10.1 and 10.2. */
const EXTERNAL_BYTES = 8;
const MUTUAL_BYTES = 16;

type Cipher = Mechanism & { readonly kind: "symmetric" };

/** GENERAL AUTHENTICATE: the administrator proves to have the key; with a challenge of its own, the card does so too. */
export function generalAuthenticate(session: GidsSession, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  const pending = session.security.takeChallenge();
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongP1P2);
  const objects = readDataObjects(onlyObject(data, tags.dynamicAuthentication) ?? new Uint8Array(0)) ?? [];
  const challenge = valueIn(objects, tags.challenge);
  const response = valueIn(objects, tags.response);
  if (objects.length !== 1) return status(sw.wrongData);
  const chosen = chosenKey(session, gidsTemplates.authentication, usages.external, command);
  if ("status" in chosen) return chosen;
  const { file } = chosen;
  if (challenge !== undefined) return give(session, file, challenge);
  if (response === undefined || response.length === 0) return status(sw.wrongData);
  if (pending === undefined || pending.file !== file) return status(sw.conditionsNotSatisfied);
  try {
    return pending.kind === "external" ? external(session, pending, response) : mutual(session, pending, response);
  } finally {
    zeroBytes(pending.own);
  }
}

/** A challenge: of 8 bytes for an empty one, of 16 bytes for one of 16. */
function give(session: GidsSession, file: KeyFile, challenge: Uint8Array): Answer {
  if (challenge.length !== 0 && challenge.length !== MUTUAL_BYTES) return status(sw.wrongData);
  if (cipherOf(session, file) === undefined) return status(sw.referenceNotFound);
  const isMutual = challenge.length > 0;
  const own = session.crypto.randomBytes(isMutual ? MUTUAL_BYTES : EXTERNAL_BYTES);
  const data = encodeDataObject(tags.dynamicAuthentication, encodeDataObject(tags.challenge, own));
  session.security.challenge(
    isMutual ? { kind: "mutual", file, own, other: copyBytes(challenge) } : { kind: "external", file, own },
  );
  return { status: sw.success, data };
}

/** The challenge, enciphered. It is a block of triple DES, and is padded for AES, as its blocks are longer. */
function external(session: GidsSession, { file, own }: PendingChallenge, response: Uint8Array): Answer {
  const cipher = cipherOf(session, file);
  if (cipher === undefined) return status(sw.referenceNotFound);
  const block = own.length % cipher.blockBytes === 0 ? own : padded80(own, cipher.blockBytes);
  return proved(session, matchesSecret(encryptCbc(cipher, block), response));
}

/** Both challenges and half a secret, enciphered; the card answers with its own half. GIDS 2.0, 10.1. */
function mutual(
  session: GidsSession,
  { file, other, own }: PendingChallenge & { readonly kind: "mutual" },
  response: Uint8Array,
): Answer {
  const mechanism = file.control.mechanism;
  const cipher = cipherOf(session, file);
  if (cipher === undefined || mechanism.kind !== "symmetric") return status(sw.referenceNotFound);
  const halfSecret = session.crypto.randomBytes(mechanism.halfSecretBytes);
  const answer = encryptCbc(cipher, padded80(concatBytes(other, own, halfSecret), cipher.blockBytes));
  zeroBytes(halfSecret);
  const plain = response.length === answer.length ? decryptCbc(cipher, response) : new Uint8Array(answer.length);
  const half = plain.subarray(2 * MUTUAL_BYTES, 2 * MUTUAL_BYTES + mechanism.halfSecretBytes);
  const expected = padded80(concatBytes(own, other, half), cipher.blockBytes);
  const isRight = matchesSecret(expected, plain);
  zeroBytes(plain);
  zeroBytes(expected);
  if (!isRight) return proved(session, false);
  proved(session, true);
  return {
    status: sw.success,
    data: encodeDataObject(tags.dynamicAuthentication, encodeDataObject(tags.response, answer)),
  };
}

function proved({ security }: GidsSession, isRight: boolean): Answer {
  security.administrator = isRight;
  return status(isRight ? sw.success : sw.securityNotSatisfied);
}

function cipherOf({ crypto: library }: GidsSession, { control, key }: KeyFile): BlockCipher | undefined {
  const mechanism: Mechanism | Cipher = control.mechanism;
  if (key?.kind !== "symmetric" || mechanism.kind !== "symmetric") return undefined;
  return library.blockCipher(mechanism.cipher, key.value);
}

/**
 * INTERNAL AUTHENTICATE: an ECDSA signature of the challenge. A symmetric key does not do it: enciphering what the client
 * chooses would answer the challenges of GENERAL AUTHENTICATE. GIDS 2.0, 13.9.
 */
export function internalAuthenticate(session: GidsSession, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongP1P2);
  const challenge = onlyObject(onlyObject(data, tags.dynamicAuthentication) ?? new Uint8Array(0), tags.challenge);
  if (challenge === undefined || challenge.length === 0 || challenge.length > limits.challengeBytes)
    return status(sw.wrongData);
  const chosen = chosenKey(session, gidsTemplates.authentication, usages.internal, command);
  if ("status" in chosen) return chosen;
  const { key } = chosen.file;
  if (key?.kind !== "curve") return status(key === undefined ? sw.referenceNotFound : sw.conditionsNotSatisfied);
  const refused = chosen.use();
  if (refused !== undefined) return refused;
  const signature = ecdsaToDer(session.crypto.curve(key.curve).sign(key.secret, challenge));
  return {
    status: sw.success,
    data: encodeDataObject(tags.dynamicAuthentication, encodeDataObject(tags.response, signature)),
  };
}
