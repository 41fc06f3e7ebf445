// SPDX-License-Identifier: MIT

import { failure, type Result, success } from "../base/binary/index.ts";
import { MAX_ATR_BYTES } from "../base/iso7816/index.ts";
import { checkTextOf } from "./arguments.ts";
import { type AtrPattern, bitCount } from "./atr-pattern.ts";
import {
  MAX_ATRS_PER_EXPRESSION,
  MAX_EXPRESSION_DEPTH,
  MAX_EXPRESSION_LENGTH,
  MAX_EXPRESSION_STEPS,
  MAX_PATTERNS_MADE,
} from "./limits.ts";

/**
 * What one character of an ATR's text may be. The text has two hexadecimal digits for each byte and a blank between
 * bytes: bit n is set for the digit n, bit 16 for the blank.
 */
type CharacterSet = number;

const BLANK: CharacterSet = 0x1_0000;
const ANY_DIGIT: CharacterSet = 0xffff;
const MAX_TEXT_LENGTH = MAX_ATR_BYTES * 3 - 1;

type Node =
  | { readonly kind: "character"; readonly set: CharacterSet }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | { readonly kind: "repeat"; readonly part: Node; readonly least: number; readonly most: number };

/**
 * Translates a regular expression over ATRs, as in smartcard_list.txt, into patterns that match the same ATRs:
 * `3B 6. 00 0[1-3]` becomes two of them, `3B 00 .*` one for each length. The expression matches the whole text of
 * an ATR, in either case.
 *
 * It supports digits, blanks, `.`, sets (`[0-9A]`, `[^0]`; in a set, characters that cannot occur in an ATR are ignored),
 * groups with alternatives (`(00|FF)`, `(?:00|FF)`), and `*`, `+`, `?`, `{2}`, `{2,3}`, `{2,}`.
 *
 * @returns at least one pattern, without duplicates; the error says what was not understood, that no
 * ATR can match, or that it would take more than 512 patterns
 */
export function parseAtrExpression(text: string): Result<AtrPattern[]> {
  checkTextOf("text", text);
  if (text.length > MAX_EXPRESSION_LENGTH) {
    return failure(`an expression of more than ${MAX_EXPRESSION_LENGTH} characters`, MAX_EXPRESSION_LENGTH);
  }
  const parsed = new ExpressionParser(text).parse();
  return parsed.ok ? expandToPatterns(parsed.value) : parsed;
}

/** Why parsing ended; it does not leave this file. */
class ExpressionError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Recursive descent, one character ahead. Nesting is bounded, so that no text exhausts the stack. */
class ExpressionParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Result<Node> {
    try {
      const node = this.#choice();
      if (this.#at < this.#text.length) this.#fail("a closing parenthesis without an opening one");
      return success(node);
    } catch (error) {
      if (error instanceof ExpressionError) return failure(error.message, error.offset);
      throw error;
    }
  }

  #choice(): Node {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: "choice", options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    for (let next = this.#text[this.#at]; next !== undefined && next !== "|" && next !== ")"; ) {
      parts.push(this.#repeated(this.#single()));
      next = this.#text[this.#at];
    }
    return { kind: "sequence", parts };
  }

  #single(): Node {
    const start = this.#at;
    const character = this.#text[this.#at++] ?? "";
    if (character === ".") return { kind: "character", set: ANY_DIGIT | BLANK };
    if (character === "[") return { kind: "character", set: this.#set() };
    if (character === "(") {
      if (++this.#depth > 20) this.#fail("groups within groups, more than 20 deep", start);
      if (this.#take("?")) if (!this.#take(":")) this.#fail("a group of a kind that is not understood", start);
      const node = this.#choice();
      if (!this.#take(")")) this.#fail("a group that does not end", start);
      this.#depth--;
      return node;
    }
    const set = characterSet(character);
    if (set === undefined) this.#fail(`"${character}" is not understood here`, start);
    return { kind: "character", set };
  }

  #set(): CharacterSet {
    const start = this.#at - 1;
    const inverted = this.#take("^");
    let set = 0;
    for (let first = true; ; first = false) {
      const character = this.#text[this.#at++];
      if (character === undefined) this.#fail("a set that does not end", start);
      if (character === "\\") this.#fail("a backslash in a set is not understood", this.#at - 1);
      if (character === "]" && !first) break;
      const from = characterSet(character);
      if (this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]" && this.#at + 1 < this.#text.length) {
        const to = characterSet(this.#text[this.#at + 1] ?? "");
        if (from === undefined || to === undefined || from > to || to === BLANK || crossesCases(this.#text, this.#at)) {
          this.#fail("a range in a set that is not one of digits", this.#at - 1);
        }
        this.#at += 2;
        // All bits from the one to the other, both included.
        set |= to * 2 - from;
      } else set |= from ?? 0;
    }
    return inverted ? ~set & (ANY_DIGIT | BLANK) : set;
  }

  #repeated(part: Node): Node {
    const start = this.#at;
    if (this.#take("*")) return { kind: "repeat", part, least: 0, most: MAX_TEXT_LENGTH };
    if (this.#take("+")) return { kind: "repeat", part, least: 1, most: MAX_TEXT_LENGTH };
    if (this.#take("?")) return { kind: "repeat", part, least: 0, most: 1 };
    if (!this.#take("{")) return part;
    const counts = /^(\d{1,3})(,(\d{0,3}))?\}/.exec(this.#text.slice(this.#at));
    if (counts === null) this.#fail("a count that is not understood", start);
    const [all, first = "", comma, second = ""] = counts;
    const least = Number(first);
    const most = comma === undefined ? least : second === "" ? MAX_TEXT_LENGTH : Number(second);
    if (most < least) this.#fail("a count whose end is before its beginning", start);
    this.#at += all.length;
    return { kind: "repeat", part, least, most: Math.min(most, Math.max(least, MAX_TEXT_LENGTH)) };
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fail(message: string, offset: number = this.#at): never {
    throw new ExpressionError(message, offset);
  }
}

function characterSet(character: string): CharacterSet | undefined {
  if (character === " ") return BLANK;
  return /^[0-9a-f]$/i.test(character) ? 1 << Number.parseInt(character, 16) : undefined;
}

/** Reports a range like `9-A`: it includes characters that are not digits, or, in the other case, is empty. */
function crossesCases(text: string, dash: number): boolean {
  return /\d/.test(text[dash - 1] ?? "") !== /\d/.test(text[dash + 1] ?? "");
}

/** A partial match of an expression: the possible digits at each place. */
interface Prefix {
  readonly length: number;
  readonly last: CharacterSet;
  readonly before: Prefix | undefined;
}

/** Follows all branches of an expression, within limits. */
class Expansion {
  #steps = 0;
  #depth = 0;

  /** All texts that begin with the prefix and go on as the node says. */
  *expand(node: Node, prefix: Prefix | undefined): Generator<Prefix | undefined> {
    if (++this.#steps > MAX_EXPRESSION_STEPS || ++this.#depth > MAX_EXPRESSION_DEPTH) {
      throw new ExpressionError("an expression with too many branches", 0);
    }
    if (node.kind === "character") {
      const length = (prefix?.length ?? 0) + 1;
      const last = node.set & (length % 3 === 0 ? BLANK : ANY_DIGIT);
      if (last !== 0 && length <= MAX_TEXT_LENGTH) yield { length, last, before: prefix };
    } else if (node.kind === "sequence") {
      yield* this.#sequence(node.parts, 0, prefix);
    } else if (node.kind === "choice") {
      for (const option of node.options) yield* this.expand(option, prefix);
    } else {
      yield* this.#repeat(node, 0, prefix);
    }
    this.#depth--;
  }

  *#sequence(parts: readonly Node[], index: number, prefix: Prefix | undefined): Generator<Prefix | undefined> {
    const part = parts[index];
    if (part === undefined) yield prefix;
    else for (const next of this.expand(part, prefix)) yield* this.#sequence(parts, index + 1, next);
  }

  *#repeat(
    node: Extract<Node, { kind: "repeat" }>,
    done: number,
    prefix: Prefix | undefined,
  ): Generator<Prefix | undefined> {
    if (done >= node.least) yield prefix;
    if (done >= node.most) return;
    for (const next of this.expand(node.part, prefix)) {
      if (next !== prefix) yield* this.#repeat(node, done + 1, next);
      // A round that adds nothing makes further rounds useless.
      else if (done < node.least) yield prefix;
    }
  }
}

function expandToPatterns(node: Node): Result<AtrPattern[]> {
  const patterns = new Map<string, AtrPattern>();
  let made = 0;
  try {
    for (const text of new Expansion().expand(node, undefined)) {
      // It has to end with the second digit of a byte.
      if (text === undefined || text.length % 3 !== 2) continue;
      const ofText = patternsOfText(text);
      for (const [key, pattern] of ofText) patterns.set(key, pattern);
      if (patterns.size > MAX_ATRS_PER_EXPRESSION) return tooMany();
      // There may be very many ways to the same few patterns: `(.*)*`.
      made += ofText.size;
      if (made > MAX_PATTERNS_MADE) throw new ExpressionError("an expression with too many branches", 0);
    }
  } catch (error) {
    if (error instanceof ExpressionError) return failure(error.message, error.offset);
    throw error;
  }
  if (patterns.size === 0) return failure("an expression that no ATR can match", 0);
  return success([...patterns.values()]);
}

function tooMany(): Result<never> {
  return failure(`an expression that stands for more than ${MAX_ATRS_PER_EXPRESSION} ATRs with masks`, 0);
}

/** The patterns of a text in which some digits are open: each combination of what masks can say of each digit. */
function patternsOfText(text: Prefix): Map<string, AtrPattern> {
  const sets: CharacterSet[] = [];
  for (let at: Prefix | undefined = text; at !== undefined; at = at.before)
    if (at.length % 3 !== 0) sets.unshift(at.last);
  let combinations: readonly MaskedDigit[][] = [[]];
  for (const set of sets) {
    const digits = maskedDigits(set);
    combinations = combinations.flatMap((digitsBefore) => digits.map((digit) => [...digitsBefore, digit]));
    if (combinations.length > MAX_ATRS_PER_EXPRESSION * 2) {
      throw new ExpressionError(
        `an expression that stands for more than ${MAX_ATRS_PER_EXPRESSION} ATRs with masks`,
        0,
      );
    }
  }
  return new Map(
    combinations.map((digits) => {
      const atr = bytesOf(digits.map(({ value }) => value));
      const mask = bytesOf(digits.map(({ mask }) => mask));
      return [`${atr}/${mask}`, mask.every((byte) => byte === 0xff) ? { atr } : { atr, mask }];
    }),
  );
}

function bytesOf(digits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(digits.length >> 1);
  for (const [index, digit] of digits.entries()) bytes[index >> 1] = ((bytes[index >> 1] ?? 0) << 4) | digit;
  return bytes;
}

/** Digits that a value and a mask of four bits describe. */
interface MaskedDigit {
  readonly value: number;
  readonly mask: number;
  readonly set: CharacterSet;
}

/** All pairs of four bits and mask, those that match the most digits first. */
const allMaskedDigits: readonly MaskedDigit[] = Array.from({ length: 16 }, (_, open) => 15 - open)
  .map((freeBits) => ~freeBits & 0xf)
  .flatMap((mask) =>
    Array.from({ length: 16 }, (_, value) => value)
      .filter((value) => (value & mask) === value)
      .map((value) => ({ value, mask, set: digitsOf(value, mask) })),
  )
  .sort((one, other) => bitCount(other.set) - bitCount(one.set));

function digitsOf(value: number, mask: number): CharacterSet {
  let set = 0;
  for (let digit = 0; digit < 16; digit++) if ((digit & mask) === value) set |= 1 << digit;
  return set;
}

/** A few masked digits that together match exactly the digits of a set: largest first. */
function maskedDigits(set: CharacterSet): MaskedDigit[] {
  const chosen: MaskedDigit[] = [];
  let left = set;
  for (const candidate of allMaskedDigits) {
    const fits = (candidate.set & ~set) === 0;
    if (fits && (candidate.set & left) !== 0) {
      chosen.push(candidate);
      left &= ~candidate.set;
    }
  }
  return chosen;
}
