// SPDX-License-Identifier: MIT

import * as fc from "fast-check";
import { expect } from "vitest";
import { type SoftwareCard, VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager, type ManagerClient, type ProfileName } from "../../src/managers/embedded/index.ts";
import { type Connection, type Context, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { type Call, type Mode, type ModelConnection, ReferenceReader } from "./reference-model.ts";
import { bytesOf, settle } from "./world.ts";

// Four clients at two readers, twice: as the reference model has them, and as the manager does. Both tell how things
// stand in the same words, so that a difference can be read.

export const places = ["left", "right"] as const;
export type Place = 0 | 1;

/** Seats are lettered; the first client in seat a is a1. */
export const letters = ["a", "b", "c", "d"] as const;

/** A card that answers with the command and 9000, and with P1 = 1 not before it is told to. */
class PatientCard implements SoftwareCard {
  /** Resets, and commands by the number that they carry. */
  readonly log: string[] = [];
  /** Lets it answer. */
  answer: () => void = () => {};

  reset(kind: "cold" | "warm"): Uint8Array {
    this.log.push(kind);
    return bytesOf("3B8180018080");
  }

  powerOff(): void {}

  process(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const [, p1, high = 0, low = 0] = command;
    this.log.push(`#${high * 256 + low}`);
    const response = Uint8Array.of(...command, 0x90, 0x00);
    if (p1 === 0) return response;
    return new Promise((resolve) => {
      this.answer = () => resolve(response);
    });
  }
}

/** Where a client sits; when one dies, the next takes its seat, and finds its handles there. */
class Seat<C> {
  readonly letter: string;
  readonly connections: [left: C | undefined, right: C | undefined] = [undefined, undefined];
  number = 1;

  constructor(letter: string) {
    this.letter = letter;
  }

  get client(): string {
    return `${this.letter}${this.number}`;
  }
}

/** What is expected of the manager. */
export class Model {
  readonly calls: Call[] = [];
  readonly readers: readonly [ReferenceReader, ReferenceReader];
  readonly seats = letters.map((letter) => new Seat<ModelConnection>(letter));

  constructor(profile: ProfileName) {
    this.readers = [new ReferenceReader(profile), new ReferenceReader(profile)];
  }

  seat(index: number): Seat<ModelConnection> {
    return found(this.seats[index]);
  }

  call(seat: number): Call {
    const call: Call = { number: this.calls.length, client: this.seat(seat).client, outcome: "pending" };
    this.calls.push(call);
    return call;
  }

  /** A call on a connection, which fails if the call is given a disposition that there is not, or if the connection is closed. */
  use(seat: number, place: Place, act: (call: Call, by: ModelConnection) => void, disposition = "leave"): void {
    const call = this.call(seat);
    const by = found(this.seat(seat).connections[place]);
    if (disposition === "burn") call.outcome = "invalid-value";
    else if (!by.open) call.outcome = "invalid-handle";
    else act(call, by);
  }

  connect(seat: number, place: Place, mode: Mode): void {
    const { client, connections } = this.seat(seat);
    const by: ModelConnection = { client, mode, open: false, fault: undefined };
    this.readers[place].connect(this.call(seat), by, () => {
      connections[place] = by;
    });
  }

  tell(): string {
    const readers = this.readers.map(({ card, connections, lock, log, queue }, place) =>
      describeReader({
        place,
        powered: card?.powered,
        connections: connections.map(({ client, mode }) => `${client} ${mode}`),
        lock: lock && `${lock.owner.client} ${lock.depth}`,
        queue: queue
          .filter(({ by }) => lock === undefined || by !== lock.owner)
          .map(({ call, operation }) => `${call.client} ${operation}`),
        log,
      }),
    );
    const calls = this.calls.map(({ outcome }) => outcome);
    return describeAll(
      readers,
      calls,
      this.seats.map(({ client }) => client),
    );
  }
}

/** The manager itself, and what has become of the calls to it. */
export class Real {
  readonly runtime: SimulatedRuntime = new SimulatedRuntime({ settle });
  readonly manager: EmbeddedManager;
  readonly cards = [new PatientCard(), new PatientCard()] as const;
  readonly readers: readonly [VirtualReader, VirtualReader];
  readonly seats = letters.map((letter) => new Seat<Connection>(letter));
  readonly calls: string[] = [];
  /** Clients that are dead and not buried yet. */
  dying = 0;
  readonly #clients = new Map<Seat<Connection>, { client: ManagerClient; context: Context }>();

  constructor(profile: ProfileName) {
    this.manager = new EmbeddedManager({ runtime: this.runtime, profile });
    const [left, right] = places;
    const { clock } = this.runtime;
    this.readers = [new VirtualReader({ name: left, clock }), new VirtualReader({ name: right, clock })];
  }

  static async start(profile: ProfileName): Promise<Real> {
    const real = new Real(profile);
    for (const [place, reader] of real.readers.entries()) {
      await real.manager.addReader(reader);
      reader.insert(found(real.cards[place]));
    }
    for (const seat of real.seats) await real.sit(seat);
    await settle();
    return real;
  }

  seat(index: number): Seat<Connection> {
    return found(this.seats[index]);
  }

  connection(seat: number, place: Place): Connection {
    return found(this.seat(seat).connections[place]);
  }

  context(seat: Seat<Connection>): Context {
    return found(this.#clients.get(seat)).context;
  }

  async sit(seat: Seat<Connection>): Promise<void> {
    const client = this.manager.client({ name: seat.client });
    this.#clients.set(seat, { client, context: await client.establishContext() });
  }

  async crash(seat: Seat<Connection>): Promise<void> {
    this.dying++;
    found(this.#clients.get(seat))
      .client.end()
      .then(() => this.dying--);
    seat.number++;
    await this.sit(seat);
  }

  /** Notes what becomes of a call. */
  call(promise: Promise<unknown>): void {
    const number = this.calls.push("pending") - 1;
    promise.then(
      () => {
        this.calls[number] = "done";
      },
      (error: unknown) => {
        this.calls[number] = error instanceof SmartCardError ? error.code : String(error);
      },
    );
  }

  connect(index: number, place: Place, shareMode: Mode): void {
    const seat = this.seat(index);
    const connected = this.context(seat).connect(places[place], { shareMode, preferredProtocols: ["t1"] });
    this.call(
      connected.then((connection) => {
        seat.connections[place] = connection;
      }),
    );
  }

  transmit(seat: number, place: Place, slow: boolean): void {
    const number = this.calls.length;
    const command = [0x80, slow ? 1 : 0, number >> 8, number & 0xff];
    const answered = this.connection(seat, place).transmit(Uint8Array.from(command));
    this.call(answered.then((answer) => expect([...answer]).toEqual([...command, 0x90, 0x00])));
  }

  async tell(): Promise<string> {
    const { clients, readers } = await this.manager.inspect();
    const told = readers.map(({ card, connections, lock, queue }, place) =>
      describeReader({
        place,
        powered: card?.powered,
        connections: connections.map(({ client, shareMode }) => `${client.name} ${shareMode}`),
        lock: lock && `${lock.client.name} ${lock.depth}`,
        queue: queue.map(({ client, operation }) => `${client.name} ${operation}`),
        log: found(this.cards[place]).log,
      }),
    );
    return describeAll(
      told,
      this.calls,
      clients.map(({ client }) => client.name),
    );
  }
}

function describeReader(reader: {
  readonly place: number;
  readonly powered: boolean | undefined;
  readonly connections: readonly string[];
  readonly lock: string | undefined;
  readonly queue: readonly string[];
  readonly log: readonly string[];
}): string {
  const card = reader.powered === undefined ? "empty" : reader.powered ? "card" : "card without power";
  return `${places[reader.place]}: ${card}
  connections: ${reader.connections.join(", ")}
  lock: ${reader.lock ?? "free"}
  queue: ${reader.queue.join(", ")}
  seen by the card: ${reader.log.join(" ")}`;
}

function describeAll(readers: readonly string[], calls: readonly string[], clients: readonly string[]): string {
  const outcomes = calls.map((outcome, number) => `#${number} ${outcome}`);
  return [...readers, `calls: ${outcomes.join(", ")}`, `clients: ${clients.toSorted().join(" ")}`].join("\n");
}

export function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a history used what is not there");
  return value;
}

/** Tries new examples for a second. For one that fails it takes all the time that finding the shortest like it needs. */
export async function assertForASecond<T>(property: fc.IAsyncProperty<T>): Promise<void> {
  const limits = { numRuns: 10_000, interruptAfterTimeLimit: 1000, endOnFailure: true };
  const { counterexamplePath, failed, seed } = await fc.check(property, limits);
  if (failed) await fc.assert(property, { seed, ...(counterexamplePath !== null && { path: counterexamplePath }) });
}
