// SPDX-License-Identifier: MIT

export {
  type AuditEventRecord,
  type AuditHead,
  type AuditRecord,
  type AuditRecordEvent,
  type AuditStoreEntry,
  AuditVerifier,
  auditGenesis,
  auditRecordEvents,
  type BrokenAuditEntry,
  type CardUse,
  decodeAuditEntry,
} from "./audit-record.ts";
export type { AuditStore } from "./audit-store.ts";
export { type AuditDeps, type AuditLimits, AuditTrail } from "./audit-trail.ts";
