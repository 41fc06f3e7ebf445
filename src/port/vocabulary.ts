// SPDX-License-Identifier: MIT

import { checkMembers } from "../base/binary/index.ts";

/** What errors and timers call a wait for a change of readers or cards. */
export const STATUS_CHANGE = "status change";

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
