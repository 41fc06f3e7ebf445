// SPDX-License-Identifier: MIT

export {
  AuditFile,
  auditFilesOf,
  defaultAuditRotation,
  openAuditFile,
} from "./audit-file.ts";
export { openAuditWriter } from "./audit-writer.ts";
export { findDriver } from "./find-driver.ts";
export { openDatabase } from "./open-database.ts";
export { databasePaths, userDataFolder } from "./paths.ts";
export { SqliteStore } from "./sqlite-store.ts";
