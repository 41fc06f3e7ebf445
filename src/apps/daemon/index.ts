// SPDX-License-Identifier: MIT

export {
  type CommandLineSettings,
  type ConfiguredReader,
  type DaemonConfig,
  emptyConfig,
  withCommandLine,
} from "./config.ts";
export { askDaemon, traceDaemon } from "./control-client.ts";
export type { ControlCommand } from "./control-messages.ts";
export type { ControlResults, LockSpan, ReportedEvent, ReportedReader, WhoReport } from "./control-results.ts";
export { Daemon } from "./daemon.ts";
export type { StartProblem } from "./doors.ts";
export { type Log, logLevels, openLog, silentLog } from "./log.ts";
export { cardSource } from "./parse-config.ts";
export { defaultSocketPath, exportLine, likelyControlPaths } from "./paths.ts";
export { readConfig } from "./read-config.ts";
export { REHEARSAL_MS } from "./rehearsal.ts";
export type { TraceCommand } from "./trace.ts";
export { tracedEvent } from "./traced-event.ts";
