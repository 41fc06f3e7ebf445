// SPDX-License-Identifier: MIT

// Another program's reset, a card that is pulled, a wrong PIN, the last try, as a program with Web Crypto sees them.

import { webcrypto } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { softwareCard } from "../../src/entry/embedded.ts";
import { type OpenCard, openCard, type PinRequest } from "../../src/entry/modules.ts";
import { signJwt, webCrypto } from "../../src/entry/web-crypto.ts";
import { type Connection, SmartCardError } from "../../src/port/index.ts";
import { algorithms, generate } from "../modules/piv-keys.ts";
import { onEachManager, type Stage } from "../modules/stage.ts";

const text = new TextEncoder().encode("what is signed");
const ecdsa = { name: "ECDSA", hash: "SHA-256" } as const;
const resetting = { shareMode: "shared", preferredProtocols: ["t0", "t1"], initialization: "reset" } as const;

onEachManager((make) => {
  let stage: Stage;
  let card: OpenCard;
  let other: Connection;
  let pin = "";
  let asked: PinRequest[] = [];

  beforeEach(async () => {
    asked = [];
    pin = "123456";
    stage = await make(await softwareCard("piv"));
    const ask = (request: PinRequest): string => {
      asked.push(request);
      return pin;
    };
    card = await openCard({ manager: stage.manager, reader: stage.reader }, { pin: ask });
    await generate(card, "9A", algorithms.p256);
    other = await stage.connect();
  });
  afterEach(async () => {
    await card?.close();
    await stage?.close();
  });

  async function signs(): Promise<boolean> {
    const { privateKey, publicKey } = await card.webcrypto.keyPair("9A");
    const signature = await card.webcrypto.sign(ecdsa, privateKey, text);
    return webcrypto.subtle.verify(ecdsa, publicKey, signature, text);
  }

  test("a reset between two signatures, and one in a signature's time", async () => {
    expect(await signs()).toBe(true);
    await other.reconnect(resetting);
    expect(await signs()).toBe(true);
    const signing = signs();
    await other.reconnect(resetting);
    expect(await signing).toBe(true);
    expect(asked).toHaveLength(1);
  });

  test("a wrong PIN, the last try, a blocked PIN", async () => {
    const { privateKey } = await card.webcrypto.keyPair("9A");
    const refused = (code: string, details: object): object => ({
      name: "OperationError",
      cause: expect.objectContaining({ code, details: expect.objectContaining(details) }),
    });
    pin = "000000";
    for (const triesLeft of [2, 1]) {
      const signing = card.webcrypto.sign(ecdsa, privateKey, text);
      await expect(signing).rejects.toMatchObject(refused("wrong-chv", { triesLeft }));
    }
    pin = "123456";
    const signing = card.webcrypto.sign(ecdsa, privateKey, text);
    await expect(signing).rejects.toMatchObject(refused("security-violation", { triesLeft: 1 }));
    await expect(signJwt({ sub: "me" }, privateKey)).rejects.toMatchObject({ code: "security-violation" });
    expect(asked.at(-1)).toMatchObject({ isLastTry: true, operation: "sign" });
    await expect(card.verifyPin("000000", { lastTry: true })).rejects.toMatchObject({ code: "chv-blocked" });
    await expect(card.webcrypto.sign(ecdsa, privateKey, text)).rejects.toMatchObject(refused("chv-blocked", {}));
    await card.unblock({ secret: "12345678", newPin: "123456" });
    expect(await signs()).toBe(true);
  });

  test("a card that is pulled", async () => {
    const { privateKey, publicKey } = await card.webcrypto.keyPair("9A");
    const made = await card.webcrypto.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    const { privateKey: deriving } = await card.webcrypto.keyPair("9A", "ECDH");
    await stage.pull();
    const removed = { name: "OperationError", cause: expect.objectContaining({ code: "removed-card" }) };
    await expect(card.webcrypto.sign(ecdsa, privateKey, text)).rejects.toMatchObject(removed);
    const deriveBits = card.webcrypto.deriveBits({ name: "ECDH", public: made.publicKey }, deriving, 256);
    await expect(deriveBits).rejects.toMatchObject(removed);
    await expect(card.webcrypto.keyPair("9A")).rejects.toMatchObject({ code: "removed-card" });
    // The host needs no card.
    expect(await card.webcrypto.verify(ecdsa, publicKey, new Uint8Array(64), text)).toBe(false);
  });

  test("a card that was closed", async () => {
    const { privateKey } = await card.webcrypto.keyPair("9A");
    await card.close();
    await expect(card.webcrypto.sign(ecdsa, privateKey, text)).rejects.toMatchObject({
      name: "OperationError",
      message: expect.stringContaining("the card was closed"),
    });
  });

  test("another program's transaction: a wait with an end", async () => {
    const { privateKey } = await card.webcrypto.keyPair("9A");
    await other.beginTransaction();
    const patient = webCrypto(card, { timeoutMs: 20 });
    const error = await patient.keyPair("9A").catch((caught: unknown) => caught);
    expect(error instanceof SmartCardError && error.code).toBe("timeout");
    const controller = new AbortController();
    const cancellable = webCrypto(card, { signal: controller.signal });
    const waiting = cancellable.keyPair("9A");
    controller.abort(new Error("enough"));
    await expect(waiting).rejects.toMatchObject({ code: "cancelled" });
    await other.endTransaction();
    expect((await card.webcrypto.sign(ecdsa, privateKey, text)).byteLength).toBe(64);
  });
});
