// SPDX-License-Identifier: MIT

/**
 * `scard/observe`: sees what programs ask of a manager, and what cards answer, without the secrets (docs/guide/observe.md).
 *
 * ```ts
 * import { openManager } from "scard";
 * import { observeManager } from "scard/observe";
 *
 * const opened = await openManager();
 * const { manager, observer } = observeManager(opened.manager);
 * observer.listen((event) => console.log(event));
 * ```
 */

import { basename } from "node:path";
import { Observer, type ObserverOptions } from "../observe/calls/index.ts";
import { nodeClock } from "../platform/node/runtime/index.ts";
import {
  anyText,
  type ClientIdentity,
  managerObject,
  optional,
  optionsOf,
  type ResourceManager,
  truth,
} from "../port/index.ts";
import { nodeChannel } from "./observe-channel.ts";

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
  type CallOutcome,
  type CallPolicy,
  type CommandAsked,
  type ControlAsked,
  commandName,
  type EventFilter,
  type EventForPrograms,
  type ExchangeForPrograms,
  type ExchangeOutcome,
  type ExchangeText,
  eventForPrograms,
  exchangeText,
  filterEvents,
  type ListenLaterOptions,
  type ListenOptions,
  MAX_LISTENERS,
  type ObservedCall,
  type ObservedCardEvent,
  type ObservedChannel,
  type ObservedEvent,
  type ObservedEvents,
  type ObservedEventsOptions,
  type ObservedExchange,
  type ObservedListener,
  type ObservedOperation,
  type ObservedOutcome,
  type ObservedPinPad,
  Observer,
  type ObserverOptions,
  type OutcomeListener,
  observedOperations,
  type PinPadForPrograms,
  type ShownExchange,
} from "../observe/calls/index.ts";
export {
  type CaptureKind,
  type CaptureOptions,
  CaptureWriter,
  captureKinds,
  captureOf,
} from "../observe/captures/index.ts";
export {
  type ImportedLog,
  type ImportOptions,
  type ImportProblem,
  importLog,
  type LogKind,
  logKindOf,
  logKinds,
} from "../observe/imports/index.ts";
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
export {
  type ComparedExchange,
  type CompareOptions,
  compareRecordings,
  differenceText,
  formatRecording,
  parseRecording,
  type RecordedBytes,
  RecordedCard,
  type RecordedCardOptions,
  type RecordedEvent,
  type RecordedExchange,
  type RecordedRemoval,
  type RecordedReset,
  Recorder,
  type Recording,
  type RecordingComparison,
  type RecordingDifference,
  type RecordingHeader,
  type RecordingProblem,
  RecordingWriter,
  type ReplayClientOptions,
  type ReplayDifference,
  type ReplayResult,
  type ReplayTarget,
  randomCommands,
  recordedCard,
  redactRecording,
  replayToCard,
} from "../observe/recordings/index.ts";

export { traceWithOpenTelemetry } from "./open-telemetry.ts";

/** How a program observes its own manager. */
export interface ObserveManagerOptions {
  /** The name of the client in events. @default the name of this program */
  readonly client?: string;
  /** Whether events hold the bytes of commands and responses as they are, with PINs and keys. @default false */
  readonly raw?: boolean;
  /** Is asked before each command. */
  readonly policy?: ObserverOptions["policy"];
}

/** A manager that is observed. */
export interface ObservedManager<M extends ResourceManager> {
  /** To be used in place of the other one: what is asked of that directly is not seen. */
  readonly manager: M;
  readonly observer: Observer;
}

const observeOptions = optionsOf<ObserveManagerOptions>({
  client: optional(anyText),
  raw: optional(truth),
  // The observer checks it.
  policy: (value) => value as NonNullable<ObserverOptions["policy"]>,
});

/**
 * Puts an observer in front of a manager of this program. Events go to the listeners of the observer, and to the channels `scard:call`
 * and `scard:card` of `node:diagnostics_channel`.
 *
 * @throws invalid-parameter
 */
export function observeManager<M extends ResourceManager>(
  manager: M,
  options: ObserveManagerOptions = {},
): ObservedManager<M> {
  const place = { operation: "observeManager", path: "manager" };
  managerObject(manager, place);
  const { client: name = programName(), policy, raw = false } = observeOptions(options, { ...place, path: "options" });
  const channel = nodeChannel();
  const observer = new Observer({ runtime: { clock: nodeClock }, raw, channel, ...(policy && { policy }) });
  const uid = process.getuid?.();
  const client: ClientIdentity = { name, pid: process.pid, ...(uid !== undefined && { uid }) };
  return { manager: observer.observe(manager, client), observer };
}

function programName(): string {
  return basename(process.argv[1] ?? process.execPath);
}
