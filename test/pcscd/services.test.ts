// SPDX-License-Identifier: MIT

import { setTimeout as span } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex } from "../../src/binary/index.ts";
import { nodeRuntime } from "../../src/edge/node/index.ts";
import { dialPcscd } from "../../src/edge/pcscd/index.ts";
import { PNP_NOTIFICATION } from "../../src/pcsc/index.ts";
import { PcscdManager, type ReaderEvent } from "../../src/pcscd/index.ts";
import { failureOf } from "../manager/world.ts";
import { clientLibrary } from "../peers/compile.ts";
import { describePeer } from "../peers/peers.ts";
import { VPCD_CARD_ATR, VpcdCard } from "../peers/vpcd-card.ts";
import { ourDaemon, privatePcscd, type RestartableService, stockPcscd } from "./services.ts";

const PATIENCE_MS = 60_000;
const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
/** The card of vpcd-card.c: an echo, and a command that takes 100 ms. */
const echo = Uint8Array.of(0x80, 0x10, 0, 0, 3, 1, 2, 3);
const slow = Uint8Array.of(0x80, 0x30, 0, 100);

// The virtual card is a C program.
describePeer(clientLibrary, () => {
  describe("scard daemon", () => suite(ourDaemon));
});
describePeer(privatePcscd, () => suite(stockPcscd));

function suite(make: () => Promise<RestartableService>): void {
  let service: RestartableService;
  let card: VpcdCard;
  let manager: PcscdManager;

  beforeAll(async () => {
    service = await make();
    await service.start();
    manager = new PcscdManager({ dial: dialPcscd({ sockets: [service.socket] }), runtime: nodeRuntime() });
    card = await VpcdCard.insert(service.port);
  }, PATIENCE_MS);

  afterAll(async () => {
    await card.end();
    await service.remove();
  });

  /** A context, and the name of the first reader, which has the card. */
  async function open() {
    const context = await manager.establishContext();
    const [reader = ""] = await context.listReaders();
    const [state] = await context.getStatusChange([{ reader }]);
    if (!state?.flags.present) await context.getStatusChange([{ reader, flags: { empty: true } }]);
    return { context, reader };
  }

  test("is used while it is watched, by one context", { timeout: PATIENCE_MS }, async () => {
    const { context, reader } = await open();
    const [now] = await context.getStatusChange([{ reader }]);
    expect(encodeHex(now?.atr ?? new Uint8Array())).toBe(VPCD_CARD_ATR);
    const believed = { reader, flags: { present: true }, eventCount: now?.eventCount ?? 0 } as const;
    const waiting = context.getStatusChange([believed, { reader: PNP_NOTIFICATION }]);
    const connection = await context.connect(reader, shared);
    expect(connection.protocol).toBe("t1");
    await connection.beginTransaction();
    expect(encodeHex(await connection.transmit(echo))).toBe("0102039000");
    const long = Uint8Array.of(0x80, 0x20, 0xff, 0xf0);
    expect(await connection.transmit(long)).toHaveLength(0xfff2);
    await connection.endTransaction("leave");
    expect(await connection.status()).toMatchObject({ reader, state: "negotiable", protocol: "t1" });
    expect(await context.describeReader(reader)).toMatchObject({ reader });
    await connection.reconnect({ ...shared, initialization: "reset" });
    expect(encodeHex(await connection.transmit(Uint8Array.of(0x80, 0x40, 0, 0)))).toBe("009000");
    const moved = card.move("out");
    const [report, pnp] = await waiting;
    await moved;
    expect([report?.flags.empty, pnp?.flags.changed]).toEqual([true, undefined]);
    expect((await failureOf(connection.transmit(echo))).code).toBe("removed-card");
    await card.move("in");
    await context.getStatusChange([{ reader, flags: { empty: true } }]);
    await connection.reconnect({ ...shared, initialization: "leave" });
    expect(encodeHex(await connection.transmit(echo))).toBe("0102039000");
    await context.release();
  });

  test("gives the card to our transactions in the order of their calls", { timeout: PATIENCE_MS }, async () => {
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

  test("is killed and started again under a watcher, which says so and goes on", { timeout: PATIENCE_MS }, async () => {
    const controller = new AbortController();
    const events = manager.watchReaders({ signal: controller.signal });
    const next = async (kind: ReaderEvent["kind"]): Promise<ReaderEvent> => {
      for (;;) {
        const { value } = await events.next();
        if (value?.kind === kind) return value;
      }
    };
    await next("arrived");
    const { context, reader } = await open();
    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
    const waiting = failureOf(context.getStatusChange([{ reader: PNP_NOTIFICATION }]));
    const lost = next("lost");
    await service.kill();
    expect(await lost).toMatchObject({ kind: "lost", error: { code: "service-stopped" } });
    expect((await waiting).code).toBe("service-stopped");
    expect((await failureOf(connection.transmit(echo))).code).toBe("service-stopped");
    expect((await failureOf(manager.establishContext())).code).toBe("no-service");

    const back = next("back");
    const before = process.cpuUsage();
    await span(2000);
    const { system, user } = process.cpuUsage(before);
    // It tries a handful of times in that span. A loop that does not wait would take all of it.
    expect((system + user) / 1000).toBeLessThan(700);

    await service.start();
    await back;
    await next("arrived");
    // The card's own connection went with the service.
    const changed = next("changed");
    await card.move("out");
    await card.move("in");
    expect(await changed).toMatchObject({ state: { flags: { present: true } } });
    const again = await open();
    const anew = await again.context.connect(again.reader, shared);
    expect(encodeHex(await anew.transmit(echo))).toBe("0102039000");
    await again.context.release();
    controller.abort();
    expect((await failureOf(events.next())).code).toBe("cancelled");
  });
}
