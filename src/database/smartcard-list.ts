// SPDX-License-Identifier: MIT

import { checkBytes, encodeHex } from "../base/binary/index.ts";
import { foldName, MAX_NAME_LENGTH } from "../port/index.ts";
import { parseAtrExpression } from "./atr-expression.ts";
import type { AtrPattern } from "./atr-pattern.ts";
import type { CardTypeInit } from "./card-type.ts";
import { MAX_ATRS_PER_CARD_TYPE, MAX_DESCRIPTION_LENGTH } from "./limits.ts";

/** A line of a list that was left out, and why. */
export interface ListProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

/** The contents of a list of ATRs. */
export interface SmartCardList {
  /** Card types, ready for {@link CardTypes.introduceAll}, in the order of the list. */
  readonly cardTypes: CardTypeInit[];
  /** How many ATR expressions were understood. */
  readonly expressions: number;
  /** The lines that were left out, in their order. */
  readonly problems: ListProblem[];
}

interface Entry {
  readonly line: number;
  readonly atrs: readonly AtrPattern[];
  readonly texts: string[];
}

/** Entries of the same name, merged. */
interface MergedType {
  readonly name: string;
  readonly entries: {
    readonly line: number;
    readonly atrs: readonly AtrPattern[];
    readonly texts: readonly string[];
  }[];
}

/**
 * Reads a list of ATRs in the form of smartcard_list.txt, which pcsc-tools looks cards up in: a line with an ATR, as a
 * regular expression, and under it lines that begin with a tabulator and say which card that is.
 *
 * The first of them becomes the name of a card type, the others its description. Entries with the same name, in either
 * case, become one type that has all their ATRs. Where their descriptions differ, each ATR has its own.
 * Any bytes are safe to read; what is not UTF-8 is replaced, control characters are left out, and texts
 * that are too long are cut.
 *
 * @throws TypeError for anything but bytes
 * @see https://pcsc-tools.apdu.fr
 */
export function parseSmartCardList(bytes: Uint8Array): SmartCardList {
  checkBytes(bytes, "parseSmartCardList: bytes");
  const problems: ListProblem[] = [];
  const types = new Map<string, MergedType>();
  let expressions = 0;
  for (const { atrs, line, texts } of entriesOf(new TextDecoder().decode(bytes), problems)) {
    const [firstText, ...others] = texts;
    if (firstText === undefined) {
      problems.push({ line, message: "an ATR without a name under it" });
      continue;
    }
    expressions++;
    const name = cut(firstText, MAX_NAME_LENGTH);
    const type = types.get(foldName(name)) ?? { name, entries: [] };
    types.set(foldName(name), type);
    type.entries.push({ line, atrs, texts: name === firstText ? others : texts });
  }
  const cardTypes = [...types.values()].map((type) => cardTypeOf(type, problems));
  return { cardTypes, expressions, problems: problems.sort((one, other) => one.line - other.line) };
}

function cardTypeOf({ entries, name }: MergedType, problems: ListProblem[]): CardTypeInit {
  const descriptions = entries.map(({ texts }) => linesOf(texts));
  const [description = ""] = descriptions;
  const agree = descriptions.every((other) => other === description);
  const patterns = new Map<string, AtrPattern & { readonly texts: Set<string> }>();
  for (const { atrs, line, texts } of entries) {
    for (const { atr, mask } of atrs) {
      const key = `${encodeHex(atr)}/${mask === undefined ? "" : encodeHex(mask)}`;
      if (!patterns.has(key) && patterns.size >= MAX_ATRS_PER_CARD_TYPE) {
        problems.push({ line, message: `"${name}" has more than ${MAX_ATRS_PER_CARD_TYPE} ATRs` });
        break;
      }
      const pattern = patterns.get(key) ?? { atr, ...(mask && { mask }), texts: new Set<string>() };
      patterns.set(key, pattern);
      for (const text of texts) pattern.texts.add(text);
    }
  }
  const atrs = [...patterns.values()].map(({ texts, ...pattern }) =>
    agree || texts.size === 0 ? pattern : { ...pattern, description: linesOf(texts) },
  );
  return { name, atrs, description: agree ? description : "" };
}

function linesOf(texts: Iterable<string>): string {
  return cut([...new Set(texts)].join("\n"), MAX_DESCRIPTION_LENGTH);
}

/** The entries whose ATR is understood, with the texts under it. */
function entriesOf(list: string, problems: ListProblem[]): Entry[] {
  const entries: Entry[] = [];
  // The lines under a skipped ATR are skipped too.
  let current: Entry | "left out" | undefined;
  for (const [index, raw] of list.split("\n").entries()) {
    const line = index + 1;
    if (raw.startsWith("#") || raw.trim() === "") continue;
    if (raw.startsWith("\t")) {
      const text = cleaned(raw);
      if (current === undefined) problems.push({ line, message: "a description without an ATR above it" });
      else if (current !== "left out" && text !== "") current.texts.push(text);
      continue;
    }
    const parsed = parseAtrExpression(raw.trim());
    if (parsed.ok) {
      current = { line, atrs: parsed.value, texts: [] };
      entries.push(current);
    } else {
      current = "left out";
      problems.push({ line, message: `${parsed.error.message} (character ${parsed.error.offset + 1})` });
    }
  }
  return entries;
}

function cleaned(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").trim();
}

/** The beginning of a text that is too long, without half a surrogate pair at its end. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
