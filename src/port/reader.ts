// SPDX-License-Identifier: MIT

import type { Protocol } from "./vocabulary.ts";

/** What a driver may be asked to do with the card's power. */
export type PowerAction = "cold-reset" | "warm-reset" | "power-down";

/** How a reader is attached: the SCARD_READER_TYPE_* of winscard.h that apply here. */
export type ReaderType = "serial" | "usb" | "nfc" | "embedded-se" | "vendor";

/** Description of a reader. Vendor, product and serial number are at most 128 bytes of UTF-8. */
export interface ReaderDescription {
  /**
   * The name to show, 1 to 127 bytes of UTF-8. The manager makes it unique among its readers: two readers may say the
   * same. It changes an invalid name ({@link readerNameProblem}) as little as necessary.
   */
  readonly name: string;
  /**
   * Identifies this reader across restarts: from serial number, port path and interface, or from the
   * configuration for readers that are software. At most 255 bytes of UTF-8. Never shown as a name.
   */
  readonly id: string;
  readonly vendor: string;
  readonly product: string;
  readonly serial?: string;
  readonly type: ReaderType;
  /** Protocols that the reader can speak to a card. `raw` and `t15` only where it really can. */
  readonly protocols: readonly Protocol[];
  /** True where {@link Reader.eject} moves the card out. */
  readonly canEject: boolean;
}

/**
 * Events that a driver reports to the manager, from {@link Reader.open} on. Calls may come at any time, also from within a call
 * that the manager makes to the driver; none throws.
 */
export interface ReaderEvents {
  /**
   * A card is present. It is not powered. Two in a row without a removal mean that the card was swapped. A reader that reports
   * many in a row is ignored for a while: the last one is handled after that.
   */
  inserted(): void;
  /** The card was removed. Operations in progress must end with `removed-card` before or after this call. */
  removed(): void;
  /** The reader is gone for good, or cannot be used any more. No further call follows. */
  lost(reason: string): void;
}

/**
 * The port that drivers implement: one slot of one reader. The manager calls one operation at a time, and none before
 * `open` has settled or after `close`; `close` itself may come while an operation is under way.
 *
 * Every operation is bounded in time by the driver, from what the card asks for (BWT, waiting time extensions), and
 * ends early, as `cancelled`, when its signal is aborted; in any case the manager stops waiting at its own limit.
 * Operations may share a signal, so a listener on it is taken off when the operation has ended. Failures are `SmartCardError`: `removed-card` when the card was removed, `reader-unavailable` when the
 * reader was, `unresponsive-card` for a card that does not answer a reset, `comm-error` when the exchange failed and the
 * card may still be there. Anything else that is thrown counts as `comm-error`, and so does an answer of another kind.
 */
export interface Reader {
  /** Read once, when the reader is put into service. */
  readonly description: ReaderDescription;

  /** Starts the driver, in no more time than an operation may take. It reports the current state first: it calls `events.inserted()` if a card is present. */
  open(events: ReaderEvents): Promise<void>;

  /**
   * Powers the card up (`cold-reset`), resets it with contacts powered (`warm-reset`), or powers it down. Returns the
   * ATR, as the card sent it, 2 to 33 bytes; an empty array for `power-down`.
   */
  power(action: PowerAction, signal: AbortSignal): Promise<Uint8Array>;

  /**
   * Makes the card speak `protocol`, by PPS where the card needs one (ISO/IEC 7816-3:2006, 9). Called once after each
   * reset, before the first `transmit`, with a protocol that both the ATR and the description offer.
   */
  setProtocol(protocol: Protocol, signal: AbortSignal): Promise<void>;

  /**
   * Sends one command to the card and returns its whole answer, SW1 SW2 included: 2 to 65,538 bytes. `t0`: a command
   * of ISO/IEC 7816-3 clause 12.1.1 (5 bytes, or 5 and data; 4 stand for P3 = 0 and no data). `t1`: a whole APDU.
   * The driver does not follow up on 61xx or 6Cxx.
   *
   * The command may hold a PIN: the manager clears its bytes once the promise has settled, and a driver that makes a copy
   * clears that likewise.
   */
  transmit(command: Uint8Array, protocol: Protocol, signal: AbortSignal): Promise<Uint8Array>;

  /**
   * A command to the reader itself; `code` is given as pcsc-lite counts, 0x42000000 + n, or as the vendor defined it.
   * Unknown codes are refused with `unsupported-feature`. The input is cleared as a command is.
   */
  control(code: number, input: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;

  /**
   * The value of an attribute (`SCARD_ATTR_VALUE`) at this moment; undefined where the reader lacks it. Called at any time
   * between `open` and `close`, also while an operation is under way. {@link readerAttribute} derives some from the
   * description. Text may end in a NUL or not: the manager adjusts it.
   */
  getAttribute(attribute: number): Uint8Array | undefined;

  /** Sets an attribute; false where it cannot be set. The value is cleared after the call: one that is kept is copied. */
  setAttribute(attribute: number, value: Uint8Array): boolean;

  /** Ejects the card. Present exactly when `description.canEject`. `events.removed()` reports the removal. */
  eject?(signal: AbortSignal): Promise<void>;

  /**
   * Ends the driver: the card is powered down, operations under way end, nothing is left open. Never rejects. Also called,
   * while the operation is under way, for a driver that did not end an aborted operation in time.
   */
  close(): Promise<void>;
}
