// SPDX-License-Identifier: MIT

import { hexDword } from "../../../base/binary/index.ts";
import { type Answerer, notAdmitted } from "../../../managers/client/index.ts";
import { type ErrorCode, errorFromNumber, SmartCardError } from "../../../port/index.ts";
import type { Abi } from "./abi.ts";

/** What a call on a context asked for, in the words of error messages. */
type ContextOperation = "establish context" | "list readers" | "list reader groups" | "status change";

// Windows: there is no card.
const meanings = {
  connect: { "removed-card": "no-smartcard" },
  reconnect: { "removed-card": "no-smartcard" },
} as const;

/** The failure for a number of the library. */
export function codeOf(abi: Abi, rv: number): ErrorCode {
  return errorFromNumber(rv, abi.dialect) ?? "unknown-error";
}

/**
 * Whether a number says that the connection to the service is gone. libpcsclite has these for nothing else: what goes
 * wrong with a card has other numbers there.
 */
export function isLost(abi: Abi, rv: number): boolean {
  return lost[abi.system].has(codeOf(abi, rv));
}

const lost: Readonly<Record<Abi["system"], ReadonlySet<ErrorCode>>> = {
  windows: new Set(["no-service", "service-stopped", "shutdown", "broken-pipe"]),
  macos: new Set(["no-service", "service-stopped"]),
  pcsclite: new Set(["no-service", "service-stopped", "comm-error", "security-violation"]),
};

/** The library, as the source of return codes. */
export function library({ dialect }: Abi): Answerer {
  return { name: "the library", dialect, meanings };
}

/** The caller's error for the return code of a call on a context. */
export function contextFailure(abi: Abi, rv: number, operation: ContextOperation): SmartCardError {
  if (operation !== "establish context" && isLost(abi, rv)) return serviceStopped();
  const code = codeOf(abi, rv);
  // libpcsclite: the service closes the connection without an answer.
  if (abi.system === "pcsclite" && (code === "security-violation" || code === "comm-error")) {
    return notAdmitted(operation);
  }
  const remedy = code === "no-service" ? `. ${startIt[abi.system]}` : "";
  const meant = code === "invalid-handle" ? "invalid-context" : code;
  return new SmartCardError(meant, `${operation}: the system's library answers ${hexDword(rv)}${remedy}`, {
    operation,
  });
}

const startIt: Readonly<Record<Abi["system"], string>> = {
  windows: 'The service "Smart Card" (SCardSvr) is not running; it runs while a reader is there',
  macos: "The system's smart card service (com.apple.ifdreader) is not running; it runs while a reader is there",
  pcsclite: "No service answers at its socket: systemctl enable --now pcscd.socket, or npx scard daemon",
};

export function serviceStopped(): SmartCardError {
  return new SmartCardError("service-stopped", "the smart card service is gone; open a new context when it is back");
}
