// SPDX-License-Identifier: MIT

// The enumerations of the service providers. Numbers are those of scardssp.h where it has them. Where no public header
// or page gives a number (SC_TYPE_*, SC_SEEK_*, SC_FL_*) ours are said to be ours.

/** State of a card and its reader; the same numbers as SCardStatus gives on Windows. */
export const SCARD_STATES = {
  ABSENT: 1,
  PRESENT: 2,
  SWALLOWED: 3,
  POWERED: 4,
  NEGOTIABLEMODE: 5,
  SPECIFICMODE: 6,
} as const;
export type SCARD_STATES = (typeof SCARD_STATES)[keyof typeof SCARD_STATES];

/** Protocols; T0 | T1 where either will do. RAW has another number here than in winscard.h. */
export const SCARD_PROTOCOLS = { T0: 1, T1: 2, RAW: 0xff } as const;
/** One of {@link SCARD_PROTOCOLS}, T0 | T1, or 0 where none is in use. */
export type SCARD_PROTOCOLS = number;

/** Share modes. There is no direct one. */
export const SCARD_SHARE_MODES = { EXCLUSIVE: 1, SHARED: 2 } as const;
export type SCARD_SHARE_MODES = (typeof SCARD_SHARE_MODES)[keyof typeof SCARD_SHARE_MODES];

/** What to do with a card at the end. */
export const SCARD_DISPOSITIONS = { LEAVE: 0, RESET: 1, UNPOWER: 2, EJECT: 3 } as const;
export type SCARD_DISPOSITIONS = (typeof SCARD_DISPOSITIONS)[keyof typeof SCARD_DISPOSITIONS];

/** The four cases of a command (ISO/IEC 7816-4:2013, 5.1): without data, answer only, command data only, both. */
export const ISO_APDU_TYPE = { ISO_CASE_1: 1, ISO_CASE_2: 2, ISO_CASE_3: 3, ISO_CASE_4: 4 } as const;
export type ISO_APDU_TYPE = (typeof ISO_APDU_TYPE)[keyof typeof ISO_APDU_TYPE];

/** When a search for a card shows the dialog: only where it must, never, always. */
export const SC_DLG = { MINIMAL_UI: 1, NO_UI: 2, FORCE_UI: 4 } as const;
export type SC_DLG = (typeof SC_DLG)[keyof typeof SC_DLG];

/** How a text names a file. The numbers are ours: no public source has any. */
export const REFTYPE = { SC_TYPE_BY_NAME: 0, SC_TYPE_BY_ID: 1, SC_TYPE_BY_SHORT: 2, SC_TYPE_BY_ANY: 3 } as const;
export type REFTYPE = (typeof REFTYPE)[keyof typeof REFTYPE];

/** Kinds of files. The numbers are ours: no public source has any. */
export const FILETYPE = {
  SC_TYPE_DIRECTORIES: 0,
  SC_TYPE_FILES: 1,
  SC_TYPE_ALL_FILES: 2,
  SC_TYPE_DIRECTORY_FILE: 3,
  SC_TYPE_TRANSPARENT_EF: 4,
  SC_TYPE_FIXED_EF: 5,
  SC_TYPE_CYCLIC_EF: 6,
  SC_TYPE_VARIABLE_EF: 7,
} as const;
export type FILETYPE = (typeof FILETYPE)[keyof typeof FILETYPE];

/** From where a seek in a file counts. The numbers are ours: no public source has any. */
export const SEEKTYPE = { SC_SEEK_FROM_BEGINNING: 0, SC_SEEK_FROM_END: 1, SC_SEEK_RELATIVE: 2 } as const;
export type SEEKTYPE = (typeof SEEKTYPE)[keyof typeof SEEKTYPE];

/** Flags that can be combined. The numbers are ours: no public source has any. */
export const SCARD_FLAGS = {
  SC_FL_SECURE_MESSAGING: 0x01,
  SC_FL_PREALLOCATED: 0x02,
  SC_FL_IHV_GLOBAL: 0x10,
  SC_FL_IHV_LOCAL: 0x20,
  SC_FL_IHV_ENABLE: 0x40,
  SC_FL_IHV_DISABLE: 0x80,
} as const;
export type SCARD_FLAGS = number;

/**
 * Algorithms of ISCardAuth that the ISO 7816-4 provider knows by itself; all others are P1 of the command, defined by the
 * card. The numbers are ours: the documentation leaves them to each provider.
 */
export const ISO_ALGORITHM = {
  /** What the key is for: P1 is 00. */
  IMPLICIT: 0x00,
  /** User_Auth presents a code: `param` is its number, and the buffer the code. */
  CODE: 0x100,
  /** Added to an algorithm: ICC_Auth authenticates both sides to each other. */
  MUTUAL: 0x200,
} as const;

/** From where a seek in a stream counts. */
export const STREAM_SEEK = { SET: 0, CUR: 1, END: 2 } as const;
export type STREAM_SEEK = (typeof STREAM_SEEK)[keyof typeof STREAM_SEEK];

/** What a lock on a range of a stream keeps others from. */
export const LOCKTYPE = { WRITE: 1, EXCLUSIVE: 2, ONLYONCE: 4 } as const;
export type LOCKTYPE = (typeof LOCKTYPE)[keyof typeof LOCKTYPE];

/** How changes of a stream are committed; flags that can be combined. */
export const STGC = {
  DEFAULT: 0,
  OVERWRITE: 1,
  ONLYIFCURRENT: 2,
  DANGEROUSLYCOMMITMERELYTODISKCACHE: 4,
  CONSOLIDATE: 8,
} as const;
export type STGC = number;

/** What Stat leaves out. */
export const STATFLAG = { DEFAULT: 0, NONAME: 1, NOOPEN: 2 } as const;
export type STATFLAG = (typeof STATFLAG)[keyof typeof STATFLAG];
