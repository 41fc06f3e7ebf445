// SPDX-License-Identifier: MIT

import type { AuditEntry } from "./audit-entry.ts";
import type { CardType } from "./card-type.ts";
import type { Store, StoreChange, StoreContents, StoredReader } from "./store.ts";

/** A store in memory: for tests, and for programs that need no persistence. */
export class MemoryStore implements Store {
  readonly #cardTypes = new Map<string, CardType>();
  readonly #readers = new Map<string, StoredReader>();
  #audit: AuditEntry[] = [];
  #revision = 0;

  revision(): string {
    return String(this.#revision);
  }

  load(): StoreContents {
    return {
      revision: this.revision(),
      cardTypes: [...this.#cardTypes.values()],
      readers: [...this.#readers.values()],
    };
  }

  update(decide: () => readonly StoreChange[]): string {
    const changes = decide();
    for (const change of changes) this.#apply(change);
    if (changes.length > 0) this.#revision++;
    return this.revision();
  }

  #apply(change: StoreChange): void {
    if (change.kind === "put-card-type") this.#cardTypes.set(change.key, change.cardType);
    else if (change.kind === "remove-card-type") this.#cardTypes.delete(change.key);
    else if (change.kind === "put-reader") this.#readers.set(change.key, change.reader);
    else this.#readers.delete(change.key);
  }

  appendAudit(entry: AuditEntry, keep: number): void {
    this.#audit.push(entry);
    if (this.#audit.length > keep) this.#audit = this.#audit.slice(-keep);
  }

  readAudit(limit: number): readonly AuditEntry[] {
    return limit > 0 ? this.#audit.slice(-limit) : [];
  }

  close(): void {}
}
