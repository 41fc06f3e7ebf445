// SPDX-License-Identifier: MIT

import { type OpenedManager, openManager } from "../../entry/machine.ts";
import { isDaemon, serviceSockets } from "../../entry/service-sockets.ts";
import { nodeRuntime } from "../../platform/node/runtime/index.ts";
import type { ResourceManager } from "../../port/index.ts";
import type { VirtualReader } from "../../readers/virtual/index.ts";
import { type Ability, ConformanceCard, type ManagerKey, type Stage } from "../../testing/conformance/index.ts";
import type { ManagerSession } from "./manager-option.ts";
import type { Terminal } from "./terminal.ts";
import { visible } from "./text.ts";

/** How long the suite watches a call of a real manager before it says that the call waits. */
const WATCH_MS = 200;

/** Requests to the user at the terminal, if there is one. */
export interface Hands {
  /** Asks for it, and waits until it is done. */
  readonly ask: (what: string, isDone: (names: readonly string[], present: boolean) => boolean) => Promise<void>;
  /** Whether the reader may be asked for as well. */
  readonly mayUnplug: boolean;
}

/** The stage on this machine: its reader, with cards moved by software or by the user. */
export async function machineStage(
  session: ManagerSession,
  reader: string,
  setting: { readonly spec: string | undefined; readonly terminal: Terminal; readonly hands: Hands | undefined },
): Promise<Stage> {
  const { clock } = nodeRuntime();
  const { hands, spec, terminal } = setting;
  const common = { clock, reader, manager: session.client, other: await anotherProgram(session, spec, terminal) };
  const virtual = session.opened.kind === "embedded" ? session.opened.virtualReaders.get(reader) : undefined;
  if (virtual !== undefined) return { ...common, watchMs: 50, ...softwareHand(virtual, new ConformanceCard(clock)) };
  const abilities = new Set<Ability>(["long-waits"]);
  if (hands !== undefined) abilities.add("card-moves");
  if (hands?.mayUnplug) abilities.add("reader-moves");
  const name = `"${visible(reader)}"`;
  const ask = async (...[what, isDone]: Parameters<Hands["ask"]>): Promise<void> => hands?.ask(what, isDone);
  return {
    ...common,
    abilities,
    watchMs: WATCH_MS,
    removeCard: () => ask(`take the card out of ${name}`, (_, present) => !present),
    insertCard: () => ask(`put the card into ${name}`, (_, present) => present),
    insertSilentCard: doNothing,
    unplugReader: () => ask(`unplug ${name}`, (names) => !names.includes(reader)),
    plugReader: () => ask(`plug ${name} in again`, (names) => names.includes(reader)),
  };
}

/** A virtual reader needs no user; an empty one takes the suite's card. */
function softwareHand(
  virtual: VirtualReader,
  ownCard: ConformanceCard,
): Omit<Stage, "clock" | "reader" | "manager" | "other" | "watchMs"> {
  const card = virtual.card ?? ownCard;
  if (virtual.card === undefined) virtual.insert(card);
  const abilities: Ability[] = ["card-moves", "long-waits", "silent-card"];
  if (card === ownCard) abilities.push("test-card");
  return {
    abilities: new Set(abilities),
    removeCard: async () => virtual.remove(),
    insertCard: async () => {
      ownCard.isSilent = false;
      virtual.insert(card);
    },
    insertSilentCard: async () => {
      ownCard.isSilent = true;
      virtual.insert(ownCard);
    },
    unplugReader: doNothing,
    plugReader: doNothing,
  };
}

/** The capabilities that the stage lacks. */
async function doNothing(): Promise<void> {}

async function anotherProgram(
  { opened }: ManagerSession,
  spec: string | undefined,
  terminal: Terminal,
): Promise<ResourceManager> {
  if (opened.kind === "embedded") return opened.manager.client({ name: "another program" });
  const { environment } = terminal;
  return (await openManager(spec, { surroundings: { environment } })).manager;
}

/** The manager whose known differences apply on this machine. */
export async function knownManager(opened: OpenedManager, terminal: Terminal): Promise<ManagerKey | undefined> {
  if (opened.kind === "embedded") return "embedded-windows";
  if (opened.kind === "system" && process.platform === "win32") return "embedded-windows";
  if (opened.kind === "system" && process.platform === "darwin") return undefined;
  const { environment } = terminal;
  const surroundings = { environment, platform: process.platform, uid: process.getuid?.() ?? 0 };
  const named = opened.kind === "pcscd" ? opened.socket : undefined;
  const [socket] = named === undefined ? serviceSockets(surroundings) : [named];
  const isOurs = socket !== undefined && (await isDaemon(socket));
  if (opened.kind === "system") return isOurs ? "system-daemon" : "system-pcscd";
  return isOurs ? "daemon" : "pcscd";
}
