// SPDX-License-Identifier: MIT

import type { ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import type { LockSpan, WhoReport } from "../daemon/index.ts";

/** The longest message of a page, in bytes. */
export const MAX_PAGE_MESSAGE_BYTES = 65_536;

const reader = is.text(256);
const secret = is.textLike(/^[\w-]{43}$/, "43 characters of base64url");
const action = is.byTag("command", {
  insert: is.object({ command: is.words("insert"), reader, card: is.text(4096) }),
  remove: is.object({ command: is.words("remove"), reader }),
  eject: is.object({ command: is.words("eject"), reader }),
  reset: is.object({ command: is.words("reset"), reader }),
  disconnect: is.object({ command: is.words("disconnect"), pid: is.whole(1, 2 ** 31 - 1) }),
});

/** What a page may say. */
const pageMessage = is.byTag("type", {
  /** The first message: the one-time token of the printed address, or the secret that a page had for one. */
  hello: is.object({ type: is.words("hello"), token: secret.optional(), session: secret.optional() }),
  /** Has the daemon do something; `id` comes back in the answer. */
  do: is.object({ type: is.words("do"), id: is.whole(0, Number.MAX_SAFE_INTEGER), action }),
});

/** What a page may have the daemon do. */
export type ConsoleAction = ValueOf<typeof action>;

/** A message of a page. */
export type PageMessage = ValueOf<typeof pageMessage>;

/** The answer to `who`, and what was left out of it. */
export interface ShownReport {
  /** When it was asked for: milliseconds since 1970 UTC. */
  readonly time: number;
  readonly report: WhoReport;
  /** Readers that are not in it. */
  readonly readersLeftOut: number;
}

/** Who held which lock and who waited for it, so far as the page does not know it. */
export interface ShownLocks {
  /** What goes on. */
  readonly open: readonly LockSpan[];
  /** What is over, oldest first. */
  readonly over: readonly LockSpan[];
  /** How many are over that are not in it. */
  readonly missed: number;
}

/** What the console says to a page. */
export type ConsoleMessage =
  /** The page is let in. `session` lets the same tab in again while the console runs. */
  | { readonly type: "welcome"; readonly session: string }
  | ({ readonly type: "who" } & ShownReport & { readonly locks: ShownLocks })
  /** The daemon does not answer. It is asked again until it does. */
  | { readonly type: "gone"; readonly reason: string }
  | { readonly type: "done"; readonly id: number; readonly problem?: string };

/** A message as it goes over the socket. */
export function encodeMessage(message: ConsoleMessage | PageMessage): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

/** A message of a page; undefined where it is none. */
export function decodePageMessage(bytes: Uint8Array): PageMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  const parsed = is.parseShape(pageMessage, json);
  return parsed.ok ? parsed.value : undefined;
}
