// SPDX-License-Identifier: MIT

/** What SCardAudit reports: whether the holder of a card was verified. */
export type AuditEvent = "chv-failure" | "chv-success";

/** SCARD_AUDIT_*: the names and numbers of winscard.h. */
export const auditEvents: Readonly<Record<AuditEvent, { readonly name: string; readonly number: number }>> = {
  "chv-failure": { name: "SCARD_AUDIT_CHV_FAILURE", number: 0 },
  "chv-success": { name: "SCARD_AUDIT_CHV_SUCCESS", number: 1 },
};

/** One entry of the audit log. It never holds a PIN. */
export interface AuditEntry {
  /** Milliseconds since 1970 UTC, as the caller's clock had it. */
  readonly time: number;
  readonly event: AuditEvent;
  /** The reader, where it is known. */
  readonly reader: string | undefined;
  /** The name of the card's type, where it is known. */
  readonly card: string | undefined;
  /** Who reported it: a program and its process, as far as they are known. */
  readonly who: string | undefined;
}
