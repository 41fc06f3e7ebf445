// SPDX-License-Identifier: MIT

import { afterEach, describe, expect, test, vi } from "vitest";
import { encodeHex, hexBytes } from "../binary/index.ts";
import { MAX_FOLLOW_UP_ROUNDS } from "./exchange.ts";
import { ExchangeError } from "./exchange-error.ts";
import { type RunExchangeOptions, runExchange, type SendCommand } from "./run-exchange.ts";

/** A card that answers from a list, the last for ever; keeps what it was given. */
function scripted(...answers: readonly string[]): { send: SendCommand; asked: string[]; given: Uint8Array[] } {
  const asked: string[] = [];
  const given: Uint8Array[] = [];
  const send: SendCommand = async (command) => {
    asked.push(encodeHex(command));
    given.push(command);
    return hexBytes(answers[Math.min(asked.length, answers.length) - 1] ?? "");
  };
  return { send, asked, given };
}

const verify = { cla: 0, ins: 0x20, p1: 0, p2: 1, data: hexBytes("31323334") };
const read = { cla: 0, ins: 0xb0, p1: 0, p2: 0, le: 256 };
const long = { cla: 0, ins: 0x20, p1: 0, p2: 1, data: new Uint8Array(300).fill(0x31) };

function isCleared(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** The contents of every array that is cleared from now on, as they were before. */
function watchCleared(): string[] {
  const cleared: string[] = [];
  const fill = Uint8Array.prototype.fill;
  vi.spyOn(Uint8Array.prototype, "fill").mockImplementation(function (this: Uint8Array, value, ...range) {
    if (value === 0) cleared.push(encodeHex(this));
    return fill.call(this, value, ...range);
  });
  return cleared;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("runExchange", () => {
  test("follows a card to the end, and joins what it answers", async () => {
    const { asked, send } = scripted("6C04", "0A0B6102", "0C0D9000");
    expect(await runExchange(send, read)).toEqual({ data: hexBytes("0A0B0C0D"), sw1: 0x90, sw2: 0, sw: 0x9000 });
    expect(asked).toEqual(["00B0000000", "00B0000004", "00C0000002"]);
  });

  test("takes the first response as it is where it is told so, and sends all parts for it", async () => {
    const { asked, send } = scripted("9000", "6102");
    expect((await runExchange(send, long, { protocol: "t0", follow: false })).sw).toBe(0x6102);
    expect(asked).toHaveLength(2);
  });

  test("a command that its sender cannot finish: the failure, and everything cleared", async () => {
    const { given, send } = scripted("9000");
    const failing: SendCommand = async (command) => {
      if (given.length === 1) throw new Error("the card is gone");
      return send(command);
    };
    await expect(runExchange(failing, long, { protocol: "t0" })).rejects.toThrow("the card is gone");
    expect(given.every(isCleared)).toBe(true);
  });

  test.each<[string, string[], RunExchangeOptions, string]>([
    ["no status word", ["90"], {}, "malformed-response"],
    ["61xx without end", ["6101"], {}, "endless-response"],
    ["61xx with data without end", [`${"00".repeat(256)}6100`], {}, "response-too-long"],
    ["no ENVELOPE", ["6D00"], { protocol: "t0" }, "no-envelope"],
    ["a way that T=0 has not", ["9000"], { protocol: "t0", longData: "extended" }, "cannot-send"],
  ])("fails with a code: %s", async (_, answers, options, code) => {
    const { asked, send } = scripted(...answers);
    const failing = runExchange(send, code === "endless-response" ? read : long, options);
    await expect(failing).rejects.toBeInstanceOf(ExchangeError);
    await expect(failing).rejects.toMatchObject({ code });
    expect(asked.length).toBeLessThanOrEqual(MAX_FOLLOW_UP_ROUNDS);
  });

  test("more than 65,538 bytes at once are no response", async () => {
    const send: SendCommand = async () => new Uint8Array(65_539);
    await expect(runExchange(send, read)).rejects.toMatchObject({ code: "malformed-response" });
  });

  test("ends between two commands when it is aborted", async () => {
    const abort = new AbortController();
    const { asked, send } = scripted("6101");
    const aborting: SendCommand = (command) => {
      if (asked.length === 3) abort.abort(new Error("enough"));
      return send(command);
    };
    await expect(runExchange(aborting, read, { signal: abort.signal })).rejects.toThrow("enough");
    expect(asked).toHaveLength(4);
    await expect(runExchange(send, read, { signal: abort.signal })).rejects.toThrow("enough");
    expect(asked).toHaveLength(4);
  });

  test.each<[string, RunExchangeOptions]>([
    ["as one command", {}],
    ["in envelopes", { protocol: "t0" }],
    ["in a chain", { longData: "chaining" }],
  ])("clears what it has sent and leaves the caller's bytes alone: %s", async (_, options) => {
    const { asked, given, send } = scripted("9000");
    await runExchange(send, long, options);
    expect(asked.join("")).toContain("313131");
    expect(given.every(isCleared)).toBe(true);
    expect(long.data.every((byte) => byte === 0x31)).toBe(true);
  });

  test.each<[string, string[], RunExchangeOptions]>([
    ["joined", ["AABB6102", "CCDD9000"], {}],
    ["dropped", ["AABB6C02", "CCDD9000"], {}],
    ["of an answer that never ends", [`AABBCCDD${"00".repeat(250)}6100`], {}],
  ])("clears its copies of response data that is %s", async (_, answers, options) => {
    const cleared = watchCleared();
    await runExchange(scripted(...answers).send, read, options).catch(() => {});
    const all = cleared.join();
    expect(all).toMatch(/^(?=.*AABB)(?=.*CCDD)/);
  });

  test("clears the command in the envelopes, also before it is sent again", async () => {
    const cleared = watchCleared();
    const { asked, send } = scripted("9000", "6C05", "9000", "9000");
    await runExchange(send, { ...long, le: 10 }, { protocol: "t0" });
    expect(asked).toHaveLength(4);
    const commands = cleared.filter((hex) => hex.startsWith("0020000100012C"));
    expect(commands.map((hex) => hex.slice(-4))).toEqual(["000A", "0005"]);
  });

  test.each<[string, object]>([
    ["an invalid signal", { signal: {} }],
    ["a misspelt option", { protocl: "t0" }],
    ["an unknown protocol", { protocol: "T=0" }],
  ])("refuses %s before anything is sent", async (_, options) => {
    const { asked, send } = scripted("9000");
    await expect(runExchange(send, verify, options)).rejects.toBeInstanceOf(TypeError);
    expect(asked).toEqual([]);
  });
});
