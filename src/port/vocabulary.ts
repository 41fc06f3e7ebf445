// SPDX-License-Identifier: MIT

import { checkMembers } from "../base/binary/index.ts";

/** Domain in which database operations of a context run. `global` exists in pcsc-lite only. */
export type Scope = "user" | "terminal" | "system" | "global";

/** How a connection shares the reader: with others, alone, or the reader itself with no card needed. */
export type ShareMode = "shared" | "exclusive" | "direct";

/** What happens to the card when a connection or a transaction ends. */
export type Disposition = "leave" | "reset" | "unpower" | "eject";

/** What happens to the card when a connection is established anew. */
export type Initialization = "leave" | "reset" | "unpower";

/** Transmission protocol (ISO/IEC 7816-3; `raw` for readers that offer it, `t15` for pcsc-lite's header only). */
export type Protocol = "t0" | "t1" | "raw" | "t15";

/** Position and readiness of the card, in the terms of PC/SC part 5. */
export type CardState = "unknown" | "absent" | "present" | "swallowed" | "powered" | "negotiable" | "specific";

/** The flags of a reader state, as the Web Smart Card API spells them; `changed` and `unknown` are output only. */
export const readerFlags = [
  "ignore",
  "changed",
  "unknown",
  "unavailable",
  "empty",
  "present",
  "atrmatch",
  "exclusive",
  "inuse",
  "mute",
  "unpowered",
] as const;

/** One flag of a reader state. */
export type ReaderFlag = (typeof readerFlags)[number];

/** A set of reader state flags: those that are set are `true`; no flag at all means "unaware". */
export type ReaderFlags = { readonly [flag in ReaderFlag]?: true };

/**
 * Whether a caller with these flags expects a card: each of them is about the card in the reader. For ATRMATCH, EXCLUSIVE
 * and INUSE Microsoft says that PRESENT is assumed; MUTE and UNPOWERED describe the card.
 *
 * @see SCARD_READERSTATE structure (winscard.h), Microsoft
 */
export function expectsCard(believed: ReaderFlags): boolean {
  checkMembers(believed, readerFlags, "expectsCard: believed");
  const { atrmatch, exclusive, inuse, mute, present, unpowered } = believed;
  return [present, atrmatch, exclusive, inuse, mute, unpowered].includes(true);
}

/** The pseudo reader whose state changes when readers come and go. Compared without regard to case. */
export const PNP_NOTIFICATION = "\\\\?PnP?\\Notification";

/** The longest response APDU: 65,536 bytes of data and SW1 SW2. */
export const MAX_RESPONSE_BYTES = 65_538;

/** The longest command APDU: header, three-byte Lc, 65,535 bytes of data, two-byte Le. */
export const MAX_COMMAND_BYTES = 65_544;

/** The longest ATR, TS and TCK included (ISO/IEC 7816-3:2006, 8.1). */
export const MAX_ATR_BYTES = 33;

/**
 * The name of a failure, for programs to compare with: spelt as the Web Smart Card API spells its response codes; the
 * others follow its rule (the SCARD_ name without prefix, in small letters). The last four are not SCARD_ codes.
 */
export type ErrorCode =
  | "internal-error"
  | "cancelled"
  | "invalid-handle"
  | "invalid-parameter"
  | "invalid-target"
  | "no-memory"
  | "waited-too-long"
  | "insufficient-buffer"
  | "unknown-reader"
  | "timeout"
  | "sharing-violation"
  | "no-smartcard"
  | "unknown-card"
  | "cant-dispose"
  | "proto-mismatch"
  | "not-ready"
  | "invalid-value"
  | "system-cancelled"
  | "comm-error"
  | "unknown-error"
  | "invalid-atr"
  | "not-transacted"
  | "reader-unavailable"
  | "shutdown"
  | "pci-too-small"
  | "reader-unsupported"
  | "duplicate-reader"
  | "card-unsupported"
  | "no-service"
  | "service-stopped"
  | "unexpected"
  | "icc-installation"
  | "icc-createorder"
  | "unsupported-feature"
  | "dir-not-found"
  | "file-not-found"
  | "no-dir"
  | "no-file"
  | "no-access"
  | "write-too-many"
  | "bad-seek"
  | "invalid-chv"
  | "unknown-res-mng"
  | "no-such-certificate"
  | "certificate-unavailable"
  | "no-readers-available"
  | "comm-data-lost"
  | "no-key-container"
  | "server-too-busy"
  | "pin-cache-expired"
  | "no-pin-cache"
  | "read-only-card"
  | "unsupported-card"
  | "unresponsive-card"
  | "unpowered-card"
  | "reset-card"
  | "removed-card"
  | "security-violation"
  | "wrong-chv"
  | "chv-blocked"
  | "eof"
  | "cancelled-by-user"
  | "card-not-authenticated"
  | "cache-item-not-found"
  | "cache-item-stale"
  | "cache-item-too-big"
  | "invalid-context"
  | "not-supported"
  | "provider-not-found"
  | "broken-pipe";
