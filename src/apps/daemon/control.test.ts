// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { UnixConnection, UnixConnectionEvents } from "../../platform/node/unix/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { encodeLine, LineSplitter, MAX_REQUEST_BYTES } from "./control-messages.ts";
import { answerTo, type ControlHandler, serveControl } from "./control-server.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const echo: ControlHandler = async (command) => command;

describe("LineSplitter", () => {
  it("finds the same lines wherever the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(60)), (words, cuts) => {
        const lines = words.map((word) => word.replaceAll("\n", ""));
        const bytes = bytesOf(lines.map((line) => `${line}\n`).join(""));
        const splitter = new LineSplitter(10_000);
        const found: string[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          const piece = splitter.split(bytes.subarray(at, at + cut));
          expect(piece).not.toBe("too long");
          found.push(...piece);
          at = Math.min(bytes.length, at + cut);
        }
        expect(found).toEqual(lines);
      }),
    );
  });

  it("gives up on a line that is too long, also before its end", () => {
    expect(new LineSplitter(3).split(bytesOf("abc\n"))).toEqual(["abc"]);
    expect(new LineSplitter(3).split(bytesOf("abcd\n"))).toBe("too long");
    const splitter = new LineSplitter(3);
    expect(splitter.split(bytesOf("ab"))).toEqual([]);
    expect(splitter.split(bytesOf("cd"))).toBe("too long");
  });
});

describe("answerTo", () => {
  it.each([
    ['{"version":1,"id":"a","command":"who"}', { id: "a", ok: true, result: { command: "who" } }],
    ['{"version":1,"command":"readers"}', { ok: true, result: { command: "readers" } }],
    [
      '{"version":1,"id":2,"command":"insert","reader":"Desk","card":"demo"}',
      { id: 2, ok: true, result: { command: "insert", reader: "Desk", card: "demo" } },
    ],
    ['{"version":1,"command":"remove","reader":"Desk"}', { ok: true, result: { command: "remove", reader: "Desk" } }],
    ['{"version":1,"command":"eject","reader":"Desk"}', { ok: true, result: { command: "eject", reader: "Desk" } }],
  ])("takes %s", async (line, answer) => {
    expect(await answerTo(line, echo)).toEqual({ version: 1, ...answer });
  });

  it.each([
    ["{", /a request is one line of JSON/],
    ["[]", /\$\.command: is missing/],
    ["null", /\$\.command: is missing/],
    ['{"version":2,"command":"who"}', /\$\.version: should be 1: use the scard of the same release/],
    [
      '{"version":1,"command":"stop"}',
      /\$\.command: should be one of "who", "locks", "readers", "insert", "remove", "eject"/,
    ],
    ['{"version":1,"command":"insert","reader":"Desk"}', /\$\.card: is missing/],
    ['{"version":1,"command":"remove","reader":7}', /\$\.reader: should be text/],
    ['{"version":1,"command":"who","reader":"Desk"}', /\$\.reader: is not known here/],
  ])("refuses %s", async (line, message) => {
    const answer = await answerTo(line, echo);
    expect(answer).toMatchObject({
      ok: false,
      error: { code: "invalid-parameter", message: expect.stringMatching(message) },
    });
  });

  it("hands on what could not be done", async () => {
    const failing: ControlHandler = () =>
      Promise.reject(new SmartCardError("unknown-reader", 'there is no reader "X"'));
    expect(await answerTo('{"version":1,"id":7,"command":"remove","reader":"X"}', failing)).toEqual({
      version: 1,
      id: 7,
      ok: false,
      error: { code: "unknown-reader", message: expect.stringContaining('there is no reader "X"') },
    });
  });
});

describe("serveControl", () => {
  function served(handle: ControlHandler) {
    let events: UnixConnectionEvents | undefined;
    const sent: string[] = [];
    const connection = {
      credentials: undefined,
      isGone: false,
      listen: (listener: UnixConnectionEvents) => {
        events = listener;
      },
      send: (bytes: Uint8Array) => sent.push(new TextDecoder().decode(bytes)),
      unsentBytes: 0,
      close: vi.fn<(reason: string) => void>(),
      pause: vi.fn<() => void>(),
      resume: vi.fn<() => void>(),
    } satisfies UnixConnection;
    serveControl(connection, handle);
    return { connection, sent, receive: (text: string) => events?.received(bytesOf(text)) };
  }

  it("answers one request after the other", async () => {
    const running: string[] = [];
    const { connection, receive, sent } = served(async (command) => {
      running.push(command.command);
      await Promise.resolve();
      return running.length;
    });
    receive('{"version":1,"command":"who"}\n{"version":1,"command":"readers"}\n');
    expect(running).toEqual(["who"]);
    await expect.poll(() => sent).toHaveLength(2);
    expect(sent.map((line) => JSON.parse(line).result)).toEqual([1, 2]);
    expect(connection.pause).toHaveBeenCalledOnce();
    await expect.poll(() => connection.resume.mock.calls.length).toBe(1);
  });

  it("closes the connection of a request that never ends, and says why", () => {
    const { connection, receive, sent } = served(echo);
    receive("x".repeat(MAX_REQUEST_BYTES + 1));
    expect(JSON.parse(sent[0] ?? "")).toMatchObject({ ok: false, error: { code: "invalid-parameter" } });
    expect(connection.close).toHaveBeenCalledOnce();
  });
});

it("writes a message as one line", () => {
  const text = new TextDecoder().decode(encodeLine({ version: 1, id: "a\nb", command: "who" }));
  expect(text.indexOf("\n")).toBe(text.length - 1);
});
