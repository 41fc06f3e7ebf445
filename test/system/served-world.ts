// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VirtualReader } from "../../src/entry/cards.ts";
import { PcscliteServer, type ServerLimits } from "../../src/faces/pcsclite-server/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import {
  openSystemManager,
  type SystemManager,
  type SystemManagerOptions,
} from "../../src/platform/node/system/index.ts";
import { listenUnix, type UnixConnection, type UnixListener } from "../../src/platform/node/unix/index.ts";
import type { Connection, Context, Inspection } from "../../src/port/index.ts";
import { EchoCard } from "../manager/world.ts";

/** The name of a reader that no client may use. */
export const FORBIDDEN = "Forbidden";

/**
 * The system's libpcsclite in this process, and a service in this process that it talks to over a Unix socket: so that a
 * test moves cards, plugs readers and holds transactions without any delay. libpcsclite reads the socket's path once.
 */
export interface ServedWorld {
  readonly system: SystemManager;
  readonly manager: EmbeddedManager;
  readonly reader: VirtualReader;
  readonly name: string;
  readonly card: EchoCard;
  addReader(name: string, card?: EchoCard): Promise<{ reader: VirtualReader; name: string }>;
  /** A connection of another program, past the library. */
  other(): Promise<Connection>;
  inspect(): Promise<Inspection>;
  /** Clients that are connected to the service. */
  readonly sessions: () => number;
  /** Clients that wait for changes. */
  readonly waiting: () => number;
  /** The service is killed: its connections are gone. */
  kill(): Promise<void>;
  /** A service is there again, with the same readers. */
  start(): Promise<void>;
  end(): Promise<void>;
}

export async function servedWorld(
  options: Omit<SystemManagerOptions, "runtime"> & { readonly server?: Partial<ServerLimits> } = {},
): Promise<ServedWorld> {
  const folder = mkdtempSync(join(tmpdir(), "scard-system-"));
  const path = join(folder, "comm");
  process.env.PCSCLITE_CSOCK_NAME = path;
  const runtime = nodeRuntime();
  const manager = new EmbeddedManager({ runtime, profile: "pcsclite" });
  const others: Context[] = [];
  const connections = new Set<UnixConnection>();
  let server: PcscliteServer | undefined;
  let listener: UnixListener | undefined;
  const accept = (connection: UnixConnection): void => {
    if (server === undefined) {
      connection.close("killed");
      return;
    }
    connections.add(connection);
    const session = server.accept({
      identity: { name: "system manager" },
      admitted: true,
      mayUse: (name) => name !== FORBIDDEN,
      send: (bytes) => connection.send(bytes),
      close: (reason) => connection.close(reason),
      pause: () => connection.pause(),
      resume: () => connection.resume(),
    });
    connection.listen({
      received: (bytes) => session.received(bytes),
      closed: () => {
        connections.delete(connection);
        session.closed();
      },
    });
  };
  const start = async (): Promise<void> => {
    server = new PcscliteServer({ runtime, manager, ...(options.server && { limits: options.server }) });
    listener = await listenUnix({
      at: { path, mode: 0o600 },
      clock: runtime.clock,
      onConnection: accept,
      onTrouble: () => {},
    });
  };
  const kill = async (): Promise<void> => {
    server = undefined;
    for (const connection of connections) connection.close("killed");
    await listener?.close();
  };
  const addReader = async (name: string, card?: EchoCard): Promise<{ reader: VirtualReader; name: string }> => {
    const reader = new VirtualReader({ name, clock: runtime.clock });
    if (card !== undefined) reader.insert(card);
    return { reader, name: await manager.addReader(reader) };
  };
  await start();
  const card = new EchoCard();
  const { name, reader } = await addReader("Reader", card);
  const { server: _, ...systemOptions } = options;
  return {
    system: await openSystemManager({ runtime, ...systemOptions }),
    manager,
    reader,
    name,
    card,
    addReader,
    async other() {
      const context = await manager.client({ name: "other program" }).establishContext();
      others.push(context);
      return context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
    },
    inspect: () => manager.inspect(),
    sessions: () => server?.sessions ?? 0,
    waiting: () => server?.waiting.size ?? 0,
    kill,
    start,
    async end() {
      await kill();
      await manager.close();
      rmSync(folder, { recursive: true });
    },
  };
}
