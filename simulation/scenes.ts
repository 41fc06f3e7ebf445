// SPDX-License-Identifier: MIT

import type { Disposition } from "../src/port/index.ts";
import type { Dice } from "./dice.ts";
import type { ClientEvent, DriverFailure, HistoryEvent, WorldEvent } from "./events.ts";

// Scenes are short sequences of events that lead to places where chance alone seldom comes.

export type SceneEvent = ClientEvent | WorldEvent;

/** The clients and readers of a scene. */
export interface Cast {
  readonly dice: Dice;
  readonly readers: number;
  readonly reader: number;
  /** Two clients; the same one where there is one only. */
  readonly one: number;
  readonly other: number;
  /** An operation's ceiling has passed by then. */
  readonly ceilingMs: number;
}

/** An event of a scene; after one that is `soon` over, the next comes after so many promise callbacks. */
export type Step = SceneEvent | { readonly soon: SceneEvent; readonly hops: number };

/** A step as an event of a history. */
export function timed(step: Step): HistoryEvent {
  return "soon" in step ? { ...step.soon, hops: step.hops } : { ...step, hops: undefined };
}

/** A wall clock that is set: by a moment, by hours, by years, forward and back. */
export function jump(dice: Dice): number {
  const ms = dice.pick([1, 40, 3000, 3_600_000, 86_400_000, 4_000_000_000_000]);
  return dice.chance(50) ? ms : -ms;
}

export function connected(client: number, reader: number, handle = 0): SceneEvent {
  const terms = { mode: "shared", protocols: ["t0", "t1"], deadlineMs: undefined } as const;
  return { act: "connect", client, context: 0, handle, reader, ...terms };
}

/** A client that surely has a context and a connection. */
export function ready(client: number, reader: number, handle = 0): Step[] {
  return [{ act: "establish", client, context: 0 }, connected(client, reader, handle)];
}

export function working(reader: number): Step[] {
  return [
    { act: "plug", reader, rename: false },
    { act: "unhang", reader },
    { act: "unmute", reader },
    { act: "slow", reader, delayMs: 0 },
    { act: "remove", reader },
    { act: "insert", reader, card: "both" },
  ];
}

export function soon(dice: Dice, happening: SceneEvent): Step {
  return { soon: happening, hops: dice.below(9) };
}

/** Every operation that takes a turn, by one connection, at once. */
function everything(client: number, handle: number, deadlineMs?: number): Step[] {
  const of = { client, handle };
  const all: SceneEvent[] = [
    { act: "status", ...of, deadlineMs },
    { act: "transmit", ...of, what: "echo", wrong: false, deadlineMs },
    { act: "odd-control", ...of, code: 0x4200_0d48, deadlineMs },
    { act: "attribute", ...of },
    { act: "set-attribute", ...of, what: "known", deadlineMs },
    { act: "begin", ...of, deadlineMs },
  ];
  return all.map((happening) => ({ soon: happening, hops: 0 }));
}

function ejectInTrouble({ ceilingMs, dice, one, reader }: Cast): Step[] {
  const disposition: Disposition = "eject";
  const ends = dice.chance(50);
  const trouble: Step[] = dice.pick<Step[]>([
    [{ act: "deaf", reader }],
    [{ act: "deaf", reader }],
    [{ act: "odd", reader, how: "comm-error" }],
  ]);
  const then = dice.pick<Step[]>([
    [{ act: "remove", reader }],
    [{ act: "pass", ms: ceilingMs }],
    [{ act: "unplug", reader }],
    [{ act: "die", client: one }],
    [],
  ]);
  const asked: SceneEvent = { act: ends ? "end" : "disconnect", client: one, handle: 0, disposition };
  const begin: Step[] = ends ? [{ act: "begin", client: one, handle: 0, deadlineMs: undefined }] : [];
  return [
    ...working(reader),
    ...ready(one, reader),
    ...begin,
    ...trouble,
    soon(dice, asked),
    ...then,
    { act: "pass", ms: dice.pick([1, 5100]) },
    { act: "unhang", reader },
    { act: "pass", ms: dice.pick([1, 6000]) },
  ];
}

function resetInTrouble({ ceilingMs, dice, one, reader }: Cast): Step[] {
  const terms = { mode: "shared", protocols: ["t0", "t1"] } as const;
  const resets: SceneEvent = dice.pick<SceneEvent>([
    { act: "reconnect", client: one, handle: 0, ...terms, initialization: dice.pick(["reset", "unpower"]) },
    { act: "end", client: one, handle: 0, disposition: "reset" },
    { act: "disconnect", client: one, handle: 0, disposition: dice.pick(["reset", "unpower"]) },
  ]);
  const trouble = dice.pick<SceneEvent>([
    { act: "hang", reader },
    { act: "deaf", reader },
    { act: "mute", reader },
    { act: "odd", reader, how: dice.pick<DriverFailure>(["comm-error", "unpowered-card"]) },
    { act: "slow", reader, delayMs: 3000 },
  ]);
  return [
    ...working(reader),
    ...ready(one, reader),
    { act: "begin", client: one, handle: 0, deadlineMs: undefined },
    trouble,
    soon(dice, resets),
    { act: "pass", ms: dice.pick([1, ceilingMs]) },
    { act: "unhang", reader },
    { act: "unmute", reader },
    { act: "slow", reader, delayMs: 0 },
  ];
}

/** A client that can do one thing at a time requests what only itself could release. */
function deadlock({ dice, one, reader, readers, other }: Cast): Step[] {
  const begin = (client: number, handle: number): Step => ({ act: "begin", client, handle, deadlineMs: undefined });
  if (readers > 1 && dice.chance(40)) {
    const second = (reader + 1) % readers;
    return [
      ...[...working(reader), ...working(second)],
      ...[...ready(one, reader, 0), ...ready(one, second, 1), ...ready(other, second, 0), ...ready(other, reader, 1)],
      ...[begin(one, 0), begin(other, 0), begin(one, 1), ...everything(other, 1)],
      { act: "end", client: one, handle: 0, disposition: "leave" },
      { act: "end", client: other, handle: 0, disposition: "leave" },
    ];
  }
  return [
    ...[...working(reader), ...ready(one, reader, 0), connected(one, reader, 1), begin(one, 0)],
    ...[...everything(one, 1), connected(one, reader, 2)],
    { act: "end", client: one, handle: 0, disposition: "leave" },
    { act: "end", client: one, handle: 1, disposition: "leave" },
  ];
}

function operationInTrouble({ ceilingMs, dice, one, other, reader }: Cast): Step[] {
  const trouble = dice.pick<SceneEvent>([
    { act: "odd", reader, how: "comm-error" },
    { act: "odd", reader, how: "unpowered-card" },
    { act: "deaf", reader },
    { act: "hang", reader },
    { act: "slow", reader, delayMs: 0 },
  ]);
  const of = { client: one, handle: 0, deadlineMs: undefined } as const;
  const asked = dice.pick<SceneEvent>([
    { act: "odd-control", ...of, code: 0x4200_0d48 },
    { act: "transmit", ...of, what: "echo", wrong: false },
    connected(other, reader, 1),
    { act: "reconnect", client: one, handle: 0, mode: "shared", protocols: ["t0", "t1"], initialization: "leave" },
  ]);
  // After a reset the next operation agrees on a protocol first.
  const reset: SceneEvent = { act: "end", client: one, handle: 0, disposition: "reset" };
  const resets: Step[] = dice.chance(50) ? [{ act: "begin", ...of }, reset] : [];
  const then = dice.pick<SceneEvent>([
    { act: "pass", ms: ceilingMs },
    { act: "remove", reader },
    { act: "unplug", reader },
    { act: "die", client: one },
    { act: "restart" },
  ]);
  return [
    ...working(reader),
    ...ready(one, reader),
    { act: "establish", client: other, context: 0 },
    ...resets,
    trouble,
    soon(dice, asked),
    then,
    { act: "pass", ms: dice.pick([1, 5100]) },
    { act: "unhang", reader },
  ];
}

/** Card or reader go in the middle of what is about the reader alone. */
function controlCutShort({ dice, one, reader }: Cast): Step[] {
  const control: SceneEvent = {
    ...{ act: "odd-control", client: one, handle: 0, deadlineMs: undefined },
    code: 0x4200_0d48,
  };
  return [
    ...[...working(reader), ...ready(one, reader)],
    ...(dice.chance(40) ? [{ act: "deaf", reader } as const] : []),
    { soon: control, hops: dice.pick([0, 0, 0, 1, 2]) },
    { act: dice.pick(["remove", "unplug"] as const), reader },
    { act: "unhang", reader },
    { act: "plug", reader, rename: false },
  ];
}

/** A program dies in the middle of an operation that does not end. */
function orphan({ ceilingMs, dice, one, reader }: Cast): Step[] {
  const of = { client: one, handle: 0, deadlineMs: undefined } as const;
  const asked = dice.pick<SceneEvent>([
    { act: "odd-control", ...of, code: 0x4200_0d48 },
    { act: "transmit", ...of, what: "echo", wrong: false },
    { act: "end", client: one, handle: 0, disposition: "reset" },
    { act: "end", client: one, handle: 0, disposition: "eject" },
    { act: "reconnect", client: one, handle: 0, mode: "shared", protocols: ["t0", "t1"], initialization: "unpower" },
  ]);
  return [
    ...working(reader),
    ...ready(one, reader),
    { act: "begin", ...of },
    { act: "deaf", reader },
    soon(dice, asked),
    { act: "die", client: one },
    { act: "pass", ms: dice.pick([5001, ceilingMs]) },
    { act: "unhang", reader },
    { act: "pass", ms: 1 },
  ];
}

/** No client is connected any more, and the card cannot be powered down. */
function lightsOut({ ceilingMs, dice, one, reader }: Cast): Step[] {
  const then = dice.pick<SceneEvent>([
    { act: "remove", reader },
    { act: "unplug", reader },
    { act: "pass", ms: ceilingMs },
    { act: "mute", reader },
  ]);
  const disposition = dice.pick(["leave", "unpower"] as const);
  const mutes: Step[] = dice.chance(30)
    ? [
        { act: "begin", client: one, handle: 0, deadlineMs: undefined },
        { act: "mute", reader },
        { act: "end", client: one, handle: 0, disposition: "reset" },
      ]
    : [];
  return [
    ...working(reader),
    ...ready(one, reader),
    ...mutes,
    ...(dice.chance(70) ? [{ act: "deaf", reader } as const] : []),
    { act: "disconnect", client: one, handle: 0, disposition },
    { act: "pass", ms: 5000 },
    then,
    { act: "unhang", reader },
    { act: "unmute", reader },
  ];
}

/** Many wait for one who has the lock; then something ends all that, or all of it for one of them. */
function waitsThatEnd({ dice, one, other, reader }: Cast): Step[] {
  const end = dice.pick<SceneEvent>([
    { act: "restart" },
    { act: "cancel", client: other, context: 0 },
    { act: "release", client: other, context: 0 },
    { act: "disconnect", client: other, handle: 0, disposition: "leave" },
    { act: "remove", reader },
    { act: "unplug", reader },
    { act: "end", client: one, handle: 0, disposition: "reset" },
    { act: "end", client: one, handle: 0, disposition: "leave" },
    { act: "abort", client: other },
    { act: "pass", ms: 12_000 },
  ]);
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader)],
    { act: "begin", client: one, handle: 0, deadlineMs: undefined },
    ...(dice.chance(40) ? [{ act: "hoard", client: other, context: 0, reader, what: "waits" } as const] : []),
    { soon: { act: "watch", client: other, context: 0, belief: "present", deadlineMs: undefined }, hops: 0 },
    ...everything(other, 0, dice.chance(50) ? 4000 : undefined),
    { soon: connected(other, reader, 1), hops: 0 },
    soon(dice, end),
    { act: "pass", ms: 1 },
  ];
}

/** A client of the service that was told to try again gets the turn, and may not fetch it. */
function keptTurn({ dice, one, other, reader }: Cast): Step[] {
  const of = { handle: 0, deadlineMs: undefined } as const;
  const asked = dice.pick<SceneEvent>([
    { act: "begin", client: other, ...of },
    { act: "begin", client: other, ...of },
    { act: "status", client: other, ...of },
    { act: "transmit", client: other, ...of, what: "echo", wrong: false },
  ]);
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader)],
    { act: "begin", client: one, ...of },
    asked,
    { act: "pass", ms: dice.pick([100, 1100, 1100]) },
    { act: "end", client: one, handle: 0, disposition: "leave" },
    { act: "pass", ms: dice.pick([1, 100, 1000]) },
  ];
}

/** A program of the service that asks and asks while another has the card, and may not read what it is answered. */
function floodedService({ dice, one, other, reader }: Cast): Step[] {
  const hoard: SceneEvent = {
    act: "hoard",
    client: one,
    context: 0,
    reader,
    what: dice.pick(["contexts", "connections"]),
  };
  return [
    ...[...working(reader), ...ready(other, reader)],
    { act: "begin", client: other, handle: 0, deadlineMs: undefined },
    { act: "establish", client: one, context: 0 },
    ...(dice.chance(50) ? [hoard] : []),
    ...(dice.chance(30) ? [{ act: "stall", client: one } as const] : []),
    { act: "hoard", client: one, context: 0, reader, what: "requests" },
    { act: "pass", ms: 100 },
    dice.pick<SceneEvent>([
      { act: "end", client: other, handle: 0, disposition: "leave" },
      { act: "end", client: other, handle: 0, disposition: "leave" },
      { act: "die", client: one },
      { act: "restart" },
      { act: "unstall", client: one },
    ]),
    { act: "pass", ms: 100 },
  ];
}

/** A wait for changes over the wire, and something that ends it; a cancel more than once, as it may come too early. */
function watchThatEnds({ dice, one, reader }: Cast): Step[] {
  const watch: SceneEvent = { act: "watch", client: one, context: 0, belief: "handed-back", deadlineMs: undefined };
  const cancel: SceneEvent = { act: "cancel", client: one, context: 0 };
  const end = dice.pick<SceneEvent>([
    cancel,
    cancel,
    { act: "stop-waiting", client: one },
    { act: "insert", reader, card: "both" },
    { act: "remove", reader },
    { act: "unplug", reader },
    { act: "guest", reader, what: "another" },
    { act: "restart" },
  ]);
  const once: Step[] = [soon(dice, watch), soon(dice, end), { act: "pass", ms: 40 }];
  return [
    ...[{ act: "establish", client: one, context: 0 } as const, { act: "pass", ms: 100 } as const],
    ...(end.act === "cancel" ? [...once, ...once, ...once, ...once] : once),
    { act: "stop-waiting", client: one },
  ];
}

/** The lock's holder does nothing, or just enough, while the wall clock jumps. */
function timeThatJumps({ dice, one, other, reader }: Cast): Step[] {
  const deadlineMs = dice.pick([1000, 4000]);
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader)],
    { act: "begin", client: one, handle: 0, deadlineMs: undefined },
    { soon: { act: "begin", client: other, handle: 0, deadlineMs }, hops: 0 },
    { soon: { act: "watch", client: other, context: 0, belief: "present", deadlineMs }, hops: 0 },
    { act: "jump", ms: jump(dice) },
    { act: "pass", ms: dice.pick([1, 1000, 2500]) },
    { act: "jump", ms: jump(dice) },
    { act: "pass", ms: 2500 },
    { act: "pass", ms: 5000 },
  ];
}

/** Each draws a scene for who and what it is about. */
export const scenes: readonly ((cast: Cast) => Step[])[] = [
  ejectInTrouble,
  resetInTrouble,
  deadlock,
  operationInTrouble,
  controlCutShort,
  orphan,
  lightsOut,
  waitsThatEnd,
  keptTurn,
  floodedService,
  watchThatEnds,
  timeThatJumps,
];
