// SPDX-License-Identifier: MIT

import { JsonPlace, type JsonProblem } from "../../base/json/index.ts";
import { protocols, shareModes } from "../../port/index.ts";
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

/**
 * Checks a daemon's answer, so that a foreign server cannot make a program fail or print arbitrary text: numbers are
 * numbers, and words are known ones. Unknown members are ignored.
 *
 * @returns the problems; none where `result` is what the command is answered with
 */
export function problemsOfResult(command: ControlCommand["command"], result: unknown): readonly JsonProblem[] {
  const problems: JsonProblem[] = [];
  const place = new JsonPlace(result, "$", problems);
  if (command === "who") checkReport(place);
  else if (command === "readers") {
    for (const reader of listAt(place)) checkText(reader.member("name"));
  }
  return problems;
}

function checkReport(report: JsonPlace): void {
  const daemon = report.member("daemon");
  daemon.member("pid").integer(0, Number.MAX_SAFE_INTEGER);
  daemon.member("sessions").integer(0, Number.MAX_SAFE_INTEGER);
  daemon.member("runningMs").duration();
  daemon.member("knowsClients").boolean();
  checkText(daemon.member("profile"));
  if (daemon.member("socket").present) checkText(daemon.member("socket"));
  listAt(report.member("readers")).forEach(checkReader);
  for (const entry of listAt(report.member("clients"))) checkClient(entry.member("client"));
}

function checkReader(reader: JsonPlace): void {
  checkText(reader.member("name"));
  checkText(reader.member("id"));
  reader.member("eventCount").integer(0, Number.MAX_SAFE_INTEGER);
  if (reader.member("card").present) checkCard(reader.member("card"));
  for (const connection of listAt(reader.member("connections"))) {
    checkClient(connection.member("client"));
    connection.member("shareMode").oneOf(words(shareModes));
    checkProtocol(connection.member("protocol"));
    connection.member("connectedMs").duration();
  }
  if (reader.member("lock").present) checkLock(reader.member("lock"));
  for (const waiter of listAt(reader.member("queue"))) {
    checkClient(waiter.member("client"));
    checkText(waiter.member("operation"));
    waiter.member("waitingMs").duration();
  }
}

function checkCard(card: JsonPlace): void {
  const atr = card.member("atr");
  checkText(atr);
  if (atr.isString) atr.bytes(0, 33);
  card.member("powered").boolean();
  card.member("mute").boolean();
  checkProtocol(card.member("protocol"));
}

function checkLock(lock: JsonPlace): void {
  checkClient(lock.member("client"));
  lock.member("heldMs").duration();
  lock.member("depth").integer(0, Number.MAX_SAFE_INTEGER);
  if (lock.member("lastExchangeMs").present) lock.member("lastExchangeMs").duration();
}

function checkClient(client: JsonPlace): void {
  checkText(client.member("name"));
  for (const id of [client.member("pid"), client.member("uid")]) {
    if (id.present) id.integer(0, Number.MAX_SAFE_INTEGER);
  }
}

function checkProtocol(protocol: JsonPlace): void {
  if (protocol.present) protocol.oneOf(words(protocols));
}

/** Text of any length: programs choose their names, and those may be empty. What prints it makes it visible. */
function checkText(place: JsonPlace): void {
  if (!place.isString) place.problem("should be text");
}

/** A list that has to be there. */
function listAt(place: JsonPlace): readonly JsonPlace[] {
  if (!place.present) place.problem("is missing: write an array");
  return place.elements(MAX_ENTRIES);
}

function words<T extends string>(table: Readonly<Record<T, unknown>>): [T, ...T[]] {
  return Object.keys(table) as [T, ...T[]];
}
