// SPDX-License-Identifier: MIT

import {
  controlCode,
  type Dialect,
  dispositions,
  protocols,
  type ReaderFlag,
  readerStateBits,
  shareModes,
} from "../../port/index.ts";

/** Function number of the escape command: that of Microsoft's CCID driver, and that of pcsc-lite's. */
const escapeFunction: Readonly<Record<Dialect, number>> = { windows: 3500, pcsclite: 1 };

/** The numbers that every reader of `pcsclite` has as properties, as the system's header has them. */
export function pcscliteConstants(dialect: Dialect) {
  const state = (flag: ReaderFlag): number => readerStateBits[flag].windows;
  return {
    SCARD_SHARE_SHARED: shareModes.shared[dialect] ?? 0,
    SCARD_SHARE_EXCLUSIVE: shareModes.exclusive[dialect] ?? 0,
    SCARD_SHARE_DIRECT: shareModes.direct[dialect] ?? 0,
    SCARD_PROTOCOL_T0: protocols.t0[dialect] ?? 0,
    SCARD_PROTOCOL_T1: protocols.t1[dialect] ?? 0,
    SCARD_PROTOCOL_RAW: protocols.raw[dialect] ?? 0,
    SCARD_STATE_UNAWARE: 0,
    SCARD_STATE_IGNORE: state("ignore"),
    SCARD_STATE_CHANGED: state("changed"),
    SCARD_STATE_UNKNOWN: state("unknown"),
    SCARD_STATE_UNAVAILABLE: state("unavailable"),
    SCARD_STATE_EMPTY: state("empty"),
    SCARD_STATE_PRESENT: state("present"),
    SCARD_STATE_ATRMATCH: state("atrmatch"),
    SCARD_STATE_EXCLUSIVE: state("exclusive"),
    SCARD_STATE_INUSE: state("inuse"),
    SCARD_STATE_MUTE: state("mute"),
    SCARD_LEAVE_CARD: dispositions.leave[dialect] ?? 0,
    SCARD_RESET_CARD: dispositions.reset[dialect] ?? 0,
    SCARD_UNPOWER_CARD: dispositions.unpower[dialect] ?? 0,
    SCARD_EJECT_CARD: dispositions.eject[dialect] ?? 0,
    /**
     * The control code by which drivers pass a command to the reader as it is. The package adds 3500 to pcsc-lite's base on
     * Windows, a number that no driver there knows. Drivers know this one.
     */
    IOCTL_CCID_ESCAPE: controlCode(escapeFunction[dialect], dialect),
  };
}

/** The numbers that every reader of `pcsclite` has as properties. */
export type PcscliteConstants = Readonly<ReturnType<typeof pcscliteConstants>>;
