// SPDX-License-Identifier: MIT

import { type ContextLimits, defaultCardCacheLimits, defaultContextLimits } from "../../port/index.ts";

/** Bounds of everything that a client, a card or a reader could make grow or last. */
export interface ManagerLimits extends ContextLimits {
  /** Readers at once. */
  readonly readers: number;
  /** Contexts at once, of all clients together. */
  readonly contexts: number;
  /** Longest exchange, reset or control command, in milliseconds; then it is interrupted. Drivers have their own. */
  readonly operationMs: number;
  /** How long a driver may take to settle an aborted operation, in milliseconds; then the reader counts as lost. */
  readonly abortMs: number;
  /** How long an operation of an exited program may continue, in milliseconds; then it is interrupted. */
  readonly orphanMs: number;
  /** How long the end of the service may take to perform the cards' dispositions, in milliseconds; then readers are dropped. */
  readonly closeMs: number;
  /** Cards that one reader may report before it has to pause. */
  readonly arrivals: number;
  /**
   * The first such pause, in milliseconds. Each pause that follows at once is twice as long, up to a second. Meanwhile the card
   * counts as absent; other readers are not affected.
   */
  readonly arrivalPauseMs: number;
  /** Readers whose name and event count are remembered after they have gone. */
  readonly rememberedReaders: number;
  /** Bytes of one item of the card cache. */
  readonly cacheItemBytes: number;
  /** Bytes of all items of the card cache together. */
  readonly cacheBytes: number;
  /** Items of the card cache. */
  readonly cacheItems: number;
  /** Bytes of one program for one card in the card cache. */
  readonly cacheBytesPerCard: number;
  /** Items of one program for one card in the card cache. */
  readonly cacheItemsPerCard: number;
}

/** The limits in force where none are given. */
export const defaultLimits: ManagerLimits = {
  readers: 4096,
  contexts: 16_384,
  ...defaultContextLimits,
  operationMs: 600_000,
  abortMs: 5000,
  orphanMs: 5000,
  closeMs: 10_000,
  arrivals: 32,
  arrivalPauseMs: 10,
  rememberedReaders: 1024,
  cacheItemBytes: defaultCardCacheLimits.itemBytes,
  cacheBytes: defaultCardCacheLimits.totalBytes,
  cacheItems: defaultCardCacheLimits.items,
  cacheBytesPerCard: defaultCardCacheLimits.bytesPerCard,
  cacheItemsPerCard: defaultCardCacheLimits.itemsPerCard,
};
