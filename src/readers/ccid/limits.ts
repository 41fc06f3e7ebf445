// SPDX-License-Identifier: MIT

/** What a reader and its cards may cost, in time and in memory. Times are in milliseconds. */
export interface CcidLimits {
  /** How long one message may take to go out. */
  readonly writeMs: number;
  /** Longest wait for the answer to a command that the reader carries out alone, such as GetSlotStatus. */
  readonly commandMs: number;
  /** Longest wait for an ATR. The slowest that the standard allows takes 30 s: 33 characters, 9,600 etu apart. */
  readonly powerMs: number;
  /** Longest time that powering a card may take, with all voltages that are tried. */
  readonly powerTotalMs: number;
  /** Shortest and longest wait for the answer of a card, whatever its ATR says of waiting times. */
  readonly leastAnswerMs: number;
  readonly mostAnswerMs: number;
  /** Longest wait after the reader has asked for more time, whatever multiple it asked for. */
  readonly mostExtendedMs: number;
  /** Longest exchange of one command, with all requests for more time. */
  readonly exchangeMs: number;
  /** Shortest wait for a PIN that is entered at the reader. */
  readonly leastPinEntryMs: number;
  /** Longest wait for the answer to an escape command. */
  readonly escapeMs: number;
  /** How long each of the three steps may take that abort a command. */
  readonly abortMs: number;
  /** How long the answer to a command may take after its card was removed, before it is aborted. */
  readonly removedMs: number;
  /** How long the end of a reader may take: what is under way ends, and the card is powered off. */
  readonly closeMs: number;
  /** How long a slot that says it is busy is asked again, and how often. */
  readonly busyMs: number;
  readonly busyPauseMs: number;
  /** How often a slot is asked for its card, where the reader has no interrupt endpoint. */
  readonly pollMs: number;
  /** The same where it has one: a message of it may be lost. */
  readonly recheckMs: number;
  /** How long after an insertion a report of another change is about the same insertion. */
  readonly sameInsertionMs: number;
  /** Pause after a failed read, so that failures in a row cost no processor time. */
  readonly readPauseMs: number;
  /** Messages that fit no command, empty reads and stalls during one command. */
  readonly strays: number;
  /** Answers without data in one chain. */
  readonly emptyAnswers: number;
  /** Failures in a row after which the interrupt endpoint is left alone. */
  readonly interruptFailures: number;
  /** Slots of one device. */
  readonly slots: number;
}

/** The limits that hold where none are given. */
export const defaultCcidLimits: CcidLimits = {
  writeMs: 2_000,
  commandMs: 3_000,
  powerMs: 30_000,
  powerTotalMs: 60_000,
  leastAnswerMs: 3_000,
  mostAnswerMs: 60_000,
  mostExtendedMs: 300_000,
  exchangeMs: 600_000,
  leastPinEntryMs: 90_000,
  escapeMs: 30_000,
  abortMs: 700,
  removedMs: 500,
  closeMs: 1_000,
  busyMs: 2_000,
  busyPauseMs: 20,
  pollMs: 200,
  recheckMs: 2_000,
  sameInsertionMs: 250,
  readPauseMs: 2,
  strays: 16,
  emptyAnswers: 8,
  interruptFailures: 10,
  slots: 32,
};

/** Header of every message: bMessageType to the three bytes before the data. */
export const MESSAGE_HEADER_BYTES = 10;

/** The longest message: an extended APDU, 65,544 bytes, and the header, up to a whole packet of 512. */
export const MAX_MESSAGE_BYTES = 66_048;

/** The shortest room for messages that a reader must have, whatever it says: a short APDU and the header. CCID 1.1, 5.1. */
export const LEAST_MESSAGE_BYTES = 271;
