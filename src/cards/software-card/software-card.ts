// SPDX-License-Identifier: MIT

/**
 * The port for a smart card in software. Insert it into a `VirtualReader`, and every application sees a card.
 *
 * A card speaks whole APDUs. The reader handles the protocol: it carries the APDUs unchanged over T=1, and with
 * `T0Adapter` over T=0. The reader calls one method at a time and awaits `process`, with one exception:
 * `reset` and `powerOff` may come while a promise of `process` has not settled, when the exchange was aborted or the card
 * was pulled. The card then drops the command; the late answer is discarded.
 */
export interface SoftwareCard {
  /**
   * Resets the card and returns its ATR, 2 to 33 bytes: `cold` when power has just come, `warm` when it was there
   * already. Clear the volatile state: selected files, verified PINs, open channels, unfinished commands.
   * Persistent state stays: contents, retry counters.
   *
   * A card that throws here counts as mute.
   *
   * @see ISO/IEC 7816-3:2006, 6.2 and 8
   */
  reset(kind: "cold" | "warm"): Uint8Array;

  /** Power is lost, at any time: clear the volatile state. Called only after a reset. */
  powerOff(): void;

  /**
   * Takes one whole command APDU and returns one whole response APDU, 2 to 65,538 bytes, SW1 SW2 last.
   *
   * - The command can be any bytes of any length: a card never throws for them, but answers a status word, 6700 for a
   *   malformed APDU. If a card throws, or returns an invalid response, the application gets `comm-error`, and the
   *   card must be reset.
   * - A command that is answered with 6700 must have changed nothing: over T=0, where a reader cannot know whether a
   *   command expects data, the same command may then come in another case.
   * - The command belongs to the card until it has answered, and is then overwritten with zeros, as it may hold a PIN:
   *   copy what you need. The answer belongs to the caller.
   *
   * @see ISO/IEC 7816-4:2005, 5.1
   */
  process(command: Uint8Array): Uint8Array | Promise<Uint8Array>;

  /**
   * Answers a PPS request, PPSS to PCK, once after a reset and before the first command; an empty array stands for a
   * card that does not answer. Without this method the card accepts every request: the request is returned as the
   * response.
   *
   * @see ISO/IEC 7816-3:2006, 9
   */
  pps?(request: Uint8Array): Uint8Array;

  /**
   * The card was put into a reader; also when the reader is opened again. A card that is kept in a file takes that file now.
   *
   * @throws what the reader's `insert` or `open` is to fail with: the card does not go in then
   */
  inserted?(): void;

  /** The card was taken out of its reader, or the reader was closed: others may have it. */
  removed?(): void;
}
