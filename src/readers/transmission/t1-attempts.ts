// SPDX-License-Identifier: MIT

import { MAX_COMPLAINTS, MAX_RESYNCHRONISATIONS, MAX_RETRANSMISSIONS } from "./limits.ts";

/** Counts what a T=1 session may try again. Each question is an attempt: it says whether there is one left. Rule 7.4. */
export class T1Attempts {
  /** How often in a row no valid block came. */
  #retransmissions = 0;
  /** How often in a row the card asked for our last block again. */
  #complaints = 0;
  /** S(RESYNCH request)s in a row. */
  #resynchronisations = 0;
  /**
   * Whether no block was answered since the last resynchronisation. A second S(RESYNCH response) might be an echo of the first
   * one then, and a block from between the two would be taken for an answer.
   */
  #resynchronisedInVain = false;

  /** A new exchange has all attempts. */
  begin(): void {
    this.progress();
    this.#resynchronisations = 0;
  }

  /** A block came that brings the exchange on. */
  progress(): void {
    this.#retransmissions = 0;
    this.#complaints = 0;
  }

  /** The card answered or acknowledged an I-block of ours, so that nothing older is on the line. */
  answered(): void {
    this.progress();
    this.#resynchronisedInVain = false;
  }

  /** The card answered S(RESYNCH request). */
  resynchronised(): void {
    this.progress();
    this.#resynchronisations = 0;
    this.#resynchronisedInVain = true;
  }

  /** Whether a block may be sent for lack of a valid one. */
  retransmit(): boolean {
    return ++this.#retransmissions <= MAX_RETRANSMISSIONS;
  }

  /** Whether a block may be sent again that the card did not get. Its R-block was valid: rule 7.4.2 counts from the start. */
  answerComplaint(): boolean {
    this.#retransmissions = 0;
    return ++this.#complaints <= MAX_COMPLAINTS;
  }

  /** Whether S(RESYNCH request) may be sent. */
  resynchronise(): boolean {
    return !this.#resynchronisedInVain && ++this.#resynchronisations <= MAX_RESYNCHRONISATIONS;
  }
}
