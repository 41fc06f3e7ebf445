// SPDX-License-Identifier: MIT

import { expect } from "vitest";
import type { OpenPgpBench } from "../cards/openpgp-bench.ts";

/** Sets attributes and makes the three keys. */
export async function generateOpenPgpKeys(
  bench: OpenPgpBench,
  signature: string,
  decryption: string,
  authentication: string,
): Promise<void> {
  expect(await bench.verify("83", "12345678")).toBe("9000");
  for (const [tag, template, attribute] of [
    ["C1", "B600", signature],
    ["C2", "B800", decryption],
    ["C3", "A400", authentication],
  ] as const) {
    expect(await bench.put(tag, attribute)).toBe("9000");
    await bench.ok("00478000", template, 65_536);
  }
}
