// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../base/binary/index.ts";
import {
  type AnswerMessage,
  type CallMessage,
  type DriverCall,
  decodeAnswer,
  decodeCall,
  driverCalls,
  encodeAnswer,
  encodeCall,
  MAX_ANSWER_BYTES,
  MAX_CALL_BYTES,
  MessageDecoder,
} from "./messages.ts";

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const data = fc.uint8Array({ maxLength: 300 });
const call: fc.Arbitrary<CallMessage> = fc.record({
  id: u32,
  call: fc.constantFrom(...(Object.keys(driverCalls) as DriverCall[])),
  lun: u32,
  argument: u32,
  room: u32,
  data,
});
const answer: fc.Arbitrary<AnswerMessage> = fc.record({
  id: u32,
  outcome: fc.constantFrom("returned" as const, "missing" as const, "failed" as const),
  code: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  data,
});

test("calls and answers come back as they were written", () => {
  fc.assert(
    fc.property(call, answer, (asked, answered) => {
      expect(decodeCall(encodeCall(asked))).toEqual({ ok: true, value: asked });
      expect(decodeAnswer(encodeAnswer(answered))).toEqual({ ok: true, value: answered });
    }),
  );
});

test("a stream that is cut anywhere has the same messages", () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 50 })), (calls, cuts) => {
      const stream = concatBytes(...calls.map(encodeCall));
      const decoder = new MessageDecoder(MAX_CALL_BYTES);
      const messages: Uint8Array[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const length = cuts.length === 0 ? stream.length : (cuts[turn % cuts.length] ?? 1);
        messages.push(...(decoder.decode(stream.subarray(at, at + length)) ?? []));
        at += length;
      }
      expect(messages).toEqual(calls.map(encodeCall));
    }),
  );
});

test("any bytes are decoded without an exception, and none beyond the limit are held", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (pieces) => {
      const decoder = new MessageDecoder(MAX_ANSWER_BYTES);
      for (const piece of pieces) {
        const messages = decoder.decode(piece);
        if (messages === undefined) return;
        for (const message of messages) {
          decodeAnswer(message);
          decodeCall(message);
        }
      }
    }),
  );
});

test.each([0, 4, MAX_ANSWER_BYTES + 1, 0xffff_ffff])("the length %i ends the stream", (length) => {
  const head = new Uint8Array(5);
  new DataView(head.buffer).setUint32(0, length, true);
  expect(new MessageDecoder(MAX_ANSWER_BYTES).decode(head)).toBeUndefined();
});

test("a message that is too short is malformed", () => {
  expect(decodeCall(new Uint8Array(8)).ok).toBe(false);
  expect(decodeAnswer(new Uint8Array(8)).ok).toBe(false);
});

test("what is held of a message is cleared on demand", () => {
  const decoder = new MessageDecoder(MAX_CALL_BYTES);
  const message = encodeCall({ id: 1, call: "transmit", lun: 0, argument: 0, room: 0, data: Uint8Array.of(1, 2, 3) });
  decoder.decode(message.subarray(0, 10));
  decoder.clear();
  expect(decoder.decode(message)).toEqual([message]);
});
