// SPDX-License-Identifier: MIT

import type { Initialization, Protocol, ShareMode } from "../src/port/index.ts";
import { answerFaults, type Preset } from "../test/usb/models/index.ts";
import { Dice } from "./dice.ts";
import { driverGlitches } from "./driver-place.ts";
import type { ClientEvent, DriverFailure, HistoryEvent, WorldEvent } from "./events.ts";
import { laterScenes } from "./later-scenes.ts";
import type { ClientPlan, Plan, ReaderPlan } from "./plan.ts";
import { type Cast, jump, scenes, timed } from "./scenes.ts";
import type { Glitch } from "./usb-place.ts";

// What the second edition of plans adds: events that the first did not know, and scenes. All of it is drawn from a separate
// generator and inserted between the events of the first.

/** What is drawn besides. */
export type More = Pick<Plan, "clients" | "limits" | "aheadBytes" | "cardPipe" | "driftPpm" | "events">;

const moreActs = [
  [6, "set-attribute"],
  [5, "odd-control"],
  [5, "odd-connect"],
  [4, "odd-reconnect"],
  [4, "hoard"],
  [4, "crowd"],
  [3, "stray"],
  [8, "jump"],
  [4, "odd"],
  [2, "intrude"],
  [4, "guest"],
] as const;

type MoreAct = (typeof moreActs)[number][1];

/** Draws what the second edition adds to a plan of the first. */
export function drawMore(plan: Plan, connect: (dice: Dice, client: number, reader: number) => ClientEvent): More {
  const dice = new Dice(plan.seed ^ 0x2545_f491);
  const isNarrow = plan.limits.contexts < 64;
  const clients = plan.clients.map(
    (client): ClientPlan => ({
      ...client,
      oneAtATime: dice.chance(35),
      keepsStale: dice.chance(30),
      version: dice.pick(["4:4", "4:5", "4:6", "4:6"]),
    }),
  );
  const limits = {
    ...plan.limits,
    queriesPerWait: isNarrow && dice.chance(50) ? 1 + dice.below(plan.readers.length + 2) : 4097,
    rememberedReaders: isNarrow && dice.chance(50) ? 1 : 1024,
  };
  const swarm = moreActs.filter(() => dice.chance(50));
  const hasty = dice.pick([0, 20, 60]);
  const cast = (): Cast => drawCast(dice, plan);
  const events = [...plan.events];
  const opening = 2 * clients.length;
  const insert = (added: readonly HistoryEvent[]): void => {
    events.splice(opening + dice.below(events.length - opening + 1), 0, ...added);
  };
  if (swarm.length > 0 && dice.chance(60)) {
    for (let left = dice.below(20); left > 0; left--) {
      const event = makeMore(cast(), dice.weighted(swarm), connect);
      insert([{ ...event, hops: dice.chance(hasty) ? dice.below(9) : undefined }]);
    }
  }
  for (let left = dice.pick([0, 1, 1, 2, 2]); left > 0; left--) insert(dice.pick(scenes)(cast()).map(timed));
  return {
    clients,
    limits,
    aheadBytes: dice.pick([262_144, 262_144, 40, 300]),
    cardPipe: dice.chance(30)
      ? { split: true, delayMs: dice.pick([0, 1, 5]), mostBytes: 1 + dice.below(3) }
      : plan.pipe,
    driftPpm: dice.pick([0, 0, 200, -200, 500_000]),
    events,
  };
}

/** Draws what the third edition adds to a plan of the second: its scenes, and who takes part in them. */
export function drawLater(plan: Plan): readonly HistoryEvent[] {
  const dice = new Dice(plan.seed ^ 0x19f3_a5c7);
  const events = [...plan.events];
  const opening = 2 * plan.clients.length;
  for (let left = dice.pick([0, 1, 1, 2]); left > 0; left--) {
    const scene = dice.pick(laterScenes)(drawCast(dice, plan)).map(timed);
    events.splice(opening + dice.below(events.length - opening + 1), 0, ...scene);
  }
  return events;
}

const usbPresets = [
  [3, "TPDU"],
  [2, "character"],
  [2, "short APDU"],
  [1, "extended APDU"],
  [2, "extended APDU, chained"],
  [1, "no interrupt endpoint"],
] as const satisfies readonly (readonly [number, Preset])[];

const glitches: readonly Glitch[] = [
  ...answerFaults.map((how): Glitch => ({ at: "answer", how })),
  // Those that leave an answer behind, which may be taken for the next.
  ...(["twice", "twice", "late", "stray-before"] as const).map((how): Glitch => ({ at: "answer", how })),
  ...(["stall", "gone"] as const).map((how): Glitch => ({ at: "transfer", how })),
  ...(["lost", "corrupted", "doubled", "late"] as const).map((how): Glitch => ({ at: "block", how })),
  { at: "card", how: "more time" },
];

/** Draws what the fifth edition adds to a plan of the fourth: USB readers in the place of others, and what goes wrong with them. */
export function drawUsb(plan: Plan): Pick<Plan, "readers" | "events"> {
  const dice = new Dice(plan.seed ^ 0x6a09_e667);
  const share = dice.pick([0, 50, 100]);
  const readers = plan.readers.map((reader): ReaderPlan => {
    if (!dice.chance(share)) return reader;
    const usb = { preset: dice.weighted(usbPresets), patience: dice.pick([0, 0, 1, 3, 8]) };
    return { ...reader, kind: "usb", canEject: false, usb };
  });
  const events = [...plan.events];
  const opening = 2 * plan.clients.length;
  const isCalm = dice.chance(30);
  for (let left = isCalm || share === 0 ? 0 : dice.below(12); left > 0; left--) {
    const event: HistoryEvent = {
      act: "glitch",
      reader: dice.below(readers.length),
      glitch: dice.pick(glitches),
      hops: dice.chance(30) ? dice.below(9) : undefined,
    };
    events.splice(opening + dice.below(events.length - opening + 1), 0, event);
  }
  return { readers, events };
}

/** Draws what the sixth edition adds to a plan of the fifth: readers with drivers of pcsc-lite, and what goes wrong in those. */
export function drawDrivers(plan: Plan): Pick<Plan, "readers" | "events"> {
  const dice = new Dice(plan.seed ^ 0x3c6e_f372);
  const share = dice.pick([0, 0, 50, 100]);
  const readers = plan.readers.map((reader): ReaderPlan => {
    if (!dice.chance(share)) return reader;
    const driver = {
      version: dice.pick([2, 3, 3] as const),
      polls: dice.chance(60),
      isPollKillable: dice.chance(30),
      removable: dice.chance(50),
      patience: dice.pick([0, 0, 1, 3, 8]),
    };
    return { kind: "driver", canEject: false, card: reader.card, driver };
  });
  const events = [...plan.events];
  const opening = 2 * plan.clients.length;
  const drivers = [...readers.keys()].filter((reader) => readers[reader]?.kind === "driver");
  const isCalm = dice.chance(30);
  for (let left = isCalm || drivers.length === 0 ? 0 : dice.below(10); left > 0; left--) {
    const event: HistoryEvent = {
      act: "glitch",
      reader: dice.pick(drivers),
      glitch: { at: "driver", how: dice.pick(driverGlitches) },
      hops: dice.chance(30) ? dice.below(9) : undefined,
    };
    events.splice(opening + dice.below(events.length - opening + 1), 0, event);
  }
  return { readers, events };
}

function drawCast(dice: Dice, { clients, limits, readers }: Pick<Plan, "clients" | "limits" | "readers">): Cast {
  const one = dice.below(clients.length);
  return {
    dice,
    readers: readers.length,
    reader: dice.below(readers.length),
    one,
    other: (one + 1 + dice.below(Math.max(1, clients.length - 1))) % clients.length,
    ceilingMs: limits.operationMs > 10_000 ? 9000 : limits.operationMs + 100,
  };
}

function makeMore(
  cast: Cast,
  act: MoreAct,
  connect: (dice: Dice, client: number, reader: number) => ClientEvent,
): ClientEvent | WorldEvent {
  const { dice, one: client, reader } = cast;
  const handle = dice.pick([0, 0, 1]);
  const deadlineMs = dice.chance(25) ? dice.pick([0, 10, 1000]) : undefined;
  switch (act) {
    case "set-attribute":
      return { act, client, handle, what: dice.pick(["known", "known", "too-long", "unknown"]), deadlineMs };
    case "odd-control":
      return { act, client, handle, code: dice.pick(oddCodes), deadlineMs };
    case "odd-connect":
      return { ...oddTerms(dice, connect(dice, client, reader)), handle, context: 0 };
    case "odd-reconnect": {
      // An unknown initialization: a caller may be JavaScript, or a hostile program.
      const initialization = dice.pick<Initialization>(["burn" as Initialization, "leave", "reset"]);
      const { mode, protocols } = oddTerms(dice, connect(dice, client, reader));
      return { act: "reconnect", client, handle, mode, protocols, initialization };
    }
    case "hoard":
      return { act, client, context: 0, reader, what: dice.pick(["contexts", "connections", "waits", "requests"]) };
    case "crowd":
      return { act: "watch", client, context: 0, belief: "crowd", deadlineMs };
    case "stray":
      return { act, client, context: 0 };
    case "jump":
      return { act, ms: jump(dice) };
    case "odd":
      return { act, reader, how: dice.pick<DriverFailure>(["comm-error", "unpowered-card"]) };
    case "intrude":
      return { act, reader };
    case "guest":
      return { act, reader, what: dice.pick(["another", "another", "twin", "stillborn"]) };
  }
}

/** Codes that no reader knows, in every form that there is, and the ones that readers know as Windows counts them. */
const oddCodes = [0, 1, 0x0031_0000, 0x0031_3520, 0x4200_0d48, 0x4200_0812, 0x7fff_ffff, 0xffff_ffff] as const;

/** Arguments that cannot be satisfied, or are invalid. */
function oddTerms(dice: Dice, event: ClientEvent): Extract<ClientEvent, { act: "connect" }> {
  if (event.act !== "connect") throw new Error("a connect was asked for");
  const protocols = dice.pick<readonly Protocol[]>([["raw"], ["raw", "t15"], ["t15"], ["t0", "t1", "raw"]]);
  return dice.chance(20) ? { ...event, mode: "burn" as ShareMode } : { ...event, protocols };
}

/** Draws what the seventh edition adds to a plan of the sixth: who listens to an observer, and SELECTs in the place of other commands. */
export function drawObserver(plan: Plan): Pick<Plan, "observed" | "events"> {
  const dice = new Dice(plan.seed ^ 0x510e_527f);
  const observed = dice.weighted<Plan["observed"]>([
    [1, undefined],
    [2, { when: "now" }],
    [1, { when: "later", kept: 8192 }],
    [1, { when: "later", kept: 1 + dice.below(6) }],
  ]);
  const share = observed === undefined ? 0 : dice.pick([0, 20, 50]);
  const events = plan.events.map(
    (event): HistoryEvent =>
      event.act === "transmit" && event.what === "echo" && dice.chance(share) ? { ...event, what: "select" } : event,
  );
  return { observed, events };
}
