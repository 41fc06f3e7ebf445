// SPDX-License-Identifier: MIT

import { copyBytes, equalBytes } from "../../base/binary/index.ts";
import {
  OPENPGP_BUTTON,
  OPENPGP_FINGERPRINT_BYTES,
  OPENPGP_TIME_BYTES,
  type OpenPgpKeyUse,
  openPgpKeys,
  openPgpTags as tags,
  openPgpTouchPolicies as touch,
} from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { yubicoTags } from "./data-objects.ts";
import { checkKdf } from "./kdf-object.ts";
import { decodeAttributes, storedAttributes, usesOn } from "./key-attributes.ts";
import { importKey } from "./key-import.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";
import { choose } from "./read-commands.ts";

/** Stores what PUT DATA brings; returns the status. What fails has changed nothing. */
type Write = (session: OpenPgpSession, data: Uint8Array) => number;

/** ISO/IEC 5218: not known, male, female, not announced. */
const sexes: readonly number[] = [0x30, 0x31, 0x32, 0x39];
const aesKeyBytes: readonly number[] = [16, 32];
/** Language preferences: one to four of two letters. OpenPGP card 3.4.1, 4.4.3.4. */
const MOST_LANGUAGE_BYTES = 8;

/** OpenPGP card 3.4.1, 4.4.2. */
const writers: ReadonlyMap<number, Write> = new Map<number, Write>([
  [tags.name, stored(tags.name, 0, limits.nameBytes)],
  [tags.loginData, stored(tags.loginData, 0, limits.specialBytes)],
  [tags.url, stored(tags.url, 0, limits.specialBytes)],
  [tags.privateUse1, stored(tags.privateUse1, 0, limits.specialBytes)],
  [tags.privateUse2, stored(tags.privateUse2, 0, limits.specialBytes)],
  [tags.privateUse3, stored(tags.privateUse3, 0, limits.specialBytes)],
  [tags.privateUse4, stored(tags.privateUse4, 0, limits.specialBytes)],
  [tags.language, putLanguage],
  [tags.sex, putSex],
  [tags.certificate, putCertificate],
  [tags.passwordStatus, putPasswordStatus],
  ...usesOn(true).flatMap((use): [number, Write][] => {
    const { attributes, caFingerprint, fingerprint, generationTime, userInteraction } = openPgpKeys[use];
    return [
      [attributes, putAttributes(use)],
      [fingerprint, fixed(fingerprint, OPENPGP_FINGERPRINT_BYTES)],
      [caFingerprint, fixed(caFingerprint, OPENPGP_FINGERPRINT_BYTES)],
      [generationTime, fixed(generationTime, OPENPGP_TIME_BYTES)],
      [userInteraction, putInteraction(userInteraction)],
    ];
  }),
  [tags.attestationCertificate, stored(tags.attestationCertificate, 0, limits.specialBytes)],
  [tags.resettingCode, putResettingCode],
  [tags.aesKey, putAesKey],
  [tags.kdf, putKdf],
]);

/** PUT DATA with INS DA. OpenPGP card 3.4.1, 7.2.8. */
export function putData(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  const tag = p1 * 256 + p2;
  const write = writers.get(tag);
  const isThere = !yubicoTags.has(tag) || session.identity.yubico !== undefined;
  if (write === undefined || !isThere) return status(sw.referenceNotFound);
  const user = tag === tags.privateUse1 || tag === tags.privateUse3;
  if (!(user ? session.verified.other : session.verified.admin)) return status(sw.securityNotSatisfied);
  choose(session, tag);
  return saved(session, write(session, data));
}

/** PUT DATA with INS DB: the import of a key. OpenPGP card 3.4.1, 7.2.8 and 4.4.3.12. */
export function putDataOdd(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 !== 0x3f || p2 !== 0xff) return status(sw.referenceNotFound);
  if (!session.verified.admin) return status(sw.securityNotSatisfied);
  return saved(session, importKey(session, data));
}

function saved(session: OpenPgpSession, word: number): Answer {
  if (word === sw.success) session.changed();
  return status(word);
}

function stored(tag: number, least: number, most: number): Write {
  return ({ state }, data) => {
    if (data.length < least || data.length > most) return sw.wrongLength;
    state.setObject(tag, data);
    return sw.success;
  };
}

function fixed(tag: number, length: number): Write {
  return stored(tag, length, length);
}

function putLanguage(session: OpenPgpSession, data: Uint8Array): number {
  if (data.length % 2 !== 0) return sw.wrongLength;
  return stored(tags.language, 0, MOST_LANGUAGE_BYTES)(session, data);
}

function putSex({ state }: OpenPgpSession, data: Uint8Array): number {
  const [sex = 0] = data;
  if (data.length !== 1) return sw.wrongLength;
  if (!sexes.includes(sex)) return sw.wrongData;
  state.setObject(tags.sex, data);
  return sw.success;
}

function putCertificate({ state, certificate }: OpenPgpSession, data: Uint8Array): number {
  if (data.length > limits.certificateBytes) return sw.wrongLength;
  state.certificates[certificate] = copyBytes(data);
  return sw.success;
}

/** Other attributes than before: the key that had the old ones is gone. */
function putAttributes(use: OpenPgpKeyUse): Write {
  return ({ state }, data) => {
    const attributes = copyBytes(storedAttributes(use, data));
    if (decodeAttributes(use, attributes) === undefined) return sw.wrongData;
    if (equalBytes(attributes, state.attributes[use])) return sw.success;
    state.attributes[use] = attributes;
    state.setKey(use, undefined);
    return sw.success;
  };
}

/** One byte; or four, which would change the format of the passwords: that stays as it is. OpenPGP card 3.4.1, 4.4.2. */
function putPasswordStatus({ state }: OpenPgpSession, data: Uint8Array): number {
  const [several = 0, ...formats] = data;
  if (data.length !== 1 && data.length !== 4) return sw.wrongLength;
  if (several > 1 || formats.some((most) => most !== limits.passwordBytes)) return sw.wrongData;
  state.severalSignatures = several === 1;
  return sw.success;
}

/** What is permanent stays until a factory reset. */
function putInteraction(tag: number): Write {
  return ({ state, identity }, data) => {
    const [flag = 0, feature] = data;
    if (data.length !== 2) return sw.wrongLength;
    const most = identity.yubico === undefined ? touch.fixed : touch["cached-fixed"];
    if (flag > most || feature !== OPENPGP_BUTTON) return sw.wrongData;
    const [before = 0] = state.object(tag);
    if (isPermanent(before)) return sw.conditionsNotSatisfied;
    state.setObject(tag, data);
    return sw.success;
  };
}

function isPermanent(flag: number): boolean {
  return flag === touch.fixed || flag > touch.cached;
}

/** Empty data removes it. OpenPGP card 3.4.1, 4.3.4. */
function putResettingCode({ state }: OpenPgpSession, data: Uint8Array): number {
  if (data.length > 0 && data.length < limits.leastPw3Bytes) return sw.wrongData;
  if (data.length > limits.passwordBytes) return sw.wrongData;
  state.setResettingCode(data.length === 0 ? undefined : data);
  return sw.success;
}

/** Empty data removes it. */
function putAesKey({ state }: OpenPgpSession, data: Uint8Array): number {
  if (data.length > 0 && !aesKeyBytes.includes(data.length)) return sw.wrongLength;
  state.setObject(tags.aesKey, data);
  return sw.success;
}

/** Gives PW1 and PW3 their first values, as hashes or plain. Yubico's keys take no other form of them then. */
function putKdf({ state, identity, verified }: OpenPgpSession, data: Uint8Array): number {
  const kdf = checkKdf(data);
  if (kdf === undefined) return sw.wrongData;
  const wasOn = checkKdf(state.object(tags.kdf))?.isOn === true;
  state.setObject(tags.kdf, data);
  if (identity.yubico !== undefined) {
    state.resetPasswords(kdf.hashPw1, kdf.hashPw3);
    verified.signature = false;
    verified.other = false;
    verified.admin = false;
  } else if (kdf.isOn) state.beginKdf(kdf.hashPw1, kdf.hashPw3);
  else if (wasOn) state.endKdf();
  return sw.success;
}
