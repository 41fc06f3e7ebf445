// SPDX-License-Identifier: MIT

import { concatBytes, decoding, type Result } from "../../base/binary/index.ts";
import { type FieldValues, fixed, record, text, u8, u32, type WireField, word } from "../fields/index.ts";
import { NOISE_KEY_BYTES, NOISE_TAG_BYTES } from "../noise/index.ts";
import { FARM_SESSION_BYTES, FARM_VERSION, MAX_FRAME_DATA, MAX_PROGRAM_BYTES } from "./limits.ts";

/** Everything that is left of a message. */
const rest: WireField<Uint8Array> = {
  write: (pieces, value) => void pieces.push(value),
  read: (cursor) => cursor.rest(),
};

function codec<const F extends Readonly<Record<string, WireField<unknown>>>>(fields: F) {
  const whole = record(fields);
  return {
    encode(value: FieldValues<F>): Uint8Array {
      const pieces: Uint8Array[] = [];
      whole.write(pieces, value);
      return concatBytes(...pieces);
    },
    decode: (encoded: Uint8Array): Result<FieldValues<F>> =>
      decoding(encoded, (cursor) => whole.read(cursor, "the message")),
  };
}

/** The longest first message of a session. */
const MAX_HELLO_BYTES = 1 + FARM_SESSION_BYTES + 2 * NOISE_KEY_BYTES + 2 * NOISE_TAG_BYTES + 512;

const hello = codec({ version: u8, session: fixed(FARM_SESSION_BYTES), handshake: rest });
const introduction = codec({ program: text(MAX_PROGRAM_BYTES), pid: u32 });
const welcome = codec({ beatMs: u32, silenceMs: u32 });
const answer = codec({ kind: word(["welcome", "refused"]), body: rest });
const refusal = codec({ why: word(["version", "unknown", "busy", "stopping"]) });

/** What a client asks for a session with: a version, the number of the session, and the first message of a handshake. */
export type FarmHello = FieldValues<{
  version: WireField<number>;
  session: WireField<Uint8Array>;
  handshake: WireField<Uint8Array>;
}>;

/** Who asks: the payload of the first message. `pid` is 0 where it is not known. */
export interface FarmIntroduction {
  readonly program: string;
  readonly pid: number;
}

/** How the host keeps the session: the payload of the second message. Times are in milliseconds. */
export interface FarmWelcome {
  readonly beatMs: number;
  readonly silenceMs: number;
}

/**
 * Why a host gives no session. It is not sealed, and says no more than what any program may know.
 *
 * - `version`: it speaks another version.
 * - `unknown`: the key is not one that it serves, or the name is another key's, or the message is damaged.
 * - `busy`: it has as many sessions as it may have.
 * - `stopping`: it ends.
 */
export type FarmRefusal = "version" | "unknown" | "busy" | "stopping";

/** The answer to {@link FarmHello}: the second message of the handshake, or a refusal. */
export type FarmHelloAnswer =
  | { readonly kind: "welcome"; readonly handshake: Uint8Array }
  | { readonly kind: "refused"; readonly why: FarmRefusal };

export const encodeHello: (value: Omit<FarmHello, "version">) => Uint8Array = (value) =>
  hello.encode({ version: FARM_VERSION, ...value });

/** Reads what a client asks with. For any bytes the answer is a result. */
export function decodeHello(encoded: Uint8Array): Result<FarmHello> {
  if (encoded.length > MAX_HELLO_BYTES)
    return { ok: false, error: { message: `it has ${encoded.length} bytes`, offset: MAX_HELLO_BYTES } };
  return hello.decode(encoded);
}

export const encodeIntroduction: (value: FarmIntroduction) => Uint8Array = introduction.encode;
export const decodeIntroduction: (encoded: Uint8Array) => Result<FarmIntroduction> = introduction.decode;
export const encodeWelcome: (value: FarmWelcome) => Uint8Array = welcome.encode;
export const decodeWelcome: (encoded: Uint8Array) => Result<FarmWelcome> = welcome.decode;

export function encodeHelloAnswer(value: FarmHelloAnswer): Uint8Array {
  return value.kind === "welcome"
    ? answer.encode({ kind: "welcome", body: value.handshake })
    : answer.encode({ kind: "refused", body: refusal.encode({ why: value.why }) });
}

/** Reads a host's answer. For any bytes the answer is a result. */
export function decodeHelloAnswer(encoded: Uint8Array): Result<FarmHelloAnswer> {
  if (encoded.length > MAX_HELLO_BYTES)
    return { ok: false, error: { message: `it has ${encoded.length} bytes`, offset: MAX_HELLO_BYTES } };
  const decoded = answer.decode(encoded);
  if (!decoded.ok) return decoded;
  const { body, kind } = decoded.value;
  if (kind === "welcome") return { ok: true, value: { kind, handshake: body } };
  const why = refusal.decode(body);
  return why.ok ? { ok: true, value: { kind, why: why.value.why } } : why;
}

/** What a session carries, once it was opened. */
export type FarmFrame =
  /** A part of the stream of bytes. */
  | { readonly kind: "data"; readonly data: Uint8Array }
  /** So many bytes of the other's stream were taken. */
  | { readonly kind: "taken"; readonly bytes: number }
  /** The sender is there. */
  | { readonly kind: "beat" }
  /** The sender has ended the session, and says why. */
  | { readonly kind: "end"; readonly reason: string };

const frameKinds = ["data", "taken", "beat", "end"] as const;
const frame = codec({ kind: word(frameKinds), body: rest });
const taken = codec({ bytes: u32 });
const end = codec({ reason: text(512) });
const nothing = new Uint8Array(0);

/** Writes what is to be sealed. Data may be secret: the result is the caller's to clear. */
export function encodeFrame(value: FarmFrame): Uint8Array {
  switch (value.kind) {
    case "data":
      return frame.encode({ kind: "data", body: value.data });
    case "taken":
      return frame.encode({ kind: "taken", body: taken.encode({ bytes: value.bytes }) });
    case "beat":
      return frame.encode({ kind: "beat", body: nothing });
    case "end":
      return frame.encode({ kind: "end", body: end.encode({ reason: value.reason }) });
  }
}

/** Reads what was opened. For any bytes the answer is a result. */
export function decodeFrame(encoded: Uint8Array): Result<FarmFrame> {
  const decoded = frame.decode(encoded);
  if (!decoded.ok) return decoded;
  const { body, kind } = decoded.value;
  const wrong = (message: string): Result<never> => ({ ok: false, error: { message, offset: 1 } });
  switch (kind) {
    case "data":
      if (body.length === 0 || body.length > MAX_FRAME_DATA) return wrong(`it carries ${body.length} bytes`);
      return { ok: true, value: { kind, data: body } };
    case "taken": {
      const count = taken.decode(body);
      return count.ok ? { ok: true, value: { kind, bytes: count.value.bytes } } : count;
    }
    case "beat":
      return body.length === 0 ? { ok: true, value: { kind } } : wrong("a beat carries nothing");
    case "end": {
      const reason = end.decode(body);
      return reason.ok ? { ok: true, value: { kind, reason: reason.value.reason } } : reason;
    }
  }
}
