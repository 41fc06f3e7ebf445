// SPDX-License-Identifier: MIT

import { copyBytes } from "../binary/index.ts";
import { type BerTlv, decodeBerTlv } from "../iso7816/index.ts";
import { der, withoutZeros } from "./der-values.ts";
import { nameText } from "./distinguished-name.ts";
import { certificatePublicKey, type PublicKey } from "./public-key.ts";

/** What a certificate says, as people read it. */
export interface CertificateFields {
  /** Big-endian, without leading zeros. */
  readonly serialNumber: Uint8Array;
  /** As RFC 4514 writes names: `CN=alice,O=Example`. */
  readonly subject: string;
  readonly issuer: string;
  /** As RFC 3339 writes times, in UTC: `2026-11-30T15:05:00+00:00`; undefined for a time of another form. */
  readonly notBefore: string | undefined;
  readonly notAfter: string | undefined;
  /** Undefined for a key of no known kind. */
  readonly publicKey: PublicKey | undefined;
}

const TAG_VERSION = 0xa0;

/** Reads what people want to know of a certificate; undefined where the bytes are none. RFC 5280, 4.1. */
export function readCertificate(certificate: Uint8Array): CertificateFields | undefined {
  const decoded = decodeBerTlv(certificate);
  const [whole, ...others] = decoded.ok ? decoded.value : [];
  const [tbs, algorithm, signature] = whole?.children ?? [];
  if (others.length > 0 || algorithm?.tag !== der.sequence || signature?.tag !== der.bitString) return undefined;
  const all = tbs?.children ?? [];
  const [serial, , issuer, validity, subject, info] = all[0]?.tag === TAG_VERSION ? all.slice(1) : all;
  if (serial?.tag !== der.integer || info?.tag !== der.sequence) return undefined;
  const [issuerText, subjectText] = [issuer, subject].map((name) => name && nameText(name));
  if (issuerText === undefined || subjectText === undefined || validity?.children === undefined) return undefined;
  const [notBefore, notAfter] = validity.children.map(timeText);
  const key = certificatePublicKey(certificate);
  return {
    serialNumber: copyBytes(withoutZeros(serial.value)),
    subject: subjectText,
    issuer: issuerText,
    notBefore,
    notAfter,
    publicKey: key.ok ? key.value : undefined,
  };
}

/** UTCTime has two digits of the year: 50 to 99 are those of the last century. RFC 5280, 4.1.2.5. */
function timeText({ tag, value }: BerTlv): string | undefined {
  const text = new TextDecoder().decode(value);
  const digits = /^(\d{12}|\d{14})Z$/.exec(text)?.[1];
  if (digits === undefined || (tag === der.utcTime) !== (digits.length === 12)) return undefined;
  if (tag !== der.utcTime && tag !== der.generalizedTime) return undefined;
  const whole = tag === der.utcTime ? `${digits < "50" ? "20" : "19"}${digits}` : digits;
  const [year, month, day, hour, minute, second] = [0, 4, 6, 8, 10, 12].map((at) =>
    whole.slice(at, at === 0 ? 4 : at + 2),
  );
  return `${year}-${month}-${day}T${hour}:${minute}:${second}+00:00`;
}
