// SPDX-License-Identifier: MIT

/** Most characters of the description of a card type. */
export const MAX_DESCRIPTION_LENGTH = 4096;

/** Most pairs of ATR and mask that one card type may have. */
export const MAX_ATRS_PER_CARD_TYPE = 4096;

/** Most interfaces that one card type may have. */
export const MAX_INTERFACES_PER_CARD_TYPE = 256;

/** Most card types in one store. */
export const MAX_CARD_TYPES = 100_000;

/** Most introduced names of readers in one store. */
export const MAX_READERS = 10_000;

/** Most groups that one reader may be in. */
export const MAX_GROUPS_PER_READER = 256;

/** How many entries the audit log keeps; the oldest make room. */
export const MAX_AUDIT_ENTRIES = 10_000;

/** Most characters of each text in an audit entry; what is longer is cut. */
export const MAX_AUDIT_TEXT_LENGTH = 255;

/** Most pairs of ATR and mask that one expression of smartcard_list.txt may stand for. */
export const MAX_ATRS_PER_EXPRESSION = 512;

/** Most characters of one expression: three times what the longest ATR takes, written with a set for each digit. */
export const MAX_EXPRESSION_LENGTH = 1000;

/** How often patterns are made of one expression, those that it stands for in several ways each time. */
export const MAX_PATTERNS_MADE = 4096;

/** How many steps are taken to follow the branches of one expression, before it counts as one with too many. */
export const MAX_EXPRESSION_STEPS = 5000;

/** How many parts of an expression may be followed within each other: what the stack bears, with much to spare. */
export const MAX_EXPRESSION_DEPTH = 2000;

/** For a given length of ATR, how many masks the index keeps apart; entries with further ones are compared one by one. */
export const MAX_INDEXED_MASKS = 256;
