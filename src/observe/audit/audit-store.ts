// SPDX-License-Identifier: MIT

import type { AuditHead, AuditStoreEntry } from "./audit-record.ts";

/** Where an audit log is kept. It is only ever appended to; what it gives up, it gives up as a whole file. */
export interface AuditStore {
  /** The last entry, also where it is in a file that was rotated away; number 0 for a new log. */
  head(): Promise<AuditHead>;
  /** Appends entries: all of them or none, and durably when it resolves. @throws SmartCardError */
  append(entries: readonly AuditStoreEntry[]): Promise<void>;
  close(): Promise<void>;
}
