// SPDX-License-Identifier: MIT

export { foldName, type ProviderKind, sameName, systemGroups } from "../port/index.ts";
export { parseAtrExpression } from "./atr-expression.ts";
export { AtrIndex } from "./atr-index.ts";
export { type AtrPattern, countedBits, matchesAtr } from "./atr-pattern.ts";
export { type AuditEntry, type AuditEvent, auditEvents } from "./audit-entry.ts";
export type { AuditLog } from "./audit-log.ts";
export type { CachedStore, CachedStores, Contents } from "./cached-store.ts";
export {
  type CardType,
  type CardTypeInit,
  checkCardType,
  type NamedProviderKind,
  providerKinds,
} from "./card-type.ts";
export type { CardTypeQuery, CardTypes, ImportCount } from "./card-types.ts";
export { Database } from "./database.ts";
export { MAX_AUDIT_ENTRIES } from "./limits.ts";
export { MemoryStore } from "./memory-store.ts";
export type { NamedReader, ReaderNames } from "./named-readers.ts";
export { type ListProblem, parseSmartCardList, type SmartCardList } from "./smartcard-list.ts";
export type { Store, StoreChange, StoreContents, StoredReader } from "./store.ts";
