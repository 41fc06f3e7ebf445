// SPDX-License-Identifier: MIT

import { copyBytes, zeroBytes } from "../../base/binary/index.ts";
import { PIV_PIN_BYTES, pivPinReferences } from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { isYubico, type PivContext } from "./piv-context.ts";
import type { ReferenceData } from "./piv-image.ts";
import { isUsablePin, triesLeft, tryReferenceData } from "./reference-data.ts";

/** P1 of VERIFY that takes the verification back. NIST SP 800-73-4 part 2, 3.2.1. */
const P1_UNVERIFY = 0xff;

interface Pin {
  readonly which: "pin" | "global";
  readonly data: ReferenceData;
}

/** VERIFY. NIST SP 800-73-4 part 2, 3.2.1. */
export function verify(card: PivContext, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  if (p1 !== 0x00 && p1 !== P1_UNVERIFY) return status(sw.wrongP1P2);
  const pin = pinAt(card, p2);
  if (pin === undefined) return status(sw.referenceNotFound);
  if (isClosedToTheAir(card, command)) return status(sw.functionNotSupported);
  if (p1 === P1_UNVERIFY) {
    if (data.length > 0) return status(sw.wrongData);
    card.security.pinIsUnverified(pin.which);
    return status(sw.success);
  }
  if (data.length === 0) return isVerified(card, pin) ? status(sw.success) : triesLeft(pin.data);
  if (data.length !== PIV_PIN_BYTES) return status(sw.wrongData);
  const wrong = tryPin(card, pin, data);
  if (wrong !== undefined) return wrong;
  card.security.pinWasVerified(pin.which);
  return status(sw.success);
}

/** CHANGE REFERENCE DATA of the PIN, the global PIN and the PUK. NIST SP 800-73-4 part 2, 3.2.2. */
export function changeReferenceData(card: PivContext, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  if (p1 !== 0x00) return status(sw.wrongP1P2);
  const pin = pinAt(card, p2);
  const reference = p2 === pivPinReferences.puk ? card.image.puk : pin?.data;
  if (reference === undefined) return status(sw.referenceNotFound);
  if (isClosedToTheAir(card, command)) return status(sw.functionNotSupported);
  if (data.length !== 2 * PIV_PIN_BYTES) return status(sw.wrongData);
  const presented = data.subarray(0, PIV_PIN_BYTES);
  const wrong = pin === undefined ? tryPuk(card, presented) : tryPin(card, pin, presented);
  if (wrong !== undefined) return wrong;
  if (!replace(card, reference, data.subarray(PIV_PIN_BYTES))) return status(sw.wrongData);
  // The client has shown the PIN, just as with VERIFY.
  if (pin !== undefined) card.security.pinWasVerified(pin.which);
  return status(sw.success);
}

/** RESET RETRY COUNTER of the PIN, with the PUK. NIST SP 800-73-4 part 2, 3.2.3. */
export function resetRetryCounter(card: PivContext, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  if (p1 !== 0x00) return status(sw.wrongP1P2);
  if (p2 !== pivPinReferences.pin) return status(sw.referenceNotFound);
  if (isClosedToTheAir(card, command)) return status(sw.functionNotSupported);
  if (data.length !== 2 * PIV_PIN_BYTES) return status(sw.wrongData);
  const wrong = tryPuk(card, data.subarray(0, PIV_PIN_BYTES));
  if (wrong !== undefined) {
    card.security.pinIsUnverified("pin");
    return wrong;
  }
  const { pin } = card.image;
  if (!replace(card, pin, data.subarray(PIV_PIN_BYTES))) return status(sw.wrongData);
  pin.triesLeft = pin.tries;
  card.security.pinIsUnverified("pin");
  return status(sw.success);
}

function pinAt({ image }: PivContext, reference: number): Pin | undefined {
  if (reference === pivPinReferences.pin) return { which: "pin", data: image.pin };
  const { globalPin } = image;
  return reference === pivPinReferences.global && globalPin ? { which: "global", data: globalPin } : undefined;
}

function isVerified({ security }: PivContext, { which }: Pin): boolean {
  return which === "pin" ? security.pinVerified : security.globalPinVerified;
}

/** A wrong PIN takes the verification back. */
function tryPin(card: PivContext, { which, data }: Pin, presented: Uint8Array): Answer | undefined {
  const wrong = tryReferenceData(data, presented, { saysBlocked: isYubico(card) });
  card.changed();
  if (wrong !== undefined) card.security.pinIsUnverified(which);
  return wrong;
}

function tryPuk(card: PivContext, presented: Uint8Array): Answer | undefined {
  const wrong = tryReferenceData(card.image.puk, presented, { saysBlocked: isYubico(card) });
  card.changed();
  return wrong;
}

function replace(card: PivContext, reference: ReferenceData, value: Uint8Array): boolean {
  if (!isUsablePin(value, { digitsOnly: !isYubico(card) })) return false;
  zeroBytes(reference.value);
  reference.value = copyBytes(value);
  card.changed();
  return true;
}

/**
 * The standard keeps PINs off the air unless there is a virtual contact interface, which this card has not. Yubico's tokens
 * take them there.
 *
 * @see NIST SP 800-73-4 part 2, 3.2.1
 */
function isClosedToTheAir(card: PivContext, command: ApplicationCommand): boolean {
  return command.interface === "contactless" && !isYubico(card);
}
