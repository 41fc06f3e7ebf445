// SPDX-License-Identifier: MIT

import { MAX_CHANNELS } from "../software-card/index.ts";

/**
 * Limits of a file-system card. They apply to the description and to the commands that make a card grow, so that its state
 * can always be saved and loaded.
 */
export const cardLimits = {
  /** Characters in a card's name. */
  nameCharacters: 128,
  /** Bytes of one challenge that a description may ask for. */
  challengeBytes: 65_536,
  /** PINs; and keys, which are counted apart. There are 62 references for either. */
  references: 62,
  /** Bytes in a PIN or a resetting code. */
  pinBytes: 64,
  keyBytes: 32,
  /** Wrong tries until a PIN, a resetting code or a key is blocked: what 63Cx can tell. */
  tries: 15,
  /** Files directly under a directory. */
  filesPerDirectory: 256,
  /** Files of a card in all, directories with them. */
  files: 4096,
  /** Directories inside one another, the master file not counted. */
  depth: 8,
  /** Bytes in a transparent file. */
  fileBytes: 65_536,
  /** Bytes in a record. */
  recordBytes: 255,
  /** Records in a file. */
  records: 254,
  /** Data objects of a directory, and bytes in each. */
  objectsPerDirectory: 64,
  objectBytes: 4096,
  /** Bytes in all transparent files, records and data objects, those with them that are reserved and not used yet. */
  contentBytes: 4_194_304,
  dfNameBytes: 16,
  labelCharacters: 16,
  /** Conditions beside one another in `all` or `any`, and such lists inside one another. */
  conditions: 8,
  conditionDepth: 3,
  /** Logical channels, the basic one with them. ISO/IEC 7816-4:2005, 5.1.1. */
  channels: MAX_CHANNELS,
  /** Data of all commands of a chain, as much as one command with extended length can have. */
  chainedBytes: 65_535,
  /** A command in envelopes: the longest there is. */
  envelopedBytes: 65_544,
  /** Challenges up to this length are kept for an authentication: the longest cipher block. */
  keptChallengeBytes: 16,
} as const;
