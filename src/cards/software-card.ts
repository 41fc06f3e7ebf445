// SPDX-License-Identifier: MIT

/**
 * A smart card that is a program: the port for people who write one. Put it into a `VirtualReader`, and every
 * application sees a card.
 *
 * A card speaks whole APDUs. What lies below is not its business: the reader carries the APDUs over T=1 as they are,
 * and over T=0 as `T0Adapter` does it. The reader calls one method at a time and awaits `process`, with one exception:
 * `reset` and `powerOff` may come while a promise of `process` has not settled, when the exchange was given up or the
 * card was pulled. The card then forgets what it was doing; the late answer is thrown away.
 */
export interface SoftwareCard {
  /**
   * Resets the card and returns its ATR, 2 to 33 bytes: `cold` when power has just come, `warm` when it was there
   * already. Whatever does not outlive a reset is gone: selected files, verified PINs, open channels, half-done
   * commands. What a real card keeps in its memory stays: contents, retry counters.
   *
   * A card that throws here counts as one that does not answer.
   *
   * @see ISO/IEC 7816-3:2006, 6.2 and 8
   */
  reset(kind: "cold" | "warm"): Uint8Array;

  /** Power goes, at any moment, perhaps for good: forget what does not outlive it. Called only after a reset. */
  powerOff(): void;

  /**
   * Takes one whole command APDU and returns one whole response APDU, 2 to 65,538 bytes, SW1 SW2 last.
   *
   * - The command is whatever the application sent, any bytes of any length: a card never throws for them, it answers a
   *   status word, 6700 for what is no APDU. A card that throws, or answers what is no response, has failed: the
   *   application sees `comm-error`, and the card must be reset.
   * - A command that is answered with 6700 must have changed nothing: over T=0, where a reader cannot tell whether a
   *   command expects data, the same command may then come in another case.
   * - The command belongs to the card until the answer is there and is then overwritten with zeros, for it may hold a
   *   PIN: copy what is to be kept. The answer belongs to the caller.
   *
   * @see ISO/IEC 7816-4:2005, 5.1
   */
  process(command: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /**
   * Answers a PPS request, PPSS to PCK, once after a reset and before the first command; an empty array stands for a
   * card that does not answer. Without this method the card agrees to everything: the request comes back as the
   * response.
   *
   * @see ISO/IEC 7816-3:2006, 9
   */
  pps?(request: Uint8Array): Uint8Array;
}
