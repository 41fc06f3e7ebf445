// SPDX-License-Identifier: MIT

import type { Protocol } from "../../port/index.ts";
import type { RecordedBytes } from "./recorded-bytes.ts";

/** What a recording says of itself. */
export interface RecordingHeader {
  /** When it began: milliseconds since 1970 UTC. */
  readonly recorded: number;
  /** `redacted`: bytes that may be secret are withheld; `raw`: all bytes are there, PINs and keys too. */
  readonly data: "redacted" | "raw";
  readonly atr?: Uint8Array | undefined;
  readonly reader?: string | undefined;
  readonly protocol?: Protocol | undefined;
  /** What made it: `scard record`, `OpenSC`. */
  readonly source?: string | undefined;
}

/** A command and its response. */
export interface RecordedExchange {
  readonly event: "exchange";
  /** Milliseconds since the recording began. */
  readonly atMs: number;
  /** How long it took, in milliseconds. */
  readonly tookMs?: number | undefined;
  readonly client?: string | undefined;
  /** What the command does, for people: `VERIFY`. */
  readonly name?: string | undefined;
  readonly command: RecordedBytes;
  /** Undefined where the exchange failed. */
  readonly response?: RecordedBytes | undefined;
  /** The code of the error, where there was no response. */
  readonly failed?: string | undefined;
}

/** The card was reset, or got power. */
export interface RecordedReset {
  readonly event: "reset";
  readonly atMs: number;
  readonly atr?: Uint8Array | undefined;
}

/** The card was taken out. */
export interface RecordedRemoval {
  readonly event: "removed";
  readonly atMs: number;
}

/** A line of a recording. */
export type RecordedEvent = RecordedExchange | RecordedReset | RecordedRemoval;

/** What was said to a card, and what it answered. */
export interface Recording {
  readonly header: RecordingHeader;
  readonly events: readonly RecordedEvent[];
}
