// SPDX-License-Identifier: MIT

import { VirtualReader } from "../src/entry/cards.ts";
import { defaultServerLimits, PcscliteServer } from "../src/faces/pcsclite-server/index.ts";
import { EmbeddedManager, profiles } from "../src/managers/embedded/index.ts";
import { Observer } from "../src/observe/calls/index.ts";
import { type Runtime, SmartCardError } from "../src/port/index.ts";
import { SimulatedRuntime } from "../src/testing/runtime/index.ts";
import { unreachable } from "./coverage.ts";
import { Dice } from "./dice.ts";
import { makeDriverPlace } from "./driver-place.ts";
import type { HistoryEvent, WorldEvent } from "./events.ts";
import { ObservedReader } from "./observed-reader.ts";
import { Oracle } from "./oracle.ts";
import { makePlace, type Place, type PlaceDeps } from "./place.ts";
import type { Plan } from "./plan.ts";
import { PortClient } from "./port-client.ts";
import { probedClient } from "./probe.ts";
import { checkAtRest, type EventCounts } from "./rules-at-rest.ts";
import { SharedReading } from "./shared-reading.ts";
import { SimulatedCard } from "./simulated-card.ts";
import type { ClientDeps, SimulatedClient } from "./simulated-client.ts";
import { makeUsbPlace } from "./usb-place.ts";
import { WallClock } from "./wall-clock.ts";
import { WatchedReader } from "./watched-reader.ts";
import { WireClient } from "./wire-client.ts";

/** Callbacks of a running world. */
export interface WorldDeps {
  readonly settle: () => Promise<unknown>;
  /** Takes a line of the timeline; undefined if it is not needed. */
  readonly tell: ((line: string) => void) | undefined;
  readonly reached: (what: string) => void;
}

/** For how long a turn may be kept for a program that does not come for it, in milliseconds. */
const KEPT_MS = 1000;

/** The manager, the service in front of it, its readers, cards and clients: one history's whole world. */
export class World {
  readonly plan: Plan;
  readonly simulated: SimulatedRuntime;
  readonly oracle: Oracle;
  readonly clients: readonly SimulatedClient[];
  readonly signals: Set<AbortSignal> = new Set();
  /** In front of the manager, where the plan has one. */
  readonly observer: Observer | undefined;
  manager: EmbeddedManager;
  server: PcscliteServer;
  readonly #deps: WorldDeps;
  readonly #runtime: Runtime;
  readonly #clock: WallClock;
  readonly #counts: EventCounts = new Map();
  /** Locks whose holders do not know of them, and since when. */
  #unknownSince: ReadonlyMap<string, number> = new Map();
  readonly #dice: Dice;
  #places: (Place | undefined)[] = [];
  /** Those with a device that is to be closed, or a process that is to end. */
  readonly #devicePlaces: Place[] = [];
  #watched: (WatchedReader | undefined)[] = [];
  #observed: (ObservedReader | undefined)[] = [];
  /** A reader that comes for a while, beside those that have a place. */
  #guest: string | undefined;
  #number = 0;
  #pid = 0;

  constructor(plan: Plan, deps: WorldDeps) {
    this.plan = plan;
    const reached = (what: string): void => {
      const why = Object.hasOwn(unreachable, what) ? unreachable[what] : undefined;
      if (why !== undefined) this.oracle.violated(`"${what}" was reached, which cannot be: ${why}`);
      deps.reached(what);
    };
    this.#deps = { ...deps, reached };
    this.simulated = new SimulatedRuntime({ settle: deps.settle, seed: plan.seed });
    this.#clock = new WallClock(this.simulated.clock, plan.driftPpm);
    const { random } = this.simulated;
    const clock = this.#clock;
    const tell = (line: () => string): void => deps.tell?.(`${clock.now().toFixed(3).padStart(12)}  ${line()}`);
    this.oracle = new Oracle({
      now: () => clock.now(),
      idleMs: profiles[plan.profile].transactionIdleMs,
      windows: plan.profile === "windows",
      tell,
      reached,
    });
    this.#runtime = {
      clock,
      random,
      trace: (event) => {
        this.simulated.trace(event);
        const { client, detail, kind, reader } = event;
        tell(() => `    ${[kind, reader, client, detail].filter((part) => part !== undefined).join(" ")}`);
        this.oracle.traced(event);
        this.observer?.trace(event);
      },
    };
    this.#dice = new Dice(plan.seed ^ 0x5bd1_e995);
    const { observed } = plan;
    const keptEvents = observed?.when === "later" ? { keptEvents: observed.kept } : {};
    this.observer = observed && new Observer({ runtime: { clock }, ...keptEvents });
    if (this.observer !== undefined && observed !== undefined) this.oracle.observer.listen(this.observer, observed);
    this.manager = this.#newManager();
    this.server = this.#newServer();
    const clientDeps = this.#clientDeps();
    const heldBack = (): void => reached("wire read in turn");
    const reading = plan.edition < 4 ? undefined : new SharedReading(this.#clock.breathing(), heldBack);
    this.clients = plan.clients.map((client, index): SimulatedClient => {
      const seat = String.fromCharCode(97 + index);
      if (client.kind === "port") return new PortClient(clientDeps, seat, client);
      const { aheadBytes, pipe } = plan;
      const wire = {
        runtime: this.#runtime,
        server: () => this.server,
        dice: this.#dice,
        pipe,
        reading,
        clientDeps,
        seat,
      };
      return new WireClient({ ...wire, plan: client, edition: plan.edition, aheadBytes });
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

  /** Performs an event, and the work that becomes due, unless the event says otherwise. */
  async happen(event: HistoryEvent): Promise<void> {
    this.oracle.step++;
    if ("client" in event) this.clients[event.client]?.act(event);
    else await this.#act(event);
    if (event.hops === undefined) await this.rest();
    else for (let hops = event.hops; hops > 0; hops--) await Promise.resolve();
  }

  /** Runs all due work, and checks the state. */
  async rest(): Promise<void> {
    await this.simulated.advance(0);
    const { manager, oracle, plan } = this;
    const timers = this.simulated.pendingTimers;
    const [places, observed, counts] = [this.#places, this.#observed, this.#counts];
    await checkAtRest({ oracle, manager, plan, places, observed, counts, timers });
    for (const client of this.clients) client.checkAtRest(timers);
    oracle.fairness.settle();
    this.#checkHeld();
    this.#checkHolders();
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    await this.simulated.advance(ms);
    this.oracle.step++;
    await this.rest();
  }

  /** What the service holds for its clients stays under its ceilings. */
  #checkHeld(): void {
    const { oracle, plan, server } = this;
    const { connectionsPerContext, contexts } = plan.limits;
    if (server.heldBytes > defaultServerLimits.clientBytes)
      oracle.violated(`${server.heldBytes} bytes are held for clients`);
    if (server.numbers > contexts * (1 + connectionsPerContext))
      oracle.violated(`${server.numbers} numbers of contexts and cards are in use`);
    if (server.sessions > plan.sessions)
      oracle.violated(`${server.sessions} sessions, and the limit is ${plan.sessions}`);
  }

  /** A turn that is kept for a program is taken back soon, if the program does not fetch it. */
  #checkHolders(): void {
    const now = this.#clock.now();
    const unknown = new Map<string, number>();
    for (const { lockedBy, name } of this.oracle.slots.values()) {
      if (lockedBy === undefined || this.clients.every((client) => client.mayHold(lockedBy))) continue;
      const key = `${lockedBy} has the lock of ${name}`;
      const since = this.#unknownSince.get(key) ?? now;
      unknown.set(key, since);
      if (now - since > KEPT_MS) this.oracle.violated(`${key} and does not know`);
    }
    this.#unknownSince = unknown;
  }

  /** Ends all faults: every reader is there, with a card in it that works. */
  async heal(): Promise<void> {
    for (const [number, place] of this.#places.entries()) {
      this.#watched[number]?.deafen(false);
      place?.hang(false);
      place?.mute(false);
      place?.slow(0);
      // A swap that a reader without messages does not notice powers no card, which would have met the failure.
      if (this.plan.edition < 5) continue;
      this.#observed[number]?.failNext(undefined);
      this.#watched[number]?.spoil(undefined);
    }
    for (const client of this.plan.clients.keys()) this.clients[client]?.act({ act: "unstall", client });
    await this.#sendGuestAway();
    await this.pass(30_000);
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

  /** Signals on which a listener may be left. */
  allSignals(): AbortSignal[] {
    return [...this.signals, ...this.#watched.flatMap((reader) => [...(reader?.signals ?? [])])];
  }

  /** Devices that a driver has open, of all that there ever were. */
  openDevices(): number {
    return this.#devicePlaces.filter(({ isOpen }) => isOpen).length;
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
      if (this.server.numbers > 0)
        this.oracle.violated(`${this.server.numbers} numbers of contexts and cards are left when the service ends`);
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
    else if (event.act === "jump") this.#jump(event.ms);
    else if (event.act === "guest") await this.#invite(event.what, event.reader);
    else this.#handle(event);
  }

  /** Actions on a reader or a card, and their faults. */
  #handle(event: Exclude<WorldEvent, { act: "pass" | "restart" | "plug" | "jump" | "guest" }>): void {
    const place = this.#places[event.reader];
    const watched = this.#watched[event.reader];
    if (place === undefined || watched === undefined) return;
    this.#deps.reached(`fault ${event.act}`);
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
        // vpcd has no sequence numbers: what the card sends unasked is its next answer.
        watched.slot.babbles = ["virtual", "vpcd"].includes(this.plan.readers[event.reader]?.kind ?? "");
        place.babble();
        break;
      case "odd":
        this.#observed[event.reader]?.failNext(event.how);
        break;
      case "intrude":
        place.intrude();
        break;
      case "glitch":
        place.glitch?.(event.glitch);
        break;
    }
  }

  /** Adds a reader to an empty place. */
  async #plug(number: number, rename: boolean): Promise<void> {
    const plan = this.plan.readers[number];
    const isThere = this.#places[number] !== undefined && this.#watched[number]?.slot.lost === false;
    if (plan === undefined || (isThere && this.oracle.slots.has(this.#watched[number]?.slot.name ?? ""))) return;
    this.#watched[number]?.deafen(false);
    const violated = (what: string): void => this.oracle.violated(what);
    const deps = { runtime: this.#runtime, dice: this.#dice, pipe: this.plan.cardPipe, number, plan, violated };
    const place = await this.#place(deps, rename);
    if (place.isOpen !== undefined) this.#devicePlaces.push(place);
    const watched = new WatchedReader(place.reader, this.oracle);
    const observed = new ObservedReader(watched, this.oracle);
    try {
      const name = await this.manager.addReader(observed);
      watched.slot.name = name;
      this.oracle.slots.set(name, watched.slot);
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#deps.reached(`add-reader ${error.code}`);
      await place.reader.close();
      return;
    }
    this.#deps.reached("add-reader done");
    this.#places[number] = place;
    this.#watched[number] = watched;
    this.#observed[number] = observed;
  }

  #place(deps: PlaceDeps, rename: boolean): Place | Promise<Place> {
    const { driver, usb } = deps.plan;
    if (driver !== undefined) return makeDriverPlace(deps, driver);
    return usb === undefined ? makePlace(deps, rename) : makeUsbPlace(deps, usb);
  }

  /** One more reader comes, where the limit allows it; or one whose id is in service; or one that does not start. */
  async #invite(what: "another" | "twin" | "stillborn", reader: number): Promise<void> {
    const isThere = this.#guest !== undefined;
    await this.#sendGuestAway();
    if (what === "another" && isThere) return;
    const watchedReader = this.#watched[reader];
    const isInService =
      watchedReader !== undefined && this.oracle.slots.get(watchedReader.slot.name) === watchedReader.slot;
    const twin = isInService ? watchedReader.description.id : "virtual:guest";
    const id = what === "twin" ? twin : "virtual:guest";
    const guest = new VirtualReader({ name: "Guest", id, clock: this.#clock });
    if (what === "stillborn") guest.unplug();
    const watched = new WatchedReader(guest, this.oracle);
    const isRoom = this.manager.readers().length < this.plan.limits.readers;
    try {
      const name = await this.manager.addReader(new ObservedReader(watched, this.oracle));
      watched.slot.name = name;
      this.oracle.slots.set(name, watched.slot);
      this.#guest = name;
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      this.#deps.reached(`add-reader ${error.code}`);
      if (isRoom && what === "another") this.oracle.violated(`a reader was refused (${error.code}), and there is room`);
      return;
    }
    this.#deps.reached("add-reader done");
    if (!isRoom) this.oracle.violated("a reader was let in beyond the limit");
  }

  async #sendGuestAway(): Promise<void> {
    const guest = this.#guest;
    this.#guest = undefined;
    if (guest === undefined) return;
    await this.manager.removeReader(guest);
    this.#deps.reached("remove-reader done");
  }

  #jump(ms: number): void {
    this.#deps.reached(`fault jump ${ms > 0 ? "forward" : "back"}`);
    this.#clock.jump(ms);
  }

  /** Stops the service, and starts it again with the same readers and cards. */
  async #restart(): Promise<void> {
    this.#deps.reached("fault restart");
    for (const watched of this.#watched) watched?.deafen(false);
    await this.stop();
    const cards = this.#places.map((place) => place?.card?.kind);
    this.#counts.clear();
    this.#places = [];
    this.#guest = undefined;
    this.manager = this.#newManager();
    this.server = this.#newServer();
    this.oracle.stopping = false;
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
      runtime: this.plan.edition < 3 ? this.#runtime : { ...this.#runtime, clock: this.#clock.breathing() },
      limits: { sessions: this.plan.sessions, aheadBytes: this.plan.aheadBytes },
      manager: {
        client: (identity) => probedClient(this.#observedManager(manager), oracle, identity),
        readers: () => manager.readers(),
        holderOf: (reader) => manager.holderOf(reader),
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

  #observedManager(manager: EmbeddedManager): Pick<EmbeddedManager, "client"> {
    const { observer } = this;
    if (observer === undefined) return manager;
    return { client: (identity) => observer.observe(manager.client(identity), identity) };
  }

  #clientDeps(): ClientDeps {
    return {
      client: (identity) => probedClient(this.#observedManager(this.manager), this.oracle, identity),
      nextNumber: () => ++this.#number,
      nextPid: () => ++this.#pid,
      readerName: (place) => this.#watched[place]?.slot.name ?? "No such reader",
      readerNames: () => this.readerNames(),
      controller: () => {
        const controller = new AbortController();
        this.signals.add(controller.signal);
        return controller;
      },
      queriesPerWait: this.plan.limits.queriesPerWait,
      readers: () => this.manager.readers(),
      isAsking: (name) => [...this.oracle.pending].some(({ context }) => context.client.name === name),
      fairness: this.oracle.fairness,
      reconnected: (name, terms) => {
        if (!this.oracle.reconnects.told(name, terms))
          this.oracle.violated(`${name} was told of a reconnect that it did not ask for, or that was not done`);
      },
      reached: this.#deps.reached,
      moment: () => ({ step: this.oracle.step, violated: (what) => this.oracle.violated(what) }),
    };
  }
}
