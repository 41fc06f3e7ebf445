// SPDX-License-Identifier: MIT

export { ContactlessCard, type ContactlessCardOptions } from "./contactless-card.ts";
export type { FieldCard, KeyName } from "./field-card.ts";
export { StorageCard } from "./storage-card.ts";
export { storageCardAtr } from "./storage-card-atr.ts";
