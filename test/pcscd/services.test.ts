// SPDX-License-Identifier: MIT

import { setTimeout as span } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { type Dial, PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { PNP_NOTIFICATION, type ReaderEvent, watchReaders } from "../../src/port/index.ts";
import { failureOf } from "../manager/world.ts";
import { clientLibrary } from "../peers/compile.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { echo, openWithCard, overService, shared } from "./over-service.ts";
import { ourDaemon, type RestartableService, stockPcscd } from "./services.ts";

/** A command of the card of vpcd-card.c that takes 100 ms. */
const slow = Uint8Array.of(0x80, 0x30, 0, 100);

// The virtual card is a C program.
describePeer(clientLibrary, () => {
  describe("scard daemon", () => suite(ourDaemon));
});
describePeer(pcscdProgram, () => suite(stockPcscd));

function suite(make: () => Promise<RestartableService>): void {
  let dialled = 0;
  const served = overService(make, ({ socket }) => {
    const dialOnce = dialPcscd({ sockets: [socket] });
    const dial: Dial = (events) => {
      dialled++;
      return dialOnce(events);
    };
    return new PcscdManager({ dial, runtime: nodeRuntime() });
  });
  const open = () => openWithCard(served().manager);

  test("gives the card to our transactions in the order of their calls", async () => {
    const { manager } = served();
    const { context, reader } = await open();
    const others = await manager.establishContext();
    const connections = [];
    for (let index = 0; index < 6; index++)
      connections.push(await (index % 2 ? others : context).connect(reader, shared));
    const order: number[] = [];
    const [holder, ...rest] = connections;
    await holder?.beginTransaction();
    const turns = rest.map(async (connection, index) => {
      await connection.beginTransaction();
      order.push(index);
      await connection.transmit(echo);
      await connection.endTransaction("leave");
    });
    const impatient = failureOf(rest[0]?.beginTransaction({ timeoutMs: 30 }) ?? Promise.resolve());
    expect((await impatient).code).toBe("timeout");
    await holder?.transmit(slow);
    await holder?.endTransaction("leave");
    await Promise.all(turns);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    const alone = failureOf(context.connect(reader, { ...shared, shareMode: "exclusive" }));
    expect((await alone).code).toBe("sharing-violation");
    await Promise.all([context.release(), others.release()]);
  });

  test("is killed and started again under a watcher, which says so and goes on", async () => {
    const { card, manager, service } = served();
    const controller = new AbortController();
    const events = watchReaders(manager, { signal: controller.signal });
    const next = async (kind: ReaderEvent["kind"]): Promise<ReaderEvent> => {
      for (;;) {
        const { value } = await events.next();
        if (value?.kind === kind) return value;
      }
    };
    await next("reader-arrived");
    const { context, reader } = await open();
    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
    const waiting = failureOf(context.getStatusChange([{ reader: PNP_NOTIFICATION }]));
    const lost = next("service-lost");
    await service.kill();
    expect(await lost).toMatchObject({ kind: "service-lost", error: { code: "service-stopped" } });
    expect((await waiting).code).toBe("service-stopped");
    expect((await failureOf(connection.transmit(echo))).code).toBe("service-stopped");
    expect((await failureOf(manager.establishContext())).code).toBe("no-service");

    const back = next("service-back");
    const before = dialled;
    await span(2000);
    // It tries a handful of times in that span. A loop that does not wait would try thousands of times.
    expect(dialled - before).toBeLessThan(50);

    await service.start();
    await back;
    await next("state-complete");
    // The card's own connection went with the service.
    const changed = next("card-inserted");
    await card.move("out");
    await card.move("in");
    expect(await changed).toMatchObject({ state: { flags: { present: true } } });
    const again = await open();
    const anew = await again.context.connect(again.reader, shared);
    expect(encodeHex(await anew.transmit(echo))).toBe("0102039000");
    await again.context.release();
    controller.abort();
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });
}
