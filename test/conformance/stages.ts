// SPDX-License-Identifier: MIT

import type { VirtualReader } from "../../src/entry/cards.ts";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import type { ResourceManager } from "../../src/port/index.ts";
import {
  type Ability,
  ConformanceCard,
  type ManagerKey,
  type Result,
  runConformance,
  type Stage,
} from "../../src/testing/conformance/index.ts";
import type { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { farmWorld } from "../farm/farm-world.ts";
import { type World, world } from "../manager/world.ts";
import { PATIENCE_MS } from "../patience.ts";
import { joinedWorld } from "../pcscd/in-memory.ts";
import type { RestartableService } from "../pcscd/services.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";

const everything: readonly Ability[] = ["card-moves", "silent-card", "reader-moves", "test-card", "long-waits"];

/** The embedded manager on a simulated clock. */
export async function embeddedResults(profile: "windows" | "pcsclite"): Promise<Result[]> {
  const inner = await world({ profile, empty: true });
  const manager = inner.manager.client({ name: "ours" });
  return playInMemory(inner, manager, profile === "windows" ? "embedded-windows" : "embedded-pcsclite");
}

/** Our server through our client, joined in memory, on a simulated clock. */
export async function joinedResults(): Promise<Result[]> {
  const inner = await joinedWorld({ world: { semantics: { resetOnExit: "always" }, empty: true } });
  return playInMemory(inner, inner.client, "daemon");
}

/** Two clients of a farm, and a host with the reader, over a broker in memory, on a simulated clock. */
export async function farmResults(): Promise<Result[]> {
  const inner = await farmWorld({ semantics: { resetOnExit: "always" }, empty: true });
  return playInMemory({ ...inner, name: inner.farmName }, inner.client("alice"), "daemon", inner.client("bob"));
}

function playInMemory(
  inner: World,
  manager: ResourceManager,
  key: ManagerKey,
  other: ResourceManager = inner.manager.client({ name: "theirs" }),
): Promise<Result[]> {
  const { clock } = inner.runtime;
  const card = new ConformanceCard(clock);
  let reader: VirtualReader = inner.reader;
  reader.insert(card);
  const stage: Stage = {
    clock,
    reader: inner.name,
    manager,
    other,
    abilities: new Set(everything),
    watchMs: 100,
    removeCard: async () => reader.remove(),
    async insertCard() {
      card.isSilent = false;
      reader.insert(card);
    },
    async insertSilentCard() {
      card.isSilent = true;
      reader.insert(card);
    },
    unplugReader: async () => reader.unplug(),
    async plugReader() {
      ({ reader } = await inner.addReader({ name: "Reader" }));
      reader.insert(card);
    },
  };
  return played(inner.runtime, runConformance(stage, { manager: key }));
}

/** Lets simulated time pass until the work is done. */
async function played<T>(runtime: SimulatedRuntime, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  work.then(over, over);
  while (!isOver) await runtime.advance(5);
  return work;
}

/**
 * A service that is a process of its own, used by a manager of this process.
 *
 * @param lacking what its reader cannot do
 */
export async function serviceResults(
  service: RestartableService,
  key: ManagerKey,
  lacking: readonly Ability[],
  open: () => Promise<ResourceManager>,
): Promise<Result[]> {
  await service.start();
  const runtime = nodeRuntime();
  const other = new PcscdManager({ dial: dialPcscd({ sockets: [service.socket] }), runtime });
  await other.waitForService();
  const software = new ConformanceCard(runtime.clock);
  let card: SoftwareVpcdCard | undefined = await SoftwareVpcdCard.insert(software, service.port);
  const context = await other.establishContext();
  const [reader = ""] = await context.listReaders();
  await context.getStatusChange([{ reader, flags: { empty: true } }], { timeoutMs: PATIENCE_MS });
  await context.release();
  const stage: Stage = {
    clock: runtime.clock,
    reader,
    manager: await open(),
    other,
    abilities: new Set(everything.filter((ability) => !lacking.includes(ability))),
    watchMs: 100,
    async removeCard() {
      await card?.remove();
      card = undefined;
    },
    async insertCard() {
      software.isSilent = false;
      card = await SoftwareVpcdCard.insert(software, service.port);
    },
    async insertSilentCard() {
      software.isSilent = true;
      card = await SoftwareVpcdCard.insert(software, service.port);
    },
    unplugReader: cannot,
    plugReader: cannot,
  };
  try {
    const results = await runConformance(stage, { manager: key });
    // A busy machine can make an answer seem a wait, and a wait seem one without end: what is off is looked at again, with
    // all the time there is. And pcscd takes the power from a card in use now and then, by a timer of its own. What shows
    // once and not again is no difference that could be told of; what shows twice is.
    const patient: Stage = { ...stage, watchMs: 5_000, endsMs: PATIENCE_MS };
    for (const [index, result] of results.entries()) {
      if (faultsOf([result]).length === 0) continue;
      const [again = result] = await runConformance(patient, { manager: key, behaviours: [result.behaviour] });
      results[index] = again;
    }
    return results;
  } finally {
    await card?.remove();
    await service.remove();
  }
}

async function cannot(): Promise<void> {
  throw new Error("this reader cannot be unplugged");
}

/** Everything in a run that is not as the suite and its table of differences say, a line each. */
export function faultsOf(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    const { id } = result.behaviour;
    if (result.kind === "skipped") return [];
    if (result.kind === "failed") return [`${id} failed: ${result.why}`];
    return result.judgement.problems.map(({ expected, isInTable, observed, point }) => {
      return `${id}, ${point}: ${observed}, and ${isInTable ? "the table says" : "not"} ${expected}`;
    });
  });
}
