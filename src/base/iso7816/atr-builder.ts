// SPDX-License-Identifier: MIT

import { checkBytes, checkList, checkMembers, checkTruth, checkWord, shown } from "../binary/index.ts";
import { MAX_ATR_BYTES } from "./atr.ts";
import { type ClockStop, clockStopCodes, type SupplyClass, supplyClassCodes } from "./atr-parameters.ts";

/** The contents of an ATR. A member that is left out is not in the ATR, and so has the standard's default. */
export interface AtrInit {
  /** @default "direct" */
  readonly convention?: "direct" | "inverse";
  /** Protocols offered, in rising order, each 0 to 14. @default T=0 alone */
  readonly protocols?: readonly number[];
  /** At most 15. @default none */
  readonly historicalBytes?: Uint8Array;
  /** TA1: Fi and Di, 0 to 255. */
  readonly factors?: number;
  /** TC1: extra guard time N, 0 to 255. */
  readonly extraGuardTime?: number;
  /** TA2: makes the card start in specific mode. */
  readonly specificMode?: {
    readonly protocol: number;
    /** @default true */
    readonly changeable?: boolean;
    /** @default false */
    readonly implicitFactors?: boolean;
  };
  /** TC2: waiting time integer of T=0, 1 to 255. */
  readonly wi?: number;
  /** Information field size of T=1, 1 to 254. */
  readonly ifsc?: number;
  /** Block waiting time integer of T=1, 0 to 9. Goes together with `cwi`; the other one has its default. */
  readonly bwi?: number;
  /** Character waiting time integer of T=1, 0 to 15. */
  readonly cwi?: number;
  /** Error detection code of T=1. */
  readonly edc?: "lrc" | "crc";
  /** Classes of operating conditions: one of A, B, AB, C, BC, ABC. Goes together with `clockStop`. */
  readonly classes?: readonly SupplyClass[];
  /** Clock stop. @default "not-supported" where `classes` is given */
  readonly clockStop?: ClockStop;
}

const atrMembers: readonly (keyof AtrInit)[] = [
  "convention",
  "protocols",
  "historicalBytes",
  "factors",
  "extraGuardTime",
  "specificMode",
  "wi",
  "ifsc",
  "bwi",
  "cwi",
  "edc",
  "classes",
  "clockStop",
];

interface Group {
  /** T of the TD that announces the group. */
  readonly protocol: number;
  readonly ta?: number | undefined;
  readonly tb?: number | undefined;
  readonly tc?: number | undefined;
}

/**
 * Makes an ATR for a software card, with TCK where the standard wants one.
 *
 * @throws TypeError for a member that there is not, and a value of the wrong kind; RangeError, naming the value, for anything out of range, parameters of a protocol that is not offered, and an
 * ATR of more than 33 bytes.
 * @see ISO/IEC 7816-3:2006, clause 8
 */
export function buildAtr(init: AtrInit): Uint8Array {
  checkMembers(init, atrMembers, "buildAtr: the ATR");
  const { protocols = [0] } = init;
  checkProtocols(protocols);
  const { historicalBytes = new Uint8Array(0) } = init;
  checkBytes(historicalBytes, "buildAtr: historicalBytes");
  checkRange("the number of historical bytes", historicalBytes.length, 0, 15);
  const ta1 = checkRange("TA1", init.factors, 0, 255);
  const tc1 = checkRange("the extra guard time N", init.extraGuardTime, 0, 255);
  const groups = announcedGroups(init, protocols);
  if (init.convention !== undefined) checkWord(init.convention, ["direct", "inverse"], "buildAtr: convention");
  const bytes = [init.convention === "inverse" ? 0x3f : 0x3b];
  bytes.push(presence({ protocol: historicalBytes.length, ta: ta1, tc: tc1 }, groups.length > 0));
  pushDefined(bytes, [ta1, undefined, tc1]);
  groups.forEach((group, index) => {
    bytes.push(presence(group, index + 1 < groups.length));
    pushDefined(bytes, [group.ta, group.tb, group.tc]);
  });
  bytes.push(...historicalBytes);
  // ISO/IEC 7816-3:2006, 8.2.5: T=15 asks for a TCK as well.
  if (groups.some((group) => group.protocol !== 0)) bytes.push(bytes.slice(1).reduce((sum, byte) => sum ^ byte, 0));
  checkRange("the length of the ATR", bytes.length, 2, MAX_ATR_BYTES);
  return Uint8Array.from(bytes);
}

/** The rounds behind the first one: the second has TA2 and TC2 of its own, T=1 has a later one, T=15 is last. */
function announcedGroups(init: AtrInit, protocols: readonly number[]): readonly Group[] {
  const t1 = t1Group(init, protocols);
  const global = globalGroup(init);
  const ta2 = specificModeByte(init);
  const tc2 = checkRange("WI", init.wi, 1, 255);
  if (tc2 !== undefined && !protocols.includes(0)) throw new RangeError(`WI ${tc2} is given, and T=0 is not offered`);
  const [first = 0, ...others] = protocols;
  const groups: Group[] = [{ protocol: first, ta: ta2, tc: tc2 }];
  // The bytes of T=1 count from the third round on, so a card that starts with T=1 announces it twice.
  if (first === 1 && t1 !== undefined) groups.push(t1);
  for (const protocol of others) groups.push(protocol === 1 && t1 !== undefined ? t1 : { protocol });
  if (global !== undefined) groups.push(global);
  const plain = groups.length === 1 && first === 0 && ta2 === undefined && tc2 === undefined;
  return plain ? [] : groups;
}

function t1Group(init: AtrInit, protocols: readonly number[]): Group | undefined {
  const { edc } = init;
  if (edc !== undefined) checkWord(edc, ["lrc", "crc"], "buildAtr: edc");
  const ta = checkRange("IFSC", init.ifsc, 1, 254);
  const bwi = checkRange("BWI", init.bwi, 0, 9);
  const cwi = checkRange("CWI", init.cwi, 0, 15);
  const tb = bwi === undefined && cwi === undefined ? undefined : ((bwi ?? 4) << 4) | (cwi ?? 13);
  if (ta === undefined && tb === undefined && edc === undefined) return undefined;
  if (!protocols.includes(1)) throw new RangeError("parameters of T=1 are given, and T=1 is not offered");
  return { protocol: 1, ta, tb, tc: edc === undefined ? undefined : Number(edc === "crc") };
}

function globalGroup(init: AtrInit): Group | undefined {
  if (init.classes === undefined && init.clockStop === undefined) return undefined;
  const { classes, clockStop } = init;
  if (classes !== undefined) checkList(classes, '"A", "B" and "C"', "buildAtr: classes");
  for (const one of classes ?? []) checkWord(one, ["A", "B", "C"], "buildAtr: a class");
  if (clockStop !== undefined) checkWord(clockStop, clockStopCodes, "buildAtr: clockStop");
  const wanted = [...new Set(classes ?? ["A"])].sort().join("");
  const code = Object.entries(supplyClassCodes).find(([, classes]) => classes.join("") === wanted)?.[0];
  if (code === undefined) throw new RangeError(`the classes "${wanted}" cannot be told in an ATR`);
  return { protocol: 15, ta: (clockStopCodes.indexOf(clockStop ?? "not-supported") << 6) | Number(code) };
}

function specificModeByte(init: AtrInit): number | undefined {
  if (init.specificMode === undefined) return undefined;
  checkMembers(init.specificMode, ["protocol", "changeable", "implicitFactors"], "buildAtr: specificMode");
  const { protocol, changeable = true, implicitFactors = false } = init.specificMode;
  if (protocol === undefined) throw new TypeError("buildAtr: specificMode.protocol is undefined; give 0 to 14");
  checkRange("the protocol of the specific mode", protocol, 0, 14);
  checkTruth(changeable, "buildAtr: specificMode.changeable");
  checkTruth(implicitFactors, "buildAtr: specificMode.implicitFactors");
  return (changeable ? 0 : 0x80) | (implicitFactors ? 0x10 : 0) | protocol;
}

/** T0 or a TD: the low half is the protocol, or for T0 the number of historical bytes. */
function presence(group: Group, another: boolean): number {
  const { protocol, ta, tb, tc } = group;
  const bits = [ta !== undefined, tb !== undefined, tc !== undefined, another];
  return bits.reduce((byte, present, index) => (present ? byte | (0x10 << index) : byte), protocol);
}

function pushDefined(bytes: number[], values: readonly (number | undefined)[]): void {
  for (const value of values) if (value !== undefined) bytes.push(value);
}

function checkProtocols(protocols: readonly number[]): void {
  checkList(protocols, "protocols: [0, 1] for either", "buildAtr: protocols");
  if (protocols.length === 0) throw new RangeError("an ATR offers at least one protocol");
  protocols.forEach((protocol, index) => {
    if (protocol === undefined) throw new TypeError("buildAtr: a protocol is undefined; give 0 to 14");
    checkRange("a protocol", protocol, 0, 14);
    if (protocol <= (protocols[index - 1] ?? -1)) {
      throw new RangeError(`protocols are offered in rising order, not ${protocols.join(", ")}`);
    }
  });
}

function checkRange<T extends number | undefined>(name: string, value: T, low: number, high: number): T {
  if (value !== undefined && !(Number.isInteger(value) && value >= low && value <= high)) {
    throw new RangeError(`${name} is ${low} to ${high}, not ${shown(value)}`);
  }
  return value;
}
