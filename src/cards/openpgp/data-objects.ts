// SPDX-License-Identifier: MIT

import { concatBytes, copyBytes } from "../../base/binary/index.ts";
import {
  OPENPGP_BUTTON,
  OPENPGP_FINGERPRINT_BYTES,
  OPENPGP_KDF_NONE,
  OPENPGP_TIME_BYTES,
  type OpenPgpKeyUse,
  openPgpKdfTags,
  openPgpKeys,
  openPgpOrigins,
  openPgpTags as tags,
} from "../../base/card-applications/index.ts";
import { type BerTlvInit, encodeBerTlv, encodeLifeCycle } from "../../base/iso7816/index.ts";
import { algorithmInformation, usesOn } from "./key-attributes.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";

/** The value of a data object: bytes, or the objects inside it. */
type Value = Uint8Array | readonly BerTlvInit[];
type Read = (session: OpenPgpSession) => Value;

/** First byte of the extended capabilities: all but secure messaging. OpenPGP card 3.4.1, 4.4.3.7. */
const CAPABILITIES = 0x7f;
const TAG_INTEGER = 0x02;
const TAG_FEATURES = 0x81;
/** Sex, not announced. ISO/IEC 5218. */
const SEX_NOT_ANNOUNCED = 0x39;
/** A KDF object that says that there is none. OpenPGP card 3.4.1, 4.3.2. */
const noKdf = Uint8Array.of(openPgpKdfTags.algorithm, 0x01, OPENPGP_KDF_NONE);

const allUses = usesOn(true);
const ofAttestation = openPgpKeys.attestation;
/** Data objects that Yubico's keys alone have. */
export const yubicoTags: ReadonlySet<number> = new Set([...Object.values(ofAttestation), tags.attestationCertificate]);

/** The data objects that GET DATA reads by their own tag. Those of a key alone (C7, CE and their like) are only written. */
const objects: ReadonlyMap<number, Read> = new Map<number, Read>([
  [tags.applicationIdentifier, ({ identity }) => identity.aid],
  [tags.historicalBytes, historicalBytes],
  [tags.name, stored(tags.name)],
  [tags.language, stored(tags.language)],
  [tags.sex, ({ state }) => fallback(state.object(tags.sex), Uint8Array.of(SEX_NOT_ANNOUNCED))],
  [tags.loginData, stored(tags.loginData)],
  [tags.url, stored(tags.url)],
  [tags.privateUse1, stored(tags.privateUse1)],
  [tags.privateUse2, stored(tags.privateUse2)],
  [tags.privateUse3, stored(tags.privateUse3)],
  [tags.privateUse4, stored(tags.privateUse4)],
  [tags.certificate, ({ state, certificate }) => state.certificates[certificate] ?? new Uint8Array(0)],
  [tags.kdf, ({ state }) => fallback(state.object(tags.kdf), noKdf)],
  [tags.algorithmInformation, ({ identity }) => algorithmInformation(identity.yubico?.version)],
  [tags.signatureCounter, ({ state }) => threeBytes(state.signatures)],
  [tags.extendedCapabilities, extendedCapabilities],
  ...allUses.map((use): [number, Read] => [openPgpKeys[use].attributes, ({ state }) => state.attributes[use]]),
  [tags.passwordStatus, passwordStatus],
  [tags.fingerprints, each("fingerprint", OPENPGP_FINGERPRINT_BYTES)],
  [tags.caFingerprints, each("caFingerprint", OPENPGP_FINGERPRINT_BYTES)],
  [tags.generationTimes, each("generationTime", OPENPGP_TIME_BYTES)],
  [tags.keyInformation, keyInformation],
  ...allUses.map((use): [number, Read] => [openPgpKeys[use].userInteraction, userInteraction(use)]),
  [tags.attestationCertificate, stored(tags.attestationCertificate)],
  [
    tags.extendedLength,
    () => [
      { tag: TAG_INTEGER, value: twoBytes(limits.messageBytes) },
      { tag: TAG_INTEGER, value: twoBytes(limits.messageBytes) },
    ],
  ],
  [tags.featureManagement, () => [{ tag: TAG_FEATURES, value: Uint8Array.of(OPENPGP_BUTTON) }]],
  [tags.cardholderData, template(() => [tags.name, tags.language, tags.sex])],
  [tags.securitySupport, template(() => [tags.signatureCounter])],
  [tags.discretionaryObjects, template(discretionary)],
  [
    tags.applicationData,
    template(() => [
      tags.applicationIdentifier,
      tags.historicalBytes,
      tags.extendedLength,
      tags.featureManagement,
      tags.discretionaryObjects,
    ]),
  ],
]);

/** In 73. */
function discretionary({ identity }: OpenPgpSession): readonly number[] {
  return [
    tags.extendedCapabilities,
    ...usesOn(identity.yubico !== undefined).map((use) => openPgpKeys[use].attributes),
    tags.passwordStatus,
    tags.fingerprints,
    tags.caFingerprints,
    tags.generationTimes,
    tags.keyInformation,
    ...usesOn(identity.yubico !== undefined).map((use) => openPgpKeys[use].userInteraction),
  ];
}

/**
 * The value of a data object, as GET DATA returns it; undefined where the card has no such object, or has it only inside
 * another one: the extended capabilities are read in 6E.
 *
 * Of a constructed object the cards of this kind return what is inside. Yubico's return it with its tag and length, and
 * their tools want that.
 */
export function readObject(session: OpenPgpSession, tag: number): Uint8Array | undefined {
  if (tag === tags.extendedCapabilities) return undefined;
  if (yubicoTags.has(tag) && session.identity.yubico === undefined) return undefined;
  const value = objects.get(tag)?.(session);
  if (value === undefined || isBytes(value)) return value;
  return encodeBerTlv(session.identity.yubico === undefined ? value : [{ tag, children: value }]);
}

function isBytes(value: Value): value is Uint8Array {
  return value instanceof Uint8Array;
}

function template(inside: (session: OpenPgpSession) => readonly number[]): Read {
  return (session) =>
    inside(session).flatMap((tag): BerTlvInit[] => {
      const value = objects.get(tag)?.(session);
      if (value === undefined) return [];
      return [isBytes(value) ? { tag, value } : { tag, children: value }];
    });
}

function stored(tag: number): Read {
  return ({ state }) => state.object(tag);
}

/** The objects of all keys in a row; zeros where there is none. */
function each(part: "fingerprint" | "caFingerprint" | "generationTime", length: number): Read {
  return ({ identity, state }) => {
    const values = usesOn(identity.yubico !== undefined).map((use) => state.object(openPgpKeys[use][part]));
    return concatBytes(...values.map((value) => fallback(value, new Uint8Array(length))));
  };
}

function fallback(value: Uint8Array, otherwise: Uint8Array): Uint8Array {
  return value.length > 0 ? value : otherwise;
}

/** The life cycle is the third byte from the end. OpenPGP card 3.4.1, 6. */
function historicalBytes({ identity, state }: OpenPgpSession): Uint8Array {
  const bytes = copyBytes(identity.historicalBytes);
  bytes[bytes.length - 3] = encodeLifeCycle(state.terminated ? "initialisation" : "activated");
  return bytes;
}

/** No secure messaging; no PIN block format 2; MANAGE SECURITY ENVIRONMENT. OpenPGP card 3.4.1, 4.4.3.7. */
function extendedCapabilities(): Uint8Array {
  const { certificateBytes, challengeBytes, specialBytes } = limits;
  return Uint8Array.of(
    CAPABILITIES,
    0x00,
    ...twoBytes(challengeBytes),
    ...twoBytes(certificateBytes),
    ...twoBytes(specialBytes),
    0x00,
    0x01,
  );
}

/** OpenPGP card 3.4.1, 4.4.3.10 with 4.3.4: without a resetting code its counter is 0. */
function passwordStatus({ state }: OpenPgpSession): Uint8Array {
  const { pw1, pw3, resettingCode, severalSignatures } = state;
  const most = limits.passwordBytes;
  const tries = [pw1.triesLeft, resettingCode?.triesLeft ?? 0, pw3.triesLeft];
  return Uint8Array.of(severalSignatures ? 1 : 0, most, most, most, ...tries);
}

/** Key reference and status of each key: 0 none, 1 generated, 2 imported. OpenPGP card 3.4.1, 4.4.3.8. */
function keyInformation({ identity, state }: OpenPgpSession): Uint8Array {
  return Uint8Array.from(
    usesOn(identity.yubico !== undefined).flatMap((use) => {
      const origin = state.keys[use]?.origin;
      return [openPgpKeys[use].reference, origin === undefined ? 0 : openPgpOrigins[origin]];
    }),
  );
}

function userInteraction(use: OpenPgpKeyUse): Read {
  return ({ state }) => fallback(state.object(openPgpKeys[use].userInteraction), Uint8Array.of(0, OPENPGP_BUTTON));
}

function twoBytes(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function threeBytes(value: number): Uint8Array {
  return Uint8Array.of(value >> 16, (value >> 8) & 0xff, value & 0xff);
}
