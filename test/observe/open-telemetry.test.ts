// SPDX-License-Identifier: MIT

import * as api from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTelemetryApi, traceWithOpenTelemetry } from "../../src/entry/open-telemetry.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { Observer } from "../../src/observe/calls/index.ts";
import { openTelemetryListener } from "../../src/observe/metrics/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { observedCall, observedChange, observedExchange } from "./events.ts";

const settle = (): Promise<unknown> => new Promise(setImmediate);
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
beforeAll(() => {
  api.trace.setGlobalTracerProvider(provider);
});
afterAll(async () => {
  api.trace.disable();
  await provider.shutdown();
});

const milliseconds = ([seconds, nanoseconds]: readonly [number, number]): number => seconds * 1000 + nanoseconds / 1e6;

describe("spans for OpenTelemetry's own SDK", () => {
  it("are a call with its wait for the lock and its command inside", () => {
    exporter.reset();
    const exchange = observedExchange({
      name: "VERIFY",
      statusWord: 0x63c2,
      command: { bytes: "00 20 00 80 [8 bytes withheld]", text: "VERIFY" },
    });
    const call = observedCall({
      operation: "transmit",
      reader: "Desk",
      connection: 3,
      tookMs: 30,
      waitedMs: 20,
      exchange,
    });
    openTelemetryListener(api)(call);
    const [wait, apdu, whole] = exporter.getFinishedSpans();
    expect([wait?.name, apdu?.name, whole?.name]).toEqual(["scard lock wait", "APDU VERIFY", "scard transmit"]);
    expect([wait, apdu].map((span) => span?.parentSpanContext?.spanId)).toEqual(
      [whole, whole].map((span) => span?.spanContext().spanId),
    );
    expect(milliseconds(whole?.startTime ?? [0, 0])).toBeCloseTo(call.time);
    expect([whole, wait, apdu].map((span) => Math.round(milliseconds(span?.duration ?? [0, 0])))).toEqual([30, 20, 10]);
    expect(whole?.attributes).toEqual({
      "scard.client": "tool",
      "scard.client.pid": 4711,
      "scard.client.uid": 1000,
      "scard.context": 1,
      "scard.connection": 3,
      "scard.reader": "Desk",
      "scard.outcome": "success",
      "scard.command": "VERIFY",
      "scard.command.bytes": 5,
      "scard.response.bytes": 2,
      "scard.status_word": "63C2",
    });
  });

  it("have the code of what failed, and tell nothing of cards that come and go", () => {
    exporter.reset();
    const listener = openTelemetryListener(api);
    listener(observedCall({ operation: "connect", outcome: "sharing-violation", reader: "Desk" }));
    listener(observedChange({ change: "inserted", reader: "Desk" }));
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name, status }) => [name, status])).toEqual([
      ["scard connect", { code: api.SpanStatusCode.ERROR, message: "sharing-violation" }],
    ]);
  });

  it("are children of the program's own span where it has one", () => {
    exporter.reset();
    const outer = api.trace.getTracer("program").startSpan("sign");
    const contexts = { ...api, context: { active: () => api.trace.setSpan(api.context.active(), outer) } };
    openTelemetryListener(contexts)(observedCall({ operation: "status", reader: "Desk" }));
    expect(exporter.getFinishedSpans()[0]?.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
  });

  it("need the module", () => {
    expect(() => openTelemetryListener(undefined as never)).toThrow('pass what await import("@opentelemetry/api")');
    expect(() => openTelemetryListener({} as never)).toThrow(TypeError);
  });

  it("are made with the package of the host", async () => {
    exporter.reset();
    const observer = new Observer({ runtime: new SimulatedRuntime({ settle }) });
    const stop = await traceWithOpenTelemetry(observer);
    const manager = observer.observe(new EmbeddedManager({ runtime: new SimulatedRuntime({ settle }) }), {
      name: "tool",
    });
    await (await manager.establishContext()).release();
    stop();
    await (await manager.establishContext()).release();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual([
      "scard establish-context",
      "scard release-context",
    ]);
  });

  it("say what to install where there is none", async () => {
    const missing = Object.assign(new Error("Cannot find package '@opentelemetry/api' imported from /app/scard.js"), {
      code: "ERR_MODULE_NOT_FOUND",
    });
    await expect(openTelemetryApi(() => Promise.reject(missing))).rejects.toMatchObject({
      code: "unsupported-feature",
      message: expect.stringContaining("npm install @opentelemetry/api"),
    });
    await expect(openTelemetryApi(() => Promise.reject(new Error("it is broken")))).rejects.toMatchObject({
      code: "unsupported-feature",
      message: expect.stringContaining("cannot be loaded: it is broken"),
    });
    await expect(traceWithOpenTelemetry(undefined as never)).rejects.toMatchObject({ code: "invalid-parameter" });
  });
});
