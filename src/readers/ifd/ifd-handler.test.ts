// SPDX-License-Identifier: MIT

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { capabilityTags, powerActions, returnCodes, returnCodeText } from "./ifd-handler.ts";

test("a return code is said with its name, where it has one", () => {
  expect(returnCodeText(612)).toBe("612 (IFD_COMMUNICATION_ERROR)");
  expect(returnCodeText(-1)).toBe("-1");
});

/** libpcsclite-dev has it, which scripts/setup-peers.sh installs. */
const HEADER = "/usr/include/PCSC/ifdhandler.h";

test.skipIf(!existsSync(HEADER) && process.env.CI === undefined)("the numbers are those of ifdhandler.h", () => {
  const text = readFileSync(HEADER, "latin1");
  const defined = new Map(
    [...text.matchAll(/^#define\s+(\w+)\s+(0x[0-9A-Fa-f]+|\d+)/gm)].map(([, name, value]) => [name, Number(value)]),
  );
  const own = Object.entries({ ...capabilityTags, ...powerActions, ...returnCodes });
  expect(own.length).toBeGreaterThan(25);
  for (const [name, value] of own) expect([name, defined.get(name)]).toEqual([name, value]);
});
