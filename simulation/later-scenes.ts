// SPDX-License-Identifier: MIT

import type { Disposition, Initialization, Protocol, ShareMode } from "../src/port/index.ts";
import type { Dice } from "./dice.ts";
import { type Cast, connected, ready, type SceneEvent, type Step, soon, working } from "./scenes.ts";

// The scenes of the third edition. See scenes.ts.

const untimed = { deadlineMs: undefined } as const;

function begin(client: number, handle = 0): SceneEvent {
  return { act: "begin", client, handle, ...untimed };
}

function end(client: number, disposition: Disposition, handle = 0): SceneEvent {
  return { act: "end", client, handle, disposition };
}

function transmit(client: number, handle = 0): SceneEvent {
  return { act: "transmit", client, handle, what: "echo", wrong: false, ...untimed };
}

/** The idle limit is reached while the holder uses the card, or does so just before; then it does nothing more. */
function idleBesideUse({ dice, one, other, reader }: Cast): Step[] {
  const use: Step[] = dice.pick<Step[]>([
    [
      { act: "slow", reader, delayMs: dice.pick([1500, 5600]) },
      { act: "pass", ms: 4000 },
      soon(dice, transmit(one)),
      { act: "pass", ms: 6000 },
    ],
    [{ act: "pass", ms: 3000 }, transmit(one)],
    [{ act: "pass", ms: 4999 }, soon(dice, begin(one)), soon(dice, end(one, "leave"))],
    [],
  ]);
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader), begin(one)],
    ...(dice.chance(50) ? [soon(dice, begin(other))] : []),
    ...use,
    { act: "slow", reader, delayMs: 0 },
    ...[{ act: "pass", ms: 2000 } as const, { act: "pass", ms: 4000 } as const, { act: "pass", ms: 12_000 } as const],
  ];
}

/**
 * Several dispositions are due while a client has the lock: of the same kind and of others, by connections that end and by
 * programs that die. The first may fail, or the card may go before.
 */
function severalDispositions({ dice, one, other, reader }: Cast): Step[] {
  const dispositions = dice.pick<readonly Disposition[]>([
    ["eject", "eject", "reset"],
    ["eject", "eject", "eject"],
    ["eject", "reset", "reset"],
    ["reset", "eject", "reset"],
    ["unpower", "reset", "reset"],
    ["reset", "reset", "reset"],
  ]);
  const dies = dice.chance(40);
  const leaves = dispositions.map((disposition, index): Step => {
    if (dies && index === 2) return { act: "die", client: other };
    return soon(dice, { act: "disconnect", client: other, handle: index, disposition });
  });
  const fails: Step[] = dice.chance(60) ? [{ act: "odd", reader, how: "comm-error" }] : [];
  const then = dice.pick<SceneEvent>([
    ...[end(one, "leave"), end(one, "leave"), end(one, "leave")],
    { act: "remove", reader },
    { act: "die", client: one },
    { act: "pass", ms: 5100 },
  ]);
  return [
    ...[...working(reader), ...ready(one, reader)],
    ...[...ready(other, reader, 0), connected(other, reader, 1), connected(other, reader, 2)],
    ...[begin(one), ...leaves, ...fails, soon(dice, then)],
    ...[begin(one), transmit(one), end(one, "leave"), { act: "pass", ms: 5100 } as const],
  ];
}

interface Terms {
  readonly mode: ShareMode;
  readonly protocols: readonly Protocol[];
  readonly initialization: Initialization;
}

/** Terms that differ from others in one point. */
function changed(dice: Dice, terms: Terms): Terms {
  return dice.pick<Terms>([
    { ...terms, initialization: terms.initialization === "leave" ? "reset" : "leave" },
    { ...terms, initialization: terms.initialization === "unpower" ? "reset" : "unpower" },
    { ...terms, protocols: terms.protocols.length === 1 ? ["t0", "t1"] : ["t1"] },
    { ...terms, mode: terms.mode === "shared" ? "direct" : "shared" },
  ]);
}

/** A program of the service whose reconnect is kept asks for the same once more, or for another. */
function keptReconnect({ dice, one, other, reader }: Cast): Step[] {
  const terms: Terms = {
    mode: "shared",
    protocols: ["t0", "t1"],
    initialization: dice.pick<Initialization>(["leave", "reset", "unpower"]),
  };
  const reconnect = (asked: Terms): SceneEvent => ({ act: "reconnect", client: other, handle: 0, ...asked });
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader), begin(one)],
    soon(dice, reconnect(terms)),
    { act: "pass", ms: 1020 },
    soon(dice, reconnect(dice.chance(70) ? changed(dice, terms) : terms)),
    { act: "pass", ms: dice.pick([1, 300]) },
    end(one, "leave"),
    { act: "pass", ms: 400 },
    transmit(other),
  ];
}

/** A client of the service gets the turn that was kept for it, and does not fetch it, or ends a transaction that it was not told of. */
function unfetchedTurn({ dice, one, other, reader }: Cast): Step[] {
  const then = dice.pick<Step[]>([
    [end(other, "leave")],
    [end(other, "reset")],
    [{ act: "pass", ms: 100 }, end(other, "leave")],
    [],
    [],
  ]);
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader), begin(one)],
    soon(dice, dice.pick([begin(other), transmit(other)])),
    { act: "pass", ms: dice.pick([1010, 1150]) },
    end(one, "leave"),
    ...then,
    ...[{ act: "pass", ms: 700 } as const, { act: "pass", ms: 700 } as const, { act: "pass", ms: 700 } as const],
  ];
}

/** Many programs of the service ask and ask, some do not read, some hang up with requests pending; others just use the card. */
function stampede({ dice, one, other, reader }: Cast): Step[] {
  const floods = Array.from({ length: 1 + dice.below(4) }, (): Step => {
    return soon(dice, { act: "hoard", client: one, context: 0, reader, what: "requests" });
  });
  const meanwhile = dice.pick<Step[]>([
    [{ act: "stall", client: one }, { act: "pass", ms: 20 }, ...floods, { act: "pass", ms: 200 }],
    [...floods, { soon: { act: "die", client: one }, hops: dice.below(30) }],
    [
      { act: "pass", ms: dice.pick([1, 20]) },
      { act: "die", client: one },
    ],
    [...floods, ...floods],
  ]);
  return [
    ...[...working(reader), ...ready(one, reader), ...ready(other, reader)],
    ...(dice.chance(60) ? [begin(other)] : []),
    ...[...floods, ...meanwhile],
    ...[soon(dice, { act: "status", client: other, handle: 0, ...untimed }), transmit(other)],
    ...[end(other, dice.pick(["leave", "reset"])), { act: "unstall", client: one } as const],
    { act: "pass", ms: 100 },
  ];
}

/** Contexts and cards are opened and closed, in every way. */
function comeAndGo({ dice, one, reader }: Cast): Step[] {
  const rounds = Array.from({ length: 1 + dice.below(3) }, (): Step[] => [
    ...[...ready(one, reader, 0), connected(one, reader, 1)],
    dice.pick<SceneEvent>([
      { act: "release", client: one, context: 0 },
      { act: "die", client: one },
      { act: "disconnect", client: one, handle: 0, disposition: "leave" },
      { act: "restart" },
    ]),
    { act: "pass", ms: 50 },
  ]);
  return [...working(reader), ...rounds.flat()];
}

/** Each draws a scene for who and what it is about. */
export const laterScenes: readonly ((cast: Cast) => Step[])[] = [
  idleBesideUse,
  severalDispositions,
  severalDispositions,
  keptReconnect,
  unfetchedTurn,
  stampede,
  comeAndGo,
];
