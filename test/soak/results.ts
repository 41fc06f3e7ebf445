// SPDX-License-Identifier: MIT

/** What the calls of clients may come to, in the numbers of pcsclite.h; 0 is always among them. */
const SHARING_VIOLATION = "8010000B";
const NO_SMARTCARD = "8010000C";
const TIMEOUT = "8010000A";
const RESET_CARD = "80100068";
const REMOVED_CARD = "80100069";

const ofTheCard = [NO_SMARTCARD, RESET_CARD, REMOVED_CARD];

/** The failures that are normal while clients take turns, and cards are reset and pulled. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  establish: [],
  release: [],
  look: [],
  wait: [TIMEOUT],
  connect: [SHARING_VIOLATION, NO_SMARTCARD, REMOVED_CARD],
  reconnect: [NO_SMARTCARD, REMOVED_CARD],
  status: ofTheCard,
  transmit: ofTheCard,
  begin: ofTheCard,
  // A card that was reset in one's own transaction is told by the client itself.
  end: [NO_SMARTCARD, REMOVED_CARD],
  disconnect: [NO_SMARTCARD, REMOVED_CARD],
};

/**
 * What calls come to while there is no daemon, or one that does not know them: CANCELLED, INVALID_HANDLE, SYSTEM_CANCELLED,
 * F_COMM_ERROR, NO_SERVICE, SERVICE_STOPPED; and SECURITY_VIOLATION, which is what libpcsclite makes of a connection that
 * was reset while it waited for an answer (LudovicRousseau/PCSC, src/winscard_msg.c, MessageReceive).
 */
const withoutService = new Set(["80100002", "80100003", "80100012", "80100013", "8010001D", "8010001E", "8010006A"]);

/** Whether a call may come to that result. `restarting`: the daemon went away a moment ago. */
export function isExpected(call: string, result: string, restarting: boolean): boolean {
  if (result === "00000000") return true;
  if (restarting && withoutService.has(result)) return true;
  return allowed[call]?.includes(result) ?? false;
}
