// SPDX-License-Identifier: MIT

import { openPgpPasswords as passwords } from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, type Attempt, status, sw } from "../software-card/index.ts";
import { keyUses } from "./key-attributes.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";
import type { OpenPgpPassword } from "./openpgp-password.ts";
import type { OpenPgpSession, Verified } from "./openpgp-session.ts";

const modes: ReadonlyMap<number, keyof Verified> = new Map<number, keyof Verified>([
  [passwords.pw1Signature, "signature"],
  [passwords.pw1, "other"],
  [passwords.pw3, "admin"],
]);

const P1_VERIFY = 0x00;
const P1_FORGET = 0xff;
const P1_WITH_CODE = 0x00;
const P1_WITH_PW3 = 0x02;
/** The most that 63Cx can say. */
const MOST_COUNTED = 15;

/** VERIFY; without data, what it would say; with P1 FF, the end of what was verified. OpenPGP card 3.4.1, 7.2.2. */
export function verify(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  const mode = modes.get(p2);
  if (mode === undefined || (p1 !== P1_VERIFY && p1 !== P1_FORGET)) return status(sw.wrongOffset);
  if (p1 === P1_FORGET) {
    if (data.length > 0) return status(sw.wrongData);
    session.verified[mode] = false;
    return status(sw.success);
  }
  const password = passwordFor(session, p2);
  if (data.length === 0) {
    if (session.verified[mode]) return status(sw.success);
    return status(sw.counter + Math.min(password.triesLeft, MOST_COUNTED));
  }
  if (isTooShort(session, p2, data)) return status(sw.wrongData);
  const outcome = attempt(session, password, data);
  session.verified[mode] = outcome === "right";
  return answerFor(outcome, password);
}

/** CHANGE REFERENCE DATA: the old and the new password. OpenPGP card 3.4.1, 7.2.3. */
export function changeReferenceData(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 !== 0x00 || (p2 !== passwords.pw1Signature && p2 !== passwords.pw3)) return status(sw.wrongOffset);
  if (data.length === 0) return status(sw.wrongData);
  const old = passwordFor(session, p2);
  const end = old.lengthIn(data);
  const outcome = attempt(session, old, data.subarray(0, end));
  if (outcome !== "right") {
    forget(session, p2);
    return answerFor(outcome, old);
  }
  const value = data.subarray(end);
  const least = p2 === passwords.pw3 ? limits.leastPw3Bytes : limits.leastPw1Bytes;
  if (value.length < least || value.length > limits.passwordBytes) return status(sw.wrongData);
  if (p2 === passwords.pw3) setPw3(session, value);
  else setPw1(session, value);
  session.changed();
  return status(sw.success);
}

/** RESET RETRY COUNTER: a new PW1, with the resetting code or after VERIFY of PW3. OpenPGP card 3.4.1, 7.2.4. */
export function resetRetryCounter(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p2 !== passwords.pw1Signature || (p1 !== P1_WITH_CODE && p1 !== P1_WITH_PW3)) return status(sw.wrongOffset);
  if (p1 === P1_WITH_PW3) {
    return session.verified.admin ? resetPw1(session, data) : status(sw.securityNotSatisfied);
  }
  const code = session.state.resettingCode;
  if (code === undefined) return status(sw.securityNotSatisfied);
  if (data.length === 0) return status(sw.wrongData);
  const end = code.lengthIn(data);
  const outcome = attempt(session, code, data.subarray(0, end));
  return outcome === "right" ? resetPw1(session, data.subarray(end)) : answerFor(outcome, code);
}

function resetPw1(session: OpenPgpSession, value: Uint8Array): Answer {
  if (value.length < limits.leastPw1Bytes || value.length > limits.passwordBytes) return status(sw.wrongData);
  session.state.pw1.replace(value);
  session.verified.signature = false;
  session.verified.other = false;
  if (session.state.isAdminless) session.verified.admin = false;
  session.changed();
  return status(sw.success);
}

/** Without a PW3 of its own, a card takes PW1 for it. */
function passwordFor({ state }: OpenPgpSession, p2: number): OpenPgpPassword {
  return p2 === passwords.pw3 && !state.isAdminless ? state.pw3 : state.pw1;
}

/** Each attempt changes a counter, which has to be saved. */
function attempt({ changed }: OpenPgpSession, password: OpenPgpPassword, presented: Uint8Array): Attempt {
  const before = password.triesLeft;
  const outcome = password.attempt(presented);
  if (password.triesLeft !== before) changed();
  return outcome;
}

/** Yubico's keys refuse what cannot be a password without a try. */
function isTooShort({ identity }: OpenPgpSession, p2: number, data: Uint8Array): boolean {
  const least = p2 === passwords.pw3 ? limits.leastPw3Bytes : limits.leastPw1Bytes;
  return identity.yubico !== undefined && data.length < least;
}

/** 6982 is a wrong password, 6983 one without tries. OpenPGP card 3.4.1, 7.9. */
function answerFor(outcome: Attempt, password: OpenPgpPassword): Answer {
  if (outcome === "right") return status(sw.success);
  return status(password.triesLeft === 0 ? sw.methodBlocked : sw.securityNotSatisfied);
}

function forget({ verified }: OpenPgpSession, p2: number): void {
  if (p2 === passwords.pw3) {
    verified.admin = false;
    return;
  }
  verified.signature = false;
  verified.other = false;
}

/** On a card that allows it, the first PW1 of a user's own with keys on the card takes the place of PW3. */
function setPw1(session: OpenPgpSession, value: Uint8Array): void {
  const { identity, state, verified } = session;
  state.pw1.replace(value);
  const hasKeys = keyUses.some((use) => state.keys[use] !== undefined);
  if (identity.adminless && hasKeys && state.hasFactoryPw3) state.isAdminless = true;
  if (state.isAdminless) verified.admin = false;
}

function setPw3({ state }: OpenPgpSession, value: Uint8Array): void {
  state.pw3.replace(value);
  state.isAdminless = false;
}
