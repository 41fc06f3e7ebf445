// SPDX-License-Identifier: MIT

import { checkObject, hexWord } from "../../base/binary/index.ts";
import type { ObservedCall, ObservedEvent, ObservedListener } from "../calls/index.ts";

/** A span as `@opentelemetry/api` has it, as far as it is used here. */
export interface OpenTelemetrySpan {
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  end(endTime?: number): void;
}

/** The module `@opentelemetry/api`, as far as it is used here. */
export interface OpenTelemetryApi<Context = unknown> {
  readonly trace: {
    getTracer(
      name: string,
      version?: string,
    ): {
      startSpan(
        name: string,
        options: {
          readonly kind?: number;
          readonly startTime?: number;
          readonly attributes?: Record<string, string | number>;
        },
        context?: Context,
      ): OpenTelemetrySpan;
    };
    setSpan(context: Context, span: never): Context;
  };
  readonly context: { active(): Context };
  readonly SpanKind: { readonly CLIENT: number; readonly INTERNAL: number };
  readonly SpanStatusCode: { readonly ERROR: number };
}

/**
 * Makes spans of what an observer tells, over the `@opentelemetry/api` that the host has: a span for each call of a client, below it
 * one for its wait for the lock and one for the command at the card. Without an SDK the api does nothing with them. Attributes
 * are names, lengths and status words; there is never data of a card.
 *
 * @param api what `await import("@opentelemetry/api")` returns
 * @example
 * const stop = observer.listen(openTelemetryListener(await import("@opentelemetry/api")));
 *
 * @throws TypeError for anything but that module
 */
export function openTelemetryListener<Context>(api: OpenTelemetryApi<Context>): ObservedListener {
  checkObject(api, "openTelemetryListener: api", 'pass what await import("@opentelemetry/api") returns');
  checkObject(api.trace, "openTelemetryListener: api.trace", 'pass what await import("@opentelemetry/api") returns');
  const tracer = api.trace.getTracer("scard");
  return (event: ObservedEvent) => {
    if (event.kind !== "call") return;
    const { exchange, outcome, time, tookMs, waitedMs = 0 } = event;
    const end = time + tookMs;
    const call = tracer.startSpan(
      `scard ${event.operation}`,
      { kind: api.SpanKind.CLIENT, startTime: time, attributes: attributesOf(event) },
      api.context.active(),
    );
    const inside = api.trace.setSpan(api.context.active(), call as never);
    const begun = Math.min(time + waitedMs, end);
    const part = (name: string, startTime: number, endTime: number): void =>
      tracer.startSpan(name, { kind: api.SpanKind.INTERNAL, startTime }, inside).end(endTime);
    if (waitedMs > 0) part("scard lock wait", time, begun);
    if (exchange !== undefined) part(`APDU ${exchange.name}`, begun, end);
    if (outcome !== "success") call.setStatus({ code: api.SpanStatusCode.ERROR, message: outcome });
    call.end(end);
  };
}

function attributesOf({
  client,
  connection,
  context,
  exchange,
  outcome,
  reader,
}: ObservedCall): Record<string, string | number> {
  const known: Record<string, string | number | undefined> = {
    "scard.client": client.name,
    "scard.client.pid": client.pid,
    "scard.client.uid": client.uid,
    "scard.context": context,
    "scard.connection": connection,
    "scard.reader": reader,
    "scard.outcome": outcome,
    "scard.command": exchange?.name,
    "scard.command.bytes": exchange?.commandBytes,
    "scard.response.bytes": exchange?.responseBytes,
    "scard.application": exchange?.application,
    "scard.status_word": exchange?.statusWord === undefined ? undefined : hexWord(exchange.statusWord),
  };
  return Object.fromEntries(
    Object.entries(known).filter((entry): entry is [string, string | number] => entry[1] !== undefined),
  );
}
