// SPDX-License-Identifier: MIT

import type { CommandApdu } from "../../base/iso7816/index.ts";
import { assertNever } from "../../port/index.ts";
import type { Attempt, RetryCounter } from "../software-card/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { isFulfilled } from "./access-control.ts";
import type { Channel } from "./card-state.ts";
import type { Pin } from "./pin.ts";

const P1_FORGET = 0xff;

/**
 * VERIFY: ISO/IEC 7816-4:2005, 7.5.6. Without data it returns the state of the PIN: 9000 where it is verified or
 * disabled, or else 63Cx. P1 = FF revokes the verification (ISO/IEC 7816-4:2013).
 */
export function verify(channel: Channel, command: CommandApdu): Answer {
  const { p1, p2, data } = command;
  if (p1 !== 0 && p1 !== P1_FORGET) return status(sw.wrongP1P2);
  const pin = channel.card.pins.get(p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if (p1 === P1_FORGET) {
    if (data.length > 0) return status(sw.wrongLcForP1P2);
    channel.provedPins.delete(p2);
    return status(sw.success);
  }
  if (data.length === 0) {
    return describeCounter(pin.counter, !pin.enabled || channel.provedPins.has(p2));
  }
  return prove(channel, pin, data);
}

/** CHANGE REFERENCE DATA: ISO/IEC 7816-4:2005, 7.5.7. P1 = 00: the old value and the new one. P1 = 01: the new one. */
export function changeReferenceData(channel: Channel, command: CommandApdu): Answer {
  const { p1, p2, data } = command;
  if (p1 > 0x01) return status(sw.wrongP1P2);
  const pin = channel.card.pins.get(p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if (data.length === 0) return status(sw.wrongLength);
  if (p1 === 0x01) return resetTo(channel, pin, data);
  const { fixedLength } = pin;
  if (fixedLength !== undefined && data.length !== 2 * fixedLength) return status(sw.wrongLength);
  // The length of the old value separates the two. Not 6700 where nothing is left for the new one: that would reveal the
  // length of the old one without counting a try.
  const answer = prove(channel, pin, data.subarray(0, pin.length));
  if (answer.status !== sw.success) return answer;
  return status(pin.replace(data.subarray(pin.length)) ? sw.success : sw.wrongData);
}

/**
 * RESET RETRY COUNTER: ISO/IEC 7816-4:2005, 7.5.10.
 *
 * | P1 | data |
 * | --- | --- |
 * | 00 | resetting code, new value |
 * | 01 | resetting code |
 * | 02 | new value |
 * | 03 | none |
 *
 * 02 and 03 are for those who fulfil the PIN's `reset` condition. The PIN does not count as verified afterwards.
 */
export function resetRetryCounter(channel: Channel, command: CommandApdu): Answer {
  const { p1, p2, data } = command;
  if (p1 > 0x03) return status(sw.wrongP1P2);
  const pin = channel.card.pins.get(p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if ((data.length === 0) !== (p1 === 0x03)) return status(sw.wrongLcForP1P2);
  if (p1 === 0x02) return resetTo(channel, pin, data);
  if (p1 === 0x03) {
    if (!isFulfilled(channel, pin.reset)) return status(sw.securityNotSatisfied);
    pin.counter.refill();
    return status(sw.success);
  }
  const code = pin.resettingCode;
  if (code === undefined) return status(sw.conditionsNotSatisfied);
  const end = p1 === 0x00 ? code.length : data.length;
  const outcome = pin.checkResettingCode(data.subarray(0, end));
  if (outcome !== "right") return describeAttempt(outcome, code.counter);
  if (p1 === 0x00 && !pin.replace(data.subarray(end))) return status(sw.wrongData);
  pin.counter.refill();
  forgetEverywhere(channel, pin);
  return status(sw.success);
}

/** DISABLE VERIFICATION REQUIREMENT: ISO/IEC 7816-4:2005, 7.5.9. Takes the PIN, and never asks for it again. */
export function disableVerification(channel: Channel, command: CommandApdu): Answer {
  return requireVerification(channel, command, false);
}

/** ENABLE VERIFICATION REQUIREMENT: ISO/IEC 7816-4:2005, 7.5.8. Takes the PIN. */
export function enableVerification(channel: Channel, command: CommandApdu): Answer {
  return requireVerification(channel, command, true);
}

function requireVerification(channel: Channel, { p1, p2, data }: CommandApdu, enabled: boolean): Answer {
  if (p1 !== 0) return status(sw.wrongP1P2);
  const pin = channel.card.pins.get(p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if (data.length === 0) return status(sw.wrongLength);
  if (!enabled && !pin.canDisable) return status(sw.conditionsNotSatisfied);
  const answer = prove(channel, pin, data);
  if (answer.status === sw.success) pin.enabled = enabled;
  return answer;
}

/** Compares a PIN, and updates the channel's security status. */
function prove(channel: Channel, pin: Pin, presented: Uint8Array): Answer {
  if (pin.counter.left > 0 && pin.fixedLength !== undefined && presented.length !== pin.fixedLength) {
    return status(sw.wrongLength);
  }
  const outcome = pin.check(presented);
  if (outcome === "right") channel.provedPins.add(pin.reference);
  else channel.provedPins.delete(pin.reference);
  return describeAttempt(outcome, pin.counter);
}

/** Sets a new value and resets the counter of a PIN, without the old value. */
function resetTo(channel: Channel, pin: Pin, value: Uint8Array): Answer {
  if (!isFulfilled(channel, pin.reset)) return status(sw.securityNotSatisfied);
  if (!pin.replace(value)) return status(sw.wrongData);
  pin.counter.refill();
  forgetEverywhere(channel, pin);
  return status(sw.success);
}

/** After a change the PIN counts as not verified. */
function forgetEverywhere({ card }: Channel, pin: Pin): void {
  for (const channel of card.channels.values()) channel.provedPins.delete(pin.reference);
}

/** The status word for the result of a try. */
export function describeAttempt(outcome: Attempt, counter: RetryCounter): Answer {
  switch (outcome) {
    case "right":
      return status(sw.success);
    case "wrong":
      return status(sw.counter | counter.left);
    case "blocked":
      return status(sw.methodBlocked);
    default:
      return assertNever(outcome, "outcome of a try");
  }
}

/** The status word for a query without a value. */
export function describeCounter(counter: RetryCounter, proved: boolean): Answer {
  if (proved) return status(sw.success);
  return describeAttempt(counter.left === 0 ? "blocked" : "wrong", counter);
}
