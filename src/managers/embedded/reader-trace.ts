// SPDX-License-Identifier: MIT

import { noTrace, type Runtime, type TraceEvent } from "../../port/index.ts";
import type { ResetReason } from "./reset-reason.ts";
import type { TurnContext } from "./transaction-queue.ts";

/** Writes what happens on one reader to the trace of the runtime. */
export class ReaderTrace {
  readonly #runtime: Runtime;
  readonly #reader: string;

  /** @param reader its unique name */
  constructor(runtime: Runtime, reader: string) {
    this.#runtime = runtime;
    this.#reader = reader;
  }

  /** @param context of the client that did it; undefined for what the slot does by itself */
  write(kind: string, context?: TurnContext, detail?: string): void {
    this.#tell(kind, context, detail === undefined ? {} : { detail });
  }

  /** Something is over that began at `since`, of the monotonic clock. */
  lasted(kind: string, context: TurnContext, since: number, detail?: string): void {
    this.#tell(kind, context, { since, ...(detail !== undefined && { detail }) });
  }

  /** A card was reset, or has lost its power. */
  reset(kind: "card-reset" | "card-unpowered", { cause, context, text }: ResetReason): void {
    if (this.#runtime.trace !== noTrace) this.#tell(kind, context, { cause, detail: text });
  }

  #tell(kind: string, context: TurnContext | undefined, more: Pick<TraceEvent, "cause" | "detail" | "since">): void {
    const { trace } = this.#runtime;
    if (trace === noTrace) return;
    const event = { at: this.#runtime.clock.now(), kind, reader: this.#reader, ...more };
    const by = context?.client;
    if (by === undefined) {
      trace(event);
      return;
    }
    // The name may have to be looked up: that is done when it is wanted.
    trace({
      ...event,
      by,
      get client() {
        return by.name;
      },
    });
  }
}
