// SPDX-License-Identifier: MIT

import { describe, expect, test } from "vitest";
import { encodeHex, hexBytes } from "../../base/binary/index.ts";
import {
  type RecordedCardOptions,
  type RecordedEvent,
  type Recording,
  recordedCard,
  redactRecording,
  wholeBytes,
  withheldResponses,
} from "./index.ts";

const SELECT = "00A4040005A000000308";
const VERIFY = "0020008004 31323334";
const READ_ONE = "00B0000004";
const READ_TWO = "00B0000404";
const CHALLENGE = "0084000008";
const AUTHENTICATE = "0088000008 1111111111111111";

const exchange = (command: string, response: string): RecordedEvent => ({
  event: "exchange",
  atMs: 0,
  command: wholeBytes(hexBytes(command)),
  response: wholeBytes(hexBytes(response)),
});
const reset: RecordedEvent = { event: "reset", atMs: 0 };

function recordingOf(...events: readonly RecordedEvent[]): Recording {
  return { header: { recorded: 0, data: "raw", atr: hexBytes("3B8001") }, events };
}

const session = recordingOf(
  exchange(SELECT, "9000"),
  exchange(VERIFY, "9000"),
  exchange(READ_ONE, "C0FFEE019000"),
  exchange(READ_TWO, "C0FFEE029000"),
  exchange(CHALLENGE, "01020304050607089000"),
  exchange(AUTHENTICATE, "AABB9000"),
);

function ask(recording: Recording, options: RecordedCardOptions = {}) {
  const card = recordedCard(recording, options);
  expect(encodeHex(card.reset())).toBe("3B8001");
  return { card, send: (command: string) => encodeHex(card.process(hexBytes(command))) };
}

describe("a recording as a card", () => {
  test("answers each command as it was answered", () => {
    const { card, send } = ask(session);
    expect([SELECT, VERIFY, READ_ONE, READ_TWO, CHALLENGE, AUTHENTICATE].map(send)).toEqual([
      "9000",
      "9000",
      "C0FFEE019000",
      "C0FFEE029000",
      "01020304050607089000",
      "AABB9000",
    ]);
    expect(card.remaining).toBe(0);
    card.check();
  });

  test("fails on the first command that is another one, with what was expected and what came", () => {
    const told: string[] = [];
    const { card, send } = ask(session, { onDifference: ({ text }) => told.push(text) });
    send(SELECT);
    expect(() => send("00CA006E00")).toThrow(/command 2 is not the recorded one/);
    // It is lost until it is reset, and the first difference stays.
    expect(() => send(VERIFY)).toThrow(/command 2/);
    expect(told).toEqual([
      [
        "command 2 is not the recorded one (- recorded, + sent):",
        "- 00 20 00 80 04 [4 bytes withheld]",
        "+ 00 CA 00 6E 00   GET DATA (00 CA 00 6E), channel 0, Le 256",
      ].join("\n"),
    ]);
    expect(card.difference?.number).toBe(2);
    expect(() => card.check()).toThrow(/command 2/);
    card.reset();
    expect(send(SELECT)).toBe("9000");
  });

  test("shows no PIN where the PIN is what differs", () => {
    const { card, send } = ask(session);
    send(SELECT);
    expect(() => send("0020008004 35363738")).toThrow(/They differ in bytes that are withheld here/);
    expect(card.difference?.text).not.toMatch(/31 ?32 ?33|35 ?36 ?37/);
  });

  test("tells which commands did not come", () => {
    const { card, send } = ask(session);
    send(SELECT);
    expect(() => card.check()).toThrow(/5 recorded commands did not come; the next is number 2/);
  });

  test("compares no data of challenges, and of what it is told to ignore", () => {
    const signing = recordingOf(exchange(AUTHENTICATE, "AABB9000"), exchange("002A9E9A04 01020304", "5555559000"));
    const { send } = ask(signing, { ignoring: ["PERFORM SECURITY OPERATION"] });
    expect(send("0088000008 2222222222222222")).toBe("AABB9000");
    expect(send("002A9E9A04 05060708")).toBe("5555559000");
    const strict = ask(signing);
    strict.send(AUTHENTICATE);
    expect(() => strict.send("002A9E9A04 05060708")).toThrow(/not the recorded one/);
    expect(() => recordedCard(signing, { ignoring: ["SIGN"] })).toThrow(/"SIGN" is no command/);
  });

  test("lets reads come in another order, again, or not at all, where it is told to", () => {
    const { card, send } = ask(session, { readsInAnyOrder: true });
    send(SELECT);
    send(VERIFY);
    expect(send(READ_TWO)).toBe("C0FFEE029000");
    expect(send(READ_TWO)).toBe("C0FFEE029000");
    expect(send(READ_ONE)).toBe("C0FFEE019000");
    expect(send(CHALLENGE)).toBe("01020304050607089000");
    expect(card.remaining).toBe(1);
    const without = ask(session, { readsInAnyOrder: true });
    without.send(SELECT);
    without.send(VERIFY);
    expect(without.send(CHALLENGE)).toBe("01020304050607089000");
    const strict = ask(session);
    strict.send(SELECT);
    strict.send(VERIFY);
    expect(() => strict.send(READ_TWO)).toThrow(/command 3/);
  });

  test("does not answer a read from behind a command that changes what is read", () => {
    const changed = recordingOf(exchange(READ_ONE, "019000"), exchange(SELECT, "9000"), exchange(READ_ONE, "029000"));
    const { send } = ask(changed, { readsInAnyOrder: true });
    send(SELECT);
    expect(send(READ_ONE)).toBe("029000");
    expect(() => send(VERIFY)).toThrow(/has ended/);
  });

  test("goes on after a reset where the recording does, or begins anew", () => {
    const twice = recordingOf(
      reset,
      exchange(SELECT, "9000"),
      exchange(READ_ONE, "019000"),
      reset,
      exchange(SELECT, "6A82"),
    );
    const { card, send } = ask(twice);
    expect(send(SELECT)).toBe("9000");
    card.reset();
    // The rest of the first part was left out.
    expect(send(SELECT)).toBe("6A82");
    // The recording has ended: the next program begins it anew.
    expect(send(SELECT)).toBe("9000");
    expect(send(READ_ONE)).toBe("019000");
  });

  test("goes on in the middle where a reset is not in the recording", () => {
    const { card, send } = ask(session);
    send(SELECT);
    card.reset();
    expect(send(VERIFY)).toBe("9000");
    card.reset();
    expect(send(SELECT)).toBe("9000");
  });

  test("fails where the exchange had failed", () => {
    const failing = recordingOf({
      event: "exchange",
      atMs: 0,
      command: wholeBytes(hexBytes(SELECT)),
      failed: "comm-error",
    });
    expect(() => ask(failing).send(SELECT)).toThrow(/had failed when it was recorded: comm-error/);
  });

  test("of a redacted recording takes any PIN of the length, and answers status words alone where data is withheld", () => {
    const redacted = redactRecording(session);
    expect(withheldResponses(redacted)).toBe(1);
    const { send } = ask(redacted);
    send(SELECT);
    expect(send("0020008004 39393939")).toBe("9000");
    expect(send(READ_ONE)).toBe("C0FFEE019000");
    send(READ_TWO);
    send(CHALLENGE);
    expect(send(AUTHENTICATE)).toBe("9000");
    const other = ask(redacted);
    other.send(SELECT);
    expect(() => other.send("0020008006 393939393939")).toThrow(/not the recorded one/);
  });

  test("answers any bytes, or fails with a text, and shows none of them", () => {
    for (const bytes of ["", "00", "1BC0FFEE5E", "00200080FF31323334"]) {
      expect(() => ask(session).send(bytes)).toThrow(/not the recorded one/);
      try {
        ask(session).send(bytes);
      } catch (error) {
        expect(String(error)).not.toMatch(/C0 ?FF ?EE ?5E|31 ?32 ?33/);
      }
    }
  });
});
