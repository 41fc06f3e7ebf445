// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Connection, Context } from "../../port/index.ts";
import { seededRandom } from "../../testing/runtime/index.ts";
import { HandleTable, type SCARDCONTEXT, type SCARDHANDLE } from "./handles.ts";

/** The table only stores them: any object will do. */
function aContext(): Context {
  return {} as Context;
}

function aConnection(): Connection {
  return {} as Connection;
}

describe("HandleTable", () => {
  it("gives back what it was given", () => {
    const table = new HandleTable();
    const context = aContext();
    const connection = aConnection();
    const contextHandle = table.addContext(context);
    const cardHandle = table.addCard(contextHandle, connection);
    expect(table.context(contextHandle)).toBe(context);
    expect(table.card(cardHandle)).toBe(connection);
    expect(table.removeCard(cardHandle)).toBe(connection);
    expect(table.removeContext(contextHandle)).toBe(context);
    expect([table.contexts, table.cards]).toEqual([0, 0]);
  });

  it.each([0, 1, -1, 2 ** 32, Number.NaN, 0.5, Number.POSITIVE_INFINITY, undefined, null, "65536", {}])(
    "takes %s for neither a context nor a card",
    (garbage) => {
      const table = new HandleTable();
      table.addCard(table.addContext(aContext()), aConnection());
      expect(() => table.context(garbage as SCARDCONTEXT)).toThrow(
        expect.objectContaining({ code: "invalid-context" }),
      );
      expect(() => table.card(garbage as SCARDHANDLE)).toThrow(expect.objectContaining({ code: "invalid-handle" }));
    },
  );

  it("never takes one kind of handle for the other", () => {
    const table = new HandleTable();
    const context = table.addContext(aContext());
    const card = table.addCard(context, aConnection());
    expect(() => table.context(card as number as SCARDCONTEXT)).toThrow(/^ERROR_INVALID_HANDLE: /);
    expect(() => table.card(context as number as SCARDHANDLE)).toThrow(/^SCARD_E_INVALID_HANDLE: /);
  });

  it("forgets a context with its cards, and no other", () => {
    const table = new HandleTable();
    const [first, second] = [table.addContext(aContext()), table.addContext(aContext())];
    const cards = [table.addCard(first, aConnection()), table.addCard(first, aConnection())];
    const other = table.addCard(second, aConnection());
    table.removeContext(first);
    for (const card of cards)
      expect(() => table.card(card)).toThrow(expect.objectContaining({ code: "invalid-handle" }));
    expect(table.card(other)).toBeDefined();
    expect([table.contexts, table.cards]).toEqual([1, 1]);
  });

  it("refuses a card of a context that has gone, and keeps nothing of it", () => {
    const table = new HandleTable();
    const context = table.addContext(aContext());
    table.removeContext(context);
    expect(() => table.addCard(context, aConnection())).toThrow(expect.objectContaining({ code: "invalid-context" }));
    expect(table.cards).toBe(0);
  });

  it("has room for so many and no more, and has it again when one is closed", () => {
    const table = new HandleTable({ limit: 3 });
    const context = table.addContext(aContext());
    const card = table.addCard(context, aConnection());
    table.addCard(context, aConnection());
    expect(() => table.addCard(context, aConnection())).toThrow(expect.objectContaining({ code: "no-memory" }));
    expect(() => table.addContext(aContext())).toThrow(/all 3 handles are in use/);
    table.removeCard(card);
    expect(() => table.addContext(aContext())).not.toThrow();
  });

  it("begins anew after the last number, and passes over those that are still in use", () => {
    const table = new HandleTable({ limit: 3, first: 100, last: 103 });
    const stays = table.addContext(aContext());
    const given = [1, 2, 3, 4, 5].map(() => {
      const handle = table.addContext(aContext());
      table.removeContext(handle);
      return handle;
    });
    expect([stays, ...given]).toEqual([100, 101, 102, 103, 101, 102]);
  });

  it("draws its numbers: two tables have none in common, and none follows from the one before", () => {
    const tables = [1, 2].map((seed) => new HandleTable({ random: seededRandom(seed) }));
    const [ours = [], theirs = []] = tables.map((table) =>
      Array.from({ length: 1000 }, (_, index) => {
        const context = table.addContext(aContext());
        return index % 2 === 0 ? context : table.addCard(context, aConnection());
      }),
    );
    const all = new Set<number>([...ours, ...theirs]);
    expect(all.size).toBe(2000);
    for (const handle of all) expect(handle >= 0x0001_0000 && handle <= 0x7fff_ffff).toBe(true);
    const steps = new Set(ours.slice(1).map((handle, index) => handle - (ours[index] ?? 0)));
    expect(steps.size).toBeGreaterThan(990);
    // Half of the numbers, near enough, are in either half of the range.
    const high = [...all].filter((handle) => handle > 0x4000_0000).length;
    expect(high > 800 && high < 1200).toBe(true);
  });

  it("never gives out the number of an open handle for any random numbers", () => {
    const random = { bytes: (length: number) => new Uint8Array(length).fill(0xff) };
    const table = new HandleTable({ random });
    const handles = Array.from({ length: 500 }, () => table.addContext(aContext()));
    expect(new Set(handles).size).toBe(500);
    expect(handles.every((handle) => handle > 0 && handle <= 0x7fff_ffff)).toBe(true);
  });

  it("remembers nothing of a card that was closed: its number may serve another context by then", () => {
    const table = new HandleTable({ limit: 3, first: 100, last: 103 });
    const first = table.addContext(aContext());
    const closed = table.addCard(first, aConnection());
    table.removeCard(closed);
    const second = table.addContext(aContext());
    for (let number = 103; number !== closed; ) {
      number = table.addCard(second, aConnection());
      if (number !== closed) table.removeCard(number as SCARDHANDLE);
    }
    table.removeContext(first);
    expect(() => table.card(closed)).not.toThrow();
  });

  it("any history of opening and closing leaves no number twice and nothing behind", () => {
    const step = fc.record({ kind: fc.constantFrom("context", "card", "close-card", "close-context"), pick: fc.nat() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (history) => {
        const table = new HandleTable();
        const open = new Map<SCARDCONTEXT, SCARDHANDLE[]>();
        const seen = new Set<number>();
        for (const { kind, pick } of history) {
          const [context, cards = []] = [...open][pick % Math.max(open.size, 1)] ?? [];
          if (kind === "context") {
            const handle = table.addContext(aContext());
            open.set(handle, []);
            expect(seen.has(handle)).toBe(false);
            seen.add(handle);
          } else if (context !== undefined && kind === "card") {
            const handle = table.addCard(context, aConnection());
            cards.push(handle);
            expect(seen.has(handle)).toBe(false);
            seen.add(handle);
          } else if (context !== undefined && kind === "close-context") {
            table.removeContext(context);
            open.delete(context);
          } else if (context !== undefined) {
            const card = cards.shift();
            if (card !== undefined) table.removeCard(card);
          }
          expect(table.contexts).toBe(open.size);
          expect(table.cards).toBe([...open.values()].flat().length);
        }
      }),
    );
  });
});
