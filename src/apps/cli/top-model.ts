// SPDX-License-Identifier: MIT

import type { ReportedReader, WhoReport } from "../daemon/index.ts";

/** A call that the daemon has told of, as far as it is shown. */
export interface TopCall {
  /** ISO 8601. */
  readonly time: string;
  /** When it arrived here, by the clock that counts milliseconds. */
  readonly at: number;
  readonly client: string;
  readonly pid: number | undefined;
  readonly reader: string | undefined;
  /** The name of the command, or of the operation. */
  readonly name: string;
  readonly isCommand: boolean;
  /** The status word, or how it failed. */
  readonly result: string;
  readonly tookMs: number;
}

/** What the cursor can be on. */
type TopTarget =
  | { readonly kind: "reader"; readonly name: string }
  | { readonly kind: "client"; readonly pid: number | undefined; readonly name: string };

/** What is done to the daemon once it was confirmed. */
export type TopAction =
  | { readonly kind: "disconnect"; readonly pid: number; readonly name: string }
  | { readonly kind: "reset" | "eject"; readonly reader: string };

/** What is asked for at the foot of the screen. */
type TopEntry =
  | { readonly kind: "none" }
  /** The filter is being typed. */
  | { readonly kind: "filter"; readonly before: string }
  | { readonly kind: "confirm"; readonly action: TopAction }
  | { readonly kind: "help" };

/** Everything that is shown. */
export interface TopState {
  readonly report: WhoReport | undefined;
  /** Why there is no report, or no trace. */
  readonly problem: string | undefined;
  /** What was done last. */
  readonly remark: string;
  readonly calls: readonly TopCall[];
  /** Whether calls are told at all. */
  readonly hasTrace: boolean;
  /** Calls of commands in the last seconds, and the slowest of a minute. */
  readonly recent: readonly TopCall[];
  readonly isPaused: boolean;
  readonly filter: string;
  readonly cursor: number;
  readonly entry: TopEntry;
}

/** The state before anything was heard. */
export const emptyTop: TopState = {
  report: undefined,
  problem: undefined,
  remark: "",
  calls: [],
  hasTrace: false,
  recent: [],
  isPaused: false,
  filter: "",
  cursor: 0,
  entry: { kind: "none" },
};

/** Calls that are kept for the pane. */
const MOST_CALLS = 500;
/** Commands that are kept for the rate and the slowest of a minute. */
const MOST_RECENT = 20_000;
const MINUTE_MS = 60_000;
const RATE_MS = 5000;
const MOST_FILTER = 60;

/** What can happen. */
export type TopEvent =
  | { readonly kind: "report"; readonly report: WhoReport }
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "call"; readonly call: TopCall }
  | { readonly kind: "trace"; readonly isOn: boolean }
  | { readonly kind: "remark"; readonly text: string }
  | { readonly kind: "key"; readonly name: string; readonly text: string };

/** What follows from an event, beside the new state. */
export type TopEffect = { readonly kind: "quit" } | { readonly kind: "act"; readonly action: TopAction };

/** The state behind an event. */
export function stepTop(state: TopState, event: TopEvent): { readonly state: TopState; readonly effect?: TopEffect } {
  switch (event.kind) {
    case "report":
      return { state: state.isPaused ? state : withCursor({ ...state, report: event.report, problem: undefined }) };
    case "problem":
      return { state: { ...state, problem: event.message } };
    case "trace":
      return { state: { ...state, hasTrace: event.isOn } };
    case "remark":
      return { state: { ...state, remark: event.text } };
    case "call":
      return { state: withCall(state, event.call) };
    case "key":
      return stepKey({ ...state, remark: "" }, event.name, event.text);
  }
}

function withCall(state: TopState, call: TopCall): TopState {
  const since = call.at - MINUTE_MS;
  const recent = call.isCommand
    ? [...state.recent.slice(-MOST_RECENT), call].filter(({ at }) => at > since)
    : state.recent;
  const calls = state.isPaused ? state.calls : [...state.calls.slice(1 - MOST_CALLS), call];
  return { ...state, calls, recent };
}

function stepKey(
  state: TopState,
  name: string,
  text: string,
): { readonly state: TopState; readonly effect?: TopEffect } {
  const { entry } = state;
  if (name === "C-c") return { state, effect: { kind: "quit" } };
  const none = { ...state, entry: { kind: "none" } } as const;
  switch (entry.kind) {
    case "help":
      return { state: none };
    case "confirm":
      if (text !== "y" && text !== "Y") return { state: { ...none, remark: "nothing was done" } };
      return { state: none, effect: { kind: "act", action: entry.action } };
    case "filter":
      if (name === "escape") return { state: withCursor({ ...none, filter: entry.before }) };
      if (name === "return") return { state: none };
      return { state: withCursor({ ...state, filter: typed(state.filter, name, text) }) };
    case "none":
      return stepCommand(state, name, text);
  }
}

function typed(filter: string, name: string, text: string): string {
  if (name === "backspace") return filter.slice(0, -1);
  return /^\P{C}+$/u.test(text) ? (filter + text).slice(0, MOST_FILTER) : filter;
}

function stepCommand(
  state: TopState,
  name: string,
  text: string,
): { readonly state: TopState; readonly effect?: TopEffect } {
  if (name === "up" || text === "k") return { state: withCursor({ ...state, cursor: state.cursor - 1 }) };
  if (name === "down" || text === "j") return { state: withCursor({ ...state, cursor: state.cursor + 1 }) };
  if (name === "escape") return { state: withCursor({ ...state, filter: "" }) };
  switch (text) {
    case "q":
      return { state, effect: { kind: "quit" } };
    case "?":
    case "h":
      return { state: { ...state, entry: { kind: "help" } } };
    case "p":
      return { state: { ...state, isPaused: !state.isPaused } };
    case "/":
      return { state: { ...state, entry: { kind: "filter", before: state.filter } } };
    case "d":
    case "r":
    case "e":
      return { state: asked(state, text) };
    default:
      return { state };
  }
}

/** Asks before something is done to what the cursor is on. */
function asked(state: TopState, key: "d" | "r" | "e"): TopState {
  const target = targetsOf(state)[state.cursor];
  if (target === undefined) return { ...state, remark: "there is nothing to choose" };
  if (key === "d") return askedToDisconnect(state, target);
  if (target.kind !== "reader") return { ...state, remark: "move to a reader with the arrow keys" };
  return {
    ...state,
    entry: { kind: "confirm", action: { kind: key === "r" ? "reset" : "eject", reader: target.name } },
  };
}

function askedToDisconnect(state: TopState, target: TopTarget): TopState {
  const client = target.kind === "client" ? target : readerNamed(state, target.name)?.lock?.client;
  if (client === undefined)
    return { ...state, remark: "no program holds this reader: move to a client with the arrow keys" };
  const { name, pid } = client;
  if (pid === undefined) return { ...state, remark: "the daemon does not know the process of this client" };
  return { ...state, entry: { kind: "confirm", action: { kind: "disconnect", pid, name } } };
}

function readerNamed({ report }: TopState, name: string): ReportedReader | undefined {
  return report?.readers.find((reader) => reader.name === name);
}

/** Whether a text is wanted by the filter. */
export function isWanted({ filter }: TopState, ...texts: readonly (string | undefined)[]): boolean {
  const part = filter.toLowerCase();
  return part === "" || texts.some((text) => text?.toLowerCase().includes(part));
}

/** The readers that are shown: those that the filter wants, by their own name or that of a client. */
export function readersShown(state: TopState): readonly ReportedReader[] {
  const all = state.report?.readers ?? [];
  return all.filter(({ connections, lock, name, queue }) => {
    const clients = [...connections, ...queue, ...(lock === undefined ? [] : [lock])].map(({ client }) => client.name);
    return isWanted(state, name, ...clients);
  });
}

/** A client with its connections. */
export interface ShownClient {
  readonly name: string;
  readonly pid: number | undefined;
  readonly uid: number | undefined;
  readonly contexts: number;
  readonly statusWaits: number;
  /** What it is connected to, for how long, and how. */
  readonly connections: readonly {
    readonly reader: string;
    readonly shareMode: string;
    readonly connectedMs: number;
  }[];
}

/** The clients that are shown: one entry for all contexts of a process. */
export function clientsShown(state: TopState): readonly ShownClient[] {
  const { report } = state;
  if (report === undefined) return [];
  const all = new Map<string, ShownClient>();
  for (const { client, contexts, statusWaits } of report.clients) {
    const { name, pid, uid } = client;
    const key = pid === undefined ? `?${all.size}` : String(pid);
    const known = all.get(key) ?? {
      name,
      pid,
      uid,
      contexts: 0,
      statusWaits: 0,
      connections: connectionsOf(report, pid),
    };
    all.set(key, { ...known, contexts: known.contexts + contexts, statusWaits: known.statusWaits + statusWaits });
  }
  return [...all.values()].filter(({ connections, name, pid }) =>
    isWanted(state, name, pid?.toString(), ...connections.map(({ reader }) => reader)),
  );
}

function connectionsOf({ readers }: WhoReport, pid: number | undefined): ShownClient["connections"] {
  if (pid === undefined) return [];
  return readers.flatMap(({ connections, name }) =>
    connections
      .filter(({ client }) => client.pid === pid)
      .map(({ connectedMs, shareMode }) => ({ reader: name, shareMode, connectedMs })),
  );
}

/** What the cursor can be on, in order. */
function targetsOf(state: TopState): readonly TopTarget[] {
  return [
    ...readersShown(state).map(({ name }) => ({ kind: "reader", name }) as const),
    ...clientsShown(state).map(({ name, pid }) => ({ kind: "client", name, pid }) as const),
  ];
}

function withCursor(state: TopState): TopState {
  return { ...state, cursor: Math.max(0, Math.min(state.cursor, targetsOf(state).length - 1)) };
}

/** Commands a second, over the last five; undefined where calls are not told. */
export function rateOf({ hasTrace, recent }: TopState, now: number): number | undefined {
  if (!hasTrace) return undefined;
  return recent.filter(({ at }) => at > now - RATE_MS).length / (RATE_MS / 1000);
}

/** The slowest command of the last minute. */
export function slowestOf({ recent }: TopState, now: number): TopCall | undefined {
  const fresh = recent.filter(({ at }) => at > now - MINUTE_MS);
  return fresh.reduce<TopCall | undefined>(
    (slow, call) => (slow && slow.tookMs >= call.tookMs ? slow : call),
    undefined,
  );
}
