// SPDX-License-Identifier: MIT

// Each role's PIN is changed or unblocked by the command that is its own, or is refused before anything is sent: a value that is
// sent for another PIN costs that PIN a try.

import { afterEach, describe, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { type OpenCard, type OpenCardOptions, openCard, type PinRole } from "../../src/entry/modules.ts";
import { type TestRig, testRig } from "../../src/entry/test-rig.ts";
import { attributes } from "../cards/openpgp-bench.ts";
import { cardsOfTest, openPgpCard } from "./cards.ts";

let rig: TestRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

async function opened(card: SoftwareCard, options: OpenCardOptions = {}): Promise<OpenCard> {
  rig = await testRig({ card });
  return openCard(await rig.connect(), { pin: () => "123456", ...options });
}

const triesOf = async (card: OpenCard): Promise<readonly (readonly [PinRole, number | undefined])[]> =>
  (await card.pins()).map(({ role, triesLeft }) => [role, triesLeft] as const);

describe.each(cardsOfTest)("$kind", ({ key, make }) => {
  test("a PIN of one role never costs another role's PIN a try", async () => {
    const card = await opened(await make(), { pin: () => "00000000000000000000000000000000" });
    for (const { kind, role } of await card.pins()) {
      const before = await triesOf(card);
      const value = "00000000000000000000000000000000".slice(0, kind === "pin" ? 8 : 24);
      const attempts: readonly (() => Promise<void>)[] = [
        () => card.verifyPin(value, { role, lastTry: true }),
        ...(kind === "pin" ? [] : [() => card.verifyPin(undefined, { role, lastTry: true })]),
        () => card.changePin({ role, oldPin: value, newPin: value, lastTry: true }),
      ];
      for (const attempt of attempts) {
        const error = await attempt().catch((one) => one);
        expect(error.name).toBe("SmartCardError");
        if (kind !== "pin") expect(error).toMatchObject({ code: "unsupported-feature" });
        for (const [other, tries] of await triesOf(card))
          if (other !== role) expect([other, tries]).toEqual(before.find(([one]) => one === other));
      }
    }
  });

  test("after a wrong PIN, a change or an unblocking a key asks for the PIN again in the same transaction", async () => {
    const { unblock } = cardsOfTest.find((one) => one.make === make) ?? {};
    if (unblock === undefined) throw new Error("each card of the test can be unblocked");
    const card = await opened(await make(), { pinCache: "none" });
    const text = Uint8Array.of(1, 2, 3);
    await card.transaction(async () => {
      await card.verifyPin("123456");
      expect(await card.verifyPin("654321").catch(({ code }) => code)).toBe("wrong-chv");
      expect((await card.sign(key, text)).length).toBeGreaterThan(60);
      const change = { oldPin: "999999", newPin: "654321" };
      expect(await card.changePin(change).catch(({ code }) => code)).toBe("wrong-chv");
      expect((await card.sign(key, text)).length).toBeGreaterThan(60);
      await card.unblock({ ...unblock, newPin: "123456" });
      expect((await card.sign(key, text)).length).toBeGreaterThan(60);
    });
  });
});

describe("the resetting code of an OpenPGP card", () => {
  const make = () => openPgpCard(attributes.p256, attributes.p256Ecdh, attributes.p256);

  test("changePin refuses it, and PW1 keeps its tries and its value", async () => {
    const card = await opened(await make());
    await card.unblock({ role: "unblock", by: "admin", secret: "12345678", newPin: "resetcode" });
    for (const oldPin of ["resetcode", "12345678"]) {
      const change = card.changePin({ role: "unblock", oldPin, newPin: "otherreset" });
      await expect(change).rejects.toMatchObject({
        code: "unsupported-feature",
        message: expect.stringContaining('unblock({ role: "unblock", by: "admin"'),
      });
    }
    expect(await triesOf(card)).toEqual([
      ["user", 3],
      ["unblock", 3],
      ["admin", 3],
    ]);
    await card.verifyPin("123456");
  });

  test("the admin PIN sets it, and it unblocks the PIN then", async () => {
    const card = await opened(await make());
    await card.unblock({ role: "unblock", secret: "12345678", newPin: "resetcode" });
    for (let tries = 3; tries > 0; tries--) await card.verifyPin("000000", { lastTry: true }).catch(() => undefined);
    await card.unblock({ by: "unblock", secret: "resetcode", newPin: "271828" });
    await card.verifyPin("271828");
    const wrong = card.unblock({ role: "unblock", secret: "00000000", newPin: "resetcode" });
    await expect(wrong).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
    // What the admin PIN allowed has ended.
    expect((await card.send({ cla: 0, ins: 0xda, p1: 0, p2: 0xd3, data: hexBytes("3131313131313131") })).sw).toBe(
      0x6982,
    );
  });
});
