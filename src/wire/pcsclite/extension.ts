// SPDX-License-Identifier: MIT

import { checkBytes, checkText, decodeHex, encodeHex, quoteWord } from "../../base/binary/index.ts";
import { GUID_BYTES } from "../../port/index.ts";

// The extension of pcscd's protocol between our client and our daemon. A client offers it in the field `rv` of its
// request for the version. pcscd overwrites that field unread in every release (winscard_svc.c, CMD_VERSION), so
// the offer is safe; only a server that knows it answers with an acceptance in the place of 0.

/** The newest version of the extension that we speak, on either side. */
export const EXTENSION_VERSION = 1;

/** "SCO" and "SCA" in the upper three bytes, the version in the lowest: numbers that no return code has. */
const OFFER = 0x5343_4f00;
const ACCEPTANCE = 0x5343_4100;
const VERSION_MASK = 0xff;

/** The `rv` of a request that offers a version of the extension; 0 offers none. */
export function encodeOffer(extension: number): number {
  return extension === 0 ? 0 : OFFER | (extension & VERSION_MASK);
}

/** The version that the `rv` of a request offers: 1 to 255, or 0 for none. */
export function decodeOffer(rv: number): number {
  return (rv & ~VERSION_MASK) === OFFER ? rv & VERSION_MASK : 0;
}

/** The `rv` of an answer that accepts a version of the extension. */
export function encodeAcceptance(extension: number): number {
  return ACCEPTANCE | (extension & VERSION_MASK);
}

/**
 * What the `rv` of an answer says to an offer: the outcome, and the version of the extension that was accepted, 0 for none. A
 * server that echoes the field accepts the protocol, but not the extension.
 */
export function decodeAcceptance(rv: number, offered: number): { readonly rv: number; readonly extension: number } {
  if (offered > 0 && rv === encodeOffer(offered)) return { rv: 0, extension: 0 };
  if ((rv & ~VERSION_MASK) !== ACCEPTANCE) return { rv, extension: 0 };
  const extension = rv & VERSION_MASK;
  return extension > 0 && extension <= offered ? { rv: 0, extension } : { rv, extension: 0 };
}

/** The 16 bytes that a GUID's text has, in their order there, with or without braces and hyphens. @throws TypeError, RangeError */
export function guidBytes(text: string): Uint8Array {
  checkText(text, "guidBytes: text");
  const decoded = decodeHex(text.replace(/[{}-]/g, ""));
  if (!decoded.ok || decoded.value.length !== GUID_BYTES)
    throw new RangeError(`guidBytes: ${quoteWord(text)} is not a GUID`);
  return decoded.value;
}

/** The text of a GUID, without braces. @throws TypeError, RangeError (not 16 bytes) */
export function guidText(guid: Uint8Array): string {
  checkBytes(guid, "guidText: guid");
  if (guid.length !== GUID_BYTES) throw new RangeError(`guidText: a GUID has ${GUID_BYTES} bytes, not ${guid.length}`);
  return encodeHex(guid).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
