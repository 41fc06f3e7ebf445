// SPDX-License-Identifier: MIT

export { type ImportedLog, type ImportOptions, importLog, type LogKind, logKindOf, logKinds } from "./import-log.ts";
export type { ImportProblem } from "./log-lines.ts";
