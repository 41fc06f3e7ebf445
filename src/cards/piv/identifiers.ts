// SPDX-License-Identifier: MIT

import { concatBytes, hexBytes } from "../../base/binary/index.ts";
import { applicationIdentifiers, applicationProviders } from "../../base/iso7816/index.ts";

const rid = hexBytes(applicationProviders.nist);
const pix = hexBytes(`${applicationIdentifiers.piv}0100`).subarray(rid.length);

/** The application identifier of version 1.0. NIST SP 800-73-4 part 1, 2.2. */
export function pivAid(): Uint8Array {
  return concatBytes(rid, pix);
}

/** The part of it that says whose it is. */
export function pivRid(): Uint8Array {
  return rid.slice();
}

/** The part of it that says which application it is. */
export function pivPix(): Uint8Array {
  return pix.slice();
}
