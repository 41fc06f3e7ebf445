// SPDX-License-Identifier: MIT

/** Why an exchange failed. */
export type TransmissionFailureCode =
  /** The card did not answer within its waiting time, however often it was asked. */
  | "no-answer"
  /** What came was no valid block or byte, however often it was asked for. */
  | "invalid-answer"
  /** The card ended the chain with S(ABORT). */
  | "aborted-by-card"
  /** The caller ended the exchange. */
  | "cancelled"
  /** Card and reader lost step and found it again. The card may have executed the command: it is not sent a second time. */
  | "resynchronised"
  /** The response is longer than 65,538 bytes, or has no end. */
  | "response-too-long"
  /** The response is shorter than SW1 SW2. */
  | "response-too-short"
  /** The card asked for more time more often than the limit allows. */
  | "too-many-extensions"
  /** The caller's ceiling of time was reached. */
  | "overdue"
  /** The command cannot be carried. Nothing was sent. */
  | "invalid-command"
  /** An earlier failure left the card in need of a reset. Nothing was sent. */
  | "reset-needed";

/** The exchange is over, without a response. */
export interface TransmissionFailure {
  readonly kind: "failed";
  readonly code: TransmissionFailureCode;
  /** One sentence for a log or an error. It holds no byte of command or response. */
  readonly reason: string;
  /** Whether the next command may follow, or whether the card must be reset first. */
  readonly recovery: "go-on" | "warm-reset";
}

/** The exchange is over. */
export interface TransmissionDone {
  readonly kind: "done";
  /** The response, SW1 SW2 included; empty after a negotiation. The caller's own. */
  readonly response: Uint8Array;
}

/** What the caller of a T=1 exchange has to do next. */
export type T1Step =
  | {
      readonly kind: "send";
      /** From NAD to the error detection code. Valid until the next call; it is cleared then, as it may hold a PIN. */
      readonly block: Uint8Array;
      /** How many BWT the answer to this block may take: above 1 after S(WTX response). 0 to 255, and 0 counts as 1. */
      readonly waitMultiplier: number;
    }
  | TransmissionDone
  | TransmissionFailure;

/** What the caller of a T=0 exchange has to do next. */
export type T0Step =
  | {
      readonly kind: "send";
      /** Header or data. Valid until the next call; it is cleared then, as it may hold a PIN. */
      readonly bytes: Uint8Array;
      /** How many bytes will come at least; read these before the next call. */
      readonly expect: number;
    }
  | { readonly kind: "receive"; readonly expect: number }
  | TransmissionDone
  | TransmissionFailure;

/** What a reader reports in place of an answer. */
export type LineFault = "timeout" | "parity";

/** @returns the failure as a step */
export function failed(
  code: TransmissionFailureCode,
  reason: string,
  recovery: TransmissionFailure["recovery"],
): TransmissionFailure {
  return { kind: "failed", code, reason, recovery };
}
