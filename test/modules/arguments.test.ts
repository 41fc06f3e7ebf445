// SPDX-License-Identifier: MIT

// Callers reuse and clear their buffers as soon as a call has returned its promise.

import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { type KeyContainer, type OpenCard, openCard } from "../../src/entry/modules.ts";
import { type TestRig, testRig } from "../../src/entry/test-rig.ts";
import { ADMINISTRATOR_KEY } from "../gids/gids-bench.ts";
import { cardsOfTest, gidsCard, pivCard } from "./cards.ts";
import { algorithms } from "./piv-keys.ts";

let rig: TestRig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

const MANAGEMENT_KEY = "010203040506070801020304050607080102030405060708";
const text = new TextEncoder().encode("what is signed");
const keyOf = (spki: Uint8Array | undefined): KeyObject =>
  createPublicKey({ key: Buffer.from(spki ?? []), format: "der", type: "spki" });

/** What a caller does to its buffer while the call waits. */
const changes: readonly (readonly [string, (bytes: Uint8Array) => void])[] = [
  ["cleared", (bytes) => void bytes.fill(0)],
  ["given to a worker", ({ buffer }) => void structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })],
];

describe.each(changes)("a buffer that is %s while a call waits", (_, change) => {
  test.each(cardsOfTest)("is signed as it was: $kind", async ({ key, make }) => {
    rig = await testRig({ card: await make() });
    const card = await openCard(await rig.connect(), { pin: () => "123456" });
    for (const isWarm of [false, true]) {
      const data = text.slice();
      const signing = card.sign(key, data, isWarm ? {} : { format: "der" });
      change(data);
      const signature = await signing;
      const container = (await card.containers()).find(({ name }) => name === key);
      expect(verify("sha256", text, keyOf(container?.publicKey), signature)).toBe(true);
    }
  });

  test("an administrator's key is the one that was given", async () => {
    rig = await testRig({ card: await pivCard({ "9D": algorithms.p256 }) });
    let card: OpenCard = await openCard(await rig.connect(), { pin: () => "123456" });
    const key = hexBytes(MANAGEMENT_KEY);
    const authenticating = card.authenticate(key);
    change(key);
    await authenticating;
    const [container] = await card.containers();
    const point = keyOf(container?.publicKey).export({ format: "der", type: "spki" });
    const other = new Uint8Array(point);
    const before = await card.deriveKey("9D", other);
    const deriving = card.deriveKey("9D", other);
    change(other);
    expect(await deriving).toEqual(before);
    await rig.close();
    rig = await testRig({ card: await gidsCard() });
    card = await openCard(await rig.connect());
    const secret = hexBytes(ADMINISTRATOR_KEY);
    const unblocking = card.unblock({ by: "admin", secret, newPin: "271828" });
    change(secret);
    await unblocking;
    await card.verifyPin("271828");
  });

  test("a command is sent as it was", async () => {
    rig = await testRig({ card: await pivCard({}) });
    const card = await openCard(await rig.connect());
    const data = hexBytes("5C035FC102");
    const waits = card.pins();
    const sending = card.send({ cla: 0, ins: 0xcb, p1: 0x3f, p2: 0xff, data, le: 256 });
    change(data);
    await waits;
    expect((await sending).sw).toBe(0x9000);
  });
});

test("a container that cannot be read is a wrong argument", async () => {
  rig = await testRig({ card: await pivCard({}) });
  const card = await openCard(await rig.connect());
  const container = new Proxy({} as KeyContainer, {
    get() {
      throw new Error("trap");
    },
  });
  await expect(card.certificate(container)).rejects.toMatchObject({ code: "invalid-parameter" });
  await expect(card.sign(container, text)).rejects.toMatchObject({ code: "invalid-parameter" });
});
