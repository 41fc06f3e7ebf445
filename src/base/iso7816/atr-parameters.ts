// SPDX-License-Identifier: MIT

import {
  DEFAULT_FACTORS_CODE,
  decodeTransmissionFactors,
  defaultEtuFactors,
  type EtuFactors,
  etuFactorsOf,
  type TransmissionFactors,
} from "./transmission-factors.ts";

/**
 * One round of interface bytes: TAi, TBi, TCi and TDi, each undefined where the ATR leaves it out.
 * ISO/IEC 7816-3:2006, 8.2.3.
 */
export interface InterfaceByteGroup {
  /** i: 1 for the bytes that T0 announces, one more for each TD. */
  readonly index: number;
  /** The T of the TD that announces the group; undefined for the first group, which T0 announces. */
  readonly protocol: number | undefined;
  readonly ta: number | undefined;
  readonly tb: number | undefined;
  readonly tc: number | undefined;
  readonly td: number | undefined;
}

/** How the card starts. ISO/IEC 7816-3:2006, 6.3.1 and 8.3 (TA2). */
export type AtrMode =
  /** The first protocol offered with Fd and Dd, until a PPS exchange says otherwise. */
  | { readonly kind: "negotiable" }
  /** TA2 is there: one protocol, at once, and no PPS exchange. */
  | {
      readonly kind: "specific";
      readonly protocol: number;
      /** Whether another reset brings the card into negotiable mode. */
      readonly changeable: boolean;
      /** Whether F and D are implicit, known by other means than the ATR, and not those of TA1. */
      readonly implicitFactors: boolean;
    };

/** Extra guard time, TC1. ISO/IEC 7816-3:2006, 8.3. */
export interface ExtraGuardTime {
  /** N, 0 to 255. 255 does not mean 255 etu but the shortest guard time that the protocol can do. */
  readonly n: number;
  /**
   * From one character to the next of the reader's under T=0, in etu of the F and D that the card starts with (372 and 1
   * where they are implicit): 12 + N, or another number where the ATR offers T=15; 12 for N = 255.
   */
  readonly t0Etu: number;
  /** The same under T=1; 11 for N = 255. */
  readonly t1Etu: number;
}

/** Parameters of T=0. ISO/IEC 7816-3:2006, 10.2. */
export interface T0Parameters {
  /** Waiting time integer WI, 1 to 255 (TC2; 10 where it is absent). 0 is reserved, and reported as a problem. */
  readonly wi: number;
}

/** Parameters of T=1. ISO/IEC 7816-3:2006, 11.4. */
export interface T1Parameters {
  /** Information field size of the card, 1 to 254 bytes (32 where absent). 0 and 255 are reserved, and a problem. */
  readonly ifsc: number;
  /** Block waiting time integer, 0 to 9 (4 where absent). 10 to 15 are reserved, and a problem. */
  readonly bwi: number;
  /** Character waiting time integer, 0 to 15 (13 where absent). */
  readonly cwi: number;
  /** Error detection code at the end of each block. */
  readonly edc: "lrc" | "crc";
}

/** Class of operating conditions: A is 5 V, B is 3 V, C is 1.8 V. ISO/IEC 7816-3:2006, 5.1. */
export type SupplyClass = "A" | "B" | "C";
/** Whether the clock may be stopped, and in which state C3 must be then. ISO/IEC 7816-3:2006, table 9. */
export type ClockStop = "not-supported" | "state-low" | "state-high" | "no-preference";

/** What the ATR says under T=15, of the card as a whole. ISO/IEC 7816-3:2006, 8.3. */
export interface GlobalParameters {
  /** Classes the card works in; only A where the ATR does not tell. Empty where the value is reserved. */
  readonly classes: readonly SupplyClass[];
  readonly clockStop: ClockStop;
  /** Whether the ATR tells the classes and the clock stop at all. */
  readonly indicated: boolean;
  /** Use of the contact SPU (C6), the first TB for T=15; undefined where absent. */
  readonly spu: { readonly proprietary: boolean; readonly value: number } | undefined;
}

/** All that the interface bytes say. */
export interface AtrParameters {
  /** Protocols offered, in order and without repetition; T=15 is not a protocol. */
  readonly protocols: readonly number[];
  readonly mode: AtrMode;
  /** The protocol that the card starts with. ISO/IEC 7816-3:2006, 6.3.1. */
  readonly defaultProtocol: number;
  /** Protocols that a reader may use after this reset: all offered ones, or that of the specific mode alone. */
  readonly usableProtocols: readonly number[];
  /** The F and D, and the clock, that the card can do at most: TA1, or 11 where it is absent. */
  readonly factors: TransmissionFactors;
  /** The F and D that the card starts with; undefined where they are implicit or reserved. */
  readonly startingFactors: EtuFactors | undefined;
  readonly extraGuardTime: ExtraGuardTime;
  /**
   * The F and D whose etu N counts: Fi and Di of TA1 where the ATR offers T=15. Undefined where they are those in use.
   * ISO/IEC 7816-3:2006, 8.3 (TC1).
   */
  readonly guardTimeFactors: EtuFactors | undefined;
  /** Undefined where T=0 is not offered. */
  readonly t0: T0Parameters | undefined;
  /** Undefined where T=1 is not offered. */
  readonly t1: T1Parameters | undefined;
  readonly global: GlobalParameters;
}

/**
 * Derives the parameters from the interface bytes; what the standard reserves or forbids goes into `problems`.
 * ISO/IEC 7816-3:2006, 8.2 and 8.3.
 */
export function deriveParameters(groups: readonly InterfaceByteGroup[], problems: string[]): AtrParameters {
  const announced = groups.flatMap((group) => (group.td === undefined ? [] : [group.td & 0x0f]));
  const offered = [...new Set(announced.filter((protocol) => protocol !== 15))];
  const protocols = offered.length === 0 ? [0] : offered;
  checkProtocols(announced, problems);
  const [first, second] = groups;
  const mode = decodeMode(second?.ta, problems);
  const factors = decodeTransmissionFactors(first?.ta ?? DEFAULT_FACTORS_CODE);
  if (factors.fi === undefined) problems.push("TA1 has a reserved value of Fi");
  if (factors.di === undefined) problems.push("TA1 has a reserved value of Di");
  const defaultProtocol = mode.kind === "specific" ? mode.protocol : (protocols[0] ?? 0);
  const usableProtocols = mode.kind === "specific" ? [mode.protocol] : protocols;
  const uses = (protocol: number): boolean => protocols.includes(protocol) || usableProtocols.includes(protocol);
  const starting = startingFactors(mode, factors.code);
  const n = first?.tc ?? 0;
  const guardTimeFactors = announced.includes(15) ? etuFactorsOf(factors.code) : undefined;
  return {
    protocols,
    mode,
    defaultProtocol,
    usableProtocols,
    factors,
    startingFactors: starting,
    extraGuardTime: {
      n,
      t0Etu: guardTimeEtu(n, 0, guardTimeFactors, starting ?? defaultEtuFactors),
      t1Etu: guardTimeEtu(n, 1, guardTimeFactors, starting ?? defaultEtuFactors),
    },
    guardTimeFactors,
    t0: uses(0) ? decodeT0(second?.tc, problems) : undefined,
    t1: uses(1) ? decodeT1(groups, problems) : undefined,
    global: decodeGlobal(groups, problems),
  };
}

/** ISO/IEC 7816-3:2006, 8.2.3: T=15 is not for TD1, protocols come in rising order, and 2 to 13 are reserved. */
function checkProtocols(announced: readonly number[], problems: string[]): void {
  if (announced[0] === 15) problems.push("TD1 announces T=15");
  if (announced.some((protocol, index) => protocol < (announced[index - 1] ?? 0))) {
    problems.push("protocols are not offered in rising order");
  }
  for (const protocol of new Set(announced)) {
    if (protocol >= 2 && protocol <= 13) problems.push(`T=${protocol} is a reserved protocol`);
  }
}

function decodeMode(ta2: number | undefined, problems: string[]): AtrMode {
  if (ta2 === undefined) return { kind: "negotiable" };
  if ((ta2 & 0x60) !== 0) problems.push("TA2 has reserved bits set");
  const protocol = ta2 & 0x0f;
  if (protocol === 15) problems.push("TA2 selects T=15, which is no protocol");
  return { kind: "specific", protocol, changeable: (ta2 & 0x80) === 0, implicitFactors: (ta2 & 0x10) !== 0 };
}

function startingFactors(mode: AtrMode, code: number): EtuFactors | undefined {
  if (mode.kind === "negotiable") return defaultEtuFactors;
  return mode.implicitFactors ? undefined : etuFactorsOf(code);
}

/**
 * The guard time of characters to the card, in etu of the F and D in use: GT = 12 etu + R × N / f, where R is F / D in
 * use, or Fi / Di of TA1 where the ATR offers T=15. ISO/IEC 7816-3:2006, 8.3 (TC1) and 11.2.
 *
 * @param counted the factors of {@link AtrParameters.guardTimeFactors}
 */
export function guardTimeEtu(n: number, protocol: 0 | 1, counted: EtuFactors | undefined, inUse: EtuFactors): number {
  if (n === 255) return protocol === 0 ? 12 : 11;
  const ratio = counted === undefined ? 1 : (counted.f * inUse.d) / (counted.d * inUse.f);
  return 12 + n * ratio;
}

function decodeT0(tc2: number | undefined, problems: string[]): T0Parameters {
  if (tc2 === 0) problems.push("TC2 has the reserved WI 0");
  return { wi: tc2 ?? 10 };
}

/** "First TA for T=1" and so on: behind the first TD that announces T=1, from TD2 on. ISO/IEC 7816-3:2006, 8.2.3. */
function firstFor(
  protocol: number,
  name: "ta" | "tb" | "tc",
  groups: readonly InterfaceByteGroup[],
): number | undefined {
  const has = (group: InterfaceByteGroup): boolean => group.protocol === protocol && group[name] !== undefined;
  return groups.slice(2).find(has)?.[name];
}

function decodeT1(groups: readonly InterfaceByteGroup[], problems: string[]): T1Parameters {
  const ifsc = firstFor(1, "ta", groups) ?? 32;
  const waiting = firstFor(1, "tb", groups) ?? 0x4d;
  const detection = firstFor(1, "tc", groups) ?? 0;
  if (ifsc === 0 || ifsc === 255) problems.push(`IFSC has the reserved value ${ifsc}`);
  if (waiting >> 4 > 9) problems.push(`BWI has the reserved value ${waiting >> 4}`);
  if ((detection & 0xfe) !== 0) problems.push("the first TC for T=1 has reserved bits set");
  return { ifsc, bwi: waiting >> 4, cwi: waiting & 0x0f, edc: (detection & 0x01) === 0 ? "lrc" : "crc" };
}

/** ISO/IEC 7816-3:2006, table 10; values that are missing are reserved. */
export const supplyClassCodes: Readonly<Record<number, readonly SupplyClass[]>> = {
  1: ["A"],
  2: ["B"],
  3: ["A", "B"],
  4: ["C"],
  6: ["B", "C"],
  7: ["A", "B", "C"],
};

/** ISO/IEC 7816-3:2006, table 9: the position is the value of X. */
export const clockStopCodes: readonly ClockStop[] = ["not-supported", "state-low", "state-high", "no-preference"];

function decodeGlobal(groups: readonly InterfaceByteGroup[], problems: string[]): GlobalParameters {
  const ta = firstFor(15, "ta", groups);
  const tb = firstFor(15, "tb", groups);
  // Only class A and no clock stop: what an absent byte stands for.
  const value = ta ?? 0x01;
  const classes = supplyClassCodes[value & 0x3f];
  if (classes === undefined) problems.push("the first TA for T=15 has a reserved class indicator");
  return {
    classes: classes ?? [],
    clockStop: clockStopCodes[value >> 6] ?? "not-supported",
    indicated: ta !== undefined,
    spu: tb === undefined ? undefined : { proprietary: (tb & 0x80) !== 0, value: tb & 0x7f },
  };
}
