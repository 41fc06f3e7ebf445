// SPDX-License-Identifier: MIT

import { describe } from "vitest";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { embeddedManager, virtualReader } from "../../src/entry/embedded.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import type { Connection, Context, ResourceManager } from "../../src/port/index.ts";
import { type Service, startPcscd, startScard } from "../peers/daemon.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";

/** A card in a reader of some manager. */
export interface Stage {
  readonly manager: ResourceManager;
  readonly reader: string;
  /** Pulls the card. */
  pull(): Promise<void>;
  /** Puts it back. */
  putBack(): Promise<void>;
  /** Another program's connection to the card, in a context of its own. */
  connect(): Promise<Connection>;
  close(): Promise<void>;
}

/** What makes a stage of a card. */
export type MakeStage = (card: SoftwareCard) => Promise<Stage>;

async function connectIn(context: Context, reader: string): Promise<Connection> {
  return context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
}

/** The manager of this package, in this process. */
const embeddedStage: MakeStage = async (card) => {
  const manager = embeddedManager();
  const virtual = virtualReader({ name: "Desk" });
  virtual.insert(card);
  const reader = await manager.addReader(virtual);
  return {
    manager,
    reader,
    pull: async () => virtual.remove(),
    putBack: async () => virtual.insert(card),
    connect: async () => connectIn(await manager.establishContext(), reader),
    close: () => manager.close(),
  };
};

/** A service in a process of its own, which has the card over vpcd. */
function serviceStage(start: () => Promise<Service>): MakeStage {
  return async (card) => {
    const service = await start();
    let inserted = await SoftwareVpcdCard.insert(card, service.ports[0]);
    const manager = pcscdManager({ socket: service.environment.PCSCLITE_CSOCK_NAME ?? "" });
    const context = await manager.establishContext();
    const reader = await readerWithCard(context);
    return {
      manager,
      reader,
      async pull() {
        await inserted.remove();
        await readerIsEmpty(context, reader);
      },
      async putBack() {
        inserted = await SoftwareVpcdCard.insert(card, service.ports[0]);
        await readerWithCard(context);
      },
      connect: async () => connectIn(await manager.establishContext(), reader),
      async close() {
        await context.release();
        await inserted.remove();
        await service.stop();
      },
    };
  };
}

async function readerWithCard(context: Context): Promise<string> {
  const readers = await context.listReaders();
  for (let states = await context.getStatusChange(readers.map((reader) => ({ reader }))); ; ) {
    const found = states.find(({ flags, atr }) => flags.present && atr.length > 0);
    if (found !== undefined) return found.reader;
    states = await context.getStatusChange(states);
  }
}

/** A service asks its readers now and then. */
async function readerIsEmpty(context: Context, reader: string): Promise<void> {
  for (let states = await context.getStatusChange([{ reader }]); states[0]?.flags.present; )
    states = await context.getStatusChange(states);
}

/** Declares tests over the embedded manager, `scard daemon`, and stock pcscd with vpcd. */
export function onEachManager(body: (make: MakeStage) => void): void {
  describe("the embedded manager", () => body(embeddedStage));
  describe("scard daemon", () => body(serviceStage(startScard)));
  describePeer(pcscdProgram, () => body(serviceStage(startPcscd)));
}
