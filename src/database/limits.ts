// SPDX-License-Identifier: MIT

/** Most characters of the description of a card type. */
export const maxDescriptionLength = 4096;

/** Most pairs of ATR and mask that one card type may have. */
export const maxAtrsPerCardType = 4096;

/** Most interfaces that one card type may have. */
export const maxInterfacesPerCardType = 256;

/** Most card types in one store. */
export const maxCardTypes = 100_000;

/** Most introduced names of readers in one store. */
export const maxReaders = 10_000;

/** Most groups that one reader may be in. */
export const maxGroupsPerReader = 256;

/** How many entries the audit log keeps; the oldest make room. */
export const maxAuditEntries = 10_000;

/** Most characters of each text in an audit entry; what is longer is cut. */
export const maxAuditTextLength = 255;

/** Most pairs of ATR and mask that one expression of smartcard_list.txt may stand for. */
export const maxAtrsPerExpression = 512;

/** Most characters of one expression: three times what the longest ATR takes, written with a set for each digit. */
export const maxExpressionLength = 1000;

/** How often patterns are made of one expression, those that it stands for in several ways each time. */
export const maxPatternsMade = 4096;

/** How many steps are taken to follow the branches of one expression, before it counts as one with too many. */
export const maxExpressionSteps = 5000;

/** How many parts of an expression may be followed within each other: what the stack bears, with much to spare. */
export const maxExpressionDepth = 2000;

/** For a given length of ATR, how many masks the index keeps apart; entries with further ones are compared one by one. */
export const maxIndexedMasks = 256;
