// SPDX-License-Identifier: MIT

export type { Labels, MetricFamily, MetricSample, MetricType } from "./instruments.ts";
export { Metrics, type MetricsNow, type MetricsOptions } from "./metrics.ts";
export { type OpenTelemetryApi, type OpenTelemetrySpan, openTelemetryListener } from "./open-telemetry.ts";
