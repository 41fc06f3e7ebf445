// SPDX-License-Identifier: MIT

import type { AnyShape, JsonProblem, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, list } from "../../base/json/index.ts";
import { type EventForPrograms, observedOperations } from "../../observe/calls/index.ts";
import {
  type Disposition,
  dispositions,
  type Inspection,
  MAX_COMMAND_BYTES,
  type Protocol,
  protocols,
  type ReaderInspection,
  type ShareMode,
  shareModes,
} from "../../port/index.ts";
import { type ControlCommand, part } from "./control-messages.ts";

/** The most entries of one list in a report. */
const MAX_ENTRIES = 1_000_000;
/** The longest text of the bytes of a command or response: two digits and a blank for each. */
const MAX_SHOWN_CHARACTERS = 3 * MAX_COMMAND_BYTES;

const some = <T, S>(element: AnyShape<T, S>) => list(element, MAX_ENTRIES);

// Texts have any length: programs choose their names, and those may be empty. What prints them makes them visible.
const count = is.whole(0, Number.MAX_SAFE_INTEGER);
const protocol = is.words(...(Object.keys(protocols) as Protocol[])).optional();
const client = part({ name: is.anyText, pid: count.optional(), uid: count.optional() });

const daemon = part({
  pid: count,
  /** Where its clients connect; absent where a service manager opened the socket and the system does not tell. */
  socket: is.anyText.optional(),
  profile: is.anyText,
  /** For how long it has run. */
  runningMs: is.milliseconds,
  /** Whether it can tell its clients apart; without that they are all "unknown". */
  knowsClients: is.truth,
  /** Clients that are connected, with a context or without. */
  sessions: count,
});

/** Where programs plug in as cards of a vpcd reader, and whether any program may. */
const door = part({ at: is.anyText, open: is.truth });

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
  door: door.optional(),
  /** Whether `insert`, `eject` and `remove` work on it. */
  virtual: is.truth.optional(),
});

const lockSpan = part({
  reader: is.anyText,
  client,
  kind: is.words("held", "waited"),
  /** Milliseconds since 1970 UTC; `to` is missing while it goes on. */
  from: is.milliseconds,
  to: is.milliseconds.optional(),
});

/** A time in which a client held a reader's lock, or waited for it or for its holder. */
export type LockSpan = ValueOf<typeof lockSpan>;

const locks = part({
  /** What is over, oldest first, as far as it is kept. */
  over: some(lockSpan),
  /** What goes on. */
  open: some(lockSpan),
  /** How many are over so far: the `since` of the next request. */
  last: count,
  /** How many were asked for and are not kept any more. */
  missed: count,
});

/** The readers of a device, one a slot, by their names. */
const readersOfDevice = part({ readers: some(is.anyText) });

const usbStates = ["ours", "opening", "settling", "unwanted", "ignored", "released", "failed"] as const;

/** Smart card interfaces of USB devices; `missing` says why there is no USB. */
const usb = part({
  missing: is.anyText.optional(),
  interfaces: some(
    part({
      id: is.anyText,
      device: is.anyText,
      manufacturer: is.anyText,
      product: is.anyText,
      serial: is.anyText,
      port: is.anyText,
      interface: count,
      state: is.words(...usbStates),
      readers: some(is.anyText),
      reason: is.anyText.optional(),
      notes: some(is.anyText).optional(),
    }),
  ),
});

/** How many connections of a process were ended. */
const disconnected = part({ clients: count });
/** Whether events have the bytes as they are. */
const traceBegun = part({ raw: is.truth });

const words = is.text(200);
const time = is
  .textLike(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/, "a time of ISO 8601 in UTC")
  .check((text, place) => {
    if (Number.isNaN(Date.parse(text))) place.problem("is no time that there is");
  });
/** Bytes as digits, some of them in words: `00 20 00 80 [8 bytes withheld]`. */
const shownBytes = is.anyText.check((text, place) => {
  if (text.length > MAX_SHOWN_CHARACTERS) place.problem(`has more than ${MAX_SHOWN_CHARACTERS} characters`);
});
const statusWord = is.textLike(/^[0-9A-F]{4}$/, "a status word in hexadecimal").optional();
const commandLength = is.whole(0, MAX_COMMAND_BYTES);
const exchange = part({
  name: words,
  command: part({ bytes: shownBytes, text: shownBytes }),
  response: part({ bytes: shownBytes, withheldBytes: commandLength }).optional(),
  statusWord,
  commandBytes: commandLength,
  responseBytes: commandLength,
  /** Programs may select by a name of any length. */
  application: is.hexadecimal(0, MAX_COMMAND_BYTES).optional(),
  raw: part({
    command: is.hexadecimal(0, MAX_COMMAND_BYTES),
    response: is.hexadecimal(0, MAX_COMMAND_BYTES).optional(),
  }).optional(),
});
const callEvent = part({
  kind: is.words("call"),
  number: count,
  time,
  tookMs: is.milliseconds,
  waitedMs: is.milliseconds.optional(),
  client,
  context: count,
  connection: count.optional(),
  reader: is.anyText.optional(),
  operation: is.words(...observedOperations),
  outcome: words,
  shareMode: is.words(...(Object.keys(shareModes) as ShareMode[])).optional(),
  protocol,
  disposition: is.words(...(Object.keys(dispositions) as Disposition[])).optional(),
  exchange: exchange.optional(),
  code: count.optional(),
  pinPad: part({ name: words, statusWord }).optional(),
});
const cardEvent = part({
  kind: is.words("card"),
  number: count,
  time,
  reader: is.anyText,
  change: is.words("reader-added", "reader-removed", "inserted", "removed", "reset", "unpowered"),
  atr: is.hexadecimal(0, 33),
  client: client.optional(),
  cause: words.optional(),
});
const traceLine = part({
  event: byTag("kind", { call: callEvent, card: cardEvent }).optional(),
  raw: is.truth.optional(),
  dropped: count.optional(),
});

/** That the trace has begun, an event, or how many were dropped because they were not read. */
export type ReportedEvent =
  | { readonly begun: ControlResults["trace"] }
  | { readonly event: EventForPrograms; readonly raw?: true }
  | { readonly dropped: number };

/** A line of a trace. Its texts are of any content: what prints them makes them visible. */
export function readTraceLine(json: unknown): ReportedEvent | readonly JsonProblem[] {
  const problems = is.problemsIn(traceLine, json);
  if (problems.length > 0) return problems;
  return json as ReportedEvent;
}

/** One reader in the answer to `who`: as a manager inspects it, but with the ATR in hexadecimal. */
export type ReportedReader = Omit<ReaderInspection, "card"> & {
  readonly card?: Omit<NonNullable<ReaderInspection["card"]>, "atr"> & { readonly atr: string };
  readonly door?: ValueOf<typeof door>;
  readonly virtual?: boolean;
};

/** The answer to `who`: holders and waiting clients. */
export interface WhoReport extends Pick<Inspection, "clients"> {
  readonly daemon: ValueOf<typeof daemon>;
  readonly readers: readonly ReportedReader[];
}

/** What was counted: one of the two, as it was asked for. */
const metrics = part({
  text: is.anyText.optional(),
  families: some(
    part({
      name: is.anyText,
      help: is.anyText,
      type: is.words("counter", "gauge", "histogram"),
      samples: some(part({ name: is.anyText, labels: is.anything, value: is.anything })),
    }),
  ).optional(),
});

/** Where the audit log is, its last entry, and how many entries were dropped. */
const audit = part({
  path: is.anyText.optional(),
  dropped: count,
  entry: count.optional(),
  hash: is.textLike(/^[0-9a-f]{64}$/, "a hash").optional(),
});

/** What a daemon answers to each command. */
export interface ControlResults {
  readonly metrics: ValueOf<typeof metrics>;
  readonly audit: ValueOf<typeof audit>;
  readonly "allow-last-try": unknown;
  readonly who: WhoReport;
  readonly locks: ValueOf<typeof locks>;
  readonly readers: readonly { readonly name: string }[];
  readonly insert: unknown;
  readonly remove: unknown;
  readonly eject: unknown;
  readonly reset: unknown;
  readonly disconnect: ValueOf<typeof disconnected>;
  readonly usb: ValueOf<typeof usb>;
  readonly release: ValueOf<typeof readersOfDevice>;
  readonly claim: ValueOf<typeof readersOfDevice>;
  /** Lines with events follow. */
  readonly trace: ValueOf<typeof traceBegun>;
}

const results: Readonly<Partial<Record<ControlCommand["command"], AnyShape>>> = {
  who: part({ daemon, readers: some(reader), clients: some(part({ client })) }),
  locks,
  readers: some(part({ name: is.anyText })),
  usb,
  disconnect: disconnected,
  metrics,
  audit,
  release: readersOfDevice,
  claim: readersOfDevice,
  trace: traceBegun,
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
