// SPDX-License-Identifier: MIT

import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";

/** GET VERSION of Yubico's keys: three numbers in BCD. */
export function getVersion({ identity }: OpenPgpSession, { p1, p2 }: ApplicationCommand): Answer {
  if (identity.yubico === undefined) return status(sw.wrongInstruction);
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongOffset);
  const version = identity.yubico.version.map((number) => Math.trunc(number / 10) * 16 + (number % 10));
  return { status: sw.success, data: Uint8Array.from(version) };
}

/** SET PIN RETRIES of Yubico's keys: of PW1, the resetting code and PW3, after VERIFY of PW3. */
export function setPasswordTries(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  const { state, verified } = session;
  const [pw1 = 0, resettingCode = 0, pw3 = 0] = data;
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongOffset);
  if (!verified.admin) return status(sw.securityNotSatisfied);
  if (data.length !== 3) return status(sw.wrongData);
  const isUseless = pw1 === 0 || pw3 === 0;
  if (isUseless || data.some((tries) => tries > limits.tries)) return status(sw.wrongData);
  state.pw1.setTries(pw1);
  state.pw3.setTries(pw3);
  state.resettingCodeTries = resettingCode;
  state.resettingCode?.setTries(resettingCode);
  session.changed();
  return status(sw.success);
}
