// SPDX-License-Identifier: MIT

import { kindOf } from "./check-bytes.ts";

/**
 * Quotes a text that a user gave, for a message: `"Desk"`. A text that may be bytes for a card is not repeated, as a PIN
 * may be among them: one with eight hexadecimal digits in a row (blanks, colons and the like do not count), or of four or
 * more decimal digits alone. Paths are quoted.
 */
export function quoteUnlessBytes(text: string): string {
  checkText(text, "quoteUnlessBytes: text");
  return mayBeBytes(text) ? "a text that may be bytes for a card" : `"${text}"`;
}

/**
 * Quotes a word that a program passed in the place of one that there is, cut where it is long: `"sharedd"`. One that may be
 * bytes for a card is not repeated.
 */
export function quoteWord(word: string): string {
  checkText(word, "quoteWord: word");
  if (mayBeBytes(word)) return "a text that may be bytes for a card";
  return escapedJson(JSON.stringify(word.length > MAX_WORD ? `${word.slice(0, MAX_WORD)}…` : word));
}

/** The longest word that a message repeats. */
const MAX_WORD = 40;

/** Whether a text may be bytes for a card, so that no message may repeat it. */
export function mayBeBytes(text: string): boolean {
  // Bytes are not written with slashes: it is a path.
  if (/[/\\]/.test(text)) return false;
  const digits = text.replace(/[\s:.,;_-]|0x/gi, "");
  return /[0-9a-f]{8,}/i.test(digits) || /^\d{4,}$/.test(digits);
}

/** Takes what may be bytes for a card out of a message that quotes some of these texts. */
export function withoutBytes(message: string, texts: readonly string[]): string {
  checkText(message, "withoutBytes: message");
  if (!Array.isArray(texts)) throw new TypeError(`withoutBytes: texts is ${kindOf(texts)}; pass an array of strings`);
  for (const text of texts) checkText(text, "withoutBytes: a text");
  // The longest first: one text may be a part of another.
  const secrets = texts.filter(mayBeBytes).sort((one, other) => other.length - one.length);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, "[withheld]"), message);
}

/**
 * JSON in which no character acts on a terminal: JSON.stringify leaves some as they are, and as escapes they mean the same.
 */
export function escapedJson(json: string): string {
  checkText(json, "escapedJson: json");
  return json.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return Array.from({ length: character.length }, (_, unit) => {
      return `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`;
    }).join("");
  });
}

function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw new TypeError(`${name} is ${kindOf(value)}; pass a string`);
}
