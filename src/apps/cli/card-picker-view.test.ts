// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { CardMismatch, CardPickerReader } from "../../faces/winscard/index.ts";
import {
  choose,
  currentIndex,
  emptyPicker,
  footLines,
  headLine,
  type PickerEvent,
  type PickerState,
  readerLine,
  stepPicker,
} from "./card-picker-view.ts";
import { painter } from "./terminal.ts";

const plain = painter(false);

function reader(name: string, mismatch?: CardMismatch, more: Partial<CardPickerReader> = {}): CardPickerReader {
  return { reader: name, atr: new Uint8Array(), cards: [], mismatch, problem: undefined, ...more };
}

function stateAfter(...events: PickerEvent[]): PickerState {
  return events.reduce(stepPicker, emptyPicker);
}

const seen = (...readers: CardPickerReader[]): PickerEvent => ({ kind: "readers", readers });
const down: PickerEvent = { kind: "move", by: 1 };
const up: PickerEvent = { kind: "move", by: -1 };

describe("the cursor", () => {
  it("begins at the first card that fits, else at the first reader", () => {
    expect(stateAfter(seen(reader("A", "no-card"), reader("B"), reader("C"))).current).toBe("B");
    expect(stateAfter(seen(reader("A", "no-card"), reader("B", "mute"))).current).toBe("A");
    expect(stateAfter(seen()).current).toBeUndefined();
  });

  it("goes to a card that fits when one comes, unless the person has moved it or it is on one", () => {
    const empty = seen(reader("A", "no-card"), reader("B", "no-card"), reader("C", "no-card"));
    const inserted = seen(reader("A", "no-card"), reader("B", "no-card"), reader("C"));
    expect(stateAfter(empty, inserted).current).toBe("C");
    expect(stateAfter(empty, down, inserted).current).toBe("B");
    expect(stateAfter(inserted, seen(reader("A"), reader("B"), reader("C"))).current).toBe("C");
  });

  it("moves with the keys, around both ends, over readers that do not fit too", () => {
    const three = seen(reader("A"), reader("B", "no-card"), reader("C"));
    expect(stateAfter(three, down).current).toBe("B");
    expect(stateAfter(three, up).current).toBe("C");
    expect(stateAfter(three, down, down, down).current).toBe("A");
    expect(stateAfter(down, up).current).toBeUndefined();
  });

  it("stays on its reader when others come and go, and near its place when it goes itself", () => {
    const at = (state: PickerState): [string | undefined, number] => [state.current, currentIndex(state)];
    const moved = [seen(reader("A", "mute"), reader("B", "mute"), reader("C", "mute")), down] as const;
    expect(at(stateAfter(...moved, seen(reader("B", "mute"), reader("C", "mute"))))).toEqual(["B", 0]);
    expect(at(stateAfter(...moved, seen(reader("A", "mute"), reader("C", "mute"))))).toEqual(["C", 1]);
    expect(at(stateAfter(...moved, seen(reader("A", "mute"))))).toEqual(["A", 0]);
    expect(at(stateAfter(...moved, seen()))).toEqual([undefined, 0]);
  });
});

describe("a choice", () => {
  it("is the reader under the cursor, where its card fits", () => {
    expect(choose(stateAfter(seen(reader("A"), reader("B")), down))).toEqual({ reader: "B" });
  });

  it("is undefined where the card does not match, or there is no reader, and the dialog says why until something happens", () => {
    const refused = choose(stateAfter(seen(reader("A", "exclusive"))));
    expect(refused).toMatchObject({ remark: "A: another program has exclusive use of the card" });
    expect(footLines(refused as PickerState, plain)).toContain("A: another program");
    expect(footLines(stepPicker(refused as PickerState, down), plain)).not.toContain("another program");
    expect(choose(emptyPicker)).toMatchObject({ remark: "there is no reader yet" });
  });
});

describe("what is drawn", () => {
  it("is a line for each reader: its card by name, or by its ATR, and why it does not fit", () => {
    const atr = Uint8Array.of(0x3b, 0x02, 0x14, 0x50);
    expect(readerLine(reader("Desk", undefined, { cards: ["Demo"], atr }), true, plain)).toBe("> Desk  Demo");
    expect(readerLine(reader("Desk", "other-card", { atr }), false, plain)).toBe("  Desk  card with T=0, another card");
    expect(readerLine(reader("Desk", "unreachable", { problem: "it is locked" }), false, plain)).toBe(
      "  Desk  the card cannot be reached: it is locked",
    );
    const many = reader("Desk", undefined, { cards: ["A", "B", "C", "D", "E"], atr });
    expect(readerLine(many, false, plain)).toBe("  Desk  A, B, C, and 2 more");
  });

  it("begins with the title, what is asked for, and which cards", () => {
    const request = { title: "Select Card:", searchDesc: "Please insert it", owner: undefined, icon: undefined };
    const unread = { readers: { [Symbol.asyncIterator]: () => expect.fail("not asked for") } };
    expect(headLine({ ...request, ...unread, cardNames: [] }, plain)).toBe("Select Card: Please insert it");
    expect(headLine({ ...request, ...unread, cardNames: ["A", "B"] }, plain)).toMatch(/\(A, B\)$/);
  });

  it("has no control character that a reader or a card brings", () => {
    const line = readerLine(reader("\u001b[2J", "unreachable", { cards: ["\u0007"], problem: "\u009b" }), false, plain);
    expect(line).not.toMatch(/\p{Cc}/u);
    expect(line).toContain("\\u{1b}[2J");
  });
});
