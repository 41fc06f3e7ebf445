// SPDX-License-Identifier: MIT

import { concatBytes } from "../../../src/base/binary/index.ts";
import { SmartCardError } from "../../../src/port/index.ts";
import { encodeFrame, FrameDecoder } from "../../../src/readers/vpcd/index.ts";
import {
  type Change,
  ClientSession,
  EXTENSION_VERSION,
  encodeRequest,
  encodeResponse,
  MAX_CACHE_NAME_BYTES,
  MAX_READER_NAME_BYTES,
  type Request,
  RequestDecoder,
} from "../../../src/wire/pcsclite/index.ts";
import { type Dice, hashOf, piecesOf } from "../dice.ts";
import { Tape } from "../tape.ts";
import { type FuzzTarget, must, mustBeAlike, mustEqual, textOf } from "../target.ts";

const utf8 = new TextEncoder();

/** A request that libpcsclite could send, its numbers mostly those that mean something. */
export function makeRequest(dice: Dice, numbers: readonly number[] = [1, 2]): Request {
  const small = (): number => dice.pick([0, 1, 2, 3, 4, 9, 0xffff_ffff]);
  const [context, card] = [dice.pick(numbers), dice.pick(numbers) | 0];
  const sharing = { shareMode: dice.pick([1, 2, 2, 3, 7]), preferredProtocols: dice.pick([0, 1, 2, 3, 3]) };
  const reader = dice.pick(["Reader", "Reader", "", "\\\\?PnP?\\Notification", "€".repeat(42)]);
  const pci = { sendProtocol: small(), sendPciLength: small(), receiveProtocol: small(), receivePciLength: small() };
  const bytes = dice.bytes(dice.pick([0, 2, 4, 5, 260]));
  const item = { context, card: dice.bytes(16), freshness: small(), name: dice.pick(["x", "", reader]) };
  return dice.pick<Request>([
    { kind: "version", major: 4, minor: dice.pick([3, 4, 5, 6, 7]) },
    { kind: "version", major: 4, minor: 6, extension: dice.pick([1, 1, 2, 255]) },
    { kind: "establish-context", scope: small() },
    { kind: "establish-context", scope: 2 },
    { kind: "release-context", context },
    { kind: "connect", context, reader, ...sharing },
    { kind: "connect", context, reader, ...sharing },
    { kind: "reconnect", card, ...sharing, initialization: small() },
    { kind: "disconnect", card, disposition: small() },
    { kind: "begin-transaction", card },
    { kind: "end-transaction", card, disposition: small() },
    { kind: "status", card },
    { kind: "transmit", card, ...pci, receiveLength: dice.pick([0, 2, 258, 65_548]), command: bytes },
    { kind: "control", card, code: dice.below(2 ** 32), input: bytes, receiveLength: small() },
    { kind: "get-attribute", card, attribute: dice.pick([0x0009_0303, 4]), length: dice.pick([0, 1, 264]) },
    { kind: "set-attribute", card, attribute: small(), value: dice.bytes(dice.below(264)) },
    { kind: "cancel", context },
    { kind: "reader-table" },
    { kind: "wait-for-change" },
    { kind: "stop-waiting" },
    { kind: "reader-events" },
    { kind: "reader-table-size" },
    { kind: "whole-reader-table" },
    { kind: "holder", handle: context, reader },
    { kind: "read-cache", ...item },
    { kind: "write-cache", ...item, data: bytes },
  ]);
}

/** What a stream of requests decodes to, cut in these pieces. */
function decodeRequests(pieces: readonly Uint8Array[]): { requests: Request[]; end: string } {
  const decoder = new RequestDecoder();
  decoder.extend(EXTENSION_VERSION);
  const requests: Request[] = [];
  for (const piece of pieces) {
    decoder.push(piece.slice());
    for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
      if (!next.ok) return { requests, end: textOf(next.error) };
      requests.push(next.value);
    }
  }
  return { requests, end: `${decoder.pendingBytes} bytes left` };
}

const requests: FuzzTarget = {
  name: "pcscd-requests",
  about:
    "What a program sends to the service: the same requests however it is cut, and they are written as they are read",
  covers: ["RequestDecoder"],
  measures: ["wire/pcsclite/request", "wire/pcsclite/messages", "wire/stream/input-buffer"],
  maxBytes: 8192,
  dictionary: [encodeRequest({ kind: "version", major: 4, minor: 6 }), encodeRequest({ kind: "stop-waiting" })],
  generate: (dice) => concatBytes(...Array.from({ length: 1 + dice.below(4) }, () => encodeRequest(makeRequest(dice)))),
  run(input) {
    const whole = decodeRequests([input]);
    mustBeAlike(decodeRequests(piecesOf(input)), whole, "the same requests in pieces");
    if (input.length <= 300) {
      mustBeAlike(
        decodeRequests([...input].map((byte) => Uint8Array.of(byte))),
        whole,
        "the same requests byte by byte",
      );
    }
    for (const request of whole.requests) {
      // A name without a NUL, or with invalid UTF-8, is longer when it is written: it does not fit.
      if ("reader" in request && utf8.encode(request.reader).length >= MAX_READER_NAME_BYTES) continue;
      if ("name" in request && utf8.encode(request.name).length > MAX_CACHE_NAME_BYTES) continue;
      const [again] = decodeRequests([encodeRequest(request)]).requests;
      mustBeAlike(again, request, "a request that was written and read");
    }
  },
};

const frames: FuzzTarget = {
  name: "vpcd-frames",
  about:
    "What a virtual card sends to its reader: the same frames however it is cut, and they are written as they are read",
  covers: ["FrameDecoder"],
  measures: ["readers/vpcd/frame"],
  maxBytes: 8192,
  generate: (dice) =>
    concatBytes(
      ...Array.from({ length: dice.below(5) }, () => encodeFrame(dice.bytes(dice.pick([0, 1, 2, 20, 255, 256, 300])))),
    ),
  run(input) {
    const decode = (pieces: readonly Uint8Array[]): { frames: Uint8Array[]; partial: boolean } => {
      const decoder = new FrameDecoder();
      const found = pieces.flatMap((piece) => [...decoder.decode(piece)]);
      return { frames: found, partial: decoder.partial };
    };
    const whole = decode([input]);
    const written = concatBytes(...whole.frames.map(encodeFrame));
    mustEqual(written, input.subarray(0, written.length), "frames that were read");
    must(whole.partial === written.length < input.length, "what is left is a frame that has begun");
    mustBeAlike(decode(piecesOf(input)), whole, "the same frames in pieces");
  },
};

/** Calls that a client makes before the service answers. */
type ClientCall = (session: ClientSession) => Promise<unknown>;

const cacheItem = { context: 1, card: new Uint8Array(16), freshness: 0, name: "x" };

const clientCalls: readonly [ClientCall, ...ClientCall[]] = [
  (session) => session.establish(2),
  (session) => session.connect({ context: 1, reader: "R", shareMode: 2, preferredProtocols: 3 }),
  (session) => session.reconnect({ card: 1, shareMode: 2, preferredProtocols: 3, initialization: 0 }),
  (session) => session.transmit(1, 2, Uint8Array.of(0, 0xa4, 0, 0)),
  (session) => session.control(1, 0x4200_0d48, new Uint8Array(0)),
  (session) => session.getAttrib(1, 0x0009_0303),
  (session) => session.setAttrib(1, 4, new Uint8Array(3)),
  (session) => session.status(1),
  (session) => session.begin(1),
  (session) => session.end(1, 0),
  (session) => session.disconnect(1, 0),
  (session) => session.release(1),
  (session) => session.readerStates(),
  (session) => session.readerEvents(),
  async (session) => {
    const { over, readers } = await session.waitForChange();
    const change: Change = await over;
    return { readers, change };
  },
  (session) => session.stopWaiting(),
  (session) => session.cancel(1),
  (session) => session.holder(1, "R"),
  (session) => session.readCache(cacheItem),
  (session) => session.writeCache(cacheItem, new Uint8Array(3)),
];

/** An answer that a service could give: what each call asks for is as long as its request's body. */
function makeAnswer(dice: Dice): Uint8Array {
  const length = dice.pick([4, 8, 12, 16, 24, 28, 32, 156, 184, 280, 184 * 16]);
  const answer = new Uint8Array(length);
  if (dice.chance(60)) answer[0] = dice.pick([1, 4, 0]);
  if (dice.chance(40)) answer[4] = dice.pick([1, 4, 6, 0x52]);
  if (length >= 184 && dice.chance(50)) answer.set(new TextEncoder().encode("Reader 00 00"));
  return answer;
}

const answers: FuzzTarget = {
  name: "pcscd-answers",
  about: "What a service sends to our client: each call ends, and fails with nothing but a SmartCardError",
  covers: ["ClientSession"],
  measures: [
    "wire/pcsclite/client",
    "wire/pcsclite/answer",
    "wire/pcsclite/reader-table-reader",
    "wire/stream/input-buffer",
  ],
  maxBytes: 20_000,
  dictionary: [
    Uint8Array.of(4, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(4, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0),
    new Uint8Array(8),
  ],
  generate(dice) {
    const calls = Array.from({ length: 1 + dice.below(5) }, () => dice.below(clientCalls.length));
    const bytes = Array.from({ length: dice.below(6) }, () => makeAnswer(dice));
    return concatBytes(Uint8Array.of(dice.below(5), calls.length, ...calls), ...bytes);
  },
  async run(input) {
    const tape = new Tape(input);
    let ended = 0;
    const session = new ClientSession({
      send: () => {},
      ended: () => {
        ended++;
      },
    });
    // Nothing else may be asked before a version is agreed on: either it is, or the answer to that is hostile already.
    const newest = tape.pick(undefined, "4:4", "4:5", "4:6", "hostile");
    const opening = session.open(newest === "hostile" ? undefined : newest);
    const calls: Promise<unknown>[] = [opening];
    if (newest !== "hostile") {
      const agreed = { major: 4, minor: 6, extension: EXTENSION_VERSION, rv: 0 };
      session.received(encodeResponse({ kind: "version", major: 4, minor: 6 }, agreed));
      await opening;
      for (let count = tape.below(9); count > 0; count--) calls.push(tape.pick(...clientCalls)(session));
    }
    const outcomes = calls.map((call) =>
      call.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    const pieces = hashOf(input) % 2 === 0 ? [tape.rest()] : piecesOf(tape.rest());
    for (const piece of pieces) {
      session.received(piece);
      await Promise.resolve();
    }
    session.closed("the connection is gone");
    for (const error of await Promise.all(outcomes)) {
      if (error === undefined || error instanceof SmartCardError) continue;
      throw error;
    }
    must(ended <= 1, `the end of a session was told ${ended} times`);
  },
};

export const streamTargets: readonly FuzzTarget[] = [requests, frames, answers];
