// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import type { CardLine, LineAnswer } from "./card-line.ts";
import { features, type ReaderShape } from "./descriptors.ts";
import { type Command, commands, errors, type IccStatus, iccStatus, littleEndian } from "./messages.ts";
import { enterPins, type PinPadUser } from "./pin-pad.ts";
import { edc } from "./t1-card.ts";

/** What a slot answers to a command. */
export interface SlotAnswer {
  /** bError where the command failed. */
  readonly error?: number;
  /** Byte 9. */
  readonly last?: number;
  readonly data?: Uint8Array;
  /** Time extensions before the answer: bError of each, the multiplier. */
  readonly waits?: readonly number[];
  /** How much later than usual the answer comes. */
  readonly delayMs?: number;
}

export interface SlotHost {
  readonly shape: ReaderShape;
  readonly user: PinPadUser;
  /** How long the reader waits for a card that keeps silent, ms. */
  readonly silenceMs: number;
  /** How late a late block is, ms. */
  readonly lateMs: number;
  escape(data: Uint8Array): Uint8Array | undefined;
}

const T0 = 0;
const T1 = 1;
const DEFAULT_IFSC = 32;
const MOST_RESET_KHZ = 5000;
const PPSS = 0xff;
/** bPowerSelect: automatic, 5 V, 3 V, 1.8 V; and the same as bVoltageSupport counts. */
const selectable = [undefined, 1, 2, 4] as const;

/** One slot of a reader: the card in it, its power and parameters, and what each message does. CCID 1.1, 6.1. */
export class Slot {
  readonly number: number;
  readonly #host: SlotHost;
  #line: CardLine | undefined;
  #generation = 0;
  #supply: number | undefined;
  #protocol = T0;
  #parameters: Uint8Array = new Uint8Array(0);
  #clockStopped = false;
  #command: Uint8Array[] = [];
  #response: Uint8Array | undefined;
  #pending: Uint8Array = new Uint8Array(0);
  locked = false;
  /** The clock that the reader was told to give the card, in kilohertz. */
  clockKhz: number | undefined;

  constructor(number: number, host: SlotHost) {
    this.number = number;
    this.#host = host;
  }

  get line(): CardLine | undefined {
    return this.#line;
  }

  get icc(): IccStatus {
    if (this.#line === undefined) return iccStatus.absent;
    return this.#supply === undefined ? iccStatus.inactive : iccStatus.active;
  }

  get powered(): boolean {
    return this.#supply !== undefined;
  }

  /** The voltage that the card has: 1, 2 or 4, as bVoltageSupport counts; undefined without power. */
  get supply(): number | undefined {
    return this.#supply;
  }

  insert(line: CardLine): void {
    this.remove();
    this.#line = line;
  }

  remove(): void {
    this.powerOff();
    this.#line = undefined;
    this.#generation++;
  }

  powerOff(): void {
    if (this.#supply !== undefined) this.#line?.powerOff();
    this.#supply = undefined;
    this.#command = [];
    this.#response = undefined;
    this.#pending = new Uint8Array(0);
  }

  async execute(command: Command): Promise<SlotAnswer> {
    const generation = this.#generation;
    const answer = await this.#execute(command);
    return generation === this.#generation ? answer : { error: errors.mute };
  }

  #execute(command: Command): SlotAnswer | Promise<SlotAnswer> {
    const { type, parameters, data } = command;
    switch (type) {
      case commands.getSlotStatus:
        return { last: this.#clock() };
      case commands.powerOff:
        this.powerOff();
        return { last: this.#clock() };
      case commands.escape: {
        const answer = this.#host.escape(data);
        return answer === undefined ? { error: errors.notSupported } : { data: answer };
      }
      case commands.mechanical:
        return this.#mechanical(parameters[0]);
      case commands.setDataRateAndClock:
        return this.#setDataRate(data);
      case commands.powerOn:
        return this.#powerOn(parameters[0]);
      default:
        if (this.#line === undefined) return { error: errors.mute };
        return this.#withCard(command, this.#line);
    }
  }

  #withCard({ type, parameters, data }: Command, line: CardLine): SlotAnswer | Promise<SlotAnswer> {
    switch (type) {
      case commands.getParameters:
        return this.#parametersAnswer();
      case commands.resetParameters:
        this.#defaultParameters(line);
        return this.#parametersAnswer();
      case commands.setParameters:
        return this.#setParameters(parameters[0], data, line);
      case commands.iccClock:
        if ((this.#host.shape.features & features.clockStop) === 0) return { error: errors.notSupported };
        if (parameters[0] > 1) return { error: 7 };
        this.#clockStopped = parameters[0] === 1;
        return { last: this.#clock() };
      case commands.t0Apdu:
        return this.#protocol === T0 ? { last: this.#clock() } : { error: errors.notSupported };
      case commands.xfrBlock:
        if (this.#supply === undefined) return { error: errors.mute };
        return this.#transfer(data, parameters[1] | (parameters[2] << 8), line);
      case commands.secure:
        if (this.#supply === undefined) return { error: errors.mute };
        return this.#secure(data, line);
      default:
        return { error: errors.notSupported };
    }
  }

  /** bClockStatus: running, or stopped in the low state; stopped in an unknown one without power. */
  #clock(): number {
    if (this.#supply === undefined) return 3;
    return this.#clockStopped ? 1 : 0;
  }

  #mechanical(action: number): SlotAnswer {
    const { mechanical } = this.#host.shape;
    if (action < 1 || action > 5) return { error: 7 };
    const needed = [0, 1, 2, 4, 8, 8][action] ?? 0;
    if ((mechanical & needed) === 0) return { error: errors.notSupported };
    if (action === 4) this.locked = true;
    if (action === 5) this.locked = false;
    if (action === 2) {
      if (this.locked) return { error: errors.hardware };
      this.remove();
    }
    return { last: this.#clock() };
  }

  #setDataRate(data: Uint8Array): SlotAnswer {
    const { shape } = this.#host;
    if (data.length !== 8) return { error: errors.badLength };
    if ((shape.features & (features.automaticBaudRate | features.automaticClock)) !== 0) {
      return { error: errors.notSupported };
    }
    const clockKhz = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
    const possible = shape.clocksKhz.length > 0 ? shape.clocksKhz : [shape.clockKhz, shape.maxClockKhz];
    if (!possible.includes(clockKhz)) return { error: 10 };
    this.clockKhz = clockKhz;
    return { data: data.slice() };
  }

  #powerOn(select: number): SlotAnswer {
    const { shape } = this.#host;
    const asked = selectable[select];
    const isAutomatic = (shape.features & features.automaticVoltage) !== 0;
    if (select > 3 || (select === 0 && !isAutomatic)) return { error: 7 };
    if (asked !== undefined && (shape.voltages & asked) === 0) return { error: 7 };
    const line = this.#line;
    if (line === undefined) return { error: errors.mute };
    const kind = this.#supply === undefined ? "cold" : "warm";
    const choices = asked === undefined ? [4, 2, 1].filter((supply) => (shape.voltages & supply) !== 0) : [asked];
    this.powerOff();
    // No card has to answer a reset with a faster clock.
    if ((this.clockKhz ?? 0) > MOST_RESET_KHZ) return { error: errors.mute, delayMs: this.#host.silenceMs };
    for (const supply of choices) {
      const atr = line.reset(kind, supply);
      if (atr === undefined) continue;
      if (atr[0] !== 0x3b && atr[0] !== 0x3f) return { error: errors.badAtrTs, delayMs: this.#host.silenceMs };
      this.#supply = supply;
      this.#clockStopped = false;
      this.#defaultParameters(line);
      return { data: atr };
    }
    return { error: errors.mute, delayMs: this.#host.silenceMs };
  }

  /** The parameters of a card that was just reset: what its ATR says, as far as the reader sees to that by itself. */
  #defaultParameters(line: CardLine): void {
    const { shape } = this.#host;
    const atr = line.atr;
    const byItself = features.automaticParameters | features.automaticNegotiation | features.automaticPps;
    const reads = (shape.features & byItself) !== 0;
    const offered = (atr?.usableProtocols ?? [T0]).filter((protocol) => (shape.protocols & (1 << protocol)) !== 0);
    this.#protocol = reads ? (offered[0] ?? T0) : T0;
    const factors = reads ? line.factors : 0x11;
    this.#parameters =
      this.#protocol === T0
        ? Uint8Array.of(factors, 0, 0, atr?.t0?.wi ?? 10, 0)
        : Uint8Array.of(
            ...[factors, 0x10 | (atr?.t1?.edc === "crc" ? 1 : 0), 0],
            ((atr?.t1?.bwi ?? 4) << 4) | (atr?.t1?.cwi ?? 13),
            ...[0, atr?.t1?.ifsc ?? DEFAULT_IFSC, 0],
          );
    if (reads) this.#agree(line);
  }

  #parametersAnswer(): SlotAnswer {
    return { data: this.#parameters.slice(), last: this.#protocol };
  }

  #setParameters(protocol: number, data: Uint8Array, line: CardLine): SlotAnswer {
    const { shape } = this.#host;
    if (protocol > 1 || (shape.protocols & (1 << protocol)) === 0) return { error: 7 };
    if (line.atr !== undefined && !line.atr.usableProtocols.includes(protocol)) return { error: 7 };
    if (data.length !== (protocol === T0 ? 5 : 7)) return { error: errors.badLength };
    // The convention is the card's, and the checksum's kind must be what its ATR says.
    if (protocol === T1 && ((data[1] ?? 0) & 1) !== (line.atr?.t1?.edc === "crc" ? 1 : 0)) return { error: 11 };
    this.#protocol = protocol;
    this.#parameters = data.slice();
    this.#agree(line);
    return this.#parametersAnswer();
  }

  /** A reader that makes the PPS by itself makes it here, so that the card works as the parameters say. */
  #agree(line: CardLine): void {
    const { shape } = this.#host;
    if ((shape.features & (features.automaticPps | features.automaticNegotiation)) === 0) return;
    if (!line.fresh || line.atr?.mode.kind === "specific") return;
    const factors = this.#parameters[0] ?? 0x11;
    if (line.protocol === this.#protocol && line.factors === factors) return;
    const request = [PPSS, 0x10 | this.#protocol, factors];
    line.pps(
      Uint8Array.of(
        ...request,
        request.reduce((sum, byte) => sum ^ byte, 0),
      ),
    );
  }

  async #transfer(data: Uint8Array, level: number, line: CardLine): Promise<SlotAnswer> {
    switch (this.#host.shape.level) {
      case "extended-apdu":
        return this.#extended(data, level, line);
      case "short-apdu":
        if (data.length < 4 || data.length > 261) return { error: errors.badLength };
        return this.#apdu(data, line);
      case "tpdu":
        return this.#tpdu(data, line);
      case "character":
        return this.#characters(data, level, line);
    }
  }

  async #apdu(data: Uint8Array, line: CardLine): Promise<SlotAnswer> {
    const waits = line.waits(data);
    const response = await line.apdu(data);
    if (response.length < 2) return { error: errors.mute, delayMs: this.#host.silenceMs };
    return { data: response, waits };
  }

  /** wLevelParameter and bChainParameter: CCID 1.1, 6.1.4 and 6.2.1. */
  async #extended(data: Uint8Array, level: number, line: CardLine): Promise<SlotAnswer> {
    if (level === 0x10) {
      if (this.#response === undefined || data.length > 0) return { error: 8 };
      return this.#responsePart(false, []);
    }
    this.#response = undefined;
    if (level > 3) return { error: 8 };
    const isFirst = level === 0 || level === 1;
    if (isFirst) this.#command = [];
    else if (this.#command.length === 0) return { error: 8 };
    this.#command.push(data.slice());
    if (level === 1 || level === 3) return { last: 0x10 };
    const command = concatBytes(...this.#command);
    this.#command = [];
    if (command.length < 4) return { error: errors.badLength };
    const waits = line.waits(command);
    const response = await line.apdu(command);
    if (response.length < 2) return { error: errors.mute, delayMs: this.#host.silenceMs };
    this.#response = response;
    return this.#responsePart(true, waits);
  }

  #responsePart(isFirst: boolean, waits: readonly number[]): SlotAnswer {
    const room = this.#host.shape.maxMessageBytes - 10;
    const rest = this.#response ?? new Uint8Array(0);
    const part = rest.subarray(0, room);
    const isLast = part.length === rest.length;
    this.#response = isLast ? undefined : rest.subarray(room);
    const last = isFirst ? (isLast ? 0 : 1) : isLast ? 2 : 3;
    return { data: part, last, waits };
  }

  /** Whether the reader's line works as the card's does. A reader at another speed understands nothing. */
  #understands(line: CardLine): boolean {
    return (this.#parameters[0] ?? 0x11) === line.factors && line.protocol === this.#protocol;
  }

  async #tpdu(data: Uint8Array, line: CardLine): Promise<SlotAnswer> {
    if (data[0] === PPSS && line.fresh) return this.#pps(data, line);
    if (!this.#understands(line)) return { error: errors.mute, delayMs: this.#host.silenceMs };
    if (this.#protocol === T1) return this.#lineAnswer(await line.block(data));
    const response = await line.tpdu(data);
    if (response.length < 2) return { error: errors.mute, delayMs: this.#host.silenceMs };
    return { data: response, waits: line.waits(data) };
  }

  #pps(data: Uint8Array, line: CardLine): SlotAnswer {
    const response = line.pps(data);
    return response.length === 0 ? { error: errors.mute, delayMs: this.#host.silenceMs } : { data: response };
  }

  #lineAnswer(answer: LineAnswer): SlotAnswer {
    if (answer.kind === "silence") return { error: errors.mute, delayMs: this.#host.silenceMs };
    if (answer.kind === "parity") return { error: errors.parity };
    return { data: answer.bytes, ...(answer.late ? { delayMs: this.#host.lateMs } : {}) };
  }

  /** Character level: wLevelParameter says how many bytes the host wants back. CCID 1.1, 3.2.1. */
  async #characters(data: Uint8Array, expected: number, line: CardLine): Promise<SlotAnswer> {
    if (data[0] === PPSS && line.fresh) {
      this.#pending = line.pps(data);
      return this.#taken(expected);
    }
    if (data.length === 0 && this.#pending.length > 0) return this.#taken(expected);
    if (!this.#understands(line)) return { error: errors.mute, delayMs: this.#host.silenceMs };
    if (data.length > 0) {
      if (this.#protocol === T1) {
        const answer = await line.block(data);
        if (answer.kind !== "bytes") return this.#lineAnswer(answer);
        this.#pending = answer.bytes;
      } else {
        this.#pending = concatBytes(this.#pending, await line.characters(data));
      }
    }
    return this.#taken(expected);
  }

  #taken(expected: number): SlotAnswer {
    const data = this.#pending.slice(0, expected);
    this.#pending = this.#pending.slice(data.length);
    if (data.length === 0 && expected > 0) return { error: errors.mute, delayMs: this.#host.silenceMs };
    return { data };
  }

  async #secure(data: Uint8Array, line: CardLine): Promise<SlotAnswer> {
    const { shape, user } = this.#host;
    if (shape.pinSupport === 0) return { error: errors.notSupported };
    const outcome = enterPins(data, shape.pinSupport, user);
    if ("error" in outcome) return { error: outcome.error };
    if (shape.level !== "tpdu") return this.#apdu(outcome.apdu, line);
    if (this.#protocol === T0) return { data: await line.tpdu(outcome.apdu) };
    const [nad = 0, pcb = 0] = outcome.prologue ?? [];
    const body = Uint8Array.of(nad, pcb, outcome.apdu.length, ...outcome.apdu);
    const kind = ((this.#parameters[1] ?? 0) & 1) === 1 ? "crc" : "lrc";
    return this.#lineAnswer(await line.block(concatBytes(body, edc(body, kind))));
  }
}

/** dwClockFrequency or dwDataRate lists of GET_CLOCK_FREQUENCIES and GET_DATA_RATES: CCID 1.1, 5.3. */
export function numberList(values: readonly number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => littleEndian(value, 4)));
}
