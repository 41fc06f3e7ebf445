// SPDX-License-Identifier: MIT

import { readerKey } from "../../port/index.ts";

/** A client that a host serves. */
export interface FarmClientGrant {
  /** The name under which it comes. */
  readonly name: string;
  /** Its public key: 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The readers that it may use: names, or their beginnings before a `*`. */
  readonly readers: readonly string[];
}

/** Whether a client may use a reader. Names are compared as managers compare them. */
export function isGranted({ readers }: FarmClientGrant, reader: string): boolean {
  // A manager in C would take such a name for what stands before its NUL.
  if (reader.includes("\0")) return false;
  const key = readerKey(reader);
  return readers.some((name) =>
    name.endsWith("*") ? key.startsWith(readerKey(name.slice(0, -1))) : key === readerKey(name),
  );
}
