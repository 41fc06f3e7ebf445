// SPDX-License-Identifier: MIT

import { FarmAgent, type FarmClientGrant } from "../../src/faces/farm-agent/index.ts";
import { FarmManager, type FarmManagerOptions } from "../../src/managers/farm/index.ts";
import { nodeNoiseCrypto } from "../../src/platform/node/crypto/index.ts";
import type { NoiseKeys } from "../../src/wire/noise/index.ts";
import { type World, world } from "../manager/world.ts";
import { MemoryBroker } from "./memory-bus.ts";

/** A host with one reader, and clients of it, around one broker in memory and one simulated clock. */
export interface FarmWorld extends World {
  readonly broker: MemoryBroker;
  readonly agent: FarmAgent;
  readonly hostKeys: NoiseKeys;
  readonly grants: FarmClientGrant[];
  /** What the reader is called in the farm. */
  readonly farmName: string;
  /** A client of that name, and what it reaches the broker by is called the same. */
  client(name: string, options?: Partial<FarmManagerOptions>): FarmManager;
}

const FARM = "test";
export const HOST = "desk";
export const times = { beatMs: 1000, silenceMs: 3000 };

export function keysOf(byte: number): NoiseKeys {
  const privateKey = new Uint8Array(32).fill(byte);
  return { privateKey, publicKey: nodeNoiseCrypto.publicKey(privateKey) };
}

export const clientKeys: Readonly<Record<string, NoiseKeys>> = { alice: keysOf(2), bob: keysOf(3), eve: keysOf(4) };

export async function farmWorld(options: Parameters<typeof world>[0] = {}): Promise<FarmWorld> {
  const inner = await world({ profile: "pcsclite", ...options });
  const { manager, runtime } = inner;
  const broker = new MemoryBroker(runtime.clock);
  const hostKeys = keysOf(1);
  const grants: FarmClientGrant[] = ["alice", "bob"].map((name) => ({
    name,
    publicKey: (clientKeys[name] as NoiseKeys).publicKey,
    readers: ["*"],
  }));
  const agent = new FarmAgent({
    bus: broker.bus(HOST),
    crypto: nodeNoiseCrypto,
    runtime,
    manager,
    farm: FARM,
    host: HOST,
    keys: hostKeys,
    clients: () => grants,
    times,
  });
  await agent.start();
  return {
    ...inner,
    broker,
    agent,
    hostKeys,
    grants,
    farmName: `${HOST}/${inner.name}`,
    client: (name, more) =>
      new FarmManager({
        bus: broker.bus(name),
        crypto: nodeNoiseCrypto,
        runtime,
        farm: FARM,
        client: name,
        keys: clientKeys[name] as NoiseKeys,
        program: { name: "program", pid: 7 },
        answerMs: 2000,
        hosts: [{ name: HOST, publicKey: hostKeys.publicKey }],
        ...more,
      }),
  };
}
