// SPDX-License-Identifier: MIT

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Base64url without padding. RFC 4648, 5; RFC 7515, 2. */
export function encodeBase64Url(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const group = (a << 16) | (b << 8) | c;
    const length = Math.min(3, bytes.length - at) + 1;
    for (let digit = 0; digit < length; digit++) parts.push(DIGITS.charAt((group >> (18 - 6 * digit)) & 63));
  }
  return parts.join("");
}
