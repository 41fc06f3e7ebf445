// SPDX-License-Identifier: MIT

import {
  type Context,
  type ErrorCode,
  SmartCardError as PortError,
  type ReaderFlags,
  type ReaderStateQuery,
  type ReaderStateReport,
  type ResourceManager,
  type WaitOptions,
} from "../../port/index.ts";
import type { SmartCardContext, SmartCardReaderStateOut } from "../web/index.ts";
import type { Line } from "./line.ts";
import type { BridgedContext } from "./smart-card.ts";

/** As much of a manager as a watch needs, over the connection to the bridge: it is closed when that has ended. */
export function managerOverLine(line: Line, Proxies: typeof BridgedContext): ResourceManager {
  const manager = {
    get isClosed(): boolean {
      return line.isOver;
    },
    async establishContext(): Promise<Context> {
      const { context } = await translated(() => line.call({ kind: "establishContext" }));
      const proxy = new Proxies(line, context);
      return contextOver(proxy, async () => line.send({ kind: "releaseContext", context })) as Context;
    },
  };
  return manager as ResourceManager;
}

function contextOver(proxy: SmartCardContext, release: () => Promise<void>): Partial<Context> {
  return {
    release,
    listReaders: () => translated(() => proxy.listReaders()),
    async getStatusChange(queries: readonly ReaderStateQuery[], wait: WaitOptions = {}) {
      const { signal, timeoutMs } = wait;
      const asked = queries.map(({ eventCount, flags = {}, reader }) => ({
        readerName: reader,
        currentState: flags,
        ...(eventCount !== undefined && { currentCount: eventCount }),
      }));
      const options = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeout: timeoutMs }) };
      const states = await translated(() => proxy.getStatusChange(asked, options), wait);
      return states.map(reportOf);
    },
  };
}

function reportOf({ answerToReset, eventCount, eventState, readerName }: SmartCardReaderStateOut): ReaderStateReport {
  const flags = Object.fromEntries(Object.entries(eventState).filter(([, isSet]) => isSet)) as ReaderFlags;
  return { reader: readerName, flags, eventCount, atr: new Uint8Array(answerToReset ?? new ArrayBuffer(0)) };
}

/** Exceptions of the API by name, as codes of the port: what the exceptions of the draft were made of. */
const codes: Readonly<Record<string, ErrorCode>> = { InvalidStateError: "service-stopped", AbortError: "shutdown" };

/** Failures as errors of the port, which a watch knows. */
async function translated<T>(work: () => Promise<T>, { signal, timeoutMs }: WaitOptions = {}): Promise<T> {
  try {
    return await work();
  } catch (failure) {
    const { name, responseCode } = failure as Error & { readonly responseCode?: ErrorCode };
    const timedOut: ErrorCode = timeoutMs === undefined ? "comm-error" : "timeout";
    throw portError(signal?.aborted ? "cancelled" : (responseCode ?? codes[name] ?? timedOut), failure as Error);
  }
}

function portError(code: ErrorCode, cause: Error): PortError {
  return new PortError(code, cause.message, {}, { cause });
}
