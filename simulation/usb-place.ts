// SPDX-License-Identifier: MIT

import { hexByte } from "../src/base/binary/index.ts";
import type { Clock } from "../src/port/index.ts";
import { openCcidDevice } from "../src/readers/ccid/index.ts";
import {
  type AnswerFault,
  type BlockFault,
  CardLine,
  CcidReaderModel,
  memoryUsb,
  type Preset,
  presets,
  type TransferStep,
} from "../test/usb/models/index.ts";
import type { DriverGlitch } from "./driver-place.ts";
import type { Place, PlaceDeps } from "./place.ts";
import type { SimulatedCard } from "./simulated-card.ts";

/** What goes wrong once, between the host and a USB reader, between the reader and its card, or in a driver. */
export type Glitch =
  | { readonly at: "answer"; readonly how: AnswerFault }
  | { readonly at: "transfer"; readonly how: "stall" | "gone" }
  | { readonly at: "block"; readonly how: BlockFault }
  /** S(WTX request)s, or NULL bytes, before the next answer of the card. */
  | { readonly at: "card"; readonly how: "more time" }
  /** In the process of a driver of pcsc-lite. */
  | { readonly at: "driver"; readonly how: DriverGlitch };

/** What a USB reader's plan says beyond that of others. */
export interface UsbPlan {
  readonly preset: Preset;
  /** Transfers and blocks before a glitch happens, so that it meets each step of an exchange. */
  readonly patience: number;
}

/** A USB reader: the CCID driver over a model of a reader, in which everything can go wrong. */
export async function makeUsbPlace(deps: PlaceDeps, plan: UsbPlan): Promise<Place> {
  const faults = new Faults(plan.patience);
  const model = new CcidReaderModel({
    clock: deps.runtime.clock,
    ...presets[plan.preset],
    get answerMs() {
      return faults.answerMs;
    },
    answerFaults: () => faults.answer(),
    transferFaults: (step) => faults.transfer(step),
    overlaps: ({ running, next, since }) => {
      if (faults.mayOverlap(since)) return;
      const types = `${hexByte(running.type)}, and gets ${hexByte(next.type)}`;
      deps.violated(`usb:${deps.number} still has command ${types}: the first was given up, and not aborted`);
    },
  });
  const usb = memoryUsb(model);
  let isOpen = true;
  const close = usb.close.bind(usb);
  usb.close = async () => {
    isOpen = false;
    await close();
  };
  const device = await openCcidDevice(usb, {
    clock: deps.runtime.clock,
    trace: deps.runtime.trace,
    limits,
    describe: () => ({ name: "Reader", id: `usb:${deps.number}` }),
  });
  const [reader] = device.readers;
  if (reader === undefined) throw new Error("the model has a slot");
  return new UsbPlace(deps.runtime.clock, model, faults, { reader, isOpen: () => isOpen });
}

/** The faults that are due at a reader, each once, and the ones that last. */
class Faults {
  answerMs = 0;
  silent = false;
  mute = false;
  readonly #patience: number;
  #due: Glitch[] = [];
  #steps = 0;
  /** The number of the last transfer that failed, and of the last one that came with half an answer left behind; 0 before the first. */
  #failedAt = 0;
  #misledAt = 0;
  #hasHalfAnswer = false;

  constructor(patience: number) {
    this.#patience = patience;
  }

  add(glitch: Glitch): void {
    this.#due.push(glitch);
    this.#steps = 0;
  }

  answer(): AnswerFault | undefined {
    if (this.silent) return "none";
    const how = this.#take("answer")?.how;
    if (how === "split") this.#hasHalfAnswer = true;
    return how;
  }

  transfer({ kind, number }: TransferStep): "stall" | "gone" | undefined {
    if (this.#hasHalfAnswer && kind === "out") {
      this.#hasHalfAnswer = false;
      this.#misledAt = number;
    }
    const how = this.#take("transfer")?.how;
    if (how !== undefined) this.#failedAt = number;
    return how;
  }

  /**
   * Whether the host may send a command while that of an earlier transfer is under way: its abort may be lost where a transfer has failed,
   * and it counts as answered where half the answer to the one before was read in its place.
   */
  mayOverlap(since: number): boolean {
    return this.#failedAt >= since || this.#misledAt === since;
  }

  block(): BlockFault | undefined {
    return this.#take("block")?.how;
  }

  waits(): readonly number[] {
    return this.#take("card") === undefined ? [] : [1, 3];
  }

  clear(): void {
    this.#due = [];
  }

  #take<A extends Glitch["at"]>(at: A): Extract<Glitch, { at: A }> | undefined {
    const [next] = this.#due;
    if (next?.at !== at || this.#steps++ < this.#patience) return undefined;
    this.#due.shift();
    this.#steps = 0;
    return next as Extract<Glitch, { at: A }>;
  }
}

/** How long a change of the card may go unnoticed: a message of the interrupt endpoint was lost, and a question was not answered. */
const NOTICE_MS = 60_000;

/** A reader that is slower than this gives no answer in time to a question for its card. */
const ANSWER_MS = 2_000;

/** Questions are rare here: histories have hours, and each question costs the simulator as much as a command. */
const limits = { recheckMs: 20_000, pollMs: 2_000 };

/** What the driver has made of the model. */
interface Device {
  readonly reader: Place["reader"];
  readonly isOpen: () => boolean;
}

class UsbPlace implements Place {
  readonly reader: Place["reader"];
  readonly #clock: Clock;
  readonly #device: Device;
  #changedAt = 0;
  readonly #model: CcidReaderModel;
  readonly #faults: Faults;
  #card: SimulatedCard | undefined;

  constructor(clock: Clock, model: CcidReaderModel, faults: Faults, device: Device) {
    this.#clock = clock;
    this.#model = model;
    this.#faults = faults;
    this.reader = device.reader;
    this.#device = device;
  }

  get isOpen(): boolean {
    return this.#device.isOpen();
  }

  get card(): SimulatedCard | undefined {
    return this.#card;
  }

  get noticesByNow(): boolean {
    const { answerMs, silent } = this.#faults;
    // A reader that does not answer in time, or at all, tells nothing of its card where it has no messages.
    return !silent && answerMs < ANSWER_MS && this.#clock.now() - this.#changedAt >= NOTICE_MS;
  }

  insert(card: SimulatedCard): void {
    const faults = this.#faults;
    this.#changedAt = this.#clock.now();
    this.#card = card;
    const line = new CardLine(card, {
      get mute() {
        return faults.mute;
      },
      faults: () => faults.block(),
      waits: () => faults.waits(),
    });
    this.#model.insert(line);
  }

  remove(): void {
    this.#card = undefined;
    this.#changedAt = this.#clock.now();
    this.#model.remove();
  }

  mute(on: boolean): void {
    this.#faults.mute = on;
  }

  slow(delayMs: number): void {
    this.#changedAt = this.#clock.now();
    this.#faults.answerMs = delayMs;
  }

  hang(on: boolean): void {
    this.#changedAt = this.#clock.now();
    this.#faults.silent = on;
    if (on) return;
    this.#faults.clear();
    this.#model.endExtensions();
  }

  babble(): void {
    // bSeq has 256 values: a stray message that had the right one could not be told from the answer.
    const sequence = (this.#model.lastSequence + 0x80) & 0xff;
    this.#model.sendStray(Uint8Array.of(0x80, 2, 0, 0, 0, 0, sequence, 0, 0, 0, 0x6f, 0x00));
  }

  intrude(): void {
    this.#model.reportHardwareError(0, 0, 1);
  }

  glitch(glitch: Glitch): void {
    if (glitch.at !== "driver") this.#faults.add(glitch);
  }

  unplug(): void {
    this.#model.unplug();
  }
}
