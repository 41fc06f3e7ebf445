// SPDX-License-Identifier: MIT

import type { ShapeMembers, ValueOf } from "../../base/json/index.ts";
import * as is from "../../base/json/index.ts";
import { byTag, list, object, withMember } from "../../base/json/index.ts";
import { type EventForPrograms, observedOperations } from "../../observe/calls/index.ts";

/** The version of the control protocol. It changes with incompatible changes. */
export const CONTROL_VERSION = 1;

/** The longest request, in bytes. */
export const MAX_REQUEST_BYTES = 65_536;

/** The longest answer, in bytes: many readers with many clients. */
export const MAX_ANSWER_BYTES = 67_108_864;

const name = is.text(256, "The name of a reader.");

/** A part of a message: one of a later release may have more in it. */
export const part = <M extends ShapeMembers>(members: M) => object(members, { ignored: true });

function request<C extends string, M extends ShapeMembers>(command: C, members: M) {
  return object({
    version: is.anything.optional(),
    id: is.anything.optional(),
    command: is.words(command),
    ...members,
  });
}

/** A request, but for its version, which {@link requestVersion} checks. */
export const controlRequest = byTag("command", {
  who: request("who", {}),
  /** Who held which lock and who waited for it: what goes on, and what is over, of it what came after the entry `since`. */
  locks: request("locks", { since: is.whole(0, Number.MAX_SAFE_INTEGER).optional() }),
  readers: request("readers", {}),
  /** `card` is a kind of card or the absolute path of a description. */
  insert: request("insert", { reader: name, card: is.text(4096) }),
  remove: request("remove", { reader: name }),
  eject: request("eject", { reader: name }),
  /** Resets the card in a reader of any kind. */
  reset: request("reset", { reader: name }),
  /** Cuts off the clients of a process. */
  disconnect: request("disconnect", { pid: is.whole(1, 2 ** 31 - 1) }),
  /** The smart card interfaces of USB devices, and what becomes of each. */
  usb: request("usb", {}),
  /** Gives a USB reader free; `reader` is a name, id, vendor and product, serial number or port. */
  release: request("release", { reader: name }),
  /** Takes a USB reader. */
  claim: request("claim", { reader: name }),
  /** What was counted, as text for Prometheus or as objects. */
  metrics: request("metrics", { format: is.words("text", "json") }),
  /** Where the audit log is, and how it stands. */
  audit: request("audit", {}),
  /** Lets one command use the last try of a PIN. */
  "allow-last-try": request("allow-last-try", { reader: name, forMs: is.whole(1, 3_600_000) }),
  /**
   * Calls and cards from now on: the answer is followed by lines with events ({@link TraceLine}), until the client hangs up. What is
   * given must be true of an event: see `EventFilter` of scard/observe.
   */
  trace: request("trace", {
    reader: is.anyText.optional(),
    client: is.anyText.optional(),
    aid: is.anyText.optional(),
    sw: is.anyText.optional(),
    slowerThanMs: is.milliseconds.optional(),
    operations: list(is.words(...observedOperations), observedOperations.length).optional(),
    /** The bytes as they are too, with PINs and keys: for root and the daemon's own user alone. */
    raw: is.truth.optional(),
  }),
});

const version = is.whole(1, 2 ** 31).check((given, place) => {
  if (given !== CONTROL_VERSION)
    place.problem(`should be ${CONTROL_VERSION}: use the scard of the same release as the daemon`);
});

/** The version of a request, whatever else is in it: a later release may have more commands. */
export const requestVersion = withMember("version", part({ version }), is.anything);

type WithoutEnvelope<R> = R extends unknown ? Omit<R, "id" | "version"> : never;

/** The commands. */
export type ControlCommand = WithoutEnvelope<ValueOf<typeof controlRequest>>;

/** A request: one line of JSON. The answer has the same `id`. */
export type ControlRequest = ControlCommand & { readonly version: number; readonly id?: string | number };

/** An answer: one line of JSON. */
export type ControlAnswer = { readonly version: number; readonly id?: string | number } & (
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } }
);

/** Cuts a stream of bytes into lines. */
export class LineSplitter {
  readonly #maxBytes: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  /** @param maxBytes the longest line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `bytes` complete; "too long" when one is longer than it may be, and nothing can follow. */
  split(bytes: Uint8Array): readonly string[] | "too long" {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      if (!this.#keep(bytes.subarray(start, end))) return "too long";
      lines.push(this.#take());
      start = end + 1;
    }
    return this.#keep(bytes.subarray(start)) ? lines : "too long";
  }

  #keep(piece: Uint8Array): boolean {
    this.#bytes += piece.length;
    if (piece.length > 0) this.#pieces.push(piece);
    return this.#bytes <= this.#maxBytes;
  }

  #take(): string {
    const decoder = new TextDecoder();
    const text = this.#pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
    this.#pieces = [];
    this.#bytes = 0;
    return text;
  }
}

/** A line behind the answer to a `trace`: an event, or how many were dropped here because the client did not read them. */
export type TraceLine = { readonly version: number; readonly id?: string | number } & (
  | { readonly event: EventForPrograms; readonly raw?: true }
  | { readonly dropped: number }
);

/** A message as it goes over the socket. */
export function encodeLine(message: ControlRequest | ControlAnswer | TraceLine): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(message)}\n`);
}
