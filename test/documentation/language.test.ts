// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { unclearWords } from "../architecture-rules.ts";
import { allPages } from "./pages.ts";

test("the documentation is plain English", () => {
  const found = allPages().flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => unclearWords(line).map((word) => `${path}:${index + 1}: ${word}`)),
  );
  expect(found).toEqual([]);
});

test("unclear words are seen", () => {
  expect(unclearWords("Whoever asks. It makes no sense, and nobody opens the one that is meant.")).toHaveLength(4);
  expect(unclearWords("A client asks. somebodyElse, nobodyKnows")).toEqual([]);
});
