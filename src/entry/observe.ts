// SPDX-License-Identifier: MIT

/**
 * `scard/observe`: sees what programs ask of a manager, and what cards answer, without the secrets.
 */

export {
  type AuditDeps,
  type AuditEventRecord,
  type AuditHead,
  type AuditLimits,
  type AuditRecord,
  type AuditRecordEvent,
  type AuditStore,
  type AuditStoreEntry,
  AuditTrail,
  AuditVerifier,
  auditGenesis,
  auditRecordEvents,
  type BrokenAuditEntry,
  type CardUse,
  decodeAuditEntry,
} from "../observe/audit/index.ts";
export {
  type CallPolicy,
  type CommandAsked,
  type ControlAsked,
  type ObservedCall,
  type ObservedCardEvent,
  type ObservedEvent,
  type ObservedExchange,
  type ObservedListener,
  type ObservedOperation,
  observedOperations,
} from "../observe/calls/index.ts";
export {
  type Labels,
  type MetricFamily,
  type MetricSample,
  Metrics,
  type MetricsNow,
  type MetricsOptions,
  type MetricType,
  type OpenTelemetryApi,
  type OpenTelemetrySpan,
  openTelemetryListener,
} from "../observe/metrics/index.ts";
export {
  CardPolicy,
  type CommandRule,
  type PolicyDeps,
  type PolicyOptions,
  type Refusal,
} from "../observe/policy/index.ts";
