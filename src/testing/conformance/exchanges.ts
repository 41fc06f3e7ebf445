// SPDX-License-Identifier: MIT

import { attributes, ioctls } from "../../port/index.ts";
import type { Behaviour } from "./behaviour.ts";
import { cardCommands } from "./conformance-card.ts";
import { later, outcome, points, type Scene, sharedMode } from "./scene.ts";

const echoOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index & 0xff);

/** Sends data to the card, and says whether they came back. */
async function echo(scene: Scene, length: number): Promise<string> {
  const connection = await scene.connect();
  const data = echoOf(length);
  return outcome(connection.transmit(cardCommands.echo(data)), (answer) => {
    const isRight = answer.length === length + 2 && data.every((byte, index) => answer[index] === byte);
    return isRight ? "ok" : `${answer.length} bytes`;
  });
}

/** Commands, attributes and control codes. */
export const exchangeBehaviours: readonly Behaviour[] = [
  {
    id: "exchange-lengths",
    title: "Commands and answers of all lengths, extended ones too",
    source: "ISO/IEC 7816-4:2020, 5.1 and 5.2; Microsoft, SCardTransmit",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const lengths = { "1 byte": 1, "255 bytes": 255, "256 bytes": 256, "4,000 bytes": 4000, "60,000 bytes": 60_000 };
      const sent = await points(lengths, (length) => echo(scene, length));
      const answer = await outcome(connection.transmit(cardCommands.long(65_000)), ({ length }) => `${length} bytes`);
      return { ...sent, "an answer of 65,000 bytes": answer };
    },
    expected: {
      "1 byte": "ok",
      "255 bytes": "ok",
      "256 bytes": "ok",
      "4,000 bytes": "ok",
      "60,000 bytes": "ok",
      "an answer of 65,000 bytes": "65002 bytes",
    },
  },
  {
    id: "exchange-arguments",
    title: "A malformed command, or one for another protocol, is refused; the connection stays usable",
    source: "ISO/IEC 7816-4:2020, 5.1; the port, Connection.transmit",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const command = cardCommands.echo(Uint8Array.of(1));
      return {
        "no bytes": await outcome(connection.transmit(new Uint8Array())),
        "3 bytes": await outcome(connection.transmit(new Uint8Array(3))),
        "65,545 bytes": await outcome(connection.transmit(new Uint8Array(65_545))),
        "another protocol": await outcome(connection.transmit(command, { protocol: "t0" })),
        "its own protocol": await outcome(connection.transmit(command, { protocol: "t1" })),
        "a time below zero": await outcome(connection.transmit(command, { timeoutMs: -1 })),
        "exchange after that": await scene.exchange(connection),
      };
    },
    expected: {
      "no bytes": "invalid-parameter",
      "3 bytes": "invalid-parameter",
      "65,545 bytes": "invalid-parameter",
      "another protocol": "proto-mismatch",
      "its own protocol": "ok",
      "a time below zero": "invalid-parameter",
      "exchange after that": "ok",
    },
  },
  {
    id: "exchange-order",
    title: "Commands of one connection reach the card in the order of their calls, as they were at the call",
    source: "the port, Connection.transmit",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const order: number[] = [];
      const command = cardCommands.echo(Uint8Array.of(5));
      const calls = [connection.transmit(cardCommands.slow(60)), connection.transmit(command)].map((call, index) =>
        call.then((answer) => {
          order.push(index + 1);
          return answer;
        }),
      );
      command.fill(0xff);
      const [, answer] = await Promise.all(calls);
      return { order: order.join(" "), "the second answer": Array.from(answer ?? []).join(" ") };
    },
    expected: { order: "1 2", "the second answer": "5 144 0" },
  },
  {
    id: "exchange-is-not-torn",
    title: "A deadline bounds the wait for the turn, and a cancel ends waits: neither tears an exchange",
    source: "the port, Connection.transmit and Context.cancel; Microsoft, SCardCancel",
    needs: ["test-card"],
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const slow = cardCommands.slow(300);
      const bounded = await outcome(connection.transmit(slow, { timeoutMs: 100 }));
      const cancelled = later(connection.transmit(slow));
      await scene.stays(cancelled);
      await context.cancel();
      return {
        deadline: bounded,
        cancel: await outcome(cancelled),
        "exchange after that": await scene.exchange(connection),
      };
    },
    expected: { deadline: "ok", cancel: "ok", "exchange after that": "ok" },
  },
  {
    id: "exchange-count",
    title: "Exchanges are counted, those that came to an end",
    source: "Microsoft, SCardGetTransmitCount",
    async observe(scene) {
      const connection = await scene.connect();
      const before = await connection.transmitCount();
      await scene.exchange(connection);
      await outcome(connection.transmit(new Uint8Array(2)));
      await scene.exchange(connection);
      return { "after two exchanges": String((await connection.transmitCount()) - before) };
    },
    expected: { "after two exchanges": "2" },
  },
  {
    id: "release-during-an-exchange",
    title: "A program that exits in the middle of an exchange leaves a card that others can use",
    source: "the port, Context.release; pcsc-lite, winscard_svc.c: MSGCleanupClient",
    needs: ["test-card"],
    async observe(scene) {
      const context = await scene.context();
      const connection = await context.connect(scene.reader, sharedMode);
      const slow = later(connection.transmit(cardCommands.slow(300)));
      await scene.stays(slow);
      const release = await outcome(context.release());
      await outcome(slow);
      const theirs = await scene.connect("theirs");
      return { release, "another program": await scene.exchange(theirs) };
    },
    expected: { release: "ok", "another program": "ok" },
  },
  {
    id: "control-codes",
    title: "A control code that the reader does not know is refused, counted either way",
    source: "Microsoft, SCardControl; PC/SC part 10, 2.2 (feature requests)",
    async observe(scene) {
      const connection = await scene.connect();
      const input = new Uint8Array();
      return {
        "unknown, pcsc-lite's number": await outcome(connection.control(0x4200_0bad, input)),
        "unknown, Windows' number": await outcome(connection.control(0x0031_0000 + 4 * 0xbad, input)),
        "the connection": await scene.exchange(connection),
      };
    },
    expected: {
      "unknown, pcsc-lite's number": "unsupported-feature",
      "unknown, Windows' number": "unsupported-feature",
      "the connection": "ok",
    },
  },
  {
    id: "control-features",
    title: "The list of the reader's features can be asked for",
    source: "PC/SC part 10, 2.2: CM_IOCTL_GET_FEATURE_REQUEST",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const code = ioctls["get-feature-request"].windows;
      return { features: await outcome(connection.control(code, new Uint8Array()), () => "a list") };
    },
    expected: { features: "a list" },
  },
  {
    id: "attributes",
    title: "Attributes that every manager has, one that no reader has, and one that cannot be set",
    source: "Microsoft, SCardGetAttrib and SCardSetAttrib; PC/SC part 3, 3.1.1",
    needs: ["test-card"],
    async observe(scene) {
      const connection = await scene.connect();
      const read = (attribute: number): Promise<string> =>
        outcome(connection.getAttribute(attribute), (value) => (value.length > 0 ? "told" : "empty"));
      return {
        ATR: await read(attributes["atr-string"].value),
        presence: await read(attributes["icc-presence"].value),
        "the reader's name": await read(attributes["device-friendly-name-a"].value),
        "one that no reader has": await read(0x7ffa_bcde),
        "set the ATR": await outcome(connection.setAttribute(attributes["atr-string"].value, Uint8Array.of(0x3b, 0))),
        "the connection": await scene.exchange(connection),
      };
    },
    expected: {
      ATR: "told",
      presence: "told",
      "the reader's name": "told",
      "one that no reader has": "not-supported",
      "set the ATR": "not-supported",
      "the connection": "ok",
    },
  },
];
