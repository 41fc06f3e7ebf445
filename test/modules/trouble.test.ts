// SPDX-License-Identifier: MIT

// Another program's reset, a card that is pulled, a wrong PIN, the last try, a PIN that is changed and unblocked: each card over each
// manager.

import { createPublicKey, verify } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type OpenCard, openCard, type PinRequest } from "../../src/entry/modules.ts";
import type { Connection } from "../../src/port/index.ts";
import { cardsOfTest } from "./cards.ts";
import { onEachManager, type Stage } from "./stage.ts";

const text = new TextEncoder().encode("what is signed");
const resetting = { shareMode: "shared", preferredProtocols: ["t0", "t1"], initialization: "reset" } as const;
/** The application of another kind of card: none of these cards has it. */
const foreign = { cla: 0, ins: 0xa4, p1: 4, p2: 0, data: Uint8Array.of(0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17) };

onEachManager((make) => {
  describe.each(cardsOfTest)("$kind", ({ key, make: makeCard, module, unblock, use }) => {
    let stage: Stage;
    let card: OpenCard;
    let other: Connection;
    let asked: PinRequest[] = [];
    let pin = "123456";

    beforeEach(async () => {
      [asked, pin] = [[], "123456"];
      stage = await make(await makeCard());
      const ask = (request: PinRequest): string => {
        asked.push(request);
        return pin;
      };
      card = await openCard({ manager: stage.manager, reader: stage.reader }, { pin: ask });
      expect(card.module).toBe(module);
      other = await stage.connect();
    });
    afterEach(async () => {
      await card?.close();
      await stage?.close();
    });

    async function signs(): Promise<boolean> {
      const container = (await card.containers()).find(({ name }) => name === key);
      const spki = { key: Buffer.from(container?.publicKey ?? []), format: "der", type: "spki" } as const;
      return verify("sha256", text, createPublicKey(spki), await card.sign(key, text));
    }

    test("a reset between two signatures: the PIN comes from the cache", async () => {
      expect(await signs()).toBe(true);
      await other.reconnect(resetting);
      expect(await signs()).toBe(true);
      await other.disconnect("reset");
      expect(await signs()).toBe(true);
      expect(asked.map(({ role, operation, triesLeft }) => [role, operation, triesLeft])).toEqual([
        ["user", "sign", 3],
      ]);
    });

    test("another application selected in between", async () => {
      expect(await signs()).toBe(true);
      await other.send(foreign);
      expect(await signs()).toBe(true);
    });

    test("no other program can use the PIN that was shown", async () => {
      expect(await signs()).toBe(true);
      let word = 0;
      for (const command of use) word = (await other.send(command)).sw;
      expect(word).toBe(0x6982);
    });

    test("two that have the card open share its PIN", async () => {
      expect(await signs()).toBe(true);
      const second = await openCard(await stage.connect());
      expect((await second.sign(key, text)).length).toBeGreaterThan(60);
      second.forgetPins();
      await expect(second.sign(key, text)).rejects.toMatchObject({ code: "no-pin-cache" });
      await second.close();
      expect(await signs()).toBe(true);
      expect(asked.length).toBe(2);
    });

    test("a wrong PIN, the last try, a blocked PIN, and how it is unblocked", async () => {
      await expect(card.verifyPin("000000")).rejects.toMatchObject({
        code: "wrong-chv",
        message: expect.stringMatching(/^SCARD_W_WRONG_CHV: the PIN.* is wrong; 2 tries are left$/),
        details: { triesLeft: 2, operation: "verifyPin" },
      });
      await expect(card.verifyPin("000000")).rejects.toMatchObject({
        code: "wrong-chv",
        message: expect.stringContaining("1 try is left, and another wrong one blocks it"),
      });
      // Nothing is sent, right or wrong.
      const last = { code: "security-violation", message: expect.stringContaining("lastTry: true") };
      await expect(card.verifyPin("123456")).rejects.toMatchObject(last);
      await expect(card.sign(key, text)).rejects.toMatchObject(last);
      expect(asked.at(-1)).toMatchObject({ isLastTry: true, triesLeft: 1 });
      expect((await card.pins())[0]?.triesLeft).toBe(1);
      await expect(card.verifyPin("000000", { lastTry: true })).rejects.toMatchObject({ code: "chv-blocked" });
      for (const refused of [card.verifyPin("123456", { lastTry: true }), card.sign(key, text)])
        await expect(refused).rejects.toMatchObject({
          code: "chv-blocked",
          message: expect.stringContaining("unblock() sets a new one"),
        });
      await card.unblock({ ...unblock, newPin: "654321" });
      pin = "654321";
      expect(await signs()).toBe(true);
    });

    test("a changed PIN is the one that signs from then on", async () => {
      await card.changePin({ oldPin: "123456", newPin: "7654321" });
      // From the cache, where the new one is.
      expect(await signs()).toBe(true);
      expect(asked).toEqual([]);
      await expect(card.verifyPin("123456")).rejects.toMatchObject({ code: "wrong-chv" });
      pin = "7654321";
      expect(await signs()).toBe(true);
      expect(asked.length).toBe(1);
    });

    test("a card that is pulled", async () => {
      expect(await signs()).toBe(true);
      await stage.pull();
      await expect(card.sign(key, text)).rejects.toMatchObject({
        code: "removed-card",
        message: expect.stringContaining(`pulled out of "${stage.reader}"; put it back and open it again`),
      });
      await expect(card.containers()).rejects.toMatchObject({ code: "removed-card" });
    });

    test("a card that was pulled and put back: its cached PIN is gone", async () => {
      expect(await signs()).toBe(true);
      await stage.pull();
      await stage.putBack();
      const again = await openCard({ manager: stage.manager, reader: stage.reader });
      await expect(again.sign(key, text)).rejects.toMatchObject({ code: "no-pin-cache" });
      await again.close();
      await expect(card.sign(key, text)).rejects.toMatchObject({ code: "removed-card" });
    });

    test("a wait for another program's transaction ends by its time and its signal", async () => {
      await other.beginTransaction();
      await expect(card.sign(key, text, { timeoutMs: 20 })).rejects.toMatchObject({ code: "timeout" });
      const controller = new AbortController();
      const waiting = card.containers({ signal: controller.signal });
      controller.abort(new Error("enough"));
      await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
      await other.endTransaction();
      expect(await signs()).toBe(true);
    });
  });
});
