// SPDX-License-Identifier: MIT

import { allowedOutcomes, unreachable as unreachableOutcomes } from "./outcomes.ts";

const cards = ["absent", "arrived", "mute", "unpowered", "powered", "negotiated"];
const versions = ["4:4", "4:5", "4:6"];

/** The transitions between the states of a card's slot, as the driver reports them. */
const cardTransitions: Readonly<Record<string, readonly string[]>> = {
  absent: ["arrived", "gone"],
  arrived: ["absent", "mute", "powered", "gone"],
  mute: ["absent", "mute", "powered", "unpowered", "gone"],
  unpowered: ["absent", "mute", "powered", "gone"],
  powered: ["absent", "mute", "unpowered", "powered", "negotiated", "gone"],
  negotiated: ["absent", "mute", "unpowered", "powered", "gone"],
};

/** The transitions between the states of a connection. */
const connectionTransitions: Readonly<Record<string, readonly string[]>> = {
  usable: ["reset", "removed", "unavailable", "closed"],
  reset: ["usable", "removed", "unavailable", "closed"],
  removed: ["usable", "unavailable", "closed"],
  unavailable: ["closed"],
};

const resets = ["cold-reset", "warm-reset"];
const ofCard = [...resets, "power-down", "set-protocol", "transmit"];
const ofReader = ["control", "eject"];

/** How the operations of a driver end. */
const driverEnds: readonly string[] = [
  ...[...ofCard, ...ofReader].flatMap((operation) =>
    ["done", "failed", "aborted: its ceiling", "aborted: the reader is gone"].map((end) => `${operation} ${end}`),
  ),
  ...ofCard.map((operation) => `${operation} aborted: the card is gone`),
  ...[...resets, "set-protocol", "transmit", ...ofReader].map(
    (operation) => `${operation} aborted: its program is gone`,
  ),
  ...[...resets, "set-protocol", "transmit", "control"].map((operation) => `${operation} ends after its abort`),
  ...[...resets, "set-protocol", "transmit", ...ofReader].map((operation) => `${operation} is odd`),
];

function transitionsOf(what: string, transitions: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(transitions).flatMap(([from, next]) => next.map((to) => `${what} ${from} -> ${to}`));
}

function named(prefix: string, names: readonly string[]): string[] {
  return names.map((name) => `${prefix} ${name}`);
}

/** Waits that end when the service stops, and calls on a context of a stopped service. */
const stopped = [
  ...[
    "begin",
    "connect",
    "control",
    "get-attribute",
    "reconnect",
    "set-attribute",
    "status",
    "status-change",
    "transmit",
  ],
  ...["cancel", "establish", "list", "release"],
];

/** Everything that histories should reach. */
const worthReaching: readonly string[] = [
  ...named("card", ["absent", "mute", "powered", "unpowered"]),
  ...transitionsOf("card", cardTransitions),
  ...transitionsOf("connection", connectionTransitions),
  ...named("lock freed by", ["end", "death", "removal", "reconnect", "idleness", "loss of the reader"]),
  ...named("lock", ["granted at once", "granted after a wait", "taken again", "given back in part"]),
  ...named("queue of", ["1", "2", "3", "4 and more"]),
  ...named("driver", [...resets, "power-down", "set-protocol t0", "set-protocol t1", ...driverEnds]),
  ...named("trace", ["reader-added", "reader-lost", "card-inserted", "card-removed", "card-reset", "card-unpowered"]),
  ...named("trace", ["connected", "disconnected", "lock-granted", "lock-freed", "lock-idle"]),
  ...["attached", "closed", "dropped", "ejected", "refused"].map((what) => `trace vpcd-peer-${what}`),
  ...named("add-reader", ["done", "no-memory", "duplicate-reader", "reader-unavailable"]),
  ...["remove-reader done", "reader forgotten"],
  ...named("reader lost:", [
    ...["the virtual reader was unplugged", "the cable was pulled", "the driver hangs"],
    ...["it was taken out of service", "the service has stopped"],
  ]),
  ...named("fault", [
    "insert",
    "remove",
    "mute",
    "unmute",
    "hang",
    "unhang",
    "slow",
    "unplug",
    "spoil",
    "deaf",
    "babble",
  ]),
  ...named("fault", ["restart", "jump forward", "jump back", "odd", "intrude"]),
  ...["establish", "release", "connect", "reconnect", "disconnect", "begin", "end", "status", "transmit", "cancel"]
    .concat("control", "attribute", "set-attribute")
    .flatMap((operation) => named(`wire ${operation}`, ["done", "refused"])),
  ...named("wire", [
    "try again",
    "establish too busy",
    "paused 40 bytes ahead",
    "paused 300 bytes ahead",
    "read in turn",
  ]),
  ...versions.flatMap((version) =>
    named(`wire ${version}`, [
      ...["change", "cancel", "cancel before it had its readers", "stop", "the end of the service"].map(
        (how) => `wait ended by ${how}`,
      ),
      "readers told",
    ]),
  ),
  ...["wire 4:5 reader events", "wire 4:6 reader events"],
  ...Object.entries(allowedOutcomes).flatMap(([operation, codes]) => named(operation, ["done", ...codes])),
  ...stopped.map((operation) => `${operation} service-stopped`),
  ...["cancel", "connect", "establish", "list", "release", "status-change"].map((what) => `${what} invalid-context`),
];

/** What looks possible but is not, and why. A history that reaches it refutes the reason, and fails. */
export const unreachable: Readonly<Record<string, string>> = {
  ...unreachableOutcomes,
  ...Object.fromEntries(
    cards.map((state) => [`card gone -> ${state}`, "a reader that comes again is another one, with a slot of its own"]),
  ),
  "card unpowered -> unpowered": "a card that has no power is not powered down",
  "card unpowered -> negotiated": "a protocol is agreed on with a card that has answered a reset",
  "card mute -> negotiated": "a protocol is agreed on with a card that has answered a reset",
  "card absent -> powered": "an empty reader is never powered",
  "connection removed -> reset":
    "what happens to the next card does not concern who has missed the first one's removal",
  "connection unavailable -> usable": "a reader that comes again is another one: its connections are new",
  "connection unavailable -> reset": "a reader that is gone has no card to reset",
  "connection unavailable -> removed": "a reader that is gone has no card to remove",
  "driver power-down aborted: its program is gone":
    "cards are powered down in the reader's own time, which is no program's",
  "driver control aborted: the card is gone": "a control needs no card",
  "driver eject aborted: the card is gone": "an ejection is a card that goes: only its reader ends it early",
  "wire 4:4 reader events": "a client of 4:4 has no such request",
};

/** Counts what histories reached. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  reached(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** What was reached, and what was not. */
  report(): string {
    const known = [...new Set(worthReaching)];
    const missed = known.filter((what) => !this.#counts.has(what));
    const rare = known.filter((what) => (this.#counts.get(what) ?? 10) < 10);
    return [
      `${known.length - missed.length} of ${known.length} reachable states and transitions taken`,
      `never: ${missed.join(", ") || "none"}`,
      `less than ten times: ${rare.join(", ") || "none"}`,
      "cannot be reached, and why:",
      ...Object.entries(unreachable).map(([what, why]) => `  ${what}: ${why}`),
    ].join("\n");
  }
}
