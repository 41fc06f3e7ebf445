// SPDX-License-Identifier: MIT

// Another program's reset, a card that is pulled, a wrong PIN, the last try: over each manager.

import { createPublicKey, verify } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { softwareCard } from "../../src/entry/embedded.ts";
import { type OpenCard, openCard, type PinRequest } from "../../src/entry/modules.ts";
import type { Connection } from "../../src/port/index.ts";
import { algorithms, generate } from "./piv-keys.ts";
import { onEachManager, type Stage } from "./stage.ts";

const text = new TextEncoder().encode("what is signed");
const resetting = { shareMode: "shared", preferredProtocols: ["t0", "t1"], initialization: "reset" } as const;

onEachManager((make) => {
  let stage: Stage;
  let card: OpenCard;
  let other: Connection;
  let asked: PinRequest[] = [];

  beforeEach(async () => {
    asked = [];
    stage = await make(await softwareCard("piv"));
    const pin = (request: PinRequest): string => {
      asked.push(request);
      return "123456";
    };
    card = await openCard({ manager: stage.manager, reader: stage.reader }, { pin });
    await generate(card, "9A", algorithms.p256);
    other = await stage.connect();
  });
  afterEach(async () => {
    await card?.close();
    await stage?.close();
  });

  async function signs(): Promise<boolean> {
    const [container] = await card.containers();
    const key = { key: Buffer.from(container?.publicKey ?? []), format: "der", type: "spki" } as const;
    return verify("sha256", text, createPublicKey(key), await card.sign("9A", text));
  }

  test("a reset between two signatures: the PIN comes from the cache", async () => {
    expect(await signs()).toBe(true);
    await other.reconnect(resetting);
    expect(await signs()).toBe(true);
    await other.disconnect("reset");
    expect(await signs()).toBe(true);
    expect(asked.map(({ role, operation, triesLeft }) => [role, operation, triesLeft])).toEqual([["user", "sign", 3]]);
  });

  test("another application selected in between", async () => {
    expect(await signs()).toBe(true);
    await other.send({ cla: 0, ins: 0xa4, p1: 4, p2: 0, data: Uint8Array.of(0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17) });
    expect(await signs()).toBe(true);
  });

  test("no other program can use the PIN that was shown", async () => {
    expect(await signs()).toBe(true);
    const use = { cla: 0, ins: 0x87, p1: 0x11, p2: 0x9a, le: 256 } as const;
    const data = Uint8Array.of(0x7c, 0x05, 0x82, 0x00, 0x81, 0x01, 0x01);
    expect((await other.send({ ...use, data })).sw).toBe(0x6982);
  });

  test("a wrong PIN, the last try, a blocked PIN", async () => {
    await expect(card.verifyPin("000000")).rejects.toMatchObject({
      code: "wrong-chv",
      message: "SCARD_W_WRONG_CHV: the PIN is wrong; 2 tries are left",
      details: { triesLeft: 2, operation: "verifyPin" },
    });
    await expect(card.verifyPin("000000")).rejects.toMatchObject({
      code: "wrong-chv",
      message: expect.stringContaining("1 try is left, and another wrong one blocks it"),
    });
    // Nothing is sent, right or wrong.
    const last = { code: "security-violation", message: expect.stringContaining("lastTry: true") };
    await expect(card.verifyPin("123456")).rejects.toMatchObject(last);
    await expect(card.sign("9A", text)).rejects.toMatchObject(last);
    expect(asked.at(-1)).toMatchObject({ isLastTry: true, triesLeft: 1 });
    expect((await card.pins())[0]?.triesLeft).toBe(1);
    await expect(card.verifyPin("000000", { lastTry: true })).rejects.toMatchObject({ code: "chv-blocked" });
    for (const refused of [card.verifyPin("123456", { lastTry: true }), card.sign("9A", text)])
      await expect(refused).rejects.toMatchObject({
        code: "chv-blocked",
        message: expect.stringContaining("unblock() sets a new one"),
      });
    await card.unblock({ secret: "12345678", newPin: "123456" });
    expect(await signs()).toBe(true);
  });

  test("a card that is pulled", async () => {
    expect(await signs()).toBe(true);
    await stage.pull();
    await expect(card.sign("9A", text)).rejects.toMatchObject({
      code: "removed-card",
      message: expect.stringContaining(`pulled out of "${stage.reader}"; put it back and open it again`),
    });
    await expect(card.containers()).rejects.toMatchObject({ code: "removed-card" });
  });

  test("a wait for another program's transaction ends by its time and its signal", async () => {
    await other.beginTransaction();
    await expect(card.sign("9A", text, { timeoutMs: 20 })).rejects.toMatchObject({ code: "timeout" });
    const controller = new AbortController();
    const waiting = card.containers({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    await other.endTransaction();
    expect(await signs()).toBe(true);
  });
});
