// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import { type Atr, DEFAULT_FACTORS_CODE, type EtuFactors, etuFactorsOf } from "../../base/iso7816/index.ts";
import { SmartCardError } from "../../port/index.ts";
import {
  confirmTransmission,
  lineTimes,
  planTransmission,
  type ReaderSpeeds,
  t1OptionsOf,
} from "../transmission/index.ts";
import type { ExchangeTerms } from "./card-exchange.ts";
import type { CcidAnswer, CcidCommand } from "./messages.ts";
import { dataRateAndClockFrequency } from "./messages.ts";
import { type CardParameters, type ClockStopCode, encodeParameters, protocolNumber } from "./parameters.ts";
import { cardQuirks } from "./quirks.ts";
import { commandFailure, failureOf, slotErrors } from "./slot-errors.ts";
import { can, type ReaderTraits } from "./traits.ts";
import { exchangeWhenFree, type SlotAccess } from "./xfr-block.ts";

const OPERATION = "set protocol";
/** Used where neither ATR nor descriptor says: that of most readers. */
const DEFAULT_CLOCK_KHZ = 4_000;
/** The least of a PPS response: PPSS and PPS0 say how long it is. ISO/IEC 7816-3:2006, 9.2. */
const PPS_HEAD_BYTES = 2;

/** What reader and card have agreed on. */
export interface Agreement {
  readonly protocol: "t0" | "t1";
  readonly parameters: CardParameters;
  readonly factors: EtuFactors;
  readonly clockKhz: number;
  readonly terms: ExchangeTerms;
}

/** What agreeing needs of the slot. */
export interface ProtocolSetupHost {
  /** Resets the card and returns its ATR: after a PPS exchange that failed it does not listen any more. */
  reset(signal: AbortSignal): Promise<Atr>;
  /** The card gets a faster clock than at its reset. @param usual data of the command that takes that back */
  clockRaised(usual: Uint8Array): void;
}

/**
 * Makes card and reader speak a protocol, at the best speed that both can do: by PPS, which the reader makes or we, and by
 * SetParameters, as dwFeatures says.
 *
 * @see CCID 1.1, table 5.1-1 (dwFeatures), 6.1.7; ISO/IEC 7816-3:2006, 6.3 and 9
 */
export class ProtocolSetup {
  readonly #access: SlotAccess;
  readonly #traits: ReaderTraits;
  readonly #host: ProtocolSetupHost;

  constructor(access: SlotAccess, traits: ReaderTraits, host: ProtocolSetupHost) {
    this.#access = access;
    this.#traits = traits;
    this.#host = host;
  }

  /** @throws proto-mismatch, unresponsive-card, comm-error, removed-card, cancelled, reader-unavailable */
  async agree(atr: Atr, protocol: "t0" | "t1", signal: AbortSignal): Promise<Agreement> {
    if (can(this.#traits, "automaticNegotiation")) return await this.#followReader(atr, protocol, signal);
    let card = atr;
    for (const speeds of this.#speeds) {
      const attempt = await this.#attempt(card, protocol, speeds, signal);
      if (attempt.kind === "agreed") return attempt.agreement;
      if (attempt.code === DEFAULT_FACTORS_CODE) throw attempt.error;
      card = await this.#host.reset(signal);
    }
    // At the speed that every card starts with.
    const slow = await this.#attempt(card, protocol, undefined, signal);
    if (slow.kind === "agreed") return slow.agreement;
    throw slow.error;
  }

  /** The speeds of the reader to try, where it says them: with all its clocks, then with the one that it has. */
  get #speeds(): readonly ReaderSpeeds[] {
    const { dataRates, maxDataRate } = this.#traits;
    if (maxDataRate === 0) return [];
    const usual = { clockKHz: this.#clockKhz, maxDataRate, dataRates };
    const clocksKHz = this.#otherClocks;
    return clocksKHz.length === 0 ? [usual] : [{ ...usual, clocksKHz }, usual];
  }

  /**
   * Clocks that the reader can be told to give the card. Where it lists none it has the default and the maximum (CCID 1.1, table
   * 5.1-1, bNumClockSupported); one that changes clock or rate by itself is not told.
   */
  get #otherClocks(): readonly number[] {
    const { clocksKhz, descriptor, level } = this.#traits;
    const isAutomatic = can(this.#traits, "automaticClock") || can(this.#traits, "automaticBaudRate");
    if (isAutomatic || (level !== "tpdu" && level !== "character")) return [];
    const listed = descriptor.fields.bNumClockSupported === 0 ? [descriptor.maxClockKhz] : clocksKhz;
    return listed.filter((clock) => clock > this.#clockKhz);
  }

  get #clockKhz(): number {
    return this.#traits.descriptor.defaultClockKhz || DEFAULT_CLOCK_KHZ;
  }

  /** The reader has negotiated: only a protocol that is not the card's first has to be asked for. */
  async #followReader(atr: Atr, protocol: "t0" | "t1", signal: AbortSignal): Promise<Agreement> {
    const plan = planTransmission(atr, protocolNumber(protocol) as 0 | 1);
    if (plan.kind === "refuse") throw failureOf("proto-mismatch", plan.reason, OPERATION);
    const parameters = parametersFor(atr, protocol, startingCode(atr), this.#clockStop(atr));
    if (plan.kind === "pps" && !(await this.#speaks(protocol, signal))) {
      const answer = await this.#setParameters(parameters, signal);
      if (answer.status !== "done" && !(await this.#speaks(protocol, signal))) {
        throw commandFailure(OPERATION, answer, "proto-mismatch");
      }
    }
    return this.#agreement(atr, parameters);
  }

  /** Whether the reader says that it speaks this protocol to the card. */
  async #speaks(protocol: "t0" | "t1", signal: AbortSignal): Promise<boolean> {
    const answer = await this.#command({ name: "get-parameters" }, signal);
    return answer.status === "done" && answer.parameter === protocolNumber(protocol);
  }

  async #attempt(
    atr: Atr,
    protocol: "t0" | "t1",
    speeds: ReaderSpeeds | undefined,
    signal: AbortSignal,
  ): Promise<Attempt> {
    const plan = planTransmission(atr, protocolNumber(protocol) as 0 | 1, speeds);
    if (plan.kind === "refuse") return given(failureOf("proto-mismatch", plan.reason, OPERATION));
    let code = plan.kind === "pps" ? (plan.request.pps1 ?? DEFAULT_FACTORS_CODE) : startingCode(atr);
    if (plan.kind === "pps" && this.#makesPps) {
      if (this.#traits.quirks.noPps) {
        if (protocolNumber(protocol) !== atr.defaultProtocol) {
          return given(failureOf("proto-mismatch", "the reader cannot do PPS, which this protocol needs", OPERATION));
        }
        code = DEFAULT_FACTORS_CODE;
      } else {
        const response = await this.#pps(plan.bytes, signal);
        if (response instanceof SmartCardError) return { kind: "failed", error: response, code };
        const outcome = confirmTransmission(plan.request, response);
        if (!outcome.agreed) {
          return { kind: "failed", error: failureOf("proto-mismatch", outcome.reason, OPERATION), code };
        }
        if (!sameFactors(outcome.factors, etuFactorsOf(code))) code = DEFAULT_FACTORS_CODE;
      }
    }
    const parameters = parametersFor(atr, protocol, code, this.#clockStop(atr));
    const error = await this.#apply(parameters, signal);
    if (error !== undefined) return { kind: "failed", error, code };
    const { clockKHz = this.#clockKhz } = code === DEFAULT_FACTORS_CODE ? {} : plan;
    const refusal = await this.#setSpeed(code, clockKHz, signal);
    if (refusal !== undefined) return { kind: "failed", error: refusal, code };
    return { kind: "agreed", agreement: this.#agreement(atr, parameters, clockKHz) };
  }

  /** Whether the PPS exchange is ours. At the levels of APDUs the reader cannot pass one on. */
  get #makesPps(): boolean {
    return !can(this.#traits, "automaticPps") && (this.#traits.level === "tpdu" || this.#traits.level === "character");
  }

  /** The response, which may be none of a PPS; or why there is none. */
  async #pps(request: Uint8Array, signal: AbortSignal): Promise<Uint8Array | SmartCardError> {
    const isCounted = this.#traits.level === "character";
    const first = await this.#xfr(request, isCounted ? PPS_HEAD_BYTES : 0, signal);
    if (first instanceof SmartCardError || !isCounted || first.length < PPS_HEAD_BYTES) return first;
    const [, head = 0] = first;
    const options = [0x10, 0x20, 0x40].filter((bit) => (head & bit) !== 0).length;
    const missing = PPS_HEAD_BYTES + options + 1 - first.length;
    const rest = missing > 0 ? await this.#xfr(new Uint8Array(0), missing, signal) : new Uint8Array(0);
    return rest instanceof SmartCardError ? rest : Uint8Array.of(...first, ...rest);
  }

  async #xfr(data: Uint8Array, level: number, signal: AbortSignal): Promise<Uint8Array | SmartCardError> {
    const answer = await this.#command({ name: "xfr-block", data, level }, signal);
    if (answer.status === "done") return answer.data;
    const error = commandFailure(OPERATION, answer, "proto-mismatch");
    if (error.code === "removed-card") throw error;
    return error;
  }

  /** Tells the reader the parameters. Returns why they are not in force; undefined where they are, or need not be told. */
  async #apply(parameters: CardParameters, signal: AbortSignal): Promise<SmartCardError | undefined> {
    const answer = await this.#setParameters(parameters, signal);
    if (answer.status !== "done") {
      const error = commandFailure(OPERATION, answer, "comm-error");
      if (error.code === "removed-card") throw error;
      if (this.#traits.quirks.parametersMayFail && parameters.protocol === "t1") {
        await this.#host.reset(signal);
        return undefined;
      }
      const isUnsupported = answer.error === slotErrors.commandNotSupported;
      const isFixed = answer.error > 0 && answer.error <= 0x7f;
      // A parameter that cannot be changed is no failure, as long as the protocol is right.
      if (!(isUnsupported || isFixed) || !(await this.#speaks(parameters.protocol, signal))) return error;
    }
    return undefined;
  }

  #setParameters(parameters: CardParameters, signal: AbortSignal): Promise<CcidAnswer> {
    const data = encodeParameters(parameters);
    return this.#command({ name: "set-parameters", parameter: protocolNumber(parameters.protocol), data }, signal);
  }

  /**
   * A reader that does not change its rate on its own is told it. One that does not know the command does: only where the clock
   * was to change, that is a failure. Returns it; undefined where the speed is in force.
   */
  async #setSpeed(code: number, clockKhz: number, signal: AbortSignal): Promise<SmartCardError | undefined> {
    const factors = etuFactorsOf(code);
    if (can(this.#traits, "automaticBaudRate") || code === DEFAULT_FACTORS_CODE || factors === undefined)
      return undefined;
    const isRaised = clockKhz !== this.#clockKhz;
    if (isRaised) this.#host.clockRaised(speedBytes(this.#clockKhz, defaultFactors));
    const answer = await this.#command(
      { name: "set-data-rate-and-clock-frequency", data: speedBytes(clockKhz, factors) },
      signal,
    );
    if (!isRaised) return undefined;
    if (answer.status !== "done") return commandFailure(OPERATION, answer, "comm-error");
    const set = dataRateAndClockFrequency.decode(answer.data);
    if (set.ok && set.value.dwClockFrequency === clockKhz) return undefined;
    const given = set.ok ? `${set.value.dwClockFrequency} kHz` : "not told";
    return failureOf("comm-error", `the clock was to be ${clockKhz} kHz, and is ${given}`, OPERATION);
  }

  #command(command: CcidCommand, signal: AbortSignal): Promise<CcidAnswer> {
    // A reader that makes the PPS speaks to the card meanwhile.
    const waitMs = Math.max(this.#access.limits.commandMs, this.#access.limits.leastAnswerMs);
    const endMs = this.#access.limits.powerTotalMs;
    return exchangeWhenFree(this.#access, command, { operation: OPERATION, waitMs, endMs, signal });
  }

  #clockStop(atr: Atr): ClockStopCode {
    if (!can(this.#traits, "clockStop")) return 0;
    const codes = { "not-supported": 0, "state-low": 1, "state-high": 2, "no-preference": 3 } as const;
    return codes[atr.global.clockStop];
  }

  #agreement(atr: Atr, parameters: CardParameters, clockKhz: number = this.#clockKhz): Agreement {
    const factors = etuFactorsOf(parameters.factorsCode) ?? defaultFactors;
    const { limits } = this.#access;
    const { quirks, maxMessageBytes } = this.#traits;
    const { protocol } = parameters;
    const wait = answerWaitMs(atr, parameters, clockKhz, factors);
    const bounded = Math.min(limits.mostAnswerMs, Math.max(limits.leastAnswerMs, quirks.leastAnswerMs ?? 0, wait));
    const answerMs = bounded + (protocol === "t1" ? (quirks.extraAnswerMs ?? 0) : 0);
    const isPseudo = (command: Uint8Array): boolean =>
      command[0] === 0xff && command[1] === 0xc2 && command[2] === 0x01;
    const waitMs = (command: Uint8Array): number =>
      isPseudo(command) ? Math.max(limits.leastPinEntryMs, answerMs) : answerMs;
    const terms = { maxMessageBytes, waitMs };
    return { protocol, parameters, factors, clockKhz, terms };
  }
}

/** Fd and Dd. */
const defaultFactors: EtuFactors = { f: 372, d: 1 };

/** Data of PC_to_RDR_SetDataRateAndClockFrequency. CCID 1.1, 6.1.14. */
function speedBytes(clockKhz: number, { d, f }: EtuFactors): Uint8Array {
  const dwDataRate = Math.round((clockKhz * 1000 * d) / f);
  return dataRateAndClockFrequency.encode({ dwClockFrequency: clockKhz, dwDataRate });
}

type Attempt =
  | { readonly kind: "agreed"; readonly agreement: Agreement }
  | { readonly kind: "failed"; readonly error: SmartCardError; readonly code: number };

/** A failure that no other speed mends. */
function given(error: SmartCardError): Attempt {
  return { kind: "failed", error, code: DEFAULT_FACTORS_CODE };
}

/** F and D from the reset on, coded: those of TA1 in specific mode. ISO/IEC 7816-3:2006, 6.3.1. */
function startingCode(atr: Atr): number {
  const isTold = atr.mode.kind === "specific" && !atr.mode.implicitFactors && atr.startingFactors !== undefined;
  return isTold ? atr.factors.code : DEFAULT_FACTORS_CODE;
}

function sameFactors(one: EtuFactors, other: EtuFactors | undefined): boolean {
  return other !== undefined && one.f === other.f && one.d === other.d;
}

/** What the ATR says, as the reader wants it. */
function parametersFor(atr: Atr, protocol: "t0" | "t1", factorsCode: number, clockStop: ClockStopCode): CardParameters {
  const inverse = atr.convention === "inverse";
  const common = { factorsCode, inverse, guardTime: atr.extraGuardTime.n, clockStop };
  if (protocol === "t0") return { protocol, ...common, waitingInteger: atr.t0?.wi ?? 10 };
  const { bwi = DEFAULT_BWI, cwi = DEFAULT_CWI } = atr.t1 ?? {};
  const { edc, ifsc } = atr.t1 === undefined ? defaultT1 : t1OptionsOf(atr);
  const known = cardQuirks.find((quirk) => quirk.atr === encodeHex(atr.bytes).toUpperCase());
  return { protocol, ...common, edc, bwi: known?.bwi ?? Math.min(bwi, MAX_BWI), cwi: known?.cwi ?? cwi, ifsc, nad: 0 };
}

/** What an ATR that does not offer T=1 leaves open. ISO/IEC 7816-3:2006, 11.4. */
const DEFAULT_BWI = 4;
const DEFAULT_CWI = 13;
const defaultT1 = { edc: "lrc", ifsc: 32 } as const;
/** 10 to 15 are reserved. */
const MAX_BWI = 9;

/** Most characters of a block or TPDU, in each direction. */
const MOST_CHARACTERS = 260;
/** Time for the reader itself, in milliseconds. */
const READER_MS = 1_000;

/**
 * How long the answer to one block or command may take by the letter: all characters as late as they may be. For a reader
 * that has stopped working: one that works reports a mute card by itself.
 */
function answerWaitMs(atr: Atr, parameters: CardParameters, clockKhz: number, factors: EtuFactors): number {
  const { characterWaitMs = 0, etuMs, workWaitMs = 0 } = lineTimes(atr, clockKhz, factors);
  const sentMs = MOST_CHARACTERS * (12 + parameters.guardTime) * etuMs;
  if (parameters.protocol === "t0") return READER_MS + sentMs + MOST_CHARACTERS * workWaitMs;
  const blockWaitMs = 11 * etuMs + (2 ** parameters.bwi * 960 * 372) / clockKhz;
  return READER_MS + sentMs + blockWaitMs + MOST_CHARACTERS * characterWaitMs;
}
