// SPDX-License-Identifier: MIT

/** The registered identifier of NIST, and what makes it the PIV card application, version 1.0. */
const rid = [0xa0, 0x00, 0x00, 0x03, 0x08];
const pix = [0x00, 0x00, 0x10, 0x00, 0x01, 0x00];

/** The application identifier, A0 00 00 03 08 00 00 10 00 01 00. NIST SP 800-73-4 part 1, 2.2. */
export function pivAid(): Uint8Array {
  return Uint8Array.from([...rid, ...pix]);
}

/** The part of it that says whose it is. */
export function pivRid(): Uint8Array {
  return Uint8Array.from(rid);
}

/** The part of it that says which application it is. */
export function pivPix(): Uint8Array {
  return Uint8Array.from(pix);
}
