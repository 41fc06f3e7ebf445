// SPDX-License-Identifier: MIT

/** What the application holds to. */
export const gidsLimits = {
  /** The least bytes of a PIN: what gids-tool and OpenSC ask for. The specification has no application PIN under 8. */
  leastPinBytes: 4,
  /** The most. GIDS 2.0, 9. */
  pinBytes: 127,
  /** Wrong tries of a PIN: 63Cx counts no more. */
  tries: 15,
  /** Elementary files. */
  files: 128,
  /** Data objects in one file. GIDS 2.0, appendix A. */
  objectsInFile: 100,
  /** All data objects together, with their tags. */
  memoryBytes: 262_144,
  /** The file control parameters of one file, as short commands carry them. */
  controlBytes: 255,
  /** A challenge of INTERNAL AUTHENTICATE: what ECDSA signs. */
  challengeBytes: 64,
} as const;

/** Wrong tries that block the PIN of a new card. */
export const FACTORY_TRIES = 3;
