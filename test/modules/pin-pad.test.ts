// SPDX-License-Identifier: MIT

// A PIN that is typed at the pad of a USB reader: it goes from there to the card, and this process never has it.

import { createPublicKey, verify } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { embeddedManager } from "../../src/entry/embedded.ts";
import { type OpenCard, type OpenCardOptions, openCard } from "../../src/entry/modules.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { openCcidDevice } from "../../src/readers/ccid/index.ts";
import { attributes } from "../cards/openpgp-bench.ts";
import { CardLine, memoryUsb, type PinEntry, readerModel } from "../usb/models/index.ts";
import { gidsCard, openPgpCard, pivCard } from "./cards.ts";
import { algorithms } from "./piv-keys.ts";

const text = new TextEncoder().encode("what is signed");
const { ed25519, p256, x25519 } = attributes;
const enter = (digits: string): PinEntry => ({ digits, key: "enter" });
const kinds = {
  PIV: { make: () => pivCard({ "9A": algorithms.p256, "9C": algorithms.p256 }), key: "9A" },
  OpenPGP: { make: () => openPgpCard(ed25519, x25519, p256), key: "authentication" },
  GIDS: { make: gidsCard, key: "82" },
} as const;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A card in a reader with a pad, and what the person there will do. */
async function atPad(
  kind: keyof typeof kinds,
  entries: readonly PinEntry[],
  options: OpenCardOptions = { pin: "pad" },
): Promise<OpenCard> {
  const { clock, trace } = nodeRuntime();
  const left = [...entries];
  const user = (): PinEntry => left.shift() ?? { digits: "", key: "none" };
  const model = readerModel("extended APDU", { clock, pinSupport: 3, user });
  model.insert(new CardLine(await kinds[kind].make()));
  const device = await openCcidDevice(memoryUsb(model), { clock, trace });
  const manager = embeddedManager();
  closing.push(() => manager.close());
  const [reader] = device.readers;
  if (reader === undefined) throw new Error("a reader without a slot");
  const name = await manager.addReader(reader);
  const card = await openCard({ manager, reader: name }, options);
  closing.push(() => card.close());
  return card;
}

async function signs(card: OpenCard, key: string): Promise<boolean> {
  const container = (await card.containers()).find(({ name }) => name === key);
  const spki = { key: Buffer.from(container?.publicKey ?? []), format: "der", type: "spki" } as const;
  return verify("sha256", text, createPublicKey(spki), await card.sign(key, text));
}

test.each(Object.keys(kinds) as (keyof typeof kinds)[])("%s: signs, and tells a wrong one", async (kind) => {
  const { key } = kinds[kind];
  const card = await atPad(kind, [enter("123456"), enter("000000"), enter("123456")]);
  expect(await signs(card, key)).toBe(true);
  await expect(card.sign(key, text)).rejects.toMatchObject({ code: "wrong-chv", details: { triesLeft: 2 } });
  expect(await signs(card, key)).toBe(true);
});

test("cancelled, and no key in time", async () => {
  const card = await atPad("PIV", [{ digits: "12", key: "cancel" }]);
  await expect(card.sign("9A", text)).rejects.toMatchObject({ code: "cancelled-by-user" });
  await expect(card.sign("9A", text)).rejects.toMatchObject({ code: "timeout" });
  expect((await card.pins())[0]?.triesLeft).toBe(3);
});

test("a PIV PIN is changed at the pad; those of the other cards are not", async () => {
  const card = await atPad("PIV", [enter("123456"), enter("654321"), enter("654321"), enter("654321")]);
  await card.changePin({ pad: true });
  expect(await signs(card, "9C")).toBe(true);
  const other = await atPad("OpenPGP", []);
  await expect(other.changePin({ pad: true })).rejects.toMatchObject({
    code: "unsupported-feature",
    message: expect.stringContaining("cannot be changed at a PIN pad"),
  });
});

test("a function is told of the pad, and chooses", async () => {
  const asked: boolean[] = [];
  const card = await atPad("PIV", [enter("123456")], {
    pin: ({ hasPad }) => {
      asked.push(hasPad);
      return { pad: true };
    },
  });
  expect(await signs(card, "9A")).toBe(true);
  expect(asked).toEqual([true]);
});
