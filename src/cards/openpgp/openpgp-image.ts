// SPDX-License-Identifier: MIT

import { bigEndianNumber, concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import { type OpenPgpKeyUse, openPgpCertificateOrder, openPgpKeys } from "../../base/card-applications/index.ts";
import { applicationIdentifiers } from "../../base/iso7816/index.ts";
import { refuse } from "../../port/index.ts";
import type { CardCrypto } from "../crypto/index.ts";
import { CardKey } from "./card-key.ts";
import { decodeAttributes, nameOf, usesOn } from "./key-attributes.ts";
import { OpenPgpPassword, type PasswordImage } from "./openpgp-password.ts";
import type { OpenPgpIdentity, YubicoExtensions } from "./openpgp-session.ts";
import type { OpenPgpSource, OpenPgpValue } from "./openpgp-shape.ts";
import { factoryPasswords, OpenPgpState } from "./openpgp-state.ts";

const openPgpAid = hexBytes(applicationIdentifiers.openPgp);
const openPgpVersion = hexBytes("0304");
/** Manufacturers: cards for tests, and Yubico. */
const TEST_CARD = "FFFF";
const YUBICO = "0006";
/** Card service data, capabilities and life cycle of a card without a master file. OpenPGP card 3.4.1, 6. */
const HISTORICAL_BYTES = "0031F573C00160059000";
const YUBICO_HISTORICAL_BYTES = "00730000E0059000";
/** An application with its contents. */
export interface OpenPgpImage {
  readonly identity: OpenPgpIdentity;
  /** A factory reset replaces it. */
  state: OpenPgpState;
}

/**
 * Makes an application of what was read from a file.
 *
 * @throws invalid-value for a key that does not fit its algorithm
 */
export function openPgpImage(crypto: CardCrypto, value: OpenPgpValue): OpenPgpImage {
  const passwords = {
    pw1: passwordOf(value.pw1, factoryPasswords.pw1),
    pw3: passwordOf(value.pw3, factoryPasswords.pw3),
    resettingCodeTries: value.resettingCode?.tries ?? factoryPasswords.resettingCodeTries,
  };
  const state = new OpenPgpState(passwords, value.firmware !== undefined);
  return { identity: identityOf(value), state: filled(state, crypto, value) };
}

/** Writes an application as it is now, with all its secrets: what {@link openPgpShape} reads. */
export function savedOpenPgp({ identity, state }: OpenPgpImage): OpenPgpSource {
  const { aid, adminless, yubico } = identity;
  const code = state.resettingCode?.toImage();
  return {
    manufacturer: encodeHex(aid.subarray(8, 10)),
    serialNumber: encodeHex(aid.subarray(10, 14)),
    ...(yubico !== undefined && { firmware: yubico.version.join(".") }),
    adminless,
    terminated: state.terminated,
    signatures: state.signatures,
    severalSignatures: state.severalSignatures,
    withoutPw3: state.isAdminless,
    pw1: savedPassword(state.pw1.toImage()),
    pw3: savedPassword(state.pw3.toImage()),
    resettingCode: code === undefined ? { tries: state.resettingCodeTries } : savedPassword(code),
    signature: savedKey(state, "signature"),
    decryption: savedKey(state, "decryption"),
    authentication: savedKey(state, "authentication"),
    ...(yubico !== undefined && { attestation: savedKey(state, "attestation") }),
    objects: [...state.objects].map(([tag, value]) => ({ tag: tagDigits(tag), value: encodeHex(value) })),
    certificates: {
      authentication: encodeHex(state.certificates[0] ?? new Uint8Array(0)),
      decryption: encodeHex(state.certificates[1] ?? new Uint8Array(0)),
      signature: encodeHex(state.certificates[2] ?? new Uint8Array(0)),
    },
  };
}

/** A key as people are told of it. */
interface KeyFacts {
  readonly use: Exclude<OpenPgpKeyUse, "attestation">;
  /** `p256`, `rsa2048`. */
  readonly algorithm: string;
  /** Undefined where there is no key. */
  readonly origin: "generated" | "imported" | undefined;
  /** In hexadecimal, where a client has stored it. */
  readonly fingerprint: string | undefined;
}

/** The keys of an application, without their secrets. */
export function keysOf(value: OpenPgpValue): readonly KeyFacts[] {
  return (["signature", "decryption", "authentication"] as const).map((use) => {
    const { attributes, origin, prime1, secret } = value[use] ?? {};
    const isThere = prime1 !== undefined || secret !== undefined;
    const stored = value.objects.find(({ tag }) => bigEndianNumber(tag) === openPgpKeys[use].fingerprint)?.value;
    return {
      use,
      algorithm: attributes === undefined ? "" : nameOf(use, attributes),
      origin: isThere ? origin : undefined,
      fingerprint: stored && encodeHex(stored),
    };
  });
}

function savedPassword({ alternative, value, tries, triesLeft }: PasswordImage): {
  readonly value: string;
  readonly alternative?: string;
  readonly tries: number;
  readonly triesLeft: number;
} {
  const other = alternative === undefined ? {} : { alternative: encodeHex(alternative) };
  return { value: encodeHex(value), ...other, tries, triesLeft };
}

function savedKey({ attributes, keys }: OpenPgpState, use: OpenPgpKeyUse): NonNullable<OpenPgpSource[OpenPgpKeyUse]> {
  const stored = keys[use];
  const common = { attributes: encodeHex(attributes[use]) };
  if (stored === undefined) return common;
  const parts = Object.entries(stored.key.toImage()).map(([name, part]) => [name, encodeHex(part)]);
  return { ...common, origin: stored.origin, ...Object.fromEntries(parts) };
}

function tagDigits(tag: number): string {
  return tag
    .toString(16)
    .toUpperCase()
    .padStart(tag > 0xff ? 4 : 2, "0");
}

function filled(state: OpenPgpState, crypto: CardCrypto, value: OpenPgpValue): OpenPgpState {
  state.terminated = value.terminated;
  state.severalSignatures = value.severalSignatures ?? state.severalSignatures;
  state.isAdminless = value.withoutPw3;
  if (value.resettingCode?.value !== undefined) {
    const none = { value: new Uint8Array(0), tries: 0, triesLeft: 0 };
    state.resettingCode = new OpenPgpPassword(passwordOf(value.resettingCode, none));
  }
  for (const use of usesOn(value.firmware !== undefined)) {
    const given = value[use];
    if (given === undefined) continue;
    state.attributes[use] = given.attributes;
    const key = keyOf(crypto, use, given);
    if (key !== undefined) state.setKey(use, { origin: given.origin, key });
  }
  // After the keys: a new one sets the counter and its own objects back.
  state.signatures = value.signatures;
  for (const { tag, value: bytes } of value.objects) state.setObject(bigEndianNumber(tag), bytes);
  for (const [at, use] of openPgpCertificateOrder.entries()) {
    state.certificates[at] = (use !== "attestation" && value.certificates?.[use]) || new Uint8Array(0);
  }
  return state;
}

function passwordOf(given: OpenPgpValue["pw1"] | OpenPgpValue["resettingCode"], factory: PasswordImage): PasswordImage {
  const tries = given?.tries ?? factory.tries;
  const alternative = given !== undefined && "alternative" in given ? given.alternative : undefined;
  return { value: given?.value ?? factory.value, alternative, tries, triesLeft: given?.triesLeft ?? tries };
}

function keyOf(
  crypto: CardCrypto,
  use: OpenPgpKeyUse,
  { attributes, exponent, prime1, prime2, secret }: NonNullable<OpenPgpValue[OpenPgpKeyUse]>,
): CardKey | undefined {
  const algorithm = decodeAttributes(use, attributes);
  if (secret === undefined && prime1 === undefined) return undefined;
  const isRsa = prime1 !== undefined && prime2 !== undefined && exponent !== undefined;
  const key =
    algorithm &&
    (isRsa
      ? CardKey.fromPrimes(crypto, algorithm, { prime1, prime2, exponent })
      : secret && CardKey.fromSecret(crypto, algorithm, secret));
  const remedy = "give prime1, prime2 and exponent for RSA, secret for a curve, or leave the key out";
  return key ?? refuse({ operation: "openPgpImage", path: use }, "not a key of its algorithm", remedy, "invalid-value");
}

function identityOf({ adminless, firmware, manufacturer, serialNumber }: OpenPgpValue): OpenPgpIdentity {
  const own = manufacturer ?? hexBytes(firmware === undefined ? TEST_CARD : YUBICO);
  return {
    aid: concatBytes(openPgpAid, openPgpVersion, own, serialNumber, Uint8Array.of(0, 0)),
    historicalBytes: hexBytes(firmware === undefined ? HISTORICAL_BYTES : YUBICO_HISTORICAL_BYTES),
    yubico: firmware === undefined ? undefined : { version: versionOf(firmware) },
    adminless,
  };
}

function versionOf(firmware: string): YubicoExtensions["version"] {
  const [major = 0, minor = 0, patch = 0] = firmware.split(".").map(Number);
  return [major, minor, patch];
}
