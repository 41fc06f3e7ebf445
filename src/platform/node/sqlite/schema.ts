// SPDX-License-Identifier: MIT

/** Marks a file as ours: "SCAR" in ASCII, in the field of the header that SQLite keeps for this. */
export const APPLICATION_ID = 0x5343_4152;

/**
 * What makes each version of the tables out of the one before; the first makes them out of an empty file. A step that
 * was in a release is never changed. Keys are names folded as `foldName` does it.
 */
const migrations: readonly string[] = [
  `CREATE TABLE revision (number INTEGER NOT NULL) STRICT;
   INSERT INTO revision VALUES (0);
   CREATE TABLE card_type (
     key TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     description TEXT NOT NULL,
     primary_provider TEXT
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE card_atr (
     card_type TEXT NOT NULL REFERENCES card_type (key) ON DELETE CASCADE,
     place INTEGER NOT NULL,
     atr BLOB NOT NULL,
     mask BLOB,
     PRIMARY KEY (card_type, place)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE card_interface (
     card_type TEXT NOT NULL REFERENCES card_type (key) ON DELETE CASCADE,
     place INTEGER NOT NULL,
     guid TEXT NOT NULL,
     PRIMARY KEY (card_type, place)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE card_provider (
     card_type TEXT NOT NULL REFERENCES card_type (key) ON DELETE CASCADE,
     kind TEXT NOT NULL,
     name TEXT NOT NULL,
     PRIMARY KEY (card_type, kind)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE reader (
     key TEXT PRIMARY KEY,
     name TEXT NOT NULL,
     device TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE reader_group (
     reader TEXT NOT NULL REFERENCES reader (key) ON DELETE CASCADE,
     place INTEGER NOT NULL,
     name TEXT NOT NULL,
     PRIMARY KEY (reader, place)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     time INTEGER NOT NULL,
     event TEXT NOT NULL,
     reader TEXT,
     card TEXT,
     who TEXT
   ) STRICT;`,
  "ALTER TABLE card_atr ADD COLUMN description TEXT;",
];

/** What each version of the tables has that the one before has not: where its rows are counted. */
export const versionMarks: readonly string[] = [
  "sqlite_schema WHERE type = 'table' AND name = 'revision'",
  "sqlite_schema WHERE type = 'table' AND name = 'audit'",
  "pragma_table_info('card_atr') WHERE name = 'description'",
];

/** The version of the tables that this release reads and writes. */
export const schemaVersion: number = migrations.length;

/** The statements that lead from one version of the tables to the present one. */
export function migrationsFrom(version: number): readonly string[] {
  return migrations.slice(version);
}
