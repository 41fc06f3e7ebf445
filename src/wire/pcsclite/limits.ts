// SPDX-License-Identifier: MIT

import { checkText } from "../../base/binary/index.ts";

/** Bytes of a reader's name with the NUL that ends it (MAX_READERNAME of pcsclite.h). */
export const MAX_READER_NAME_BYTES = 128;

/** Most bytes of an attribute's value: it has a fixed place in its message (MAX_BUFFER_SIZE of pcsclite.h). */
export const MAX_ATTRIBUTE_BYTES = 264;

/**
 * Most bytes after a message's body, either way: a command or its response, of SCardTransmit or SCardControl
 * (MAX_BUFFER_SIZE_EXTENDED of pcsclite.h: 64 KiB of data, with header, lengths and status word).
 */
export const MAX_TRAILING_BYTES = 65_548;

/**
 * Most bytes of the path of a Unix socket, which is how the service is reached: `sun_path` has 108 bytes on Linux and 104
 * elsewhere, with a zero at the end.
 *
 * @param platform as Node names it
 */
export function maxSocketPathBytes(platform: string): number {
  checkText(platform, "maxSocketPathBytes: platform");
  return platform === "linux" ? 107 : 103;
}

/** What is wrong with the path of a Unix socket that is too long, with the remedy; undefined where it is not. */
export function socketPathProblem(path: string, platform: string): string | undefined {
  checkText(path, "socketPathProblem: path");
  const [length, most] = [new TextEncoder().encode(path).length, maxSocketPathBytes(platform)];
  return length <= most ? undefined : `has ${length} bytes, and a socket's path ${most} at most: choose a shorter one`;
}

/** Entries of the reader table up to protocol 4:5 (PCSCLITE_MAX_READERS_CONTEXTS of pcsclite.h). */
export const FIXED_READERS = 16;

/** Most entries of a reader table that a client session takes from a server: 736 KiB. The protocol itself allows 2^31. */
export const MAX_READERS = 4_096;

/** Bytes of a program's name with the NUL that ends it, where we tell who holds a reader. A longer name is cut. */
export const MAX_CLIENT_NAME_BYTES = 256;

/** Most bytes of the name of an item of the card cache: 255 UTF-16 units in UTF-8. */
export const MAX_CACHE_NAME_BYTES = 765;
