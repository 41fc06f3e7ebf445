// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";

/** Runs work with copies of secrets, which are cleared afterwards. */
export async function withCopies<const L extends readonly Uint8Array[]>(
  secrets: L,
  work: (copies: { readonly [at in keyof L]: Uint8Array }) => Promise<void>,
): Promise<void> {
  const copies = secrets.map(copyBytes);
  try {
    await work(copies as unknown as { readonly [at in keyof L]: Uint8Array });
  } finally {
    copies.forEach(zeroBytes);
  }
}
