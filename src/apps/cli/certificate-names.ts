// SPDX-License-Identifier: MIT

import { createHash, X509Certificate } from "node:crypto";
import { encodeHex } from "../../base/binary/index.ts";
import type { CardCertificate, CardProperties } from "../../entry/modules.ts";

/** More keys than a card has, and more bytes than a certificate has: what a card tells is not believed without end. */
export const MAX_CERTIFICATES = 64;
const MAX_CERTIFICATE_BYTES = 65_536;
/** Characters of a part of a name. */
const MAX_PART = 24;
const MAX_SUBJECT = 256;
const FINGERPRINT_CHARACTERS = 16;

/** A certificate of a card, with a name that is safe in any file system and in any command. */
export interface CardFile {
  /** Letters, digits, hyphens and underscores, without an ending. The same certificate has the same name. */
  readonly name: string;
  /** The container of its key. */
  readonly container: string;
  readonly subject: string;
  readonly validTo: string;
  /** SHA-256 of the certificate, in hexadecimal. */
  readonly fingerprint: string;
  /** X.509, in PEM. */
  readonly pem: string;
}

/** The certificates of a card, as they are exported. Damaged ones are left out. */
export function certificateNames(
  certificates: readonly CardCertificate[],
  { label }: Pick<CardProperties, "label">,
): readonly CardFile[] {
  const files = new Map<string, CardFile>();
  for (const { certificate, container } of certificates.slice(0, MAX_CERTIFICATES)) {
    const file = certificate.length > MAX_CERTIFICATE_BYTES ? undefined : fileOf(certificate, container.name, label);
    if (file !== undefined) files.set(file.name, file);
  }
  return [...files.values()];
}

function fileOf(der: Uint8Array, container: string, label: string): CardFile | undefined {
  let decoded: X509Certificate;
  try {
    decoded = new X509Certificate(der);
  } catch {
    return undefined;
  }
  const fingerprint = encodeHex(new Uint8Array(createHash("sha256").update(der).digest())).toLowerCase();
  const name = [plain(label, "card"), plain(container, "key"), fingerprint.slice(0, FINGERPRINT_CHARACTERS)].join("-");
  // One line of PEM has 64 characters. RFC 7468, 2.
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  const subject = decoded.subject.replaceAll("\n", ", ").slice(0, MAX_SUBJECT);
  return { name, container, subject, validTo: decoded.validTo, fingerprint, pem };
}

/** A part of a name without anything that a path, a shell or NSS would take for more. */
function plain(text: string, otherwise: string): string {
  const safe = text
    .replaceAll(/[^A-Za-z0-9_]+/g, "_")
    .slice(0, MAX_PART)
    .replaceAll(/^_+|_+$/g, "");
  return safe === "" ? otherwise : safe;
}
