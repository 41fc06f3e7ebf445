// SPDX-License-Identifier: MIT

import { allowedOutcomes } from "./outcomes.ts";

/** Everything that histories should get to, sooner or later. */
const worthReaching: readonly string[] = [
  ...["absent", "mute", "powered", "unpowered"].map((kind) => `card ${kind}`),
  ...["end", "death", "removal", "reconnect", "idleness", "loss of the reader"].map(
    (cause) => `lock freed by ${cause}`,
  ),
  ...["queue of 1", "queue of 2", "queue of 3", "queue of 4 and more"],
  ...["cold-reset", "warm-reset", "power-down", "set-protocol t0", "set-protocol t1"].map((what) => `driver ${what}`),
  ...["reader-added", "reader-lost", "card-inserted", "card-removed", "card-reset", "card-unpowered"].map(
    (kind) => `trace ${kind}`,
  ),
  ...["connected", "disconnected", "lock-granted", "lock-freed", "lock-idle"].map((kind) => `trace ${kind}`),
  ...["vpcd-peer-attached", "vpcd-peer-closed", "vpcd-peer-dropped", "vpcd-peer-ejected"].map(
    (kind) => `trace ${kind}`,
  ),
  ...[
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
    "restart",
  ].map((fault) => `fault ${fault}`),
  ...[
    "establish",
    "release",
    "connect",
    "reconnect",
    "disconnect",
    "begin",
    "end",
    "status",
    "transmit",
    "cancel",
  ].flatMap((operation) => [`wire ${operation} done`, `wire ${operation} refused`]),
  ...["wire try again", "wire wait change", "wire wait ended"],
  ...Object.entries(allowedOutcomes).flatMap(([operation, codes]) =>
    ["done", ...codes].map((code) => `${operation} ${code}`),
  ),
];

/** Counts what histories got to. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  reached(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** What was reached, and what was never. */
  report(): string {
    const known = [...new Set(worthReaching)];
    const missed = known.filter((what) => !this.#counts.has(what));
    const rare = known.filter((what) => (this.#counts.get(what) ?? 10) < 10);
    return [
      `reached ${known.length - missed.length} of ${known.length} states and transitions`,
      `never: ${missed.join(", ") || "none"}`,
      `less than ten times: ${rare.join(", ") || "none"}`,
    ].join("\n");
  }
}
