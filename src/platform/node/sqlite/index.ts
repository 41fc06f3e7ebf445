// SPDX-License-Identifier: MIT

export {
  AuditFile,
  auditFilesOf,
  openAuditFile,
} from "./audit-file.ts";
export { findDriver } from "./find-driver.ts";
export { openDatabase } from "./open-database.ts";
export { userDataFolder } from "./paths.ts";
export { SqliteStore } from "./sqlite-store.ts";
