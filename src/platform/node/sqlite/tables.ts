// SPDX-License-Identifier: MIT

import type {
  AuditEntry,
  AuditEvent,
  CardType,
  NamedProviderKind,
  StoreChange,
  StoredReader,
} from "../../../database/index.ts";
import { assertNever } from "../../../port/index.ts";
import type { SqliteConnection, SqliteRow, SqliteValue } from "./driver.ts";

/** Reads all card types, in the order of their keys. */
export function readCardTypes(connection: SqliteConnection): CardType[] {
  const atrs = grouped(
    connection,
    "SELECT card_type AS owner, atr, mask, description FROM card_atr ORDER BY card_type, place",
  );
  const interfaces = grouped(
    connection,
    "SELECT card_type AS owner, guid FROM card_interface ORDER BY card_type, place",
  );
  const providers = grouped(connection, "SELECT card_type AS owner, kind, name FROM card_provider");
  return connection.rows("SELECT key, name, description, primary_provider FROM card_type ORDER BY key").map((row) => {
    const key = text(row.key);
    return {
      name: text(row.name),
      atrs: (atrs.get(key) ?? []).map(({ atr, description, mask }) => ({
        atr: blob(atr),
        ...(mask === null ? {} : { mask: blob(mask) }),
        ...(description === null ? {} : { description: text(description) }),
      })),
      interfaces: (interfaces.get(key) ?? []).map(({ guid }) => text(guid)),
      primaryProvider: optionalText(row.primary_provider),
      providers: Object.fromEntries(
        (providers.get(key) ?? []).map(({ kind, name }) => [text(kind) as NamedProviderKind, text(name)]),
      ),
      description: text(row.description),
    };
  });
}

/** Reads all names of readers, in the order of their keys. */
export function readReaders(connection: SqliteConnection): StoredReader[] {
  const groups = grouped(connection, "SELECT reader AS owner, name FROM reader_group ORDER BY reader, place");
  return connection.rows("SELECT key, name, device FROM reader ORDER BY key").map((row) => ({
    name: text(row.name),
    device: text(row.device),
    groups: (groups.get(text(row.key)) ?? []).map(({ name }) => text(name)),
  }));
}

/** Makes one change. Dependent rows are removed too. */
export function applyChange(connection: SqliteConnection, change: StoreChange): void {
  switch (change.kind) {
    case "put-card-type":
      connection.run("DELETE FROM card_type WHERE key = ?", change.key);
      putCardType(connection, change.key, change.cardType);
      break;
    case "remove-card-type":
      connection.run("DELETE FROM card_type WHERE key = ?", change.key);
      break;
    case "put-reader":
      connection.run("DELETE FROM reader WHERE key = ?", change.key);
      putReader(connection, change.key, change.reader);
      break;
    case "remove-reader":
      connection.run("DELETE FROM reader WHERE key = ?", change.key);
      break;
    default:
      assertNever(change, "change of a store");
  }
}

function putCardType(connection: SqliteConnection, key: string, type: CardType): void {
  const { name, description, primaryProvider = null } = type;
  connection.run("INSERT INTO card_type VALUES (?, ?, ?, ?)", key, name, description, primaryProvider);
  for (const [place, { atr, description = null, mask = null }] of type.atrs.entries()) {
    connection.run("INSERT INTO card_atr VALUES (?, ?, ?, ?, ?)", key, place, atr, mask, description);
  }
  for (const [place, guid] of type.interfaces.entries()) {
    connection.run("INSERT INTO card_interface VALUES (?, ?, ?)", key, place, guid);
  }
  for (const [kind, provider] of Object.entries(type.providers)) {
    connection.run("INSERT INTO card_provider VALUES (?, ?, ?)", key, kind, provider);
  }
}

function putReader(connection: SqliteConnection, key: string, reader: StoredReader): void {
  connection.run("INSERT INTO reader VALUES (?, ?, ?)", key, reader.name, reader.device);
  for (const [place, group] of reader.groups.entries()) {
    connection.run("INSERT INTO reader_group VALUES (?, ?, ?)", key, place, group);
  }
}

/** Adds an entry to the audit log, and drops those before the last `keep`. */
export function addAuditEntry(connection: SqliteConnection, entry: AuditEntry, keep: number): void {
  const { time, event, reader = null, card = null, who = null } = entry;
  connection.run(
    "INSERT INTO audit (time, event, reader, card, who) VALUES (?, ?, ?, ?, ?)",
    time,
    event,
    reader,
    card,
    who,
  );
  connection.run("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?", keep);
}

/** Reads the last entries of the audit log, oldest first. */
export function readAuditEntries(connection: SqliteConnection, limit: number): AuditEntry[] {
  return connection
    .rows("SELECT time, event, reader, card, who FROM audit ORDER BY id DESC LIMIT ?", limit)
    .map((row) => ({
      time: Number(row.time),
      event: text(row.event) as AuditEvent,
      reader: optionalText(row.reader),
      card: optionalText(row.card),
      who: optionalText(row.who),
    }))
    .reverse();
}

/** The rows that belong to each owner. */
function grouped(connection: SqliteConnection, sql: string): Map<string, SqliteRow[]> {
  const groups = new Map<string, SqliteRow[]>();
  for (const row of connection.rows(sql)) {
    const group = groups.get(text(row.owner));
    if (group === undefined) groups.set(text(row.owner), [row]);
    else group.push(row);
  }
  return groups;
}

// The tables are strict: a column has the type that it was declared with, or is null where that is allowed.

function text(value: SqliteValue | undefined): string {
  return value as string;
}

function optionalText(value: SqliteValue | undefined): string | undefined {
  return (value ?? undefined) as string | undefined;
}

function blob(value: SqliteValue | undefined): Uint8Array {
  return value as Uint8Array;
}
