// SPDX-License-Identifier: MIT

import { type BerTlv, type BerTlvInit, decodeBerTlv } from "../../base/iso7816/index.ts";
import { cardLimits } from "./card-limits.ts";
import type { Access, AccessMode, Conditions } from "./file-system-image.ts";

/** What a bit of the access mode byte allows, the highest first. ISO/IEC 7816-4:2005, 5.4.3.1, tables 16 and 17. */
const directoryModes: readonly (readonly [bit: number, mode: AccessMode])[] = [
  [0x40, "delete"],
  [0x20, "terminate"],
  [0x10, "activate"],
  [0x08, "deactivate"],
  [0x04, "createDf"],
  [0x02, "createEf"],
  [0x01, "deleteChild"],
];
const elementaryModes: readonly (readonly [bit: number, mode: AccessMode])[] = [
  ...directoryModes.slice(0, 4),
  [0x04, "write"],
  [0x02, "update"],
  [0x01, "read"],
];

/** Which modes there are depends on what the rules are for. */
export type RuledFile = "df" | "ef";

// A security condition byte. ISO/IEC 7816-4:2005, table 20.
const CONDITION_ALWAYS = 0x00;
const CONDITION_NEVER = 0xff;
const BIT_ALL = 0x80;
const BIT_SECURE_MESSAGING = 0x40;
const BIT_EXTERNAL_AUTHENTICATION = 0x20;
const BIT_USER_AUTHENTICATION = 0x10;

// Access mode and security condition data objects of the expanded format. ISO/IEC 7816-4:2005, tables 21 to 23.
const TAG_ACCESS_MODE = 0x80;
const TAG_ALWAYS = 0x90;
const TAG_NEVER = 0x97;
const TAG_CONDITION_BYTE = 0x9e;
const TAG_AUTHENTICATION = 0xa4;
const TAG_ANY = 0xa0;
const TAG_ALL = 0xaf;
/** In an authentication template: which key or PIN, and what for. ISO/IEC 7816-4:2005, tables 33 and 35. */
const TAG_REFERENCE = 0x83;
const TAG_USAGE = 0x95;
const USAGE_EXTERNAL = 0x80;
const USAGE_USER = 0x08;

function modesOf(file: RuledFile): typeof directoryModes {
  return file === "df" ? directoryModes : elementaryModes;
}

/** The same condition for everything that can be done with a file. */
export function uniformConditions(file: RuledFile, access: Access): Conditions {
  return Object.fromEntries(modesOf(file).map(([, mode]) => [mode, access]));
}

/** The modes that are written: reading and updating always, the others where they are ever allowed. */
function toldModes(file: RuledFile, conditions: Conditions): [bit: number, access: Access][] {
  return modesOf(file).flatMap(([bit, mode]) => {
    const access = conditions[mode] ?? "never";
    return access !== "never" || mode === "read" || mode === "update" ? [[bit, access]] : [];
  });
}

/**
 * Writes rules in the compact format, an access mode byte and a security condition byte for each bit in it. ISO/IEC
 * 7816-4:2005, 5.4.3.1. The format has no room for the number of a PIN or key, but names a security environment, 1 to 14:
 * on this card, environment n is the one with PIN n and key n.
 *
 * @returns undefined where the format cannot express a condition
 */
export function encodeCompactRules(file: RuledFile, conditions: Conditions): Uint8Array | undefined {
  const told = toldModes(file, conditions);
  const bytes = told.map(([, access]) => encodeConditionByte(access));
  if (bytes.includes(undefined)) return undefined;
  return Uint8Array.from([told.reduce((mode, [bit]) => mode | bit, 0), ...bytes.map((byte) => byte ?? 0)]);
}

/** Reads rules in the compact format; undefined where they are malformed, or ask for what the card does not have. */
export function decodeCompactRules(file: RuledFile, bytes: Uint8Array): Conditions | undefined {
  const [mode = 0x80, ...conditionBytes] = bytes;
  const modes = modesOfByte(file, mode);
  if (modes === undefined || modes.length !== conditionBytes.length) return undefined;
  const conditions: Partial<Record<AccessMode, Access>> = {};
  for (const [index, name] of modes.entries()) {
    const access = decodeConditionByte(conditionBytes[index] ?? CONDITION_NEVER);
    if (access === undefined) return undefined;
    conditions[name] = access;
  }
  return conditions;
}

function modesOfByte(file: RuledFile, byte: number): AccessMode[] | undefined {
  // Bit 8 makes the others proprietary.
  if ((byte & 0x80) !== 0) return undefined;
  return modesOf(file).flatMap(([bit, mode]) => ((byte & bit) === 0 ? [] : [mode]));
}

function encodeConditionByte(access: Access): number | undefined {
  if (access === "always") return CONDITION_ALWAYS;
  if (access === "never") return CONDITION_NEVER;
  if ("pin" in access) return environment(access.pin, BIT_USER_AUTHENTICATION);
  if ("key" in access) return environment(access.key, BIT_EXTERNAL_AUTHENTICATION);
  const list = "all" in access ? access.all : access.any;
  const [first, second] = list.map(encodeConditionByte);
  const [one, other] = list;
  const isPair = list.length === 2 && isObjectWith(one, "pin") && isObjectWith(other, "key");
  if (!isPair || first === undefined || second === undefined || (first & 0x0f) !== (second & 0x0f)) return undefined;
  return first | second | ("all" in access ? BIT_ALL : 0);
}

function isObjectWith(access: Access | undefined, member: "pin" | "key"): boolean {
  return typeof access === "object" && member in access;
}

function environment(reference: number, bit: number): number | undefined {
  return reference <= 14 ? bit | reference : undefined;
}

function decodeConditionByte(byte: number): Access | undefined {
  if (byte === CONDITION_ALWAYS) return "always";
  if (byte === CONDITION_NEVER) return "never";
  const reference = byte & 0x0f;
  if ((byte & BIT_SECURE_MESSAGING) !== 0 || reference === 0 || reference === 15) return undefined;
  const user = (byte & BIT_USER_AUTHENTICATION) !== 0;
  const external = (byte & BIT_EXTERNAL_AUTHENTICATION) !== 0;
  if (user && external) {
    const both = [{ pin: reference }, { key: reference }];
    return (byte & BIT_ALL) === 0 ? { any: both } : { all: both };
  }
  if (user) return { pin: reference };
  return external ? { key: reference } : undefined;
}

/** Writes rules in the expanded format, which can express all conditions. ISO/IEC 7816-4:2005, 5.4.3.2. */
export function encodeExpandedRules(file: RuledFile, conditions: Conditions): BerTlvInit[] {
  return toldModes(file, conditions).flatMap(([bit, access]) => [
    { tag: TAG_ACCESS_MODE, value: Uint8Array.of(bit) },
    encodeCondition(access),
  ]);
}

function encodeCondition(access: Access): BerTlvInit {
  if (access === "always") return { tag: TAG_ALWAYS, value: new Uint8Array(0) };
  if (access === "never") return { tag: TAG_NEVER, value: new Uint8Array(0) };
  if ("pin" in access) return authentication(access.pin, USAGE_USER);
  if ("key" in access) return authentication(access.key, USAGE_EXTERNAL);
  if ("all" in access) return { tag: TAG_ALL, children: access.all.map(encodeCondition) };
  return { tag: TAG_ANY, children: access.any.map(encodeCondition) };
}

function authentication(reference: number, usage: number): BerTlvInit {
  const children = [
    { tag: TAG_REFERENCE, value: Uint8Array.of(reference) },
    { tag: TAG_USAGE, value: Uint8Array.of(usage) },
  ];
  return { tag: TAG_AUTHENTICATION, children };
}

/**
 * Reads rules in the expanded format, also those of an EF.ARR. ISO/IEC 7816-4:2005, 5.4.3.2 and 5.4.3.3. An access mode
 * object is followed by its conditions, any of which will do. Modes given by command headers are ignored.
 *
 * @returns undefined where they are malformed, or ask for what the card does not have
 */
export function decodeExpandedRules(file: RuledFile, objects: readonly BerTlv[]): Conditions | undefined {
  const found = new Map<AccessMode, Access[]>();
  let modes: readonly AccessMode[] | undefined;
  for (const object of objects) {
    if (object.tag === TAG_ACCESS_MODE) {
      modes = object.value.length === 1 ? modesOfByte(file, object.value[0] ?? 0x80) : undefined;
      if (modes === undefined) return undefined;
      continue;
    }
    if ((object.tag > TAG_ACCESS_MODE && object.tag <= 0x8f) || object.tag === 0x9c) {
      modes = [];
      continue;
    }
    const access = decodeCondition(object, 1);
    if (access === undefined || modes === undefined) return undefined;
    for (const mode of modes) found.set(mode, [...(found.get(mode) ?? []), access]);
  }
  if ([...found.values()].some((list) => list.length > cardLimits.conditions)) return undefined;
  return Object.fromEntries([...found].map(([mode, list]) => [mode, oneOrAny(list)]));
}

/** Reads the record of an EF.ARR. */
export function decodeRuleRecord(file: RuledFile, record: Uint8Array): Conditions | undefined {
  const objects = decodeBerTlv(record);
  return objects.ok ? decodeExpandedRules(file, objects.value) : undefined;
}

function oneOrAny(list: readonly Access[]): Access {
  const [only = "never"] = list;
  return list.length === 1 ? only : { any: list };
}

function decodeCondition(object: BerTlv, depth: number): Access | undefined {
  const { tag, value, children = [] } = object;
  switch (tag) {
    case TAG_ALWAYS:
      return value.length === 0 ? "always" : undefined;
    case TAG_NEVER:
      return value.length === 0 ? "never" : undefined;
    case TAG_CONDITION_BYTE:
      return value.length === 1 ? decodeConditionByte(value[0] ?? CONDITION_NEVER) : undefined;
    case TAG_AUTHENTICATION:
      return decodeAuthentication(children);
    case TAG_ANY:
    case TAG_ALL:
      return decodeList(tag, children, depth);
    default:
      return undefined;
  }
}

function decodeList(tag: number, children: readonly BerTlv[], depth: number): Access | undefined {
  if (depth >= cardLimits.conditionDepth || children.length === 0 || children.length > cardLimits.conditions) {
    return undefined;
  }
  const list: Access[] = [];
  for (const child of children) {
    const access = decodeCondition(child, depth + 1);
    if (access === undefined) return undefined;
    list.push(access);
  }
  return tag === TAG_ALL ? { all: list } : { any: list };
}

function decodeAuthentication(children: readonly BerTlv[]): Access | undefined {
  const reference = oneByte(children, TAG_REFERENCE);
  const usage = oneByte(children, TAG_USAGE);
  if (reference === undefined || children.length !== 2) return undefined;
  if (usage === USAGE_USER) return { pin: reference };
  return usage === USAGE_EXTERNAL ? { key: reference } : undefined;
}

function oneByte(objects: readonly BerTlv[], tag: number): number | undefined {
  const value = objects.find((object) => object.tag === tag)?.value;
  return value?.length === 1 ? value[0] : undefined;
}
