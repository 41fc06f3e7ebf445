// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AuditEntry } from "../../database/index.ts";
import { newEntries, timeOf } from "./audit.ts";
import { describeEntry, entryForPrograms } from "./audit-entries.ts";
import { UsageError } from "./options.ts";
import { painter } from "./terminal.ts";

const unknown = { reader: undefined, card: undefined, who: undefined };

describe("what a log has got since it was read", () => {
  const entry = fc.record({
    time: fc.integer({ min: 0, max: 2 }),
    event: fc.constantFrom<AuditEntry["event"]>("chv-failure", "chv-success"),
  });
  const entries = fc.array(
    entry.map((known) => ({ ...known, ...unknown })),
    { maxLength: 8 },
  );

  it("is what was added at its end, as long as nothing was lost at its beginning", () => {
    fc.assert(
      fc.property(entries, entries, (before, added) => {
        expect(newEntries(before, [...before, ...added])).toEqual(added);
      }),
    );
  });

  it("is found where old ones made room, if no two entries are the same", () => {
    const numbered = Array.from({ length: 12 }, (_, time) => ({ time, event: "chv-success" as const, ...unknown }));
    fc.assert(
      fc.property(fc.nat(6), fc.nat(6), (lost, added) => {
        const before = numbered.slice(0, 6);
        expect(newEntries(before, numbered.slice(lost, 6 + added))).toEqual(numbered.slice(6, 6 + added));
      }),
    );
  });
});

describe("a point in time", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  it.each([
    ["30s", "2026-11-21T11:59:30Z"],
    ["15m", "2026-11-21T11:45:00Z"],
    ["2h", "2026-11-21T10:00:00Z"],
    ["7d", "2026-11-14T12:00:00Z"],
    ["2026-11-21", "2026-11-21T00:00:00"],
    ["2026-11-21T09:00", "2026-11-21T09:00:00"],
    ["2026-11-21T09:00Z", "2026-11-21T09:00:00Z"],
    ["2026-11-21 09:00:01+01:00", "2026-11-21T08:00:01Z"],
  ])("%s", (text, time) => {
    expect(timeOf("--since", text, now)).toBe(Date.parse(time));
  });

  it.each(["", "yesterday", "7", "7w", "2026-13-01", "2026-11-21T9", "1234567d"])('is not "%s"', (text) => {
    expect(() => timeOf("--since", text, now)).toThrow(UsageError);
  });
});

describe("an entry", () => {
  const time = new Date(2026, 10, 21, 9, 8, 7);
  const entry: AuditEntry = {
    time: time.getTime(),
    event: "chv-failure",
    reader: "Desk",
    card: "Demo",
    who: "mail (7)",
  };

  it("is a line, with what is known", () => {
    const plain = painter(false);
    expect(describeEntry(entry, plain)).toBe("2026-11-21 09:08:07  PIN refused   Desk  Demo  by mail (7)");
    expect(describeEntry({ ...entry, ...unknown, event: "chv-success" }, plain)).toBe(
      "2026-11-21 09:08:07  PIN verified",
    );
  });

  it("is an object for programs", () => {
    expect(entryForPrograms(entry)).toEqual({ ...entry, time: time.toISOString() });
  });
});
