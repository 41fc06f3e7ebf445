// SPDX-License-Identifier: MIT

import { checkMembers, checkWhole, checkWord, decodeHex, quoteWord, shown } from "../../base/binary/index.ts";
import type { PeerRule } from "../../port/index.ts";

/** One rule about commands. All that it asks for must be so; the first rule that matches counts. */
export interface CommandRule {
  readonly effect: "allow" | "deny";
  /** Effective user of the client, by number. */
  readonly uid?: number | undefined;
  /** Glob on its executable: the path, or without a slash its last part. */
  readonly program?: string | undefined;
  /** Glob on the name of the reader, without regard to case. */
  readonly reader?: string | undefined;
  /** Beginning of the identifier (AID) of the application that is selected, or is to be, as hexadecimal digits; 5 to 16 bytes. */
  readonly application?: string | undefined;
  /** Instruction bytes, 0 to 255. An even one stands for its form with BER-TLV data too: 32 (VERIFY) for 33. */
  readonly instructions?: readonly number[] | undefined;
}

/** What a policy refuses. Without members it refuses nothing. */
export interface PolicyOptions {
  /** `confirm`: a PIN, PUK or code with one try left is only compared when that was confirmed. @default "allow" */
  readonly lastTry?: "allow" | "confirm" | undefined;
  /** How often one program of one user may have PINs compared: so many times, 1 to 1,000, in so many milliseconds. */
  readonly verifications?: { readonly count: number; readonly windowMs: number } | undefined;
  /** Globs on the names of readers in which cards are only read. */
  readonly readOnly?: readonly string[] | undefined;
  readonly rules?: readonly CommandRule[] | undefined;
}

const MOST_RULES = 1024;
const LONGEST_WINDOW_MS = 86_400_000;

/** @throws TypeError, RangeError, naming the member */
export function checkPolicyOptions(options: PolicyOptions): void {
  const name = "CardPolicy: options";
  checkMembers(options, ["lastTry", "verifications", "readOnly", "rules"], name);
  const { lastTry, readOnly = [], rules = [], verifications } = options;
  if (lastTry !== undefined) checkWord(lastTry, ["allow", "confirm"], `${name}.lastTry`);
  if (verifications !== undefined) {
    checkMembers(verifications, ["count", "windowMs"], `${name}.verifications`);
    checkWhole(verifications.count, 1, 1000, `${name}.verifications.count`);
    checkWhole(verifications.windowMs, 1, LONGEST_WINDOW_MS, `${name}.verifications.windowMs`);
  }
  for (const [list, value] of Object.entries({ readOnly, rules })) {
    if (!Array.isArray(value) || value.length > MOST_RULES)
      throw new TypeError(`${name}.${list} is ${shown(value)}: pass a list of at most ${MOST_RULES}`);
  }
  for (const [at, glob] of readOnly.entries())
    if (typeof glob !== "string")
      throw new TypeError(`${name}.readOnly[${at}] is ${shown(glob)}: pass a name of a reader`);
  for (const [at, rule] of rules.entries()) checkRule(rule, `${name}.rules[${at}]`);
}

function checkRule(rule: CommandRule, name: string): void {
  checkMembers(rule, ["effect", "uid", "program", "reader", "application", "instructions"], name);
  const { application, effect, instructions = [], program, reader, uid } = rule;
  checkWord(effect, ["allow", "deny"], `${name}.effect`);
  if (uid !== undefined) checkWhole(uid, 0, 2 ** 32 - 2, `${name}.uid`);
  for (const [member, value] of Object.entries({ program, reader }))
    if (value !== undefined && typeof value !== "string")
      throw new TypeError(`${name}.${member} is ${shown(value)}: pass a text`);
  if (application !== undefined && applicationProblem(application) !== undefined)
    throw new TypeError(`${name}.application is ${quoteWord(application)}: ${applicationProblem(application)}`);
  if (!Array.isArray(instructions)) throw new TypeError(`${name}.instructions is ${shown(instructions)}: pass a list`);
  for (const [at, ins] of instructions.entries()) checkWhole(ins, 0, 0xff, `${name}.instructions[${at}]`);
}

/** What is wrong with the application of a rule; undefined where nothing is. */
function applicationProblem(text: string): string | undefined {
  const decoded = typeof text === "string" ? decodeHex(text) : undefined;
  const fits = decoded?.ok === true && decoded.value.length >= 5 && decoded.value.length <= 16;
  return fits ? undefined : "should be the beginning of an AID, 5 to 16 bytes in hexadecimal digits";
}

/** The part of a rule that is about the client, as access rules have it. */
export function peerRuleOf({ effect, program, reader, uid }: CommandRule): PeerRule & { readonly reader?: string } {
  return {
    effect,
    ...(uid !== undefined && { uid }),
    ...(program !== undefined && { program }),
    ...(reader !== undefined && { reader }),
  };
}
