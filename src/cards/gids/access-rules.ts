// SPDX-License-Identifier: MIT

import type { CardInterface } from "../applications/index.ts";

/** What an access mode byte names, bits 7 to 1. GIDS 2.0, tables 3 to 5. */
export const dataModes = { get: 0x01, put: 0x02 } as const;
export const keyModes = { getPublic: 0x01, put: 0x02, manageSecurity: 0x04, generate: 0x08 } as const;
export const applicationModes = { deleteFile: 0x01, createFile: 0x02, terminate: 0x20 } as const;

/** One access rule: a security condition byte for each mode that it allows. */
type AccessRule = ReadonlyMap<number, number>;

/** The rules of a file; one of them has to allow. */
export type AccessRules = readonly AccessRule[];

/** What has been shown to the application, and how it is reached. */
export interface Proofs {
  readonly user: boolean;
  readonly administrator: boolean;
  readonly interface: CardInterface;
}

const MAX_RULES = 4;
const HIGHEST_MODE = 0x40;
const ALWAYS = 0x00;
const NEVER = 0xff;
/** Bits of a security condition byte. GIDS 2.0, table 6. */
const ALL_CONDITIONS = 0x80;
const RESERVED = 0x40;
const ADMINISTRATOR = 0x20;
const USER = 0x10;
const ENVIRONMENT = 0x0f;
const environments: Readonly<Record<CardInterface, number>> = { contact: 1, contactless: 2 };

/**
 * Reads security attributes in compact form, tag 8C: access mode bytes, each with the condition bytes of its bits.
 *
 * @returns undefined for bytes of another form, more than four rules, and conditions that have no meaning
 * @see GIDS 2.0, 2.5.1
 */
export function decodeAccessRules(bytes: Uint8Array): AccessRules | undefined {
  const rules: AccessRule[] = [];
  let at = 0;
  while (at < bytes.length) {
    const modes = bytes[at++] ?? 0;
    const rule = new Map<number, number>();
    for (let mode = HIGHEST_MODE; mode > 0; mode >>= 1) {
      if ((modes & mode) === 0) continue;
      const condition = bytes[at++];
      if (condition === undefined || !isCondition(condition)) return undefined;
      rule.set(mode, condition);
    }
    rules.push(rule);
  }
  return rules.length <= MAX_RULES ? rules : undefined;
}

function isCondition(condition: number): boolean {
  if (condition === ALWAYS || condition === NEVER) return true;
  return (condition & RESERVED) === 0 && (condition & ENVIRONMENT) !== ENVIRONMENT;
}

/** Whether one of the rules allows this. Without a rule for it, nothing may be done. GIDS 2.0, 2.5.2. */
export function isAllowed(rules: AccessRules, mode: number, proofs: Proofs): boolean {
  return rules.some((rule) => isFulfilled(rule.get(mode) ?? NEVER, proofs));
}

function isFulfilled(condition: number, proofs: Proofs): boolean {
  if (condition === NEVER) return false;
  const environment = condition & ENVIRONMENT;
  if (environment !== 0 && environment !== environments[proofs.interface]) return false;
  const user = (condition & USER) !== 0;
  const administrator = (condition & ADMINISTRATOR) !== 0;
  if (!user && !administrator) return true;
  if ((condition & ALL_CONDITIONS) !== 0) return (!user || proofs.user) && (!administrator || proofs.administrator);
  return (user && proofs.user) || (administrator && proofs.administrator);
}

/** Whether the user's PIN is among the conditions for this: then the key usage counter counts. GIDS 2.0, 9.4. */
export function needsUser(rules: AccessRules, mode: number): boolean {
  const conditions = rules.flatMap((rule) => rule.get(mode) ?? []);
  return conditions.some((condition) => condition !== NEVER && (condition & USER) !== 0);
}
