// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, expect, test } from "vitest";
import { apdu, EchoCard, failureOf } from "../manager/world.ts";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { type ServedWorld, servedWorld } from "./served-world.ts";

const shared = { shareMode: "shared", preferredProtocols: ["t1"] } as const;

// A service that refuses at once what stands behind a transaction, as pcscd does.
describePeer(clientLibrary, () => {
  let world: ServedWorld;

  beforeAll(async () => {
    world = await servedWorld({ server: { holdMs: 0 } });
  });

  afterAll(() => world.end());

  test("more waits for other programs than there are threads keep none of them", async () => {
    const context = await world.system.establishContext();
    const guests = await Promise.all(["A", "B", "C", "D", "E"].map((name) => world.addReader(name, new EchoCard())));
    const program = await world.manager.client({ name: "other program" }).establishContext();
    const theirs = await Promise.all(guests.map(({ name }) => program.connect(name, shared)));
    const ours = await Promise.all(guests.map(({ name }) => context.connect(name, shared)));
    const connection = await context.connect(world.name, shared);
    for (const each of theirs) await each.beginTransaction();
    const waits = [
      ...ours.map((each) => each.beginTransaction()),
      ...ours.map((each) => each.transmit(apdu)),
      ...ours.map((each) => each.status()),
    ];
    for (let count = 0; count < 10; count++) expect(await connection.transmit(apdu)).toHaveLength(6);
    const hopeless = ours.map((each) => failureOf(each.transmit(apdu, { protocol: "t1", timeoutMs: 20 })));
    for (const failure of hopeless) expect((await failure).code).toBe("timeout");
    for (const each of theirs) await each.endTransaction("leave");
    await Promise.all(waits);
    expect(process.env.PCSCLITE_NO_BLOCKING).toBeUndefined();
    await context.release();
  });
});
