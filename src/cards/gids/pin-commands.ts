// SPDX-License-Identifier: MIT

import { gidsReferences } from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, type Attempt, status, sw } from "../software-card/index.ts";
import { FACTORY_TRIES, gidsLimits as limits } from "./gids-limits.ts";
import { GidsPin } from "./gids-pin.ts";
import type { GidsSession } from "./gids-session.ts";

/** P1 of CHANGE REFERENCE DATA: with the old PIN, or the first one. GIDS 2.0, table 39. */
const P1_CHANGE = 0x00;
const P1_FIRST = 0x01;
/** P1 of RESET RETRY COUNTER: with the resetting code, or after authentication of the administrator. */
const P1_WITH_CODE = 0x00;
const P1_WITH_ADMINISTRATOR = 0x02;

/** VERIFY; without data, what it would say. GIDS 2.0, 13.17. */
export function verify(session: GidsSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 !== 0x00) return status(sw.wrongP1P2);
  if (p2 === gidsReferences.securityStatus) {
    session.security.clear();
    return status(sw.success);
  }
  const isUser = p2 !== gidsReferences.puk;
  const pin = pinAt(session, p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if (data.length === 0) return isUser && session.security.user ? status(sw.success) : triesLeft(pin);
  const outcome = attempt(session, pin, data);
  if (isUser) session.security.userTried(outcome === "right");
  return answerFor(outcome, pin);
}

/** CHANGE REFERENCE DATA: the old PIN and the new one; the first one while the card is set up. GIDS 2.0, 13.3. */
export function changeReferenceData(session: GidsSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 === P1_FIRST) return setFirst(session, p2, data);
  if (p1 !== P1_CHANGE) return status(sw.wrongP1P2);
  const pin = pinAt(session, p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if (data.length === 0) return status(sw.wrongData);
  const isUser = p2 !== gidsReferences.puk;
  const { length } = pin;
  const outcome = attempt(session, pin, data.subarray(0, length));
  if (isUser) session.security.userTried(outcome === "right");
  if (outcome !== "right") return answerFor(outcome, pin);
  const value = data.subarray(length);
  if (!isUsable(value)) return status(sw.wrongData);
  pin.replace(value);
  session.changed();
  return status(sw.success);
}

function setFirst(session: GidsSession, reference: number, data: Uint8Array): Answer {
  const { image } = session;
  const isPin = isPinReference(reference);
  if (!isPin && reference !== gidsReferences.puk) return status(sw.referenceNotFound);
  if (image.lifeCycle !== "initialization") return status(sw.conditionsNotSatisfied);
  if (!isUsable(data)) return status(sw.wrongData);
  const pin = new GidsPin({ value: data, tries: FACTORY_TRIES, triesLeft: FACTORY_TRIES });
  if (isPin) image.pin = pin;
  else image.puk = pin;
  session.changed();
  return status(sw.success);
}

/** RESET RETRY COUNTER: a new PIN, with the resetting code, or from the administrator. GIDS 2.0, 13.14. */
export function resetRetryCounter(session: GidsSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 !== P1_WITH_CODE && p1 !== P1_WITH_ADMINISTRATOR) return status(sw.wrongP1P2);
  const { pin, puk, lifeCycle } = session.image;
  if (!isPinReference(p2) || pin === undefined) return status(sw.referenceNotFound);
  if (lifeCycle !== "operational") return status(sw.conditionsNotSatisfied);
  if (p1 === P1_WITH_ADMINISTRATOR) return resetByAdministrator(session, pin, data);
  if (puk === undefined) return status(sw.referenceNotFound);
  if (data.length === 0) return status(sw.wrongData);
  const { length } = puk;
  const outcome = attempt(session, puk, data.subarray(0, length));
  if (outcome !== "right") return answerFor(outcome, puk);
  const value = data.subarray(length);
  if (!isUsable(value)) return status(sw.wrongData);
  pin.replace(value);
  session.changed();
  return status(sw.success);
}

/** The security status is reset afterwards. A card with a resetting code knows no other way than that. GIDS 2.0, 9.5.3. */
function resetByAdministrator(session: GidsSession, pin: GidsPin, data: Uint8Array): Answer {
  if (session.image.puk !== undefined) return status(sw.conditionsNotSatisfied);
  if (!session.security.administrator) return status(sw.securityNotSatisfied);
  if (!isUsable(data)) return status(sw.wrongData);
  pin.replace(data);
  session.security.clear();
  session.changed();
  return status(sw.success);
}

/** One PIN serves as the global one too: clients ask for the one or the other. */
function isPinReference(reference: number): boolean {
  return reference === gidsReferences.pin || reference === gidsReferences.globalPin;
}

function pinAt({ image }: GidsSession, reference: number): GidsPin | undefined {
  if (isPinReference(reference)) return image.pin;
  return reference === gidsReferences.puk ? image.puk : undefined;
}

/** Whether this can be a PIN. */
function isUsable(value: Uint8Array): boolean {
  return value.length >= limits.leastPinBytes && value.length <= limits.pinBytes;
}

/** Each attempt changes a counter, which has to be saved. */
function attempt({ changed }: GidsSession, pin: GidsPin, presented: Uint8Array): Attempt {
  const before = pin.triesLeft;
  const outcome = pin.attempt(presented);
  if (pin.triesLeft !== before) changed();
  return outcome;
}

/** A wrong PIN is answered with what is left, the last one with 63C0; 6983 where nothing was left before. */
function answerFor(outcome: Attempt, pin: GidsPin): Answer {
  if (outcome === "right") return status(sw.success);
  return outcome === "blocked" ? status(sw.methodBlocked) : status(sw.counter + pin.triesLeft);
}

function triesLeft(pin: GidsPin): Answer {
  return status(pin.triesLeft === 0 ? sw.methodBlocked : sw.counter + pin.triesLeft);
}
