// SPDX-License-Identifier: MIT

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ProfileName } from "../../src/managers/embedded/index.ts";
import type { Disposition, Initialization } from "../../src/port/index.ts";
import { assertForASecond, found, letters, Model, type Place, places, Real } from "./model-world.ts";
import type { Mode } from "./reference-model.ts";
import { settle } from "./world.ts";

// Any history of four clients at two readers, told to the manager and to a sequential model of it (reference-model.ts).
// After each step the two must agree on every call so far, pending or how it ended; on what each card has seen, in
// order; and on what `inspect` tells. So the model's few lines are the rules: one holder, first come, first served, a
// reset or removal is told once, a dead client's card is reset before the next turn, a cancel ends what it should.
// A failing run prints its seed and the shortest history that still fails.

type Step = fc.AsyncCommand<Model, Real>;

/** One event: when it can happen, what should follow from it, and how it is brought about. */
function step(
  text: string,
  can: (model: Model) => boolean,
  foretell: (model: Model) => void,
  act: (real: Real) => unknown,
): Step {
  return {
    check: can,
    toString: () => text,
    async run(model, real) {
      foretell(model);
      await act(real);
      await settle();
      expect(await real.tell(), `after "${text}"`).toBe(model.tell());
    },
  };
}

const who = (seat: number): string => found(letters[seat]);
const hasConnection = (seat: number, place: Place) => (model: Model) =>
  model.seat(seat).connections[place] !== undefined;

const steps = {
  connect: (seat: number, place: Place, mode: Mode): Step =>
    step(
      `${who(seat)} connects ${mode} ${places[place]}`,
      (model) => {
        const { client } = model.seat(seat);
        const { connections, queue } = model.readers[place];
        const isConnecting = queue.some(({ call, operation }) => operation === "connect" && call.client === client);
        return !isConnecting && !connections.some((connection) => connection.client === client);
      },
      (model) => model.connect(seat, place, mode),
      (real) => real.connect(seat, place, mode),
    ),

  reconnect: (seat: number, place: Place, mode: Mode, initialization: Initialization): Step =>
    step(
      `${who(seat)} reconnects ${mode} with ${initialization} ${places[place]}`,
      hasConnection(seat, place),
      (model) => model.use(seat, place, (call, by) => model.readers[place].reconnect(call, by, mode, initialization)),
      (real) => {
        const options = { shareMode: mode, preferredProtocols: ["t1"], initialization } as const;
        real.call(real.connection(seat, place).reconnect(options));
      },
    ),

  begin: (seat: number, place: Place, deadline: boolean): Step =>
    step(
      `${who(seat)} begins ${deadline ? "with a deadline " : ""}${places[place]}`,
      hasConnection(seat, place),
      (model) => model.use(seat, place, (call, by) => model.readers[place].begin(call, by, deadline)),
      (real) => real.call(real.connection(seat, place).beginTransaction(deadline ? { timeoutMs: 1000 } : {})),
    ),

  end: (seat: number, place: Place, disposition: Disposition): Step =>
    step(
      `${who(seat)} ends with ${disposition} ${places[place]}`,
      hasConnection(seat, place),
      (model) => model.use(seat, place, (call, by) => model.readers[place].end(call, by, disposition), disposition),
      (real) => real.call(real.connection(seat, place).endTransaction(disposition)),
    ),

  transmit: (seat: number, place: Place, slow: boolean): Step =>
    step(
      `${who(seat)} transmits ${slow ? "for long " : ""}${places[place]}`,
      hasConnection(seat, place),
      (model) => model.use(seat, place, (call, by) => model.readers[place].transmit(call, by, slow)),
      (real) => real.transmit(seat, place, slow),
    ),

  answer: (place: Place): Step =>
    step(
      `the card answers ${places[place]}`,
      (model) => model.readers[place].exchange !== undefined,
      (model) => model.readers[place].answer(),
      (real) => real.cards[place].answer(),
    ),

  disconnect: (seat: number, place: Place, disposition: Disposition): Step =>
    step(
      `${who(seat)} disconnects with ${disposition} ${places[place]}`,
      hasConnection(seat, place),
      (model) =>
        model.use(seat, place, (call, by) => model.readers[place].disconnect(by, disposition, call), disposition),
      (real) => real.call(real.connection(seat, place).disconnect(disposition)),
    ),

  cancel: (seat: number): Step =>
    step(
      `${who(seat)} cancels`,
      () => true,
      (model) => {
        for (const reader of model.readers) reader.cancel(model.seat(seat).client);
      },
      (real) => real.context(real.seat(seat)).cancel(),
    ),

  crash: (seat: number): Step =>
    step(
      `${who(seat)} dies`,
      () => true,
      (model) => {
        for (const reader of model.readers) reader.crash(model.seat(seat).client);
        model.seat(seat).number++;
      },
      (real) => real.crash(real.seat(seat)),
    ),

  insert: (place: Place): Step =>
    step(
      `a card goes in ${places[place]}`,
      (model) => model.readers[place].card === undefined,
      (model) => model.readers[place].insert(),
      (real) => real.readers[place].insert(real.cards[place]),
    ),

  remove: (place: Place): Step =>
    step(
      `the card is pulled ${places[place]}`,
      (model) => model.readers[place].card !== undefined,
      (model) => model.readers[place].remove(),
      (real) => real.readers[place].remove(),
    ),

  idle: (): Step =>
    step(
      "5 s pass",
      // What becomes of exchanges that last is the matter of other tests.
      (model) => model.readers.every(({ exchange }) => exchange === undefined),
      (model) => {
        for (const reader of model.readers) reader.idle();
      },
      (real) => real.runtime.advance(5000),
    ),
};

/** Steps, each as often as its weight says: so that many wait in line, and a card is seldom away for long. */
const anyStep: fc.Arbitrary<Step>[] = (() => {
  const seat = fc.constantFrom(0, 0, 0, 1, 1, 2, 3);
  const place = fc.constantFrom<Place[]>(0, 0, 0, 1);
  const mode = fc.constantFrom<Mode[]>(...Array<Mode>(7).fill("shared"), "exclusive");
  const initialization = fc.constantFrom<Initialization[]>("leave", "reset", "unpower");
  const burn = "burn" as Disposition;
  const disposition = fc.constantFrom<Disposition[]>(
    "leave",
    "leave",
    "leave",
    "reset",
    "reset",
    "unpower",
    "eject",
    burn,
  );
  const flag = fc.boolean();
  const weighted: [weight: number, steps: fc.Arbitrary<Step>][] = [
    [12, fc.tuple(seat, place, mode).map((parts) => steps.connect(...parts))],
    [9, fc.tuple(seat, place, mode, initialization).map((parts) => steps.reconnect(...parts))],
    [20, fc.tuple(seat, place, flag).map((parts) => steps.begin(...parts))],
    [8, fc.tuple(seat, place, disposition).map((parts) => steps.end(...parts))],
    [12, fc.tuple(seat, place, flag).map((parts) => steps.transmit(...parts))],
    [5, place.map(steps.answer)],
    [4, fc.tuple(seat, place, disposition).map((parts) => steps.disconnect(...parts))],
    [3, seat.map(steps.cancel)],
    [2, seat.map(steps.crash)],
    [12, place.map(steps.insert)],
    [1, place.map(steps.remove)],
    [2, fc.constant(steps.idle())],
  ];
  return weighted.flatMap(([weight, arbitrary]) => Array<fc.Arbitrary<Step>>(weight).fill(arbitrary));
})();

/** Holders end their transactions, all clients disconnect and exit: every call ends, and nothing is left. */
async function finish(model: Model, real: Real): Promise<void> {
  for (const place of [0, 1] as const) {
    const reader = model.readers[place];
    for (let left = 1000; left > 0; left--) {
      const holder = model.seats.findIndex(({ connections }) => connections[place] === reader.lock?.owner);
      if (reader.exchange !== undefined) await steps.answer(place).run(model, real);
      else if (reader.lock !== undefined) await steps.end(holder, place, "leave").run(model, real);
      else break;
    }
  }
  expect(real.calls).not.toContain("pending");
  expect(real.dying).toBe(0);
  for (const place of [0, 1] as const) {
    for (const [index, seat] of model.seats.entries()) {
      if (seat.connections[place]?.open) await steps.disconnect(index, place, "leave").run(model, real);
    }
  }
  for (const seat of real.seats) await real.context(seat).release();
  await real.runtime.advance(5000);
  expect(real.runtime.pendingTimers).toEqual([]);
  const { clients, readers } = await real.manager.inspect();
  expect(clients).toEqual([]);
  for (const reader of readers) {
    expect(reader).toMatchObject({ connections: [], lock: undefined, queue: [] });
    expect(reader.card?.powered ?? false).toBe(false);
  }
  await real.manager.close();
}

async function happen(profile: ProfileName, history: Iterable<Step>): Promise<void> {
  const [model, real] = [new Model(profile), await Real.start(profile)];
  await fc.asyncModelRun(() => ({ model, real }), history);
  await finish(model, real);
}

describe("any history of four clients at two readers goes as the reference model says", () => {
  for (const profile of ["windows", "pcsclite"] as const) {
    const histories = fc.commands(anyStep, { maxCommands: 80, size: "max" });
    const property = fc.asyncProperty(histories, (history) => happen(profile, history));

    test(`under the ${profile} profile, always the same histories`, async () => {
      await fc.assert(property, { seed: 2, numRuns: 500 });
    });

    test(`under the ${profile} profile, other histories each time`, async () => {
      await assertForASecond(property);
    });
  }
});
