// SPDX-License-Identifier: MIT

import type { CancelTimer, Clock } from "../src/port/index.ts";
import {
  type CallMessage,
  type DriverPipe,
  type DriverPipeEvents,
  decodeCall,
  encodeAnswer,
  IfdDevice,
  MAX_CALL_BYTES,
  MessageDecoder,
} from "../src/readers/ifd/index.ts";
import type { Place, PlaceDeps } from "./place.ts";
import type { SimulatedCard } from "./simulated-card.ts";
import type { Glitch } from "./usb-place.ts";

/** What a driver's process does with one call: it dies of it, answers what cannot be, or nothing for a while, or that it failed. */
export const driverGlitches = [
  "crash",
  "another number",
  "twice",
  "too much",
  "impossible length",
  "late",
  "fails",
  "no such device",
] as const;

export type DriverGlitch = (typeof driverGlitches)[number];

/** What the plan of a reader with a driver of pcsc-lite says beyond that of others. */
export interface DriverPlan {
  readonly version: 2 | 3;
  /** Whether the driver has a polling function. */
  readonly polls: boolean;
  /** Whether the polling function may be killed. */
  readonly isPollKillable: boolean;
  /** Whether a reader that its driver does not find any more is lost, or opened again. */
  readonly removable: boolean;
  /** Calls before a glitch happens. */
  readonly patience: number;
}

/** ifdhandler.h. */
const SUCCESS = 0;
const ERROR_TAG = 600;
const COMMUNICATION_ERROR = 612;
const NOT_SUPPORTED = 614;
const PRESENT = 615;
const NOT_PRESENT = 616;
const NO_SUCH_DEVICE = 617;
const POWER_DOWN = 501;
const SLOTS_NUMBER = 0x0fae;
const POLLING_THREAD_KILLABLE = 0x0fb1;

/** How much later an answer of "late" is, in milliseconds. */
const LATE_MS = 7_000;

/** Questions are rare here: histories have hours, and each question costs the simulator as much as a command. */
const limits = {
  presenceMs: 5_000,
  powerMs: 20_000,
  protocolMs: 20_000,
  transmitMs: 60_000,
  controlMs: 60_000,
  pollMs: 2_000,
  pollingFunctionMs: 20_000,
  longestRestartMs: 5_000,
};

/** How long a change of the card may go unnoticed: a driver's process had to be ended, and was started again. */
const NOTICE_MS = 60_000;

/** A driver that is slower than this is ended before it tells of its card. */
const ANSWER_MS = 2_000;

/** A reader with a driver of pcsc-lite, whose process is a model, in which everything can go wrong. */
export async function makeDriverPlace(deps: PlaceDeps, plan: DriverPlan): Promise<Place> {
  const { clock, trace } = deps.runtime;
  const model = new DriverModel(clock, plan);
  const device = await IfdDevice.open({
    library: "/driver.so",
    device: plan.version === 3 ? "/dev/ttyS0" : "",
    channel: 1,
    start: (events) => model.start(events),
    clock,
    trace,
    log: () => {},
    type: "serial",
    removable: plan.removable,
    describe: () => ({ name: "Reader", id: `ifd:${deps.number}` }),
    limits,
  });
  return new DriverPlace(clock, model, device);
}

/** A process of the model. */
interface Running {
  readonly events: DriverPipeEvents;
  readonly polls: Set<(code: number) => void>;
  readonly cancels: Set<CancelTimer>;
}

interface Answer {
  readonly code?: number;
  readonly data?: Uint8Array;
}

/** A driver with a reader and its card, as its process shows them. */
class DriverModel {
  card: SimulatedCard | undefined;
  answerMs = 0;
  mute = false;
  isGone = false;
  changedAt = 0;
  readonly #clock: Clock;
  readonly #plan: DriverPlan;
  #running: Running | undefined;
  #silent = false;
  #hasGone = false;
  /** What the last question for the card was answered. */
  #told = false;
  #held: (() => void)[] = [];
  #due: DriverGlitch[] = [];
  #calls = 0;

  constructor(clock: Clock, plan: DriverPlan) {
    this.#clock = clock;
    this.#plan = plan;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  get silent(): boolean {
    return this.#silent;
  }

  start(events: DriverPipeEvents): DriverPipe {
    const running: Running = { events, polls: new Set(), cancels: new Set() };
    this.#running = running;
    const decoder = new MessageDecoder(MAX_CALL_BYTES);
    return {
      write: (message) => {
        for (const one of decoder.decode(message) ?? []) this.#called(running, one);
        message.fill(0);
      },
      end: () => this.#end(running, "ended with status 0"),
      kill: () => this.#end(running, "was ended by SIGKILL"),
    };
  }

  die(): void {
    if (this.#running !== undefined) this.#end(this.#running, "was ended by SIGSEGV");
  }

  add(glitch: DriverGlitch): void {
    this.#due.push(glitch);
    this.#calls = 0;
  }

  hang(on: boolean): void {
    this.changedAt = this.#clock.now();
    this.#silent = on;
    if (on) return;
    this.#due = [];
    for (const answer of this.#held.splice(0)) answer();
  }

  /** The card came or went. A driver tells of a card that went before it tells of the next one. */
  changed(): void {
    this.changedAt = this.#clock.now();
    if (this.card === undefined) this.#hasGone = true;
    for (const poll of this.#running?.polls ?? []) poll(SUCCESS);
  }

  /** Bytes that were not asked for. */
  babble(): void {
    const { events } = this.#running ?? {};
    events?.received(encodeAnswer({ id: 0xffff_0000, outcome: "returned", code: 0, data: new Uint8Array(0) }));
  }

  #end(running: Running, how: string): void {
    if (running !== this.#running) return;
    this.#running = undefined;
    this.changedAt = this.#clock.now();
    for (const cancel of running.cancels) cancel();
    // The system closes the device, and the reader takes the power off.
    this.card?.powerOff();
    queueMicrotask(() => running.events.ended(how));
  }

  #called(running: Running, message: Uint8Array): void {
    const decoded = decodeCall(message);
    if (!decoded.ok || running !== this.#running) return;
    const call = decoded.value;
    if (call.call === "poll") {
      this.#poll(running, call);
      return;
    }
    const glitch = this.#calls++ < this.#plan.patience ? undefined : this.#due.shift();
    if (glitch !== undefined) {
      this.#calls = 0;
      this.changedAt = this.#clock.now();
    }
    if (glitch === "crash") {
      this.#end(running, "was ended by SIGSEGV");
      return;
    }
    this.#later(running, this.answerMs + (glitch === "late" ? LATE_MS : 0), () => {
      const { code = SUCCESS, data = new Uint8Array(0) } = this.#answer(call, glitch);
      const answer = { id: call.id, outcome: "returned", code, data } as const;
      const send = (bytes: Uint8Array): void => running.events.received(bytes);
      if (glitch === "impossible length") send(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0));
      else if (glitch === "another number") send(encodeAnswer({ ...answer, id: call.id + 1 }));
      else if (glitch === "too much") send(encodeAnswer({ ...answer, data: new Uint8Array(65_548) }));
      else send(encodeAnswer(answer));
      // The next call may have been made by then.
      if (glitch === "twice") this.#later(running, 1, () => send(encodeAnswer(answer)));
    });
  }

  /** Does something in the process, after a time, once it is not hanging, and if it is there still. */
  #later(running: Running, ms: number, work: () => void): void {
    const answer = (): void => {
      if (running !== this.#running) return;
      if (this.#silent) this.#held.push(answer);
      else work();
    };
    if (ms === 0) queueMicrotask(answer);
    else {
      const cancel = this.#clock.schedule(ms, "driver's answer", () => {
        running.cancels.delete(cancel);
        answer();
      });
      running.cancels.add(cancel);
    }
  }

  #poll(running: Running, { argument, id }: CallMessage): void {
    const done = (code: number): void => {
      running.polls.delete(done);
      running.cancels.delete(cancel);
      cancel();
      this.#later(running, 0, () => {
        running.events.received(encodeAnswer({ id, outcome: "returned", code, data: new Uint8Array(0) }));
      });
    };
    const cancel = this.#clock.schedule(argument, "driver's polling function", () => done(SUCCESS), {
      background: true,
    });
    running.polls.add(done);
    running.cancels.add(cancel);
    if (this.#hasGone || this.#told !== (this.card !== undefined)) done(SUCCESS);
  }

  #answer({ argument, call, data, lun }: CallMessage, glitch: DriverGlitch | undefined): Answer {
    if (call === "load") return { code: this.#plan.version };
    if (glitch === "fails") return { code: COMMUNICATION_ERROR };
    if (this.isGone || glitch === "no such device") return { code: NO_SUCH_DEVICE };
    switch (call) {
      case "presence":
        this.#told = this.card !== undefined && !this.#hasGone;
        this.#hasGone = false;
        return { code: this.#told ? PRESENT : NOT_PRESENT };
      case "power":
        return this.#power(argument);
      case "transmit":
        return this.#isMute ? { code: COMMUNICATION_ERROR } : { data: this.card?.process(data) ?? new Uint8Array(0) };
      case "control":
        return { code: NOT_SUPPORTED };
      case "has-polling":
        return { data: Uint8Array.of(this.#plan.polls ? 1 : 0) };
      case "stop-polling":
        for (const poll of this.#running?.polls ?? []) poll(SUCCESS);
        return {};
      case "close-channel":
        this.card?.powerOff();
        return {};
      case "capability":
        if (argument === SLOTS_NUMBER && lun === 0) return { data: Uint8Array.of(1) };
        if (argument === POLLING_THREAD_KILLABLE) return { data: Uint8Array.of(this.#plan.isPollKillable ? 1 : 0) };
        return { code: ERROR_TAG };
      default:
        return {};
    }
  }

  get #isMute(): boolean {
    return this.mute || this.card === undefined || !this.card.powered;
  }

  #power(action: number): Answer {
    if (action === POWER_DOWN) {
      this.card?.powerOff();
      return {};
    }
    if (this.card === undefined || this.mute || this.card.kind === "silent") return { code: COMMUNICATION_ERROR };
    return { data: this.card.reset() };
  }
}

class DriverPlace implements Place {
  readonly reader: Place["reader"];
  readonly #clock: Clock;
  readonly #device: IfdDevice;
  readonly #model: DriverModel;

  constructor(clock: Clock, model: DriverModel, device: IfdDevice) {
    const [reader] = device.readers;
    if (reader === undefined) throw new Error("the model has a slot");
    this.reader = reader;
    this.#clock = clock;
    this.#model = model;
    this.#device = device;
  }

  get isOpen(): boolean {
    return this.#model.isRunning;
  }

  get card(): SimulatedCard | undefined {
    return this.#model.card;
  }

  get noticesByNow(): boolean {
    const { answerMs, changedAt, isRunning, silent } = this.#model;
    return isRunning && !silent && answerMs < ANSWER_MS && this.#clock.now() - changedAt >= NOTICE_MS;
  }

  insert(card: SimulatedCard): void {
    if (this.#model.card !== undefined) this.remove();
    this.#model.card = card;
    this.#model.changed();
  }

  remove(): void {
    this.#model.card?.powerOff();
    this.#model.card = undefined;
    this.#model.changed();
  }

  mute(on: boolean): void {
    this.#model.mute = on;
  }

  slow(delayMs: number): void {
    this.#model.changedAt = this.#clock.now();
    this.#model.answerMs = delayMs;
  }

  hang(on: boolean): void {
    this.#model.hang(on);
  }

  babble(): void {
    this.#model.babble();
  }

  /** The process is ended from outside, in the middle of whatever it does. */
  intrude(): void {
    this.#model.die();
  }

  glitch(glitch: Glitch): void {
    if (glitch.at === "driver") this.#model.add(glitch.how);
  }

  unplug(): void {
    this.#model.isGone = true;
    this.#device.unplugged("the cable was pulled");
  }
}
