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

/** The numbers that every reader of `pcsclite` has as properties. */
export interface PcscliteConstants {
  readonly SCARD_SHARE_SHARED: number;
  readonly SCARD_SHARE_EXCLUSIVE: number;
  readonly SCARD_SHARE_DIRECT: number;
  readonly SCARD_PROTOCOL_T0: number;
  readonly SCARD_PROTOCOL_T1: number;
  readonly SCARD_PROTOCOL_RAW: number;
  readonly SCARD_STATE_UNAWARE: number;
  readonly SCARD_STATE_IGNORE: number;
  readonly SCARD_STATE_CHANGED: number;
  readonly SCARD_STATE_UNKNOWN: number;
  readonly SCARD_STATE_UNAVAILABLE: number;
  readonly SCARD_STATE_EMPTY: number;
  readonly SCARD_STATE_PRESENT: number;
  readonly SCARD_STATE_ATRMATCH: number;
  readonly SCARD_STATE_EXCLUSIVE: number;
  readonly SCARD_STATE_INUSE: number;
  readonly SCARD_STATE_MUTE: number;
  readonly SCARD_LEAVE_CARD: number;
  readonly SCARD_RESET_CARD: number;
  readonly SCARD_UNPOWER_CARD: number;
  readonly SCARD_EJECT_CARD: number;
  /** The control code by which drivers pass a command to the reader as it is. */
  readonly IOCTL_CCID_ESCAPE: number;
}

/** Function number of the escape command: that of Microsoft's CCID driver, and that of pcsc-lite's. */
const escapeFunction: Readonly<Record<Dialect, number>> = { windows: 3500, pcsclite: 1 };

/** The numbers as this system's header has them. */
export function pcscliteConstants(dialect: Dialect): PcscliteConstants {
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
    // The package adds 3500 to pcsc-lite's base on Windows, a number that no driver there knows. Drivers know this one.
    IOCTL_CCID_ESCAPE: controlCode(escapeFunction[dialect], dialect),
  };
}
