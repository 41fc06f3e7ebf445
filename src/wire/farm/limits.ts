// SPDX-License-Identifier: MIT

/** The version of what hosts and clients of a farm say to each other. */
export const FARM_VERSION = 1;
/** Most characters of a name of a farm, a host or a client. */
export const MAX_FARM_NAME = 32;
/** Most bytes of the name of a program. */
export const MAX_PROGRAM_BYTES = 128;
/** The number that a session is known by: 16 random bytes. */
export const FARM_SESSION_BYTES = 16;
/** Most bytes that one frame carries; longer writes go in several. */
export const MAX_FRAME_DATA = 65_536;
/** Bytes that may be under way in one direction before the other side has taken them. */
export const FARM_WINDOW_BYTES = 262_144;

/** How long a session of a farm may be silent, in milliseconds. */
export interface FarmTimes {
  /** After how long without another message it says that it is there. */
  readonly beatMs: number;
  /** After how long it gives the other side up. */
  readonly silenceMs: number;
}

/** The times in force where none are given. */
export const defaultFarmTimes: FarmTimes = { beatMs: 3_000, silenceMs: 10_000 };
