-- A database as version 1 of the tables had it, before there was an audit log. Not to be changed: it stands for files
-- that are out there.
PRAGMA application_id = 1396916562;
PRAGMA user_version = 1;
CREATE TABLE revision (number INTEGER NOT NULL) STRICT;
INSERT INTO revision VALUES (2);
CREATE TABLE card_type (key TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, primary_provider TEXT)
  STRICT, WITHOUT ROWID;
INSERT INTO card_type VALUES ('MULTIFLEX', 'Multiflex', '3 KiB', '{ABCDEF00-ABCD-ABCD-AABB-CCDDAABBCCDD}');
CREATE TABLE card_atr (card_type TEXT NOT NULL REFERENCES card_type (key) ON DELETE CASCADE, place INTEGER NOT NULL,
  atr BLOB NOT NULL, mask BLOB, PRIMARY KEY (card_type, place)) STRICT, WITHOUT ROWID;
INSERT INTO card_atr VALUES ('MULTIFLEX', 0, x'3B02', x'FF0F');
INSERT INTO card_atr VALUES ('MULTIFLEX', 1, x'3B', NULL);
CREATE TABLE card_interface (card_type TEXT NOT NULL REFERENCES card_type (key) ON DELETE CASCADE,
  place INTEGER NOT NULL, guid TEXT NOT NULL, PRIMARY KEY (card_type, place)) STRICT, WITHOUT ROWID;
INSERT INTO card_interface VALUES ('MULTIFLEX', 0, '{50DD5230-BA8A-11D1-BF5D-0000F805F530}');
CREATE TABLE card_provider (card_type TEXT NOT NULL REFERENCES card_type (key) ON DELETE CASCADE, kind TEXT NOT NULL,
  name TEXT NOT NULL, PRIMARY KEY (card_type, kind)) STRICT, WITHOUT ROWID;
INSERT INTO card_provider VALUES ('MULTIFLEX', 'csp', 'Base CSP');
CREATE TABLE reader (key TEXT PRIMARY KEY, name TEXT NOT NULL, device TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO reader VALUES ('DOOR', 'Door', 'CCID 7');
CREATE TABLE reader_group (reader TEXT NOT NULL REFERENCES reader (key) ON DELETE CASCADE, place INTEGER NOT NULL,
  name TEXT NOT NULL, PRIMARY KEY (reader, place)) STRICT, WITHOUT ROWID;
INSERT INTO reader_group VALUES ('DOOR', 0, 'SCard$DefaultReaders');
INSERT INTO reader_group VALUES ('DOOR', 1, 'Doors');
