// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { embeddedManager, virtualReader } from "./embedded.ts";
import { openManager } from "./machine.ts";
import { openCard } from "./modules.ts";
import { testRig } from "./test-rig.ts";

it("scard/modules opens the first card that a module knows", async () => {
  await using opened = await openManager("embedded:virtual+demo,virtual:Second+piv");
  const { manager } = opened;
  const card = await openCard({ manager });
  expect([card.module, card.reader]).toEqual(["piv", "Second"]);
  await card.close();
  await expect(card.containers()).rejects.toMatchObject({ code: "invalid-handle" });
});

it("scard/modules says where there is no card, and no module for it", async () => {
  const manager = embeddedManager();
  await expect(openCard({ manager })).rejects.toMatchObject({ code: "no-smartcard" });
  const reader = virtualReader({ name: "Desk" });
  await manager.addReader(reader);
  await expect(openCard({ manager })).rejects.toMatchObject({
    code: "no-smartcard",
    message: expect.stringContaining("put a card into a reader, or name the reader"),
  });
  await expect(openCard({ manager, reader: "Desk" })).rejects.toMatchObject({ code: "removed-card" });
  await manager.close();
  await using rig = await testRig({ card: "demo" });
  await expect(openCard(rig as never)).rejects.toMatchObject({ code: "invalid-parameter" });
  await expect(openCard(await rig.connect())).rejects.toMatchObject({
    code: "card-unsupported",
    message: expect.stringContaining("tried: piv, gids, openpgp, pkcs15"),
  });
  await expect(openCard(await rig.connect(), { module: "gdi" })).rejects.toMatchObject({
    code: "provider-not-found",
    message: expect.stringContaining('no card module "gdi"; known: piv, gids, openpgp, pkcs15'),
  });
});
