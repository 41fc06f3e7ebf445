// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { escapedJson, mayBeBytes, quoteUnlessBytes, withoutBytes } from "./quote.ts";

test.each([
  "0020000104C0FFEE5E",
  "00 20 00 01",
  "00:20:00:81:04",
  "0x31 0x32 0x33 0x34",
  "--00200001",
  "1234",
  "my 31323334",
])("%j may be bytes for a card, and is not repeated", (text) => {
  expect(mayBeBytes(text)).toBe(true);
  expect(quoteUnlessBytes(text)).toBe("a text that may be bytes for a card");
});

test.each(["Desk", "embedded:virtual+demo", "vpcd:35963", "café", "face", "123", "/tmp/20260101/cards.json", ""])(
  "%j is quoted",
  (text) => {
    expect(mayBeBytes(text)).toBe(false);
    expect(quoteUnlessBytes(text)).toBe(`"${text}"`);
  },
);

test("texts that may be bytes are taken out of a message, wherever they stand", () => {
  const message = "no daemon at 00200081, nor at 0020008131323334: /tmp/x";
  expect(withoutBytes(message, ["00200081", "0020008131323334", "/tmp/x"])).toBe(
    "no daemon at [withheld], nor at [withheld]: /tmp/x",
  );
});

test("JSON is escaped so that it means the same and acts on no terminal", () => {
  const text = "a\u009b31m\u202e\u2028\u{e0001}\u007f\u001b\n\u00e9";
  const escaped = escapedJson(JSON.stringify({ text }));
  expect(escaped).toMatch(/^[\x20-\x7e\u00e9]+$/);
  expect(JSON.parse(escaped)).toEqual({ text });
});
