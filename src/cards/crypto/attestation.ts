// SPDX-License-Identifier: MIT

import {
  type CertificateSigner,
  commonName,
  type Extension,
  keyIdentifiers,
  sequence,
  signedCertificate,
  time,
} from "../../base/keys/index.ts";
import type { CardCrypto } from "./card-crypto.ts";
import { authorityExtensions, randomSerialNumber, subjectAndValidity } from "./certificate.ts";
import { type CertifiedKey, certificateSigner, publicKeyInfo } from "./certified-key.ts";

/** What the root's key is made from. It is public: its certificates show only that software made them. */
const ROOT_SEED = "scard: root of PIV attestation in tests, version 1";
const ROOT_NAME = "scard PIV test root";
const NOT_BEFORE = "20160314000000";
const NOT_AFTER = "20520417000000";

function rootSigner(library: CardCrypto): CertificateSigner {
  const material = library.hash("sha256", new TextEncoder().encode(ROOT_SEED));
  return certificateSigner(library, { algorithm: "P-256", material });
}

/**
 * The certificate, in DER, that the attestations of all new cards lead up to. Its key is no secret: a test that trusts it
 * accepts cards of software. It is the same on each machine.
 */
export async function attestationRoot(library: CardCrypto): Promise<Uint8Array> {
  const signer = rootSigner(library);
  const { publicKey } = signer;
  const name = commonName(ROOT_NAME);
  const extensions = [...authorityExtensions(1), ...keyIdentifiers(sha1Of(library), publicKey, publicKey)];
  const serialNumber = Uint8Array.of(1);
  return signedCertificate(
    { serialNumber, issuer: name, subject: name, validity: validity(), publicKey, extensions },
    signer,
  );
}

/** The certificate of a card's own attestation key, which the root signs. */
export function attestationAuthority(
  library: CardCrypto,
  {
    extensions,
    key,
    name,
  }: { readonly key: CertifiedKey; readonly name: string; readonly extensions: readonly Extension[] },
): Promise<Uint8Array> {
  const root = rootSigner(library);
  const publicKey = publicKeyInfo(library, key);
  const init = {
    serialNumber: randomSerialNumber(library),
    issuer: commonName(ROOT_NAME),
    subject: commonName(name),
    validity: validity(),
    publicKey,
    extensions: [
      ...authorityExtensions(0),
      ...keyIdentifiers(sha1Of(library), publicKey, root.publicKey),
      ...extensions,
    ],
  };
  return signedCertificate(init, root);
}

/** What a card says of one of its keys. */
export interface Attestation {
  /** The key that is attested. */
  readonly key: CertifiedKey;
  /** The common name in the certificate. */
  readonly subject: string;
  readonly extensions: readonly Extension[];
  /** The attestation key, and its certificate in DER. */
  readonly signer: CertifiedKey;
  readonly issuer: Uint8Array;
}

/**
 * The certificate by which a card says that it has made a key itself; undefined where the attestation key signs nothing, or
 * has no certificate.
 */
export async function attestedCertificate(
  library: CardCrypto,
  { extensions, issuer, key, signer, subject }: Attestation,
): Promise<Uint8Array | undefined> {
  const from = subjectAndValidity(issuer);
  if (signer.algorithm === "x25519" || from === undefined) return undefined;
  const init = {
    serialNumber: randomSerialNumber(library),
    issuer: from.subject,
    subject: commonName(subject),
    validity: from.validity,
    publicKey: publicKeyInfo(library, key),
    extensions,
  };
  return signedCertificate(init, certificateSigner(library, signer));
}

function validity(): Uint8Array {
  return sequence(time(NOT_BEFORE), time(NOT_AFTER));
}

function sha1Of(library: CardCrypto): (data: Uint8Array) => Uint8Array {
  return (data) => library.hash("sha1", data);
}
