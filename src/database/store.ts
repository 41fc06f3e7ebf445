// SPDX-License-Identifier: MIT

import type { AuditEntry } from "./audit-entry.ts";
import type { CardType } from "./card-type.ts";

/** An introduced name of a reader. */
export interface StoredReader {
  readonly name: string;
  /** The system name of the device that it stands for: the name that the manager has for the reader. */
  readonly device: string;
  /** Names of the groups that it is in, in the order in which it was added. */
  readonly groups: readonly string[];
}

/** Snapshot of a store without its audit log. */
export interface StoreContents {
  /** {@link Store.revision} at that moment. */
  readonly revision: string;
  readonly cardTypes: readonly CardType[];
  readonly readers: readonly StoredReader[];
}

/** One change to a store. Keys are folded names ({@link foldName}); a put replaces an existing entry. */
export type StoreChange =
  | { readonly kind: "put-card-type"; readonly key: string; readonly cardType: CardType }
  | { readonly kind: "remove-card-type"; readonly key: string }
  | { readonly kind: "put-reader"; readonly key: string; readonly reader: StoredReader }
  | { readonly kind: "remove-reader"; readonly key: string };

/**
 * The storage of a database. The rules are in the {@link Database} above it, the same for every store.
 * Several databases, of several processes too, may be over the same store at the same time.
 *
 * All calls are synchronous: one that changes something lasts as long as a disk takes (about a millisecond), the others
 * some microseconds. They throw where the storage is damaged, locked or inaccessible.
 *
 * @throws server-too-busy where others keep the store locked for too long; no-access where the user may not
 * read or change it; invalid-target where the file is damaged, another program's, or of a newer release; no-memory where
 * the disk is full; internal-error for other failures
 */
export interface Store {
  /** Differs from an earlier answer if the contents differ. It is cheap, and only good for comparison. */
  revision(): string;

  /** Reads everything. */
  load(): StoreContents;

  /**
   * Changes the store, all or nothing: when it has returned the changes are durable, when it has thrown none was made.
   *
   * `decide` is run while no one else can change the store: {@link revision} and {@link load}, called within, show what
   * the changes will be made to. If it throws, the exception is passed on and nothing is changed. It may be run more than
   * once; the last result counts.
   *
   * @returns the revision after the changes; the old one without changes
   */
  update(decide: () => readonly StoreChange[]): string;

  /** Adds an entry to the audit log, durably, and drops the oldest beyond the last `keep`. */
  appendAudit(entry: AuditEntry, keep: number): void;

  /** The last entries of the audit log, `limit` at most, oldest first. */
  readAudit(limit: number): readonly AuditEntry[];

  /** Lets go of files. The store cannot be used afterwards; to close it again does nothing. */
  close(): void;
}
