// SPDX-License-Identifier: MIT

/**
 * `scard/farm`: readers on many machines behind one manager. Hosts and clients meet at a NATS server; what they say is sealed from one to the
 * other.
 */

import { basename, dirname, resolve } from "node:path";
import { hexBytes } from "../base/binary/index.ts";
import { FarmAgent, type FarmClientGrant } from "../faces/farm-agent/index.ts";
import type { ServerManager } from "../faces/pcsclite-server/index.ts";
import { type FarmHostState, FarmManager } from "../managers/farm/index.ts";
import { nodeNoiseCrypto } from "../platform/node/crypto/index.ts";
import { connectNats, type NatsBus } from "../platform/node/nats/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import { type Context, type ContextOptions, having, optionsOf, type ResourceManager, text } from "../port/index.ts";
import { natsOptions, readFarmClientFile, readFarmHostFile, readFarmKey } from "./farm-files.ts";

export type { ServerClient, ServerManager } from "../faces/pcsclite-server/index.ts";
export type { FarmHostState } from "../managers/farm/index.ts";

/** How long a host may take to answer, in milliseconds. */
const ANSWER_MS = 3_000;

/** A context of a client of a farm. */
export interface FarmContext extends Context {
  /** The hosts of the farm, as they are now. */
  hosts(): Promise<readonly FarmHostState[]>;
}

/** The readers of many hosts as one manager: a reader is called `host/reader`. */
export interface FarmResourceManager extends ResourceManager {
  /** Opens a context at each host; one that is not there is tried again for as long as the context lasts. @throws no-service (it was closed) */
  establishContext(options?: ContextOptions): Promise<FarmContext>;
}

/** The readers of a farm, as a manager. */
export interface OpenedFarm extends AsyncDisposable {
  readonly kind: "farm";
  /** What it is, for people. */
  readonly description: string;
  readonly manager: FarmResourceManager;
  /** Releases all contexts, and hangs up. Never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the farm that a file describes, as one of its clients: see docs/guide/farm.md.
 *
 * @throws invalid-value (the file is not right: the message says where), no-access (others may read the key; the NATS server does not admit this
 * client), no-service (no NATS server can be reached), unsupported-feature (the package `@nats-io/transport-node` is missing)
 */
export async function openFarm(file: string): Promise<OpenedFarm> {
  const path = text("the path of a farm's file")(file, { operation: "openFarm", path: "file" });
  const { client, farm, hosts, key, nats } = await readFarmClientFile(path);
  const keys = await readFarmKey(resolve(dirname(path), key));
  const bus = await connectNats(await natsOptions(path, `scard client ${client}`, nats));
  const manager = new FarmManager({
    bus,
    crypto: nodeNoiseCrypto,
    runtime: nodeRuntime(),
    farm,
    client,
    keys,
    program: { name: basename(process.argv[1] ?? process.execPath), pid: process.pid },
    answerMs: ANSWER_MS,
    hosts: hosts.map(({ name, publicKey }) => ({ name, publicKey: hexBytes(publicKey) })),
  });
  const close = async (): Promise<void> => {
    await manager.close();
    await bus.close();
  };
  return { kind: "farm", description: `the farm ${farm}`, manager, close, [Symbol.asyncDispose]: close };
}

/** A host that offers its readers. */
export interface ServedFarm extends AsyncDisposable {
  readonly farm: string;
  readonly host: string;
  /** How many sessions of clients there are. */
  readonly sessions: number;
  /** Settles when the connection to the NATS servers has ended for good, with the reason where it did so by itself. */
  readonly closed: Promise<string | undefined>;
  /** Reads the file again: clients whose rights have changed are sent away. @throws invalid-value; then nothing has changed */
  reload(): Promise<void>;
  /** Ends all sessions, and hangs up. Never rejects. */
  close(): Promise<void>;
}

/** What a host is told besides its file. */
export interface ServeFarmOptions {
  /** The manager whose readers it offers: an embedded one. */
  readonly manager: ServerManager;
}

const serveOptions = optionsOf<ServeFarmOptions>({
  manager: having<ServerManager>(["client", "readers", "watchReaders", "holderOf"], "an EmbeddedManager"),
});

/**
 * Offers the readers of a manager to the clients that a file lists.
 *
 * @throws as {@link openFarm}
 */
export async function serveFarm(file: string, options: ServeFarmOptions): Promise<ServedFarm> {
  const path = text("the path of a farm's file")(file, { operation: "serveFarm", path: "file" });
  const { manager } = serveOptions(options, { operation: "serveFarm", path: "options" });
  const { clients, farm, host, key, nats } = await readFarmHostFile(path);
  let grants = grantsOf(clients);
  const keys = await readFarmKey(resolve(dirname(path), key));
  const bus: NatsBus = await connectNats(await natsOptions(path, `scard host ${host}`, nats));
  const agent = new FarmAgent({
    bus,
    crypto: nodeNoiseCrypto,
    runtime: nodeRuntime(),
    manager,
    farm,
    host,
    keys,
    clients: () => grants,
  });
  await agent.start();
  const close = async (): Promise<void> => {
    await agent.close();
    await bus.close();
  };
  return {
    farm,
    host,
    get sessions() {
      return agent.sessions;
    },
    closed: bus.closed,
    async reload() {
      grants = grantsOf((await readFarmHostFile(path)).clients);
      agent.review();
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function grantsOf(
  clients: readonly { readonly name: string; readonly publicKey: string; readonly readers: readonly string[] }[],
): readonly FarmClientGrant[] {
  return clients.map(({ name, publicKey, readers }) => ({ name, publicKey: hexBytes(publicKey), readers }));
}
