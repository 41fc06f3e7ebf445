// SPDX-License-Identifier: MIT

import { concatBytes } from "../binary/index.ts";
import { encodeDataObject } from "../iso7816/index.ts";

/** Tags in the object of a certificate. NIST SP 800-73-4 part 1, table 10. */
export const pivCertificateTags = { certificate: 0x70, information: 0x71, errorDetection: 0xfe } as const;

/** Bit 1 of CertInfo: the certificate is compressed with gzip. NIST SP 800-73-4 part 1, table 10. */
export const PIV_CERTIFICATE_IS_COMPRESSED = 0x01;

/** What stands in the data object of a certificate. NIST SP 800-73-4 part 1, table 10. */
export function encodePivCertificate(certificate: Uint8Array): Uint8Array {
  const tags = pivCertificateTags;
  return concatBytes(
    encodeDataObject(tags.certificate, certificate),
    encodeDataObject(tags.information, Uint8Array.of(0)),
    encodeDataObject(tags.errorDetection),
  );
}
