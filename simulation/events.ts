// SPDX-License-Identifier: MIT

import type { Disposition, Initialization, Protocol, ShareMode } from "../src/port/index.ts";
import type { Glitch } from "./usb-place.ts";

// The events of a history. Events refer to seats and handles by number and have no effect where these do not exist, so that a
// failing history can be shortened by leaving out events.

/** A card by what its ATR offers; `garbage` has an ATR that cannot be understood, `silent` answers no reset. */
export type CardKind = "t0" | "t1" | "both" | "garbage" | "silent";

/** The state that a client assumes in a status query. */
export type AssumedState =
  | "unaware"
  | "handed-back"
  | "empty"
  | "present"
  | "ignore"
  | "stranger"
  | "pnp"
  | "nothing"
  /** More readers than a query may name. */
  | "crowd";

/** What a client requests beyond its limit. */
export type ExhaustedResource = "contexts" | "connections" | "waits" | "requests";

/** Whose handle: a client's seat, and the place of the handle in the client's memory. */
interface OfHandle {
  readonly client: number;
  readonly handle: number;
}

interface OfContext {
  readonly client: number;
  readonly context: number;
}

interface Deadline {
  /** Undefined: no deadline. */
  readonly deadlineMs: number | undefined;
}

/** One member for each act, so that an act tells which other parts there are. */
type Acts<A extends string, T> = A extends string ? T & { readonly act: A } : never;

/** What a command is: `select` selects an application, which is named by the number of the command. */
export type CommandKind = "echo" | "pin" | "long" | "short" | "select";

/** What a client does. */
export type ClientEvent =
  | Acts<"establish" | "cancel" | "release", OfContext>
  | (OfContext & {
      readonly act: "connect";
      readonly handle: number;
      readonly reader: number;
      readonly mode: ShareMode;
      readonly protocols: readonly Protocol[];
    } & Deadline)
  | (OfHandle & {
      readonly act: "reconnect";
      readonly mode: ShareMode;
      readonly protocols: readonly Protocol[];
      readonly initialization: Initialization;
    })
  | Acts<"disconnect" | "end", OfHandle & { readonly disposition: Disposition }>
  | Acts<"begin" | "status", OfHandle & Deadline>
  | (OfHandle & {
      readonly act: "transmit";
      readonly what: CommandKind;
      readonly wrong: boolean;
    } & Deadline)
  | Acts<"control" | "attribute" | "count", OfHandle>
  | (OfContext & { readonly act: "watch"; readonly belief: AssumedState } & Deadline)
  | (OfContext & {
      readonly act: "hoard";
      readonly reader: number;
      readonly what: ExhaustedResource;
    })
  | (OfHandle & { readonly act: "set-attribute"; readonly what: "known" | "too-long" | "unknown" } & Deadline)
  | (OfHandle & { readonly act: "odd-control"; readonly code: number } & Deadline)
  | Acts<"stray", OfContext>
  | Acts<"abort" | "die" | "stall" | "unstall" | "stop-waiting", { readonly client: number }>;

/** The failure of a driver's next operation, without a cause. */
export type DriverFailure = "comm-error" | "unpowered-card";

/** Events of readers, cards and the service. */
export type WorldEvent =
  | { readonly act: "insert"; readonly reader: number; readonly card: CardKind }
  | {
      readonly act: "remove" | "mute" | "unmute" | "hang" | "unhang" | "unplug" | "deaf" | "babble";
      readonly reader: number;
    }
  | { readonly act: "slow"; readonly reader: number; readonly delayMs: number }
  | { readonly act: "plug"; readonly reader: number; readonly rename: boolean }
  | { readonly act: "spoil"; readonly reader: number; readonly how: "empty" | "throw" | "huge-atr" }
  | { readonly act: "pass"; readonly ms: number }
  | { readonly act: "jump"; readonly ms: number }
  | { readonly act: "odd"; readonly reader: number; readonly how: DriverFailure }
  | { readonly act: "intrude"; readonly reader: number }
  | { readonly act: "glitch"; readonly reader: number; readonly glitch: Glitch }
  | { readonly act: "guest"; readonly reader: number; readonly what: "another" | "twin" | "stillborn" }
  | { readonly act: "restart" };

/** One event. `hops`: the next comes after so many promise callbacks; undefined: when everything due has happened. */
export type HistoryEvent = (ClientEvent | WorldEvent) & { readonly hops: number | undefined };

/** An event as a line of the timeline. */
export function describeEvent(event: HistoryEvent): string {
  const { act, hops, ...rest } = event;
  const parts = Object.entries(rest).map(([name, value]) => `${name}=${wordsOf(value)}`);
  return [act, ...parts, ...(hops === undefined ? [] : [`hops=${hops}`])].join(" ");
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) return value.join("+");
  return typeof value === "object" && value !== null ? Object.values(value).join(" ") : String(value);
}
