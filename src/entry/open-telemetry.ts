// SPDX-License-Identifier: MIT

import type { Observer } from "../observe/calls/index.ts";
import { type OpenTelemetryApi, openTelemetryListener } from "../observe/metrics/index.ts";
import { packageFailure } from "../platform/node/runtime/index.ts";
import { having, SmartCardError } from "../port/index.ts";

const PACKAGE = "@opentelemetry/api";
const observerWith = having<Pick<Observer, "listen">>(["listen"], "an Observer");

/**
 * Makes spans for OpenTelemetry of what an observer tells ({@link openTelemetryListener}), with the package `@opentelemetry/api` of the
 * host, which is loaded then. Without an SDK that package does nothing with them.
 *
 * @returns ends it
 * @throws invalid-parameter (no observer), no-memory (256 listen already), unsupported-feature (the package is not installed, or cannot be
 * loaded: the message says what to do)
 */
export async function traceWithOpenTelemetry(observer: Pick<Observer, "listen">): Promise<() => void> {
  const listening = observerWith(observer, { operation: "traceWithOpenTelemetry", path: "observer" });
  return listening.listen(openTelemetryListener(await openTelemetryApi()));
}

/** @param load instead of that of this machine */
export async function openTelemetryApi(
  load: () => Promise<OpenTelemetryApi<unknown>> = hostsApi,
): Promise<OpenTelemetryApi<unknown>> {
  try {
    return await load();
  } catch (error) {
    throw missingApi(error);
  }
}

function missingApi(error: unknown): SmartCardError {
  const broken = packageFailure(PACKAGE, error);
  const missing = `spans need the package ${PACKAGE}: npm install ${PACKAGE}, and the SDK that gets them`;
  const message = broken === undefined ? missing : `there are no spans: ${broken.message}`;
  return new SmartCardError("unsupported-feature", message, {}, { cause: broken ?? error });
}

async function hostsApi(): Promise<OpenTelemetryApi<unknown>> {
  return (await import("@opentelemetry/api")) as OpenTelemetryApi<unknown>;
}
