// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { openSystemManager } from "../../src/platform/node/system/index.ts";
import { type Connection, PNP_NOTIFICATION } from "../../src/port/index.ts";
import { failureOf } from "../manager/world.ts";
import { echo, openWithCard, overService, shared } from "../pcscd/over-service.ts";
import type { RestartableService } from "../pcscd/services.ts";

/** What the system's library does over a service that is a process of its own: stock pcscd, or our daemon. */
export function suite(make: () => Promise<RestartableService>): void {
  const served = overService(make, ({ socket }) => {
    process.env.PCSCLITE_CSOCK_NAME = socket;
    return openSystemManager({ runtime: nodeRuntime() });
  });
  const open = () => openWithCard(served().manager);

  /** A connection of another client, past the library. */
  async function foreigner(reader: string): Promise<Connection> {
    const others = new PcscdManager({
      dial: dialPcscd({ sockets: [served().service.socket] }),
      runtime: nodeRuntime(),
    });
    return (await others.establishContext()).connect(reader, shared);
  }

  test("shares the card with another program, transaction by transaction", async () => {
    const { context, reader } = await open();
    const other = await foreigner(reader);
    const connection = await context.connect(reader, shared);
    await other.beginTransaction();
    for (const call of [
      () => connection.beginTransaction({ timeoutMs: 150 }),
      () => connection.transmit(echo, { protocol: "t1", timeoutMs: 150 }),
      () => connection.status({ timeoutMs: 150 }),
      () => context.connect(reader, { ...shared, timeoutMs: 150 }),
    ]) {
      expect((await failureOf(call())).code).toBe("timeout");
    }
    const order: string[] = [];
    const begun = connection.beginTransaction().then(() => order.push("ours"));
    expect(encodeHex(await other.transmit(echo))).toBe("0102039000");
    order.push("theirs");
    await other.endTransaction("leave");
    await begun;
    expect(order).toEqual(["theirs", "ours"]);
    expect((await failureOf(other.beginTransaction({ timeoutMs: 150 }))).code).toBe("timeout");
    expect(encodeHex(await connection.transmit(echo))).toBe("0102039000");
    await connection.endTransaction("leave");
    await connection.disconnect("leave");
    // The abandoned connect has come and gone: no other client is connected.
    await expect
      .poll(() => other.reconnect({ ...shared, shareMode: "exclusive", initialization: "leave" }).catch(String))
      .toBe("t1");
    expect((await failureOf(context.connect(reader, shared))).code).toBe("sharing-violation");
    await other.disconnect("leave");
    const again = await context.connect(reader, shared);
    await again.reconnect({ ...shared, initialization: "unpower" });
    await context.release();
  });

  test("holds up no exchange by fifty waits for changes", async () => {
    const { context, reader } = await open();
    const connection = await context.connect(reader, shared);
    const { card } = served();
    const waits = Array.from({ length: 50 }, () => context.getStatusChange([{ reader, flags: { present: true } }]));
    for (let count = 0; count < 20; count++) expect(encodeHex(await connection.transmit(echo))).toBe("0102039000");
    await connection.disconnect("leave");
    await card.move("out");
    for (const [report] of await Promise.all(waits)) expect(report?.flags.empty).toBe(true);
    await card.move("in");
    await context.release();
  });

  test("is told when the service is killed, and finds it again", async () => {
    const { card, manager, service } = served();
    const { context, reader } = await open();
    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
    const waiting = failureOf(context.getStatusChange([{ reader: PNP_NOTIFICATION }]));
    await service.kill();
    expect((await waiting).code).toBe("service-stopped");
    expect((await failureOf(connection.transmit(echo))).code).toBe("service-stopped");
    expect(await context.isValid()).toBe(false);
    expect((await failureOf(manager.establishContext())).code).toBe("no-service");
    await service.start();
    // pcscd says that it is ready a moment before it listens.
    const ready = (): Promise<unknown> => manager.establishContext().then((found) => found.release(), String);
    await expect.poll(ready).toBeUndefined();
    const again = await manager.establishContext();
    await card.move("out");
    await card.move("in");
    const present = await again.getStatusChange([{ reader, flags: { empty: true } }]);
    expect(present[0]?.flags.present).toBe(true);
    const anew = await again.connect(reader, shared);
    expect(encodeHex(await anew.transmit(echo))).toBe("0102039000");
    await again.release();
  });
}
