// SPDX-License-Identifier: MIT

import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { type Context, PNP_NOTIFICATION, type ResourceManager } from "../../src/port/index.ts";
import { failureOf } from "../manager/world.ts";
import { VPCD_CARD_ATR, VpcdCard } from "../peers/vpcd-card.ts";
import type { RestartableService } from "./services.ts";

export const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
/** The card of vpcd-card.c: an echo. */
export const echo: Uint8Array = Uint8Array.of(0x80, 0x10, 0, 0, 3, 1, 2, 3);

/** A service that is a process of its own, a card in it, and a manager that is its client. */
export interface Served<M extends ResourceManager> {
  readonly service: RestartableService;
  readonly card: VpcdCard;
  readonly manager: M;
}

/** Starts such a service before the tests of a suite, ends it after them, and tests what every client of it can. */
export function overService<M extends ResourceManager>(
  make: () => Promise<RestartableService>,
  openManager: (service: RestartableService) => M | Promise<M>,
): () => Served<M> {
  let started: Served<M> | undefined;
  const served = (): Served<M> => {
    if (started === undefined) throw new Error("the service was not started");
    return started;
  };

  beforeAll(async () => {
    const service = await make();
    await service.start();
    started = { service, manager: await openManager(service), card: await VpcdCard.insert(service.port) };
  });

  afterAll(async () => {
    await served().card.end();
    await served().service.remove();
  });

  test("is used while it is watched, by one context", async () => {
    const { card, manager } = served();
    const { context, reader } = await openWithCard(manager);
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
    expect(await connection.status()).toMatchObject({ reader, state: "specific", protocol: "t1" });
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

  return served;
}

/** A context, and the name of the first reader, which has the card. */
export async function openWithCard(
  manager: ResourceManager,
): Promise<{ readonly context: Context; readonly reader: string }> {
  const context = await manager.establishContext();
  const [reader = ""] = await context.listReaders();
  const [state] = await context.getStatusChange([{ reader }]);
  if (!state?.flags.present) await context.getStatusChange([{ reader, flags: { empty: true } }]);
  return { context, reader };
}
