// SPDX-License-Identifier: MIT

import { nodeClock } from "../../platform/node/runtime/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { type ReportedEvent, traceDaemon } from "../daemon/index.ts";
import type { TopCall } from "./top-model.ts";

/** How long to wait before a daemon that has gone is asked again, in milliseconds. */
const AGAIN_MS = 1000;

/** What is told of a trace. */
interface TraceListener {
  /** Whether calls are told from now on. */
  state(isOn: boolean): void;
  call(call: TopCall): void;
}

/** Has a daemon tell its calls until the signal is aborted; after a new start of the daemon again. Never rejects with what the daemon fails with. */
export async function followCalls(path: string, signal: AbortSignal, listener: TraceListener): Promise<void> {
  while (!signal.aborted) {
    try {
      listener.state(true);
      for await (const line of traceDaemon(path, { command: "trace" }, nodeClock, signal)) {
        const call = callOf(line, nodeClock.now());
        if (call !== undefined) listener.call(call);
      }
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      listener.state(false);
    }
    await pause(signal);
  }
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = nodeClock.schedule(AGAIN_MS, "ask for the trace again", end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}

/** A call as it is shown; undefined for an event of a card, or a number of dropped events. */
function callOf(line: ReportedEvent, at: number): TopCall | undefined {
  if (!("event" in line) || line.event.kind !== "call") return undefined;
  const { client, exchange, operation, outcome, reader, time, tookMs } = line.event;
  return {
    time,
    at,
    client: client.name,
    pid: client.pid,
    reader,
    name: exchange?.name ?? operation,
    isCommand: operation === "transmit",
    result: exchange?.statusWord ?? outcome,
    tookMs,
  };
}
