// SPDX-License-Identifier: MIT

import { NOT_PAIRED_CODE, TOO_MANY_CODE } from "../../wire/bridge/index.ts";
import { SmartCardError, type SmartCardResponseCode } from "../web/index.ts";

/** The error of a call that has failed in the service. */
export function failureOf(kind: string, name: string, message: string): Error {
  if (kind === "TypeError") return new TypeError(message);
  if (kind === "DOMException") return new DOMException(message, name);
  return new SmartCardError(message, { responseCode: name as SmartCardResponseCode });
}

/** The error of all calls on a connection to the bridge that has ended. */
export function lossOf(code: number, reason: string): Error {
  if (code === NOT_PAIRED_CODE) return new DOMException(reason, "NotAllowedError");
  const why = reason || "it does not run, or it does not serve this origin: scard bridge --origin ORIGIN";
  const responseCode = code === TOO_MANY_CODE ? "server-too-busy" : "no-service";
  return new SmartCardError(`no connection to the smart card bridge: ${why}`, { responseCode });
}

/** The error of a connection whose service does not do what the bridge does. */
export function notTheBridge(why: string): Error {
  return lossOf(0, `it has sent what does not fit (${why})`);
}
