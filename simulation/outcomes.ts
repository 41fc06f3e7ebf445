// SPDX-License-Identifier: MIT

// How each call of the port may end. `done`, `invalid-context` and `service-stopped` are open to all.

const connection = ["invalid-handle", "reader-unavailable"];
const card = ["reset-card", "removed-card"];
const wait = ["timeout", "cancelled", "server-too-busy", "sharing-violation"];
const power = ["unresponsive-card", "unsupported-card", "comm-error", "waited-too-long", "unpowered-card"];
const sharing = ["sharing-violation", "no-smartcard", "removed-card", "proto-mismatch", "not-ready"];

/** By operation: the codes that its documentation names. */
export const allowedOutcomes: Readonly<Record<string, readonly string[]>> = {
  establish: ["no-memory", "server-too-busy"],
  "is-valid": [],
  list: [],
  "status-change": ["timeout", "cancelled", "unknown-reader", "server-too-busy", "no-memory"],
  connect: ["unknown-reader", "reader-unavailable", "no-memory", ...sharing, ...wait, ...power],
  reconnect: ["invalid-value", ...connection, ...sharing, ...wait, ...power],
  disconnect: ["invalid-value", "cant-dispose", "cancelled", ...connection, ...card, ...power],
  begin: [...connection, ...card, ...wait],
  end: ["invalid-value", "not-transacted", "sharing-violation", "cant-dispose", ...connection, ...card, ...power],
  status: [...connection, ...card, ...wait],
  transmit: ["proto-mismatch", "invalid-parameter", "cancelled", ...connection, ...card, ...wait, ...power],
  control: ["unsupported-feature", "comm-error", "waited-too-long", ...connection, ...card, ...wait],
  "get-attribute": ["not-supported", ...connection, ...wait],
  "set-attribute": ["not-supported", ...connection, ...wait],
  count: [...connection],
  cancel: [],
  release: [],
};
