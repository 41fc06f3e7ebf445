// SPDX-License-Identifier: MIT

import {
  commonName,
  type Extension,
  keyIdentifiers,
  sequence,
  signedCertificate,
  time,
} from "../../base/keys/index.ts";
import { type Place, refuse } from "../../port/index.ts";
import type { CardCrypto } from "./card-crypto.ts";
import { randomSerialNumber, subjectAndValidity } from "./certificate.ts";
import { type CertifiedKey, certificateSigner, publicKeyInfo } from "./certified-key.ts";

/** Who signs a card's certificates. */
export interface CertificateAuthority {
  /** Its own certificate, in DER. */
  readonly certificate: Uint8Array;
  readonly key: CertifiedKey;
}

/** What a certificate says beside its key. */
export interface CertificateContent {
  /** The common name in the certificate, 1 to 64 characters. */
  readonly subject: string;
  /** From when the certificate is valid, in UTC: year, month, day, hour, minute and second, in 14 digits. */
  readonly notBefore: string;
  /** Until when. */
  readonly notAfter: string;
  /** Who signs it. @default the key itself */
  readonly authority?: CertificateAuthority | undefined;
}

const MAX_NAME = 64;

/**
 * Checks what a certificate shall say, before a key is made for it.
 *
 * @param algorithm of the key
 * @throws invalid-parameter for a name that is too long, times of another form, and X25519 without an authority: such a key
 * signs nothing
 */
export function checkCertificateContent(
  content: CertificateContent,
  algorithm: CertifiedKey["algorithm"],
  place: Place,
): void {
  const at = (name: string): Place => ({ ...place, path: `${place.path}.${name}` });
  if (content.subject.length < 1 || content.subject.length > MAX_NAME)
    refuse(at("subject"), `${content.subject.length} characters`, `use 1 to ${MAX_NAME}`);
  for (const name of ["notBefore", "notAfter"] as const) {
    if (!/^[0-9]{14}$/.test(content[name])) refuse(at(name), "a time of another form", "use 14 digits: 20300131235959");
  }
  const signs = content.authority?.key.algorithm ?? algorithm;
  if (signs === "x25519") refuse(at("authority"), "a key of X25519, which signs nothing", "pass another authority");
}

/**
 * Makes the certificate of a key. RFC 5280, 4.1.
 *
 * @param extensions besides those that name the key and its signer
 * @returns the certificate, in DER
 * @throws invalid-parameter for an authority whose certificate is not one
 */
export function issueCertificate(
  library: CardCrypto,
  key: CertifiedKey,
  { authority, notAfter, notBefore, subject }: CertificateContent,
  extensions: readonly Extension[],
  place: Place,
): Promise<Uint8Array> {
  const name = commonName(subject);
  const issuer = authority === undefined ? name : subjectAndValidity(authority.certificate)?.subject;
  if (issuer === undefined) refuse({ ...place, path: `${place.path}.authority` }, "no certificate", "pass one in DER");
  const signer = certificateSigner(library, authority?.key ?? key);
  const publicKey = publicKeyInfo(library, key);
  const init = {
    serialNumber: randomSerialNumber(library),
    issuer,
    subject: name,
    validity: sequence(time(notBefore), time(notAfter)),
    publicKey,
    extensions: [...extensions, ...keyIdentifiers((data) => library.hash("sha1", data), publicKey, signer.publicKey)],
  };
  return signedCertificate(init, signer);
}
