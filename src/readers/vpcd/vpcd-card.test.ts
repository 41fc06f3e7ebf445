// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { concatBytes, encodeHex, hexBytes } from "../../base/binary/index.ts";
import type { SoftwareCard } from "../../cards/software-card/index.ts";
import { encodeControl, encodeFrame } from "./frame.ts";
import { VpcdCard } from "./vpcd-card.ts";

const atr = hexBytes("3B00");

function played(answer: SoftwareCard["process"] = () => hexBytes("9000")) {
  const log: string[] = [];
  const sent: string[] = [];
  const card: SoftwareCard = {
    reset: (kind) => {
      log.push(kind);
      return atr;
    },
    powerOff: () => void log.push("off"),
    process: (command) => {
      log.push(encodeHex(command));
      return answer(command);
    },
  };
  const player = new VpcdCard(card, { write: (bytes) => void sent.push(encodeHex(bytes)) });
  return { card, log, player, sent };
}

test("control commands reach the card, and only the ATR is answered", () => {
  const { log, player, sent } = played();
  player.received(concatBytes(encodeControl("power-on"), encodeControl("get-atr"), encodeControl("reset")));
  player.received(concatBytes(encodeControl("power-off"), encodeControl("power-off"), encodeControl("reset")));
  player.closed();
  expect(log).toEqual(["cold", "warm", "off", "cold", "off"]);
  expect(sent).toEqual(["00023B00"]);
});

test("the ATR is there before the power is on", () => {
  const { log, player, sent } = played();
  player.received(encodeControl("get-atr"));
  expect(log).toEqual(["cold"]);
  expect(sent).toEqual(["00023B00"]);
});

test("commands are answered in their order, wherever the stream is cut", async () => {
  const finish: (() => void)[] = [];
  const { log, player, sent } = played(async (command) => {
    const last = command.slice(-1);
    await new Promise<void>((resolve) => finish.push(resolve));
    return concatBytes(last, hexBytes("9000"));
  });
  const stream = concatBytes(
    encodeControl("power-on"),
    encodeFrame(hexBytes("00A40001")),
    encodeFrame(hexBytes("00A40002")),
  );
  for (const byte of stream) player.received(Uint8Array.of(byte));
  while (sent.length < 2) {
    await Promise.resolve();
    finish.shift()?.();
  }
  expect(log).toEqual(["cold", "00A40001", "00A40002"]);
  expect(sent).toEqual(["0003019000", "0003029000"]);
});

test("an answer that a reset has overtaken is not sent", async () => {
  let finish = (): void => undefined;
  const done: (() => void)[] = [];
  const { player, sent } = played(async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
      done.shift()?.();
    });
    return hexBytes("9000");
  });
  const begun = new Promise<void>((resolve) => done.push(resolve));
  player.received(concatBytes(encodeControl("power-on"), encodeFrame(hexBytes("00A40001"))));
  await begun;
  player.received(encodeControl("reset"));
  finish();
  player.received(encodeControl("get-atr"));
  await Promise.resolve();
  expect(sent).toEqual(["00023B00"]);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("PIN 123456");
    },
  ],
  ["answers nothing", () => new Uint8Array(0)],
  ["answers more than fits a frame", () => new Uint8Array(65_536)],
] as const)("a card that %s: 6F00", async (_, answer) => {
  const { player, sent } = played(answer);
  player.received(concatBytes(encodeControl("power-on"), encodeFrame(hexBytes("00A40001"))));
  while (sent.length === 0) await Promise.resolve();
  expect(sent).toEqual(["00026F00"]);
});

test("a card without power, and one that is mute", async () => {
  const { card, log, player, sent } = played();
  player.received(encodeFrame(hexBytes("00A40001")));
  while (sent.length === 0) await Promise.resolve();
  expect(sent).toEqual(["00026F00"]);
  expect(log).toEqual([]);
  card.reset = () => {
    throw new Error("dead");
  };
  player.received(encodeControl("get-atr"));
  expect(sent).toEqual(["00026F00", "0000"]);
});
