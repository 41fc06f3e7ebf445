// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { type AuditEntry, Database, MemoryStore } from "./index.ts";
import { MAX_AUDIT_ENTRIES } from "./limits.ts";

const entry: AuditEntry = {
  time: 1_700_000_000_000,
  event: "chv-failure",
  reader: "Virtual PCD",
  card: undefined,
  who: "login (pid 4711)",
};

test("the audit log gives its entries back in order, the last ones where not all are asked for", () => {
  const { audit } = new Database(new MemoryStore());
  audit.append(entry);
  audit.append({ ...entry, time: entry.time + 1.4, event: "chv-success", card: "Card" });
  expect(audit.entries()).toEqual([entry, { ...entry, time: entry.time + 1, event: "chv-success", card: "Card" }]);
  expect(audit.entries(1).map(({ event }) => event)).toEqual(["chv-success"]);
  expect(audit.entries(0)).toEqual([]);
});

test("the audit log keeps a number of entries and no more", () => {
  const { audit } = new Database(new MemoryStore());
  for (let time = 0; time < MAX_AUDIT_ENTRIES + 5; time++) audit.append({ ...entry, time });
  expect(audit.entries().length).toBe(MAX_AUDIT_ENTRIES);
  expect(audit.entries()[0]?.time).toBe(5);
});

test("the audit log is safe to print, and refuses invalid events", () => {
  const { audit } = new Database(new MemoryStore());
  audit.append({ ...entry, who: `a\u001b[2J${"b".repeat(300)}`, reader: "\ud83d" });
  expect(audit.entries()[0]).toMatchObject({ who: `a\u{fffd}[2J${"b".repeat(250)}`, reader: "\u{fffd}" });
  const wrong = expect.objectContaining({ code: "invalid-parameter" });
  expect(() => audit.append({ ...entry, event: "toString" as "chv-success" })).toThrow(wrong);
  expect(() => audit.append({ ...entry, time: Number.NaN })).toThrow(wrong);
});
