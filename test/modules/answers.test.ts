// SPDX-License-Identifier: MIT

// A card whose answers are not what they have to be.

import { createECDH } from "node:crypto";
import { expect, test } from "vitest";
import { concatBytes, hexBytes } from "../../src/base/binary/index.ts";
import { ApplicationCard, type CardApplication } from "../../src/entry/cards.ts";
import { openCard } from "../../src/entry/modules.ts";
import { testRig } from "../../src/entry/test-rig.ts";

const point = new Uint8Array(createECDH("prime256v1").generateKeys());

/** A PIV token with a key on P-256 in slot 9A, which answers every operation with these bytes. */
function pivCard(result: Uint8Array): ApplicationCard {
  const metadata = concatBytes(hexBytes("01011102020101044386"), Uint8Array.of(point.length), point);
  const application: CardApplication = {
    aid: hexBytes("A000000308000010000100"),
    select: () => ({ status: 0x9000 }),
    deselect: () => undefined,
    reset: () => undefined,
    process({ ins, p2 }) {
      if (ins === 0xfd) return { status: 0x9000, data: hexBytes("050702") };
      if (ins === 0xf7 && p2 === 0x9a) return { status: 0x9000, data: metadata };
      if (ins !== 0x87) return { status: 0x6a82 };
      const value = concatBytes(Uint8Array.of(0x82, result.length), result);
      return { status: 0x9000, data: concatBytes(Uint8Array.of(0x7c, value.length), value) };
    },
  };
  return new ApplicationCard({ applications: [application], atr: hexBytes("3B8180018080") });
}

test.each([0, 1, 31, 33])("a shared secret of %i bytes is refused", async (length) => {
  const rig = await testRig({ card: pivCard(new Uint8Array(length).fill(7)) });
  const card = await openCard(await rig.connect());
  await expect(card.deriveKey("9A", point)).rejects.toMatchObject({
    code: "comm-error",
    message: expect.stringContaining(`gave ${length} bytes as the secret of the key 9A; it has 32`),
  });
  await rig.close();
});

test("one as long as the curve's numbers is taken", async () => {
  const rig = await testRig({ card: pivCard(new Uint8Array(32).fill(7)) });
  const card = await openCard(await rig.connect());
  expect(await card.deriveKey("9A", point)).toEqual(new Uint8Array(32).fill(7));
  await rig.close();
});
