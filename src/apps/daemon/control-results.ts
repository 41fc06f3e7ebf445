// SPDX-License-Identifier: MIT

import type { AnyShape, JsonProblem, ShapeMembers } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { list, object } from "../../base/json/index.ts";
import { type Protocol, protocols, type ShareMode, shareModes } from "../../port/index.ts";
import type { ControlCommand, WhoReport } from "./control-messages.ts";

/** What a daemon answers to each command. */
export interface ControlResults {
  readonly who: WhoReport;
  readonly readers: readonly { readonly name: string }[];
  readonly insert: unknown;
  readonly remove: unknown;
  readonly eject: unknown;
}

/** The most entries of one list in a report. */
const MAX_ENTRIES = 1_000_000;

/** A part of a daemon's answer: one of a later release may have more in it. */
const part = <M extends ShapeMembers>(members: M) => object(members, { ignored: true });
const some = <T, S>(element: AnyShape<T, S>) => list(element, MAX_ENTRIES);

// Texts have any length: programs choose their names, and those may be empty. What prints them makes them visible.
const count = is.whole(0, Number.MAX_SAFE_INTEGER);
const protocol = is.words(...(Object.keys(protocols) as Protocol[])).optional();
const client = part({ name: is.anyText, pid: count.optional(), uid: count.optional() });

const daemon = part({
  pid: count,
  sessions: count,
  runningMs: is.milliseconds,
  knowsClients: is.truth,
  profile: is.anyText,
  socket: is.anyText.optional(),
});

const reader = part({
  name: is.anyText,
  id: is.anyText,
  eventCount: count,
  card: part({ atr: is.hexadecimal(0, 33), powered: is.truth, mute: is.truth, protocol }).optional(),
  connections: some(
    part({
      client,
      shareMode: is.words(...(Object.keys(shareModes) as ShareMode[])),
      protocol,
      connectedMs: is.milliseconds,
    }),
  ),
  lock: part({
    client,
    heldMs: is.milliseconds,
    depth: count,
    lastExchangeMs: is.milliseconds.optional(),
  }).optional(),
  queue: some(part({ client, operation: is.anyText, waitingMs: is.milliseconds })),
});

const results: Readonly<Partial<Record<ControlCommand["command"], AnyShape>>> = {
  who: part({ daemon, readers: some(reader), clients: some(part({ client })) }),
  readers: some(part({ name: is.anyText })),
};

/**
 * Checks a daemon's answer, so that a foreign server cannot make a program fail or print arbitrary text: numbers are
 * numbers, and words are known ones. Unknown members are ignored.
 *
 * @returns the problems; none where `result` is what the command is answered with
 */
export function problemsOfResult(command: ControlCommand["command"], result: unknown): readonly JsonProblem[] {
  return is.problemsIn(results[command] ?? is.anything, result);
}
