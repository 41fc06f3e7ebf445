// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import { readDataObjects } from "../software-card/index.ts";

const TAG_CERTIFICATE = 0x70;
const TAG_CERTIFICATE_INFO = 0x71;
const TAG_ERROR_DETECTION = 0xfe;

/** What stands in a container for a certificate. NIST SP 800-73-4 part 1, table 10. */
export function certificateObject(encoded: Uint8Array): Uint8Array {
  return concatBytes(
    encodeDataObject(TAG_CERTIFICATE, encoded),
    encodeDataObject(TAG_CERTIFICATE_INFO, Uint8Array.of(0)),
    encodeDataObject(TAG_ERROR_DETECTION),
  );
}

/** The certificate in a container; undefined where there is none, or where it is compressed. */
export function certificateIn(object: Uint8Array): Uint8Array | undefined {
  const objects = readDataObjects(object) ?? [];
  const info = objects.find(({ tag }) => tag === TAG_CERTIFICATE_INFO)?.value[0] ?? 0;
  return info === 0 ? objects.find(({ tag }) => tag === TAG_CERTIFICATE)?.value : undefined;
}
