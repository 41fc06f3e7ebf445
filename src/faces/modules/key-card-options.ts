// SPDX-License-Identifier: MIT

import { type Check, optional, optionsOf, truth, type WaitOptions, waitMembers, word } from "../../port/index.ts";
import type { ChangePinRequest, UnblockRequest, VerifyPinOptions } from "./open-card.ts";
import type { PinValue } from "./pin-entry.ts";
import { type DecryptOptions, decryptMembers, type SignOptions, signMembers } from "./schemes.ts";

const roles = { user: 0, signature: 0, unblock: 0, admin: 0 } as const;
const pinValue = (value: unknown): PinValue => value as PinValue;
const verifyMembers = { ...waitMembers, role: optional(word(roles, "role")), lastTry: optional(truth) };
export const checkVerify: Check<VerifyPinOptions> = optionsOf<VerifyPinOptions>(verifyMembers);
export const checkChange: Check<ChangePinRequest> = optionsOf<ChangePinRequest>({
  ...verifyMembers,
  oldPin: optional(pinValue),
  newPin: optional(pinValue),
  pad: optional(truth),
});
export const checkUnblock: Check<UnblockRequest> = optionsOf<UnblockRequest>({
  ...verifyMembers,
  newPin: pinValue,
  by: optional(word(roles, "role")),
  secret: (value) => value as UnblockRequest["secret"],
});
export const checkSign: Check<SignOptions> = optionsOf<SignOptions>(signMembers);
export const checkDecrypt: Check<DecryptOptions> = optionsOf<DecryptOptions>(decryptMembers);

/** The members of options that bound a wait. */
export function waitOf({
  signal,
  timeoutMs,
}: {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}): WaitOptions {
  return { ...(signal !== undefined && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
}
