// SPDX-License-Identifier: MIT

// The possible results of each call of the port. `done`, `invalid-context` and `service-stopped` are open to all.

const connection = ["invalid-handle", "reader-unavailable"];
const card = ["reset-card", "removed-card"];
const wait = ["timeout", "cancelled", "server-too-busy", "sharing-violation"];
const driver = ["comm-error", "waited-too-long"];
const power = ["unresponsive-card", "unpowered-card", "waited-too-long"];
const sharing = [
  "sharing-violation",
  "no-smartcard",
  "removed-card",
  "proto-mismatch",
  "not-ready",
  "unsupported-card",
];

/** By operation: the codes that its documentation names, but for those that are {@link unreachable} here. */
export const allowedOutcomes: Readonly<Record<string, readonly string[]>> = {
  establish: ["no-memory"],
  "is-valid": [],
  list: [],
  "status-change": ["timeout", "cancelled", "unknown-reader", "server-too-busy", "no-memory"],
  connect: ["invalid-value", "unknown-reader", "reader-unavailable", "no-memory", ...sharing, ...wait, ...power],
  // A reconnect that ends a transaction ejects the card, where an inner end has asked for it.
  reconnect: ["invalid-value", "cant-dispose", "comm-error", ...connection, ...sharing, ...wait, ...power],
  disconnect: ["invalid-value", "cant-dispose", "cancelled", "removed-card", ...connection, ...driver],
  begin: [...connection, ...card, ...wait],
  end: [
    "invalid-value",
    "not-transacted",
    "cancelled",
    "sharing-violation",
    "cant-dispose",
    ...connection,
    ...card,
    ...driver,
  ],
  status: [...connection, ...card, ...wait],
  // A card that is pulled during the exchange is `no-smartcard` under the pcsclite profile.
  transmit: [
    "proto-mismatch",
    "invalid-parameter",
    "no-smartcard",
    ...connection,
    ...card,
    ...wait,
    ...driver,
    ...power,
  ],
  control: ["unsupported-feature", "removed-card", ...connection, ...wait, ...driver],
  "get-attribute": ["not-supported", ...connection],
  "set-attribute": ["not-supported", ...connection, ...wait],
  count: [...connection],
  cancel: [],
  release: [],
};

/** Operations that are refused with `sharing-violation` only where waiting could never end: in a one-at-a-time context. */
export const refusedToOneAtATime: ReadonlySet<string> = new Set(["begin", "status", "transmit"]);

/** Those that the pcsclite profile refuses during another client's transaction, and the windows profile lets wait. */
export const refusedBesideLock: ReadonlySet<string> = new Set(["control", "set-attribute"]);

const MUTE = "a reset that fails leaves a mute card, and so does a protocol that is not agreed on: unresponsive-card";
const DISPOSED = "a reset that fails is no error of a disposition: the card is mute then, and says so to the next";
const NO_PROTOCOL = "a disposition agrees on no protocol, and only that reads the ATR";
const LEFT_ALONE = "a disposition leaves a card that has no power as it is";

/** Results that look possible but are not, and why. A history that reaches one refutes the reason, and fails. */
export const unreachable: Readonly<Record<string, string>> = {
  "establish server-too-busy": "the manager says no-memory; its service is too busy before it asks the manager",
  "establish invalid-value": "no client names a scope; the service refuses invalid values before it asks the manager",
  "connect comm-error": MUTE,
  "reconnect reset-card": "what a reset does to a connection is what a reconnect undoes",
  "disconnect reset-card": "a disconnect waits for its own disposition only, which no reset ends",
  "disconnect unresponsive-card": DISPOSED,
  "disconnect unsupported-card": NO_PROTOCOL,
  "disconnect unpowered-card": LEFT_ALONE,
  "end unresponsive-card": DISPOSED,
  "end unsupported-card": NO_PROTOCOL,
  "end unpowered-card": LEFT_ALONE,
  "end timeout": "the end of a transaction takes no deadline",
  "end server-too-busy": "the end of a transaction does not count against the limit of waits",
  "transmit unsupported-card": "only a connect and a reconnect read the ATR",
  "control reset-card": "a control needs no card: no reset concerns it",
  "control unsupported-card": "a control needs no card",
  "count removed-card": "exchanges are counted by the reader, with a card or without",
};
