// SPDX-License-Identifier: MIT

import { type ConnectOptions, SmartCardError, shareModes } from "../pcsc/index.ts";
import { checkWait } from "./wait.ts";

/** Refuses terms that no table has: a caller may be JavaScript. @throws invalid-value */
export function checkTerm(
  table: Readonly<Record<string, unknown>>,
  term: string,
  what: string,
  operation: string,
): void {
  if (Object.hasOwn(table, term)) return;
  const message = `${what} is ${JSON.stringify(term)}; it should be one of ${Object.keys(table).join(", ")}`;
  throw new SmartCardError("invalid-value", message, { operation });
}

/** Refuses a share mode or a choice of protocols that means nothing, before anything is asked. */
export function checkConnectOptions(operation: string, options: ConnectOptions, reader: string): void {
  checkWait(operation, options);
  checkTerm(shareModes, options.shareMode, "share mode", operation);
  if (options.preferredProtocols.length === 0 && options.shareMode !== "direct") {
    const message = `${operation} names no protocol; only a direct connection does without one`;
    throw new SmartCardError("proto-mismatch", message, { reader, operation });
  }
}
