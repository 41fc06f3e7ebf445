// SPDX-License-Identifier: MIT

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./packed.ts";

const folder = join(root, "systemd");

test.each(readdirSync(folder))("every line of %s is one that systemd reads", (file) => {
  const lines = readFileSync(join(folder, file), "utf8").split("\n");
  // systemd.syntax(7): sections, settings, comments and empty lines. Nothing of ours goes on in a second line.
  const bad = lines.filter((line) => !/^(?:|#.*|\[[A-Z][A-Za-z]*\]|[A-Z][A-Za-z0-9]*=\S*(?: \S+)*)$/.test(line));
  expect(bad).toEqual([]);
});
