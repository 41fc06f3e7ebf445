// SPDX-License-Identifier: MIT

import { setTimeout as pause } from "node:timers/promises";
import type { Dice } from "../../simulation/dice.ts";
import type { CalmClock } from "./calm-clock.ts";
import { type Client, type Crowd, kinds, named, type Violated } from "./crowd.ts";
import type { MemorySample } from "./memory.ts";
import { type Place, SoakDaemon } from "./service.ts";
import { SoakCard } from "./soak-card.ts";

/**
 * The longest that a client may go without one call that succeeds, in milliseconds of calm. It waits for a dozen others
 * whose turns take some 40 ms each; the rest is for a machine that has other work too.
 */
const PROGRESS_BOUND_MS = 10_000;

/** How long results are those of a daemon that went away, once there is one again: the last calls of then are told late. */
const RESTART_ECHO_MS = 5_000;

const STOP_BOUND_MS = 8_000;
const [leastStopMs, mostStopMs] = [100, 1_500];
const [leastOutMs, mostOutMs] = [50, 800];
const [leastDownMs, mostDownMs] = [200, 1_000];
const [leastFaultMs, mostFaultMs] = [100, 700];

/** What the director did. */
export interface Faults {
  kills: number;
  stops: number;
  pulls: number;
  restarts: { readonly signal: string; readonly at: number; readonly downMs: number }[];
}

/** What a daemon had, over its life. */
export interface DaemonRecord {
  /** When its load began, in milliseconds since the soak did. */
  from: number;
  /** All of its memory. */
  readonly resident: MemorySample[];
  /** What of its heap was in use after full collections of garbage. */
  readonly heap: MemorySample[];
  /** How many file descriptors it had, at the times of `resident`. */
  readonly fds: number[];
}

/** What the director needs. */
export interface DirectorOptions {
  readonly place: Place;
  readonly dice: Dice;
  readonly calm: CalmClock;
  readonly violated: Violated;
  /** Whether something was violated: there is no point in going on. */
  readonly isOver: () => boolean;
  readonly began: number;
}

/** Leads the soak: daemons, cards, and what goes wrong with them and with the clients. */
export class Director {
  readonly #options: DirectorOptions;
  readonly #crowd: Crowd;
  #daemon: SoakDaemon;
  readonly #expectedEnds = new Set<SoakDaemon>();
  readonly #underWay = new Set<Promise<void>>();
  #isDown = false;
  #pullsUnderWay = 0;
  #restartingUntil = Number.NEGATIVE_INFINITY;
  /** What each daemon had, one daemon after the other. */
  readonly daemons: DaemonRecord[] = [];
  readonly cards: readonly SoakCard[];
  readonly faults: Faults = { kills: 0, stops: 0, pulls: 0, restarts: [] };

  constructor(options: DirectorOptions, daemon: SoakDaemon, crowd: Crowd) {
    this.#options = options;
    this.#daemon = daemon;
    this.#crowd = crowd;
    const mayBreakOff = (client: number): boolean => this.#isDown || crowd.isGone(client);
    const surroundings = { mayBreakOff, violated: (what: string) => options.violated("turns", what) };
    this.cards = options.place.ports.map((port, number) => new SoakCard(number, port, surroundings));
    this.#watch(daemon);
  }

  get daemon(): SoakDaemon {
    return this.#daemon;
  }

  /** Whether calls may come to results as without a daemon. */
  readonly isRestarting = (): boolean => performance.now() < this.#restartingUntil;

  /** Has things go wrong until the time is over. In the middle the daemon is restarted. */
  async disturb(until: number): Promise<void> {
    const { dice, isOver } = this.#options;
    for (const record of this.daemons) record.from = Math.round(performance.now() - this.#options.began);
    const middle = (performance.now() + until) / 2;
    while (performance.now() < until && !isOver()) {
      if (this.faults.restarts.length === 0 && performance.now() >= middle) await this.#restart();
      const fault = dice.weighted<() => Promise<void>>([
        [40, () => this.#replace(this.#randomClient())],
        [25, () => this.#stop(this.#randomClient())],
        [35, () => this.#moveCard()],
      ]);
      this.#begin(fault());
      await pause(between(dice, leastFaultMs, mostFaultMs));
    }
    this.settle();
    await Promise.all(this.#underWay);
  }

  #begin(fault: Promise<void>): void {
    const done = fault
      .catch((error: unknown) => this.#options.violated("director", String(error)))
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Continues all stopped clients. */
  settle(): void {
    for (const client of this.#crowd.clients) client.resume?.();
  }

  /** Checks the progress of all clients, and the daemon's resources; until `isOver`. */
  async supervise(isOver: () => boolean): Promise<void> {
    const { calm, violated } = this.#options;
    for (let round = 0; !isOver() && !this.#options.isOver(); round++) {
      await pause(500);
      for (const client of this.#crowd.clients) {
        const ms = calm.since(client.succeededAt);
        if (ms < PROGRESS_BOUND_MS) continue;
        violated("progress", `${named(client)} got nowhere for ${Math.round(ms)} ms: ${await this.#whoText()}`);
        break;
      }
      if (round % 2 === 0) this.#sample();
      await this.keepDeskCard();
    }
  }

  /** Ends the daemon as a service manager does. */
  async endDaemon(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const daemon = this.#daemon;
    this.#expectedEnds.add(daemon);
    const late = AbortSignal.timeout(STOP_BOUND_MS);
    const force = (): void => {
      this.#options.violated("daemon", `it had not ended ${STOP_BOUND_MS} ms after SIGTERM`);
      void daemon.end("SIGKILL");
    };
    late.addEventListener("abort", force);
    const { status, stderr } = await daemon.end(signal);
    late.removeEventListener("abort", force);
    if (signal === "SIGTERM" && status !== 0) {
      this.#options.violated("daemon", `it ended with ${status}: ${stderr.slice(-500)}`);
    }
  }

  #watch(daemon: SoakDaemon): void {
    const { began } = this.#options;
    const now = (): number => Math.round(performance.now() - began);
    const record: DaemonRecord = { from: now(), resident: [], heap: [], fds: [] };
    this.daemons.push(record);
    daemon.onCollection = (kiB) => record.heap.push({ at: now(), calls: callsOf(this.#crowd), kiB });
    void daemon.ended.then(({ signal, status, stderr }) => {
      if (this.#expectedEnds.has(daemon)) return;
      this.#options.violated("daemon", `it ended by itself (${status ?? signal}): ${stderr.slice(-500)}`);
    });
  }

  #sample(): void {
    const record = this.daemons.at(-1);
    if (record === undefined || this.#isDown) return;
    try {
      const at = Math.round(performance.now() - this.#options.began);
      const { fds, residentKiB } = this.#daemon.usage();
      record.resident.push({ at, calls: callsOf(this.#crowd), kiB: residentKiB });
      record.fds.push(fds);
    } catch {
      // It has just ended, which is told elsewhere.
    }
  }

  /** A client to whom something happens: every other time one that is in a transaction, as that is when it matters. */
  #randomClient(): Client {
    const { dice } = this.#options;
    const holders = this.cards.map((card) => card.holder);
    const inTransaction = this.#crowd.clients.filter(({ number }) => holders.includes(number));
    return dice.pick(inTransaction.length > 0 && dice.chance(50) ? inTransaction : this.#crowd.clients);
  }

  async #replace(client: Client): Promise<void> {
    this.faults.kills++;
    await this.#crowd.kill(client);
    this.#crowd.start(client.kind);
  }

  async #stop(client: Client): Promise<void> {
    if (client.resume !== undefined) return;
    this.faults.stops++;
    const resume = this.#crowd.stop(client);
    await pause(between(this.#options.dice, leastStopMs, mostStopMs));
    resume();
  }

  async #moveCard(): Promise<void> {
    const { dice } = this.#options;
    const slot = dice.below(this.cards.length + 1);
    const card = this.cards[slot];
    const outMs = between(dice, leastOutMs, mostOutMs);
    this.faults.pulls++;
    this.#pullsUnderWay++;
    try {
      if (card !== undefined) {
        card.pull();
        await pause(outMs);
        card.insert();
        return;
      }
      await this.#daemon.removeDeskCard();
      await pause(outMs);
      await this.#daemon.insertDeskCard();
    } catch (error) {
      // While the daemon is down it cannot be asked; the next one begins with the card.
      if (!this.#isDown && !this.isRestarting()) throw error;
    } finally {
      this.#pullsUnderWay--;
    }
  }

  /** Puts the card of the virtual reader back after a client had it ejected. */
  async keepDeskCard(): Promise<void> {
    if (this.#pullsUnderWay > 0 || this.#isDown) return;
    const { desk } = this.#options.place;
    try {
      const { readers } = await this.#daemon.who();
      const reader = readers.find(({ name }) => name === desk.name);
      if (reader?.card === undefined && this.#pullsUnderWay === 0) await this.#daemon.insertDeskCard();
    } catch (error) {
      if (!this.#isDown && !this.isRestarting() && !this.#options.isOver()) throw error;
    }
  }

  async #restart(): Promise<void> {
    const { began, calm, dice, place } = this.#options;
    this.settle();
    const signal = dice.pick(["SIGTERM", "SIGKILL"] as const);
    const downMs = between(dice, leastDownMs, mostDownMs);
    this.faults.restarts.push({ signal, at: Math.round(performance.now() - began), downMs });
    const calmAgain = calm.disturb();
    this.#isDown = true;
    this.#restartingUntil = Number.POSITIVE_INFINITY;
    await this.endDaemon(signal);
    await pause(downMs);
    this.#daemon = await SoakDaemon.start(place);
    this.#watch(this.#daemon);
    this.#restartingUntil = performance.now() + RESTART_ECHO_MS;
    this.#isDown = false;
    calmAgain();
  }

  async #whoText(): Promise<string> {
    return this.#daemon.who().then(
      (report) => JSON.stringify(report.readers),
      (error: unknown) => `who fails: ${error}`,
    );
  }
}

/** How many calls clients made so far. */
export function callsOf(crowd: Crowd): number {
  let calls = 0;
  for (const kind of kinds) {
    for (const results of Object.values(crowd.tallies[kind])) {
      for (const count of Object.values(results)) calls += count;
    }
  }
  return calls;
}

function between(dice: Dice, least: number, most: number): number {
  return least + dice.below(most - least + 1);
}
