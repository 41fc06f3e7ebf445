// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import type { Clock } from "../../../src/port/index.ts";
import { type AnswerFault, type AnswerFaults, spoil } from "./answer-faults.ts";
import type { CardLine } from "./card-line.ts";
import { BULK_IN, BULK_OUT, features, INTERRUPT_IN, type ReaderShape, usbDescriptors } from "./descriptors.ts";
import {
  answerTypeOf,
  type Command,
  type CommandStatus,
  commandStatus,
  commands,
  decodeCommand,
  encodeAnswer,
  errors,
  HEADER_BYTES,
  messageBytes,
  notices,
} from "./messages.ts";
import type { PinPadUser } from "./pin-pad.ts";
import { numberList, Slot, type SlotAnswer } from "./slot.ts";
import { type Setup, type TransferFaults, UsbDeviceModel } from "./usb-device.ts";

/** Options of a model of a CCID reader. What is left out of the shape is that of a plain extended APDU reader. */
export interface CcidReaderOptions extends Partial<ReaderShape> {
  readonly clock: Clock;
  /** From a command to its answer, ms. @default 0 */
  readonly answerMs?: number;
  /** How long the reader waits for a card that keeps silent, ms. @default 100 */
  readonly silenceMs?: number;
  /** How much later a late answer comes, ms. @default 300 */
  readonly lateMs?: number;
  /** Between a time extension and what follows it, ms. @default 10 */
  readonly extensionMs?: number;
  /** Whether the reader reports the cards that are there already when it gets its power. @default true */
  readonly reportsAtStart?: boolean;
  /** The person at the PIN pad. @default 1234 and the enter key */
  readonly user?: PinPadUser;
  /** What PC_to_RDR_Escape does. @default nothing: not supported */
  readonly escape?: (data: Uint8Array) => Uint8Array | undefined;
  /** Asked before an answer goes out: as long as it is true, the reader asks for more time in its place. @default false */
  readonly isHeld?: (command: Command) => boolean;
  /** Told of a command for a slot in which another one is under way, which the host has not aborted. @default nothing */
  readonly overlaps?: (overlap: CommandOverlap) => void;
  readonly answerFaults?: AnswerFaults;
  readonly transferFaults?: TransferFaults;
}

/** A host may send a slot its next command when it has the answer to the one before, or has aborted that. CCID 1.1, 6.1. */
interface CommandOverlap {
  /** What is under way. */
  readonly running: Command;
  /** What has come meanwhile. */
  readonly next: Command;
  /** The number of the transfer that brought the one that is under way. */
  readonly since: number;
}

const plainShape: ReaderShape = {
  vendorId: 0x08e6,
  productId: 0x3437,
  vendor: "Model",
  product: "Model Reader",
  serial: "M0001",
  interfaceName: "",
  release: 0x0100,
  speed: "full",
  level: "extended-apdu",
  features:
    features.automaticParameters |
    features.automaticVoltage |
    features.automaticClock |
    features.automaticBaudRate |
    features.automaticPps,
  voltages: 7,
  protocols: 3,
  slots: 1,
  busySlots: 1,
  maxMessageBytes: 271,
  maxIfsd: 254,
  mechanical: 0,
  pinSupport: 0,
  lcdLayout: 0,
  interruptEndpoint: true,
  interfaceProtocol: 0,
  clockKhz: 4000,
  maxClockKhz: 8000,
  dataRate: 10_752,
  maxDataRate: 344_086,
  dataRates: [],
  clocksKhz: [],
};

/** The shape that the options ask for. */
export function shapeOf(options: Partial<ReaderShape>): ReaderShape {
  const given = Object.fromEntries(Object.entries(options).filter(([name]) => name in plainShape));
  return { ...plainShape, ...given };
}

/** A command that is not answered yet. */
interface Running {
  readonly command: Command;
  /** The number of the transfer that brought it. */
  readonly since: number;
  stopTimer: () => void;
  /** Its answer, which the reader keeps back behind time extensions without end. */
  kept?: SlotAnswer;
}

/** What stands between a slot and its next command: a host that aborts says so on two pipes. CCID 1.1, 5.3.1 and 6.1.13. */
interface Aborting {
  control?: number;
  bulk?: number;
}

/** A model of a USB CCID reader: CCID 1.1, on the bulk and interrupt endpoints and the control pipe. */
export class CcidReaderModel extends UsbDeviceModel {
  readonly shape: ReaderShape;
  readonly slots: readonly Slot[];
  readonly #options: CcidReaderOptions;
  readonly #running = new Map<number, Running>();
  readonly #aborting = new Map<number, Aborting>();
  #message: Uint8Array[] = [];
  #answers = 0;
  #lastSequence = 0;
  #before: Uint8Array | undefined;
  #changed = 0;
  #held: Uint8Array[] = [];

  constructor(options: CcidReaderOptions) {
    const shape = shapeOf(options);
    super(usbDescriptors(shape), shape.speed, options.transferFaults);
    this.shape = shape;
    this.#options = options;
    const { user = () => ({ digits: "1234", key: "enter" }) } = options;
    const { silenceMs = 100, lateMs = 300 } = options;
    const host = { shape, user, escape: options.escape ?? (() => undefined), silenceMs, lateMs };
    this.slots = Array.from({ length: shape.slots }, (_, number) => new Slot(number, host));
    this.configured();
  }

  /** Puts a card in; one that is there already is taken out first. */
  insert(line: CardLine, slot = 0): void {
    this.#slot(slot).insert(line);
    this.#reportChange(slot);
  }

  /** Takes the card out: a command under way ends as with a mute card, and no card in the slot. */
  remove(slot = 0): void {
    const pulled = this.#slot(slot);
    if (pulled.line === undefined) return;
    pulled.remove();
    const running = this.#running.get(slot);
    if (running !== undefined) this.#finish(running, { error: errors.mute });
    this.#reportChange(slot);
  }

  /** Gives the answers that time extensions without end have kept back. */
  endExtensions(): void {
    for (const running of [...this.#running.values()]) {
      if (running.kept === undefined) continue;
      running.stopTimer();
      this.#deliver(running, running.kept, undefined);
    }
  }

  /** bSeq of the last command that came. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Commands that have come and are not answered. */
  get busySlots(): number {
    return this.#running.size;
  }

  /** RDR_to_PC_HardwareError. */
  reportHardwareError(slot: number, sequence: number, code: number): void {
    if (this.shape.interruptEndpoint)
      this.send(INTERRUPT_IN, Uint8Array.of(notices.hardwareError, slot, sequence, code));
  }

  /** Bytes on the bulk IN endpoint that no command has asked for. */
  sendStray(bytes: Uint8Array): void {
    this.send(BULK_IN, bytes);
  }

  #slot(number: number): Slot {
    const slot = this.slots[number];
    if (slot === undefined) throw new RangeError(`the model has no slot ${number}`);
    return slot;
  }

  protected override configured(): void {
    this.#changed = 0;
    if (this.#options.reportsAtStart === false) return;
    for (const slot of this.slots) if (slot.line !== undefined) this.#reportChange(slot.number);
  }

  protected override powerLost(): void {
    for (const running of this.#running.values()) running.stopTimer();
    this.#running.clear();
    this.#aborting.clear();
    this.#message = [];
    this.#held = [];
    for (const slot of this.slots) slot.powerOff();
  }

  protected override haltCleared(address: number): void {
    if (address !== BULK_IN) return;
    for (const message of this.#held.splice(0)) this.send(BULK_IN, message);
  }

  protected override classRequest({ request, value, requestType }: Setup): Uint8Array | undefined {
    const isIn = (requestType & 0x80) !== 0;
    if (request === 1 && !isIn) {
      const slot = value & 0xff;
      if (slot >= this.slots.length) return undefined;
      this.#abort(slot, { control: value >> 8 });
      return new Uint8Array(0);
    }
    if (request === 2 && isIn && this.shape.clocksKhz.length > 0) return numberList(this.shape.clocksKhz);
    if (request === 3 && isIn && this.shape.dataRates.length > 0) return numberList(this.shape.dataRates);
    return undefined;
  }

  /** A message ends where its dwLength says; a short packet before that ends it early. */
  protected override received(endpoint: number, bytes: Uint8Array): void {
    if (endpoint !== BULK_OUT || (bytes.length === 0 && this.#message.length === 0)) return;
    this.#message.push(bytes.slice());
    const message = concatBytes(...this.#message);
    const ended = bytes.length % this.maxPacketBytes(BULK_OUT) !== 0 || bytes.length === 0;
    const isWhole = message.length >= HEADER_BYTES && message.length >= messageBytes(message);
    if (!isWhole && !ended) return;
    this.#message = [];
    const command = decodeCommand(message);
    if (message.length < HEADER_BYTES) return;
    if (message.length !== messageBytes(message) || message.length > this.shape.maxMessageBytes) {
      this.#answer(command, { error: errors.badLength }, commandStatus.failed);
    } else {
      this.#accept(command);
    }
  }

  #accept(command: Command): void {
    this.#lastSequence = command.sequence;
    const slot = this.slots[command.slot];
    if (slot !== undefined && command.type === commands.abort) {
      this.#abort(command.slot, { bulk: command.sequence });
      return;
    }
    const refusal = this.#refusal(command);
    if (slot === undefined || refusal !== undefined) {
      this.#answer(command, { error: refusal ?? errors.badSlot }, commandStatus.failed);
      return;
    }
    const running: Running = { command, since: this.transfers, stopTimer: () => undefined };
    this.#running.set(command.slot, running);
    slot.execute(command).then(
      (answer) => this.#extend(running, answer, [...(answer.waits ?? [])]),
      () => this.#finish(running, { error: errors.hardware }),
    );
  }

  #refusal(command: Command): number | undefined {
    if (command.slot >= this.slots.length) return errors.badSlot;
    if (this.#aborting.has(command.slot)) return errors.aborted;
    const before = this.#running.get(command.slot);
    if (before !== undefined) this.#options.overlaps?.({ running: before.command, next: command, since: before.since });
    const isBusy = before !== undefined || this.#running.size >= this.shape.busySlots;
    return isBusy ? errors.slotBusy : undefined;
  }

  /** Sends the time extensions that the card asked for, then the answer. */
  #extend(running: Running, answer: SlotAnswer, waits: number[]): void {
    const multiplier = waits.shift() ?? (this.#options.isHeld?.(running.command) ? 1 : undefined);
    const { answerMs = 0, extensionMs = 10 } = this.#options;
    const after = (ms: number, next: () => void): void => {
      if (ms === 0) next();
      else running.stopTimer = this.#options.clock.schedule(ms, "model of a reader", next, { background: true });
    };
    if (this.#running.get(running.command.slot) !== running) return;
    if (multiplier === undefined) {
      after(answerMs + (answer.delayMs ?? 0), () => this.#finish(running, answer));
      return;
    }
    this.#answer(running.command, { error: multiplier }, commandStatus.timeExtension);
    after(extensionMs, () => this.#extend(running, answer, waits));
  }

  #finish(running: Running, answer: SlotAnswer): void {
    const { command } = running;
    if (this.#running.get(command.slot) !== running) return;
    running.stopTimer();
    const fault = this.#options.answerFaults?.({ number: ++this.#answers, command });
    if (fault === "endless-extension") {
      running.kept = answer;
      this.#extendWithoutEnd(running);
      return;
    }
    if (fault === "none") return;
    if (fault === "late") {
      const { lateMs = 300, clock } = this.#options;
      const late = (): void => this.#deliver(running, answer, undefined);
      running.stopTimer = clock.schedule(lateMs, "model of a reader", late, { background: true });
      return;
    }
    this.#deliver(running, answer, fault);
  }

  /** A reader has room for one message: the next time extension waits until the host has read the one before. */
  #extendWithoutEnd(running: Running): void {
    if (this.#running.get(running.command.slot) !== running) return;
    const { extensionMs = 10, clock } = this.#options;
    if (this.waiting(BULK_IN) === 0) this.#answer(running.command, { error: 1 }, commandStatus.timeExtension);
    const again = (): void => this.#extendWithoutEnd(running);
    running.stopTimer = clock.schedule(extensionMs, "model of a reader", again, { background: true });
  }

  #deliver(running: Running, answer: SlotAnswer, fault: AnswerFault | undefined): void {
    if (this.#running.get(running.command.slot) !== running) return;
    this.#running.delete(running.command.slot);
    const status = answer.error === undefined ? commandStatus.done : commandStatus.failed;
    this.#answer(running.command, answer, status, fault);
  }

  #answer(command: Command, answer: SlotAnswer, status: CommandStatus, fault?: AnswerFault): void {
    const slot = this.slots[command.slot];
    const message = encodeAnswer({
      type: answerTypeOf(command.type),
      slot: command.slot,
      sequence: command.sequence,
      icc: slot?.icc ?? 2,
      status,
      error: answer.error ?? 0,
      last: answer.last ?? 0,
      data: answer.data ?? new Uint8Array(0),
    });
    const before = this.#before;
    this.#before = message;
    if (fault === "stall-then-answer") this.#held.push(message);
    if (fault === "gone") this.unplug();
    else if (fault === "stall" || fault === "stall-then-answer") this.halt(BULK_IN);
    else if (fault === undefined) this.send(BULK_IN, message);
    else for (const transfer of spoil(message, fault, before)) this.send(BULK_IN, transfer);
  }

  /** The command under way ends as aborted; the slot takes commands again when both halves of the abort have come. */
  #abort(slot: number, half: Aborting): void {
    const aborting: Aborting = { ...this.#aborting.get(slot), ...half };
    this.#aborting.set(slot, aborting);
    const running = this.#running.get(slot);
    if (running !== undefined) {
      running.stopTimer();
      this.#running.delete(slot);
      this.#answer(running.command, { error: errors.aborted }, commandStatus.failed);
    }
    if (aborting.control === undefined || aborting.bulk === undefined) return;
    if (aborting.control !== aborting.bulk) {
      delete aborting.bulk;
      return;
    }
    this.#aborting.delete(slot);
    const command = { type: commands.abort, slot, sequence: aborting.bulk } as const;
    this.#answer({ ...command, parameters: [0, 0, 0], data: new Uint8Array(0) }, {}, commandStatus.done);
  }

  /** RDR_to_PC_NotifySlotChange. A message that the host has not read yet is replaced by one that says all. */
  #reportChange(slot: number): void {
    if (!this.shape.interruptEndpoint || !this.plugged) return;
    if (this.waiting(INTERRUPT_IN) === 0) this.#changed = 0;
    this.drop(INTERRUPT_IN);
    this.#changed |= 1 << slot;
    const message = new Uint8Array(1 + Math.ceil(this.shape.slots / 4));
    message[0] = notices.slotChange;
    for (const { number, line } of this.slots) {
      const bits = (line === undefined ? 0 : 1) | (((this.#changed >> number) & 1) << 1);
      message[1 + (number >> 2)] = (message[1 + (number >> 2)] ?? 0) | (bits << ((number & 3) * 2));
    }
    this.send(INTERRUPT_IN, message);
  }
}
