// SPDX-License-Identifier: MIT

import type { CcidAnswer, CcidCommand, IccStatus } from "./messages.ts";

/** How one command is to be carried out. */
export interface ExchangeOptions {
  /** What is done, for errors. */
  readonly operation: string;
  /** How long the answer may take. A reader that asks for more time gets a multiple of it. */
  readonly waitMs: number;
  /** Longest wait in all, whatever more the reader asks for. @default the limit `exchangeMs` */
  readonly endMs?: number;
  /** Ends the exchange: the command is aborted, and fails as `cancelled`. */
  readonly signal: AbortSignal;
}

/** The way to the slots of a device: over the bulk endpoints, or over control transfers (ICCD). */
export interface CcidLink {
  /**
   * Sends a command and waits for its answer, whether that says done or failed.
   *
   * @throws comm-error without a usable answer; cancelled; reader-unavailable when the device is gone
   */
  exchange(slot: number, command: CcidCommand, options: ExchangeOptions): Promise<CcidAnswer>;
  /** Whether a command could go out at once. */
  isFree(slot: number): boolean;
  /** Ends everything that is under way, as `reader-unavailable`. */
  end(reason: string): void;
}

/** What a link reports. */
export interface LinkEvents {
  /** An answer says so of the card in a slot. */
  iccStatus(slot: number, status: IccStatus): void;
  /** The device can be used no more. */
  gone(reason: string): void;
  /** A command was given up, and aborted: for the log. `isFree` says whether the slot is free again. */
  aborted(slot: number, operation: string, isFree: boolean): void;
  /** Whether the card in a slot is known to be gone: its answer will come soon, and needs no abort. */
  isCardGone(slot: number): boolean;
}
