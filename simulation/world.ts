// SPDX-License-Identifier: MIT

import { EmbeddedManager, profiles } from "../src/manager/index.ts";
import { type Runtime, SmartCardError } from "../src/pcsc/index.ts";
import { PcscliteServer } from "../src/pcsclite/index.ts";
import { SimulatedRuntime } from "../src/testing/index.ts";
import { Dice } from "./dice.ts";
import { Oracle } from "./oracle.ts";
import { makePlace, type Place } from "./place.ts";
import type { HistoryEvent, Plan, WorldEvent } from "./plan.ts";
import { PortClient } from "./port-client.ts";
import { probedClient } from "./probe.ts";
import { checkAtRest, type EventCounts } from "./rules-at-rest.ts";
import { SimulatedCard } from "./simulated-card.ts";
import type { SimulatedClient, Surroundings } from "./simulated-client.ts";
import { WatchedReader } from "./watched-reader.ts";
import { WireClient } from "./wire-client.ts";

/** What a world tells while it runs. */
export interface WorldSetting {
  readonly settle: () => Promise<unknown>;
  /** Takes a line of the timeline; undefined where nobody reads it. */
  readonly tell: ((line: string) => void) | undefined;
  readonly reached: (what: string) => void;
}

/** The manager, the service in front of it, its readers, cards and clients: one history's whole world. */
export class World {
  readonly plan: Plan;
  readonly simulated: SimulatedRuntime;
  readonly oracle: Oracle;
  readonly clients: readonly SimulatedClient[];
  readonly signals: Set<AbortSignal> = new Set();
  manager: EmbeddedManager;
  server: PcscliteServer;
  readonly #setting: WorldSetting;
  readonly #runtime: Runtime;
  readonly #counts: EventCounts = new Map();
  readonly #dice: Dice;
  #places: (Place | undefined)[] = [];
  #watched: (WatchedReader | undefined)[] = [];
  #number = 0;
  #pid = 0;

  constructor(plan: Plan, setting: WorldSetting) {
    this.plan = plan;
    this.#setting = setting;
    this.simulated = new SimulatedRuntime({ settle: setting.settle, seed: plan.seed });
    const { clock, random } = this.simulated;
    const tell = (line: () => string): void => setting.tell?.(`${clock.now().toFixed(3).padStart(12)}  ${line()}`);
    this.oracle = new Oracle({
      now: () => clock.now(),
      idleMs: profiles[plan.profile].transactionIdleMs,
      windows: plan.profile === "windows",
      tell,
      reached: setting.reached,
    });
    this.#runtime = {
      clock,
      random,
      trace: (event) => {
        this.simulated.trace(event);
        const { client, detail, kind, reader } = event;
        tell(() => `    ${[kind, reader, client, detail].filter((part) => part !== undefined).join(" ")}`);
        this.oracle.traced(event);
      },
    };
    this.#dice = new Dice(plan.seed ^ 0x5bd1_e995);
    this.manager = this.#newManager();
    this.server = this.#newServer();
    const surroundings = this.#surroundings();
    this.clients = plan.clients.map((client, index): SimulatedClient => {
      const seat = String.fromCharCode(97 + index);
      if (client.kind === "port") return new PortClient(surroundings, seat, client);
      const { pipe } = plan;
      const wire = { runtime: this.#runtime, server: () => this.server, dice: this.#dice, pipe, surroundings, seat };
      return new WireClient({ ...wire, reached: setting.reached });
    });
  }

  /** Puts the readers into service, with their cards in. */
  async start(): Promise<void> {
    for (const [number, reader] of this.plan.readers.entries()) {
      await this.#plug(number, false);
      if (reader.card !== undefined) this.#places[number]?.insert(new SimulatedCard(reader.card));
    }
    await this.rest();
  }

  /** Brings an event about, and everything that is due because of it unless it says otherwise. */
  async happen(event: HistoryEvent): Promise<void> {
    this.oracle.step++;
    if ("client" in event) this.clients[event.client]?.act(event);
    else await this.#act(event);
    if (event.hops === undefined) await this.rest();
    else for (let hops = event.hops; hops > 0; hops--) await Promise.resolve();
  }

  /** Lets everything happen that is due now, and judges what is then. */
  async rest(): Promise<void> {
    await this.simulated.advance(0);
    const { manager, oracle, plan } = this;
    const timers = this.simulated.pendingTimers;
    await checkAtRest({ oracle, manager, plan, places: this.#places, counts: this.#counts, timers });
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.simulated.advance(ms);
    this.oracle.step++;
    await this.rest();
  }

  /** Ends all faults: every reader is there, with a card in it that works. */
  async heal(): Promise<void> {
    for (const [number, place] of this.#places.entries()) {
      this.#watched[number]?.deafen(false);
      place?.hang(false);
      place?.mute(false);
      place?.slow(0);
    }
    for (const client of this.plan.clients.keys()) this.clients[client]?.act({ act: "unstall", client });
    await this.pass(30_000);
    for (const { name, lockedBy } of this.oracle.slots.values()) {
      if (lockedBy !== undefined && !this.clients.every((client) => client.mayHold(lockedBy)))
        this.oracle.violated(`${lockedBy} has the lock of ${name} and does not know`);
    }
    await this.putCardsIn();
  }

  /** Every reader is there, with another card that works. */
  async putCardsIn(): Promise<void> {
    for (const number of this.plan.readers.keys()) {
      await this.#plug(number, false);
      this.#places[number]?.remove();
      this.#places[number]?.insert(new SimulatedCard("both"));
    }
    await this.pass(30_000);
  }

  readerNames(): string[] {
    return this.manager.readers().map(({ name }) => name);
  }

  /** Signals that somebody may have left a listener on. */
  allSignals(): AbortSignal[] {
    return [...this.signals, ...this.#watched.flatMap((reader) => [...(reader?.signals ?? [])])];
  }

  /** Cards that have power. */
  poweredCards(): number {
    return this.#places.filter((place) => place?.card?.powered).length;
  }

  /** Stops the service. It waits for what its drivers are at, which takes no longer than the ceilings allow. */
  async stop(): Promise<void> {
    this.oracle.serviceEnds();
    let isStopped = false;
    const close = async (): Promise<void> => {
      await this.server.close();
      await this.manager.close();
      isStopped = true;
    };
    const stopped = close();
    // A driver that hangs may keep what each client that is gone has left to do for its whole time.
    const ceilingMs = (2 * this.plan.clients.length + 2) * this.plan.limits.operationMs + 20_000;
    for (let waitedMs = 0; waitedMs < ceilingMs; waitedMs += 1000) {
      await this.simulated.advance(isStopped ? 0 : 1000);
      if (isStopped) return stopped;
    }
    this.oracle.violated(`the service has not stopped within ${ceilingMs} ms`);
  }

  async #act(event: WorldEvent): Promise<void> {
    if (event.act === "pass") await this.pass(event.ms);
    else if (event.act === "restart") await this.#restart();
    else if (event.act === "plug") await this.#plug(event.reader, event.rename);
    else this.#handle(event);
  }

  /** What the hand does to a reader or a card, and what goes wrong with them. */
  #handle(event: Exclude<WorldEvent, { act: "pass" | "restart" | "plug" }>): void {
    const place = this.#places[event.reader];
    const watched = this.#watched[event.reader];
    if (place === undefined || watched === undefined) return;
    this.#setting.reached(`fault ${event.act}`);
    switch (event.act) {
      case "insert":
        place.insert(new SimulatedCard(event.card));
        break;
      case "remove":
        place.remove();
        break;
      case "mute":
      case "unmute":
        place.mute(event.act === "mute");
        break;
      case "hang":
      case "unhang":
        place.hang(event.act === "hang");
        if (event.act === "unhang") watched.deafen(false);
        break;
      case "slow":
        place.slow(event.delayMs);
        break;
      case "unplug":
        this.#places[event.reader] = undefined;
        place.unplug();
        break;
      case "spoil":
        watched.spoil(event.how);
        break;
      case "deaf":
        watched.deafen(true);
        break;
      case "babble":
        watched.slot.babbles = true;
        place.babble();
        break;
    }
  }

  /** Puts a reader into service where there is none. */
  async #plug(number: number, rename: boolean): Promise<void> {
    const plan = this.plan.readers[number];
    const isThere = this.#places[number] !== undefined && this.#watched[number]?.slot.lost === false;
    if (plan === undefined || (isThere && this.oracle.slots.has(this.#watched[number]?.slot.name ?? ""))) return;
    this.#watched[number]?.deafen(false);
    const setting = { runtime: this.#runtime, dice: this.#dice, pipe: this.plan.pipe, number, plan };
    const place = makePlace(setting, rename);
    const watched = new WatchedReader(place.reader, this.oracle);
    try {
      const name = await this.manager.addReader(watched);
      watched.slot.name = name;
      this.oracle.slots.set(name, watched.slot);
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#setting.reached(`add-reader ${error.code}`);
      return;
    }
    this.#places[number] = place;
    this.#watched[number] = watched;
  }

  /** Stops the service, and starts it again with the same readers and cards. */
  async #restart(): Promise<void> {
    this.#setting.reached("fault restart");
    for (const watched of this.#watched) watched?.deafen(false);
    await this.stop();
    const cards = this.#places.map((place) => place?.card?.kind);
    this.#counts.clear();
    this.#places = [];
    this.manager = this.#newManager();
    this.server = this.#newServer();
    for (const client of this.clients) client.serviceEnded();
    for (const [number, kind] of cards.entries()) {
      await this.#plug(number, false);
      if (kind !== undefined) this.#places[number]?.insert(new SimulatedCard(kind));
    }
  }

  #newManager(): EmbeddedManager {
    const { limits, profile } = this.plan;
    return new EmbeddedManager({ runtime: this.#runtime, profile, limits });
  }

  #newServer(): PcscliteServer {
    const { manager, oracle } = this;
    return new PcscliteServer({
      runtime: this.#runtime,
      limits: { sessions: this.plan.sessions },
      manager: {
        client: (identity) => probedClient(manager, oracle, identity),
        readers: () => manager.readers(),
        get readerEvents() {
          return manager.readerEvents;
        },
        watchReaders: (changed) => manager.watchReaders(changed),
      },
      log: (entry) => {
        oracle.messages.add(JSON.stringify(entry));
        if (entry.level === "error") oracle.violated(`the service has failed: ${JSON.stringify(entry)}`);
      },
    });
  }

  #surroundings(): Surroundings {
    return {
      client: (identity) => probedClient(this.manager, this.oracle, identity),
      nextNumber: () => ++this.#number,
      nextPid: () => ++this.#pid,
      readerName: (place) => this.#watched[place]?.slot.name ?? "No such reader",
      readerNames: () => this.readerNames(),
      controller: () => {
        const controller = new AbortController();
        this.signals.add(controller.signal);
        return controller;
      },
      moment: () => ({ step: this.oracle.step, violated: (what) => this.oracle.violated(what) }),
    };
  }
}
