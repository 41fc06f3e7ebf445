// SPDX-License-Identifier: MIT

import type { ProfileName } from "../src/managers/embedded/index.ts";
import type { Disposition, Initialization } from "../src/port/index.ts";
import type { ProtocolVersion } from "../src/wire/pcsclite/index.ts";
import { Dice } from "./dice.ts";
import type { DriverPlan } from "./driver-place.ts";
import type { CardKind, ClientEvent, HistoryEvent, WorldEvent } from "./events.ts";
import { drawDrivers, drawLater, drawMore, drawObserver, drawUsb, type More } from "./plan-more.ts";
import type { UsbPlan } from "./usb-place.ts";

// From a seed to a whole history, as data: the configuration, and every event in order.
//
// The meaning of a seed must not change when histories gain something new, or the regression seeds would be useless. So plans
// have editions: additions are drawn after everything else, from a separate generator (`plan-more.ts`), and a seed of an
// earlier edition is drawn without them.

export interface ReaderPlan {
  readonly kind: "virtual" | "vpcd" | "usb" | "driver";
  readonly canEject: boolean;
  readonly card: CardKind | undefined;
  /** Of a USB reader: what it is. */
  readonly usb?: UsbPlan;
  /** Of a reader with a driver of pcsc-lite: how that is. */
  readonly driver?: DriverPlan;
}

export interface ClientPlan {
  /** `port`: calls the manager; `wire`: a session of the pcscd protocol over a byte pipe. */
  readonly kind: "port" | "wire";
  /** Whether it watches all readers all the time, and passes back the reported states. */
  readonly watches: boolean;
  /** Whether its contexts over the port can do one thing at a time. */
  readonly oneAtATime: boolean;
  /** Whether it keeps using handles of a stopped service, and of an ended client. */
  readonly keepsStale: boolean;
  /** The newest protocol that it speaks over the wire. */
  readonly version: ProtocolVersion;
}

/** Properties of a pipe. */
export interface PipePlan {
  /** Whether what is written in one piece may arrive in several. */
  readonly split: boolean;
  /** Longest delay of a piece, in milliseconds. */
  readonly delayMs: number;
  /** Where set, no piece has more bytes: the reader gets messages in small parts. */
  readonly mostBytes?: number;
}

/** Which histories a seed stands for: 1 is what the simulator drew first, 2 has what `plan-more.ts` adds, 3 the later scenes, in 4 the
 * service reads from its clients in turn, in 5 there are USB readers, in 6 readers with drivers of pcsc-lite, and in 7 an observer in
 * front of the manager in some. */
export type Edition = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** A history before it happens. */
export interface Plan {
  readonly seed: number;
  readonly edition: Edition;
  readonly profile: ProfileName;
  readonly readers: readonly ReaderPlan[];
  readonly clients: readonly ClientPlan[];
  readonly limits: {
    readonly readers: number;
    readonly contexts: number;
    readonly connectionsPerContext: number;
    readonly waitsPerContext: number;
    readonly operationMs: number;
    readonly queriesPerWait: number;
    readonly rememberedReaders: number;
  };
  readonly sessions: number;
  /** Bytes that a client of the service may be ahead. */
  readonly aheadBytes: number;
  readonly pipe: PipePlan;
  /** The pipe between a vpcd card and its reader. */
  readonly cardPipe: PipePlan;
  /** How much faster the wall clock goes than the monotonic one, in parts of a million. */
  readonly driftPpm: number;
  readonly events: readonly HistoryEvent[];
  /** Who listens to an observer in front of the manager; undefined where there is none. */
  readonly observed: ObservedPlan | undefined;
}

/** A listener that is told at once, or later, where so many events are kept. */
export type ObservedPlan = { readonly when: "now" } | { readonly when: "later"; readonly kept: number };

const cardKinds = [
  [6, "both"],
  [2, "t1"],
  [2, "t0"],
  [1, "garbage"],
  [1, "silent"],
] as const;

const acts = [
  [10, "establish"],
  [26, "connect"],
  [10, "reconnect"],
  [8, "disconnect"],
  [22, "begin"],
  [16, "end"],
  [24, "transmit"],
  [6, "status"],
  [3, "control"],
  [2, "attribute"],
  [1, "count"],
  [10, "watch"],
  [4, "cancel"],
  [2, "release"],
  [4, "die"],
  [2, "abort"],
  [1, "hoard"],
  [1, "stall"],
  [2, "unstall"],
  [1, "stop-waiting"],
  [5, "insert"],
  [5, "remove"],
  [1, "mute"],
  [2, "unmute"],
  [5, "slow"],
  [1, "hang"],
  [2, "unhang"],
  [1, "unplug"],
  [3, "plug"],
  [1, "spoil"],
  [1, "deaf"],
  [1, "babble"],
  [1, "restart"],
  [12, "pass"],
] as const;

type Act = (typeof acts)[number][1];

/** Acts that every history needs to get anywhere. */
const essential: ReadonlySet<Act> = new Set<Act>([
  "establish",
  "connect",
  "begin",
  "end",
  "transmit",
  "pass",
  "insert",
  "unmute",
  "unhang",
]);

/** Makes the history of a seed. */
export function makePlan(seed: number, edition: Edition = 7): Plan {
  const plan = makeFirst(seed);
  if (edition === 1) return plan;
  const more = drawMore(plan, (dice, client, reader) => connect(dice, client, reader));
  if (edition === 2) return { ...plan, ...more, edition };
  const later = { ...plan, ...more, events: drawLater({ ...plan, ...more }), edition };
  if (edition < 5) return later;
  const withUsb = { ...later, ...drawUsb(later) };
  if (edition < 6) return withUsb;
  const withDrivers = { ...withUsb, ...drawDrivers(withUsb) };
  return edition < 7 ? withDrivers : { ...withDrivers, ...drawObserver(withDrivers) };
}

/** What the first edition drew, draw by draw. Nothing may be added here. */
function makeFirst(seed: number): Plan & Omit<More, "events"> {
  const dice = new Dice(seed);
  const readers = Array.from(
    {
      length: dice.weighted([
        [5, 1],
        [3, 2],
        [1, 3],
        [1, 4],
      ]),
    },
    (): ReaderPlan => ({
      kind: dice.chance(20) ? "vpcd" : "virtual",
      canEject: dice.chance(70),
      card: dice.chance(85) ? dice.weighted(cardKinds) : undefined,
    }),
  );
  const wirePercent = dice.pick([0, 0, 30, 100]);
  const clients = Array.from(
    { length: 1 + dice.below(dice.pick([3, 4, 8])) },
    (): ClientPlan => ({
      kind: dice.chance(wirePercent) ? "wire" : "port",
      watches: dice.chance(25),
      oneAtATime: false,
      keepsStale: false,
      version: "4:6",
    }),
  );
  const isNarrow = dice.chance(25);
  const limit = (narrow: number): number => (isNarrow ? 1 + dice.below(narrow) : 64);
  const limits = {
    readers: isNarrow ? readers.length : 64,
    contexts: isNarrow ? clients.length + dice.below(3) : 64,
    connectionsPerContext: limit(3),
    waitsPerContext: limit(3),
    operationMs: dice.pick([2000, 8000, 600_000]),
    queriesPerWait: 4097,
    rememberedReaders: 1024,
  };
  const events = makeEvents(dice, readers.length, clients);
  const profile = dice.pick(["windows", "pcsclite"] as const);
  const sessions = isNarrow ? 1 + dice.below(4) : 64;
  const pipe = { split: dice.chance(60), delayMs: dice.pick([0, 0, 1, 20]) };
  const neutral = { aheadBytes: 262_144, cardPipe: pipe, driftPpm: 0 };
  return {
    seed,
    edition: 1,
    profile,
    readers,
    clients,
    limits,
    sessions,
    pipe,
    ...neutral,
    events,
    observed: undefined,
  };
}

function makeEvents(dice: Dice, readers: number, clients: readonly ClientPlan[]): HistoryEvent[] {
  // Swarm: each history has only some of the acts, so that rare ones are not crowded out by the others.
  const swarm = acts.filter(([, act]) => essential.has(act) || dice.chance(60));
  const hasty = dice.pick([0, 20, 60]);
  const favourite = dice.below(readers);
  const draw = (): HistoryEvent => {
    const hops = dice.chance(hasty) ? dice.below(9) : undefined;
    return { ...makeEvent(dice, dice.weighted(swarm), readers, favourite, clients.length), hops };
  };
  const opening = clients.flatMap((_, client): HistoryEvent[] => [
    { act: "establish", client, context: 0, hops: undefined },
    { ...connect(dice, client, favourite), hops: undefined },
  ]);
  return [...opening, ...Array.from({ length: 20 + dice.below(60) }, draw)];
}

function connect(dice: Dice, client: number, reader: number): ClientEvent {
  return {
    act: "connect",
    client,
    context: 0,
    handle: 0,
    reader,
    mode: dice.weighted([
      [8, "shared"],
      [1, "exclusive"],
      [1, "direct"],
    ]),
    protocols: dice.weighted([
      [6, ["t0", "t1"]],
      [2, ["t1"]],
      [1, ["t0"]],
      [1, []],
    ]),
    deadlineMs: dice.chance(20) ? dice.pick([0, 50, 1000]) : undefined,
  };
}

function makeEvent(
  dice: Dice,
  act: Act,
  readers: number,
  favourite: number,
  clients: number,
): ClientEvent | WorldEvent {
  const reader = dice.chance(70) ? favourite : dice.below(readers);
  const client = dice.below(clients);
  const handle = dice.weighted([
    [6, 0],
    [2, 1],
    [1, 2],
  ]);
  const context = dice.chance(80) ? 0 : 1;
  const deadlineMs = dice.chance(25) ? dice.pick([0, 10, 1000, 4000]) : undefined;
  const terms = connect(dice, client, reader);
  // An unknown disposition: a caller may be JavaScript, or a hostile program.
  const burn = "burn" as Disposition;
  const disposition = dice.weighted<Disposition>([
    [8, "leave"],
    [4, "reset"],
    [2, "unpower"],
    [1, "eject"],
    [1, burn],
  ]);
  switch (act) {
    case "establish":
    case "cancel":
    case "release":
      return { act, client, context };
    case "connect":
      return terms.act === "connect" ? { ...terms, context, handle } : terms;
    case "reconnect": {
      const initialization = dice.pick<Initialization>(["leave", "leave", "reset", "unpower"]);
      return terms.act === "connect"
        ? { act, client, handle, mode: terms.mode, protocols: terms.protocols, initialization }
        : terms;
    }
    case "disconnect":
    case "end":
      return { act, client, handle, disposition };
    case "begin":
    case "status":
      return { act, client, handle, deadlineMs };
    case "transmit": {
      const what = dice.weighted([
        [8, "echo"],
        [2, "pin"],
        [1, "long"],
        [1, "short"],
      ] as const);
      return { act, client, handle, what, wrong: dice.chance(5), deadlineMs };
    }
    case "control":
    case "attribute":
    case "count":
      return { act, client, handle };
    case "watch": {
      const beliefs = [
        "unaware",
        "handed-back",
        "handed-back",
        "empty",
        "present",
        "ignore",
        "stranger",
        "pnp",
        "nothing",
      ] as const;
      return { act, client, context, belief: dice.pick(beliefs), deadlineMs };
    }
    case "hoard":
      return { act, client, context, reader, what: dice.pick(["contexts", "connections", "waits"]) };
    case "abort":
    case "die":
    case "stall":
    case "unstall":
    case "stop-waiting":
      return { act, client };
    default:
      return makeWorldEvent(dice, act, reader);
  }
}

function makeWorldEvent(dice: Dice, act: Exclude<Act, ClientEvent["act"]>, reader: number): WorldEvent {
  switch (act) {
    case "insert":
      return { act, reader, card: dice.weighted(cardKinds) };
    case "slow":
      return { act, reader, delayMs: dice.pick([0, 0, 5, 200, 3000, 9000]) };
    case "plug":
      return { act, reader, rename: dice.chance(40) };
    case "spoil":
      return { act, reader, how: dice.pick(["empty", "throw", "huge-atr"]) };
    case "pass":
      return { act, ms: dice.pick([1, 20, 100, 150, 1000, 2500, 5000, 12_000, 3_600_000]) };
    case "restart":
      return { act };
    default:
      return { act, reader };
  }
}
