// SPDX-License-Identifier: MIT

import type { CardMismatch, CardPickerReader, CardPickerRequest } from "../../faces/winscard/index.ts";
import { summarizeAtr } from "../reports/index.ts";
import { namesInBrief } from "./database-option.ts";
import type { Paint } from "./terminal.ts";
import { visible } from "./text.ts";

/** What the dialog shows: readers, and which one the cursor is on. */
export interface PickerState {
  readonly readers: readonly CardPickerReader[];
  /** The name of the reader that the cursor is on; undefined where there is no reader. */
  readonly current: string | undefined;
  /** Whether the person has moved the cursor: then it stays where it is. */
  readonly moved: boolean;
  /** Why the last choice was refused; empty if it was not. */
  readonly remark: string;
}

/** The dialog before it has seen any reader. */
export const emptyPicker: PickerState = { readers: [], current: undefined, moved: false, remark: "" };

/** What can happen to the dialog. */
export type PickerEvent =
  | { readonly kind: "readers"; readonly readers: readonly CardPickerReader[] }
  | { readonly kind: "move"; readonly by: 1 | -1 };

/** The dialog after something has happened. The cursor stays on its reader, wherever that is in the list. */
export function stepPicker(state: PickerState, event: PickerEvent): PickerState {
  if (event.kind === "move") {
    const { readers } = state;
    if (readers.length === 0) return state;
    const next = (currentIndex(state) + event.by + readers.length) % readers.length;
    return { ...state, current: readers[next]?.reader, moved: true, remark: "" };
  }
  const { readers } = event;
  const there = readers.find(({ reader }) => reader === state.current);
  const fitting = readers.find(({ mismatch }) => mismatch === undefined);
  // Until the person moves it, the cursor goes to the first card that fits.
  const stays = there !== undefined && (state.moved || there.mismatch === undefined || fitting === undefined);
  const index = Math.min(currentIndex(state), readers.length - 1);
  const current = stays ? there.reader : (fitting ?? readers[Math.max(index, 0)])?.reader;
  return { readers, current, moved: state.moved && there !== undefined, remark: "" };
}

/** The place of the cursor in the list; 0 where there is no reader. */
export function currentIndex({ current, readers }: PickerState): number {
  return Math.max(
    readers.findIndex(({ reader }) => reader === current),
    0,
  );
}

/** The reader under the cursor; or, if it cannot be chosen, the dialog with the reason. */
export function choose(state: PickerState): { readonly reader: string } | PickerState {
  const reader = state.readers[currentIndex(state)];
  if (reader === undefined) return { ...state, remark: "there is no reader yet" };
  if (reader.mismatch === undefined) return { reader: reader.reader };
  return { ...state, remark: `${visible(reader.reader)}: ${mismatchText(reader.mismatch)}` };
}

const mismatches: Readonly<Record<CardMismatch, string>> = {
  unavailable: "cannot be used",
  "no-card": "no card",
  mute: "the card does not answer",
  exclusive: "another program has exclusive use of the card",
  "other-card": "another card",
  refused: "not the right card",
  unreachable: "the card cannot be reached",
};

/** Why a reader cannot be chosen, in a few words. */
function mismatchText(mismatch: CardMismatch): string {
  return mismatches[mismatch];
}

/** The line above the list: the title, and what is asked for. */
export function headLine({ cardNames, searchDesc, title }: CardPickerRequest, paint: Paint): string {
  const wanted = cardNames.length === 0 ? "" : ` (${visible(namesInBrief(cardNames))})`;
  return `${paint("bold", visible(title))} ${visible(searchDesc)}${wanted}`;
}

/** A reader's line in the list. */
export function readerLine(reader: CardPickerReader, isCurrent: boolean, paint: Paint): string {
  const mark = isCurrent ? paint("cyan", ">") : " ";
  const name = isCurrent ? paint("bold", visible(reader.reader)) : visible(reader.reader);
  const { atr, cards, mismatch, problem } = reader;
  const card = cards.length > 0 ? namesInBrief(cards) : atr.length > 0 ? summarizeAtr(atr) : "";
  const why = mismatch && `${mismatchText(mismatch)}${problem === undefined ? "" : `: ${problem}`}`;
  const parts = [card && visible(card), why && visible(why)].filter(Boolean).join(", ");
  return `${mark} ${name}  ${mismatch === undefined ? paint("green", parts) : paint("dim", parts)}`.trimEnd();
}

/** The lines below the list: a remark, and the keys. */
export function footLines({ remark }: PickerState, paint: Paint): string {
  const keys = paint("dim", "up and down move, Enter chooses, Esc cancels");
  return remark === "" ? keys : `${paint("yellow", remark)}\n${keys}`;
}
