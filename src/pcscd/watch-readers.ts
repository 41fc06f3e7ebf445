// SPDX-License-Identifier: MIT

import { pause } from "../client/index.ts";
import {
  type Context,
  PNP_NOTIFICATION,
  type ReaderStateQuery,
  type ReaderStateReport,
  SmartCardError,
  type WaitOptions,
} from "../pcsc/index.ts";
import { mayPass } from "./failures.ts";
import type { LineSetting } from "./line.ts";
import type { PcscdManager } from "./manager.ts";

/** What happened to the readers, or to the service that has them. */
export type ReaderEvent =
  /** A reader is there: one of those there were, or a new one. */
  | { readonly kind: "arrived"; readonly state: ReaderStateReport }
  /** A card came or went, or what else a reader's state tells has changed. */
  | { readonly kind: "changed"; readonly state: ReaderStateReport }
  /** A reader is there no more. */
  | { readonly kind: "left"; readonly reader: string }
  /** The service is gone, or was not there; so are all readers, connections and contexts. It is waited for. */
  | { readonly kind: "lost"; readonly error: SmartCardError }
  /** The service is there again. The readers that it has follow, each as one that arrived. */
  | { readonly kind: "back" };

/** How to watch. */
export interface WatchOptions {
  /** Ends it, with `cancelled`. Leaving the loop ends it too, once the next event has come. */
  readonly signal?: AbortSignal;
}

/** See {@link PcscdManager.watchReaders}. */
export async function* watchReaders(
  manager: PcscdManager,
  { limits, runtime }: LineSetting,
  options: WatchOptions,
): AsyncGenerator<ReaderEvent, void, void> {
  let lost = false;
  let pauseMs = limits.firstTryMs;
  for (;;) {
    try {
      const context = await manager.establishContext();
      if (lost) yield { kind: "back" };
      lost = false;
      for await (const event of watchContext(context, options)) {
        pauseMs = limits.firstTryMs;
        yield event;
      }
    } catch (error) {
      if (!(error instanceof SmartCardError) || !isLoss(error)) throw error;
      if (!lost) yield { kind: "lost", error };
      lost = true;
    }
    // A service that comes and goes at once is not asked without a pause.
    await pause(runtime.clock, "watch readers", pauseMs, options);
    pauseMs = Math.min(2 * pauseMs, limits.lastTryMs);
    await manager.waitForService(options);
  }
}

/** Whether a failure is the service's end. */
function isLoss(error: SmartCardError): boolean {
  return mayPass(error) || error.code === "invalid-context";
}

async function* watchContext(
  context: Context,
  options: WaitOptions,
): AsyncGenerator<Exclude<ReaderEvent, { kind: "lost" | "back" }>, void, void> {
  const known = new Map<string, ReaderStateQuery>();
  try {
    // Whatever comes after this count was taken is noticed by it, so the readers are listed behind it.
    let pnp: ReaderStateQuery = { reader: PNP_NOTIFICATION, eventCount: await countReaderEvents(context) };
    for (;;) {
      for (const reader of await context.listReaders()) if (!known.has(reader)) known.set(reader, { reader });
      const reports = await nextReports(context, [pnp, ...known.values()], options);
      if (reports === undefined) {
        // One left between the list and the wait; the next look tells which.
        const there = new Set(await context.listReaders());
        for (const [reader, query] of known) {
          if (there.has(reader)) continue;
          known.delete(reader);
          if (query.flags !== undefined) yield { kind: "left", reader };
        }
        continue;
      }
      const [pnpReport, ...states] = reports;
      if (pnpReport !== undefined) pnp = { reader: PNP_NOTIFICATION, eventCount: pnpReport.eventCount };
      for (const state of states) {
        if (!state.flags.changed) continue;
        const before = known.get(state.reader);
        const { changed: _, ...flags } = state.flags;
        if (flags.unknown) {
          known.delete(state.reader);
          if (before?.flags !== undefined) yield { kind: "left", reader: state.reader };
        } else {
          known.set(state.reader, { reader: state.reader, flags, eventCount: state.eventCount });
          yield { kind: before?.flags === undefined ? "arrived" : "changed", state: { ...state, flags } };
        }
      }
    }
  } finally {
    // Where the context has ended there is nothing to release.
    await context.release().catch(() => {});
  }
}

/** How many readers came and went so far. */
async function countReaderEvents(context: Context): Promise<number> {
  try {
    const [report] = await context.getStatusChange([{ reader: PNP_NOTIFICATION }], { timeoutMs: 0 });
    return report?.eventCount ?? 0;
  } catch (error) {
    if (!(error instanceof SmartCardError) || error.code !== "timeout") throw error;
    return error.details.readerStates?.[0]?.eventCount ?? 0;
  }
}

/** The next reports; undefined where one of the readers is not known to the service any more. */
async function nextReports(
  context: Context,
  queries: readonly ReaderStateQuery[],
  options: WaitOptions,
): Promise<ReaderStateReport[] | undefined> {
  try {
    return await context.getStatusChange(queries, options);
  } catch (error) {
    if (error instanceof SmartCardError && error.code === "unknown-reader") return undefined;
    throw error;
  }
}
