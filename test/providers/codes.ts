// SPDX-License-Identifier: MIT

/**
 * Codes of the card of these tests (iso-card.ts), and others that it is given. They are long enough to turn up nowhere by chance: whatever the
 * tests write is searched for them (recorder.ts).
 */
export const codes = {
  global: "73914608",
  local: "58209431",
  resetting: "8642097531",
  padded: "49173658",
  /** What a code is changed to. */
  next: "91827364",
  other: "60718293",
  /** A wrong one. */
  wrong: "17283940",
} as const;
