// SPDX-License-Identifier: MIT

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SoftwareCard, VirtualReader } from "../../src/entry/cards.ts";
import { EmbeddedManager, type ManagerClient, type ProfileName } from "../../src/managers/embedded/index.ts";
import { type Connection, type Context, type Disposition, SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { assertForASecond } from "./model-world.ts";
import { bytesOf, settle } from "./world.ts";

// The model (model.test.ts) lets every event have all its effects before the next one comes. Here events come in the
// midst of the effects of others, and what must hold in any case is watched from where it matters: in the card, and in
// the clients. In the end every call must have ended, and nothing may be left.

const actions = [
  "connect",
  "reconnect",
  "begin",
  "end",
  "transmit",
  "disconnect",
  "cancel",
  "die",
  "insert",
  "remove",
] as const;

/** One event, and how many promise callbacks run before the next; undefined: all that there are. */
interface Event {
  readonly seat: number;
  readonly action: (typeof actions)[number] | "answer";
  readonly disposition: Disposition;
  readonly exclusive: boolean;
  readonly slow: boolean;
  readonly pause: number | undefined;
}

interface Client {
  readonly client: ManagerClient;
  readonly context: Context;
  /** The newest connection; there may be more, which only the client's end ends. */
  connection: Connection | undefined;
}

/** What a client knows of its connection. */
interface Knowledge {
  readonly number: number;
  /** The card's life that its last answer came from, and how many resets of its own the client had asked for then. */
  life: { readonly life: number; readonly ownResets: number } | undefined;
  /** Calls so far that may reset the card without notice to this connection. */
  ownResets: number;
  /** Calls so far that may cost it the lock: a begin that was called before proves nothing any more. */
  lettingGo: number;
}

/** A card that knows the holder of the lock, and accepts no other client. */
class WatchfulCard implements SoftwareCard {
  /** Counts resets and losses of power. */
  life = 0;
  /** Who has the lock, for all that clients know, and since which life. */
  holder: { readonly number: number; readonly life: number } | undefined;
  readonly faults: string[] = [];
  readonly #waiting = new Set<() => void>();

  reset(): Uint8Array {
    this.life++;
    return bytesOf("3B8180018080");
  }

  powerOff(): void {
    this.life++;
  }

  process(command: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const [, slow, number] = command;
    const { holder, life } = this;
    if (holder?.life === life && holder.number !== number) this.faults.push(`${number} spoke, ${holder.number} holds`);
    const response = Uint8Array.of(life >> 8, life & 0xff, 0x90, 0x00);
    return slow === 0 ? response : new Promise((resolve) => this.#waiting.add(() => resolve(response)));
  }

  answer(): void {
    for (const answer of this.#waiting) answer();
    this.#waiting.clear();
  }
}

class Race {
  readonly runtime: SimulatedRuntime = new SimulatedRuntime({ settle });
  readonly manager: EmbeddedManager;
  readonly card = new WatchfulCard();
  readonly reader: VirtualReader;
  readonly clients: Client[] = [];
  readonly #knowledge = new Map<Connection, Knowledge>();
  readonly #reconnectUnlocks: boolean;
  #pending = 0;

  constructor(profile: ProfileName) {
    this.manager = new EmbeddedManager({ runtime: this.runtime, profile });
    this.reader = new VirtualReader({ name: "Reader", clock: this.runtime.clock });
    this.#reconnectUnlocks = profile === "windows";
  }

  async run(events: readonly Event[]): Promise<void> {
    await this.manager.addReader(this.reader);
    this.reader.insert(this.card);
    for (let seat = 0; seat < 4; seat++) this.clients.push(await this.#client());
    for (const event of events) {
      await this.#happen(event);
      if (event.pause === undefined) await settle();
      for (let index = 0; index < (event.pause ?? 0); index++) await Promise.resolve();
    }
    await this.#finish();
  }

  async #client(): Promise<Client> {
    const client = this.manager.client({ name: "client" });
    return { client, context: await client.establishContext(), connection: undefined };
  }

  /** Watches a call: it must end, and a failure must be an error of the manager. */
  #call(promise: Promise<unknown>): void {
    this.#pending++;
    promise.then(
      () => this.#pending--,
      (error: unknown) => {
        this.#pending--;
        const isExpected = error instanceof SmartCardError && !["comm-error", "unresponsive-card"].includes(error.code);
        if (!isExpected) this.card.faults.push(String(error));
      },
    );
  }

  async #happen({ seat, action, disposition, exclusive, slow }: Event): Promise<void> {
    const client = this.clients[seat % this.clients.length];
    if (client === undefined) return;
    const { connection, context } = client;
    const options = { shareMode: exclusive ? "exclusive" : "shared", preferredProtocols: ["t1"] } as const;
    if (action === "connect") {
      this.#call(
        context.connect("Reader", options).then((made) => {
          this.#knowledge.set(made, { number: this.#knowledge.size, life: undefined, ownResets: 0, lettingGo: 0 });
          client.connection = made;
        }),
      );
    } else if (action === "cancel") this.#call(context.cancel());
    else if (action === "die") {
      for (const [one, knowledge] of this.#knowledge) if (one === connection) this.#letGo(knowledge);
      // Older connections of the client are unknown here, so there is no known holder.
      this.card.holder = undefined;
      this.#call(client.client.end());
      this.clients[seat] = await this.#client();
    } else if (action === "answer") this.card.answer();
    else if (action === "insert") {
      if (this.reader.card === undefined) this.reader.insert(this.card);
    } else if (action === "remove") this.reader.remove();
    else if (connection !== undefined) this.#use(connection, action, disposition, slow, options);
  }

  #use(
    connection: Connection,
    action: "reconnect" | "begin" | "end" | "transmit" | "disconnect",
    disposition: Disposition,
    slow: boolean,
    options: { readonly shareMode: "shared" | "exclusive"; readonly preferredProtocols: readonly ["t1"] },
  ): void {
    const knowledge = this.#knowledge.get(connection);
    if (knowledge === undefined) return;
    if (action === "begin") this.#begin(connection, knowledge);
    else if (action === "transmit") this.#transmit(connection, knowledge, slow);
    else if (action === "end") {
      this.#letGo(knowledge);
      if (disposition !== "leave") knowledge.ownResets++;
      this.#call(connection.endTransaction(disposition));
    } else if (action === "disconnect") {
      this.#letGo(knowledge);
      this.#call(connection.disconnect(disposition));
    } else {
      if (this.#reconnectUnlocks) this.#letGo(knowledge);
      knowledge.ownResets++;
      const initialization = disposition === "eject" ? "leave" : disposition;
      this.#call(connection.reconnect({ ...options, initialization }));
    }
  }

  #begin(connection: Connection, knowledge: Knowledge): void {
    const { card } = this;
    const { life } = card;
    const { lettingGo } = knowledge;
    this.#call(
      connection.beginTransaction().then(() => {
        // The lock may be gone again by the time that its new holder hears of it.
        if (knowledge.lettingGo !== lettingGo || card.life !== life) return;
        const { holder } = card;
        if (holder?.life === life && holder.number !== knowledge.number) card.faults.push("two hold the lock");
        card.holder = { number: knowledge.number, life };
      }),
    );
  }

  #transmit(connection: Connection, knowledge: Knowledge, slow: boolean): void {
    const { ownResets } = knowledge;
    const answered = connection.transmit(Uint8Array.of(0x80, slow ? 1 : 0, knowledge.number, 0));
    this.#call(
      answered.then(([high = 0, low = 0]) => {
        const life = high * 256 + low;
        const before = knowledge.life;
        if (before?.ownResets === knowledge.ownResets && before.life !== life) {
          this.card.faults.push(`${knowledge.number} was not told that the card was reset`);
        }
        knowledge.life = { life, ownResets };
      }),
    );
  }

  #letGo(knowledge: Knowledge): void {
    knowledge.lettingGo++;
    if (this.card.holder?.number === knowledge.number) this.card.holder = undefined;
  }

  /** The card answers, and all clients leave. */
  async #finish(): Promise<void> {
    await this.#answerAll();
    const [reader] = (await this.manager.inspect()).readers;
    // No client waits without a reason.
    if (reader?.lock === undefined) expect(reader?.queue).toEqual([]);
    for (const { context } of this.clients) this.#call(context.release());
    await this.#answerAll();
    expect(this.card.faults).toEqual([]);
    expect(this.#pending).toBe(0);
    await this.runtime.advance(10_000);
    expect(this.runtime.pendingTimers).toEqual([]);
    const { clients, readers } = await this.manager.inspect();
    expect(clients).toEqual([]);
    expect(readers).toMatchObject([{ connections: [], lock: undefined, queue: [] }]);
    expect(this.reader.powered).toBe(false);
    await this.manager.close();
  }

  async #answerAll(): Promise<void> {
    for (let index = 0; index < 100; index++) {
      await settle();
      this.card.answer();
    }
  }
}

/** One event in words, for the history that a failing run prints. */
function describeEvent({ action, disposition, exclusive, pause, seat, slow }: Event): string {
  const how: Partial<Record<Event["action"], string>> = {
    connect: exclusive ? " exclusive" : "",
    reconnect: `${exclusive ? " exclusive" : ""} ${disposition}`,
    end: ` ${disposition}`,
    disconnect: ` ${disposition}`,
    transmit: slow ? " slow" : "",
  };
  return `${seat} ${action}${how[action] ?? ""}, ${pause === undefined ? "all settles" : `${pause} callbacks`}`;
}

describe("with events in the middle of other events, no client is disturbed, misled or forgotten", () => {
  const often = fc.constantFrom(
    "connect",
    "begin",
    "begin",
    "begin",
    "end",
    "end",
    "transmit",
    "transmit",
    "answer",
    "insert",
  );
  const parts: fc.Arbitrary<Event> = fc.record({
    seat: fc.nat({ max: 3 }),
    action: fc.oneof(often, fc.constantFrom(...actions)) as fc.Arbitrary<Event["action"]>,
    disposition: fc.constantFrom<Disposition[]>("leave", "leave", "leave", "reset", "unpower", "eject"),
    exclusive: fc.integer({ min: 0, max: 7 }).map((value) => value === 0),
    slow: fc.boolean(),
    pause: fc.option(fc.nat({ max: 12 }), { nil: undefined, freq: 4 }),
  });
  const event = parts.map((one) => ({ ...one, [fc.toStringMethod]: () => describeEvent(one) }));
  const histories = fc.array(event, { maxLength: 80, size: "max" });

  for (const profile of ["windows", "pcsclite"] as const) {
    const property = fc.asyncProperty(histories, (events) => new Race(profile).run(events));

    test(`under the ${profile} profile, always the same histories`, async () => {
      await fc.assert(property, { seed: 3, numRuns: 300 });
    });

    test(`under the ${profile} profile, other histories each time`, async () => {
      await assertForASecond(property);
    });
  }
});
