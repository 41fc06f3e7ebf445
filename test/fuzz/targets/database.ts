// SPDX-License-Identifier: MIT

import { concatBytes, encodeHex } from "../../../src/base/binary/index.ts";
import {
  type AtrPattern,
  checkCardType,
  matchesAtr,
  parseAtrExpression,
  parseSmartCardList,
} from "../../../src/database/index.ts";
import { Dice, hashOf } from "../dice.ts";
import { type FuzzTarget, must, weightOf } from "../target.ts";

const utf8 = new TextEncoder();
const words = (...texts: readonly string[]): Uint8Array[] => texts.map((text) => utf8.encode(text));

/** An expression as smartcard_list.txt has them, and as it does not. */
function makeExpression(dice: Dice): string {
  const parts = ["3B", "3F 00", "..", "0[1-3]", "[^0]F", ".*", "( 00)?", "(00|FF)", "( ..){2,3}", "(?:3B|3F)", "6."];
  const many = dice.chance(15) ? ["(.*)*", "((..)+)+", "( ..){0,33}", "(0|1|2|3){20}", "[0-9A-F]{2}"] : [];
  return Array.from({ length: 1 + dice.below(5) }, () => dice.pick([...parts, ...many])).join(
    dice.pick([" ", " ", ""]),
  );
}

/** An ATR that a pattern describes: bits that do not count are drawn. */
function sampleOf({ atr, mask }: AtrPattern, dice: Dice): Uint8Array {
  if (mask === undefined) return atr;
  return atr.map((byte, index) => byte | (dice.below(256) & ~(mask[index] ?? 0xff)));
}

/** The expression as JavaScript understands it; undefined where that is another way, or might take for ever. */
function asRegExp(text: string): RegExp | undefined {
  if (text.length > 60 || /\[\^?\]/.test(text) || (text.match(/[*+?{]/g)?.length ?? 0) > 4) return undefined;
  try {
    return new RegExp(`^(?:${text})$`, "i");
  } catch {
    return undefined;
  }
}

const atrExpression: FuzzTarget = {
  name: "atr-expression",
  about: "An expression over ATRs: it is refused, or stands for ATRs that JavaScript says match it",
  covers: ["parseAtrExpression"],
  measures: ["database/atr-expression"],
  maxBytes: 1100,
  dictionary: words("[0-9]", "(", ")", "|", "*", "{1,}", "{33}", "?", "..", " ", "[^", "3B"),
  generate: (dice) => utf8.encode(makeExpression(dice)),
  run(input) {
    const text = new TextDecoder().decode(input);
    const parsed = parseAtrExpression(text);
    if (!parsed.ok) {
      must(parsed.error.offset >= 0 && parsed.error.offset <= text.length, "the offset of an error is in the text");
      return;
    }
    must(parsed.value.length >= 1 && parsed.value.length <= 512, `${parsed.value.length} patterns`);
    const dice = new Dice(hashOf(input));
    const expression = asRegExp(text);
    for (const pattern of parsed.value.slice(0, 20)) {
      const atr = sampleOf(pattern, dice);
      must(atr.length >= 1 && atr.length <= 33, `a pattern for ATRs of ${atr.length} bytes`);
      must(matchesAtr(pattern, atr), "a pattern does not match its own ATR");
      must(expression?.test(encodeHex(atr, " ")) ?? true, `${encodeHex(atr)} does not match ${text}`);
    }
  },
};

const smartCardList: FuzzTarget = {
  name: "smartcard-list",
  about: "A list of ATRs: what it says can be introduced, and each line that is left out has a reason",
  covers: ["parseSmartCardList"],
  measures: ["database/smartcard-list", "database/card-type"],
  maxBytes: 8192,
  dictionary: words("\n", "\t", "\n\t", "# ", "3B 00", "\u2028", "\r\n"),
  generate: (dice) =>
    concatBytes(
      ...Array.from({ length: dice.below(6) }, () => {
        const name = dice.pick(["A card", "a CARD", "Karte €", "x".repeat(300), "\u0000", ""]);
        return utf8.encode(`${dice.chance(80) ? makeExpression(dice) : "# comment"}\n\t${name}\n`);
      }),
    ),
  run(input) {
    const { cardTypes, expressions, problems } = parseSmartCardList(input);
    const lines = input.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 1);
    must(problems.length + expressions <= 2 * lines, "more is said of a list than it has lines");
    must(
      problems.every(({ line }) => line >= 1 && line <= lines),
      "a problem is in a line that there is not",
    );
    for (const cardType of cardTypes) checkCardType(cardType);
    must(weightOf(cardTypes.map(({ description, name }) => [description, name])) <= 6 * input.length + 8, "texts grow");
  },
};

export const databaseTargets: readonly FuzzTarget[] = [atrExpression, smartCardList];
