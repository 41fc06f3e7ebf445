// SPDX-License-Identifier: MIT

// What one client can cost the others: the server on pipes that the test holds.

import { describe, expect, it } from "vitest";
import { concatBytes } from "../../src/base/binary/index.ts";
import { PcscliteServer, type PcscliteServerOptions, type ServerPeer } from "../../src/faces/pcsclite-server/index.ts";
import type { ClientIdentity } from "../../src/port/index.ts";
import { encodeRequest, type Request } from "../../src/wire/pcsclite/index.ts";
import { world } from "../manager/world.ts";
import { u32 } from "./wire-client.ts";

const INVALID_HANDLE = 0x8010_0003;
const SERVER_TOO_BUSY = 0x8010_0031;
const SECURITY_VIOLATION = 0x8010_006a;

async function served(limits: PcscliteServerOptions["limits"] = {}) {
  const inner = await world({ profile: "pcsclite" });
  const turns: (() => void)[] = [];
  const clock = { ...inner.runtime.clock, breathe: () => new Promise<void>((resolve) => turns.push(resolve)) };
  // The clock's methods belong to an object.
  for (const name of ["now", "wallTime", "schedule"] as const) {
    Object.assign(clock, {
      [name]: (inner.runtime.clock[name] as (...args: unknown[]) => unknown).bind(inner.runtime.clock),
    });
  }
  const log: string[] = [];
  const server = new PcscliteServer({
    runtime: { ...inner.runtime, clock, random: inner.runtime.random, trace: () => {} },
    manager: inner.manager,
    limits,
    log: ({ message }) => log.push(message),
  });
  const turn = async (): Promise<void> => {
    for (const resolve of turns.splice(0)) resolve();
    await inner.runtime.settle();
  };
  const client = (identity: ClientIdentity, terms: { admitted?: boolean } = {}) => {
    const state = {
      sent: [] as Uint8Array[],
      closed: undefined as string | undefined,
      paused: false,
      unsent: 0,
      terms,
    };
    const peer: ServerPeer = {
      identity,
      get admitted() {
        return state.terms.admitted ?? true;
      },
      mayUse: () => true,
      send: (bytes) => state.sent.push(bytes),
      close: (reason) => {
        state.closed ??= reason;
      },
      pause: () => {
        state.paused = true;
      },
      resume: () => {
        state.paused = false;
      },
      get unsentBytes() {
        return state.unsent;
      },
    };
    const session = server.accept(peer);
    const send = (...requests: readonly Request[]): void =>
      session.received(concatBytes(...requests.map(encodeRequest)));
    const ask = async (...requests: readonly Request[]): Promise<Uint8Array> => {
      state.sent.length = 0;
      send(...requests);
      for (let count = 0; count < 4; count++) await turn();
      return concatBytes(...state.sent);
    };
    return Object.assign(state, { session, send, ask });
  };
  return { ...inner, server, client, turn, turns, log };
}

const cancels = (count: number): Request[] => Array.from({ length: count }, () => ({ kind: "cancel", context: 1 }));
const establish: Request = { kind: "establish-context", scope: 2 };

describe("a flood of requests", () => {
  it("is answered a few at a time, and another user's call comes between", async () => {
    const { client, turn } = await served({ servedPerTurn: 16 });
    const floods = Array.from({ length: 20 }, (_, pid) => client({ name: "flood", uid: 1000, pid }));
    for (const flood of floods) flood.send(...cancels(500));
    const answered = (): number => floods.reduce((sum, { sent }) => sum + sent.length, 0);
    const honest = client({ name: "honest", uid: 1001, pid: 1 });
    const before = answered();
    honest.send({ kind: "reader-table" });
    await turn();
    expect(honest.sent.length).toBe(1);
    expect(answered() - before).toBeLessThanOrEqual(16);
  });

  it("is not answered while its client does not read", async () => {
    const { client, turn } = await served();
    const deaf = client({ name: "deaf", uid: 1000 });
    deaf.unsent = 1;
    deaf.send(...cancels(100));
    for (let count = 0; count < 20; count++) await turn();
    expect(deaf.sent.length).toBe(0);
    deaf.unsent = 0;
    deaf.session.drained();
    for (let count = 0; count < 20; count++) await turn();
    expect(deaf.sent.length).toBe(100);
  });

  it("that had to wait is read on when everything is answered, also where the last answer was not read at once", async () => {
    const { client, turn } = await served({ aheadBytes: 16, servedPerTurn: 1 });
    const one = client({ name: "a" });
    one.send(...cancels(5));
    expect(one.paused).toBe(true);
    for (let count = 0; count < 3; count++) await turn();
    one.unsent = 1;
    for (let count = 0; count < 5; count++) await turn();
    expect(one.paused).toBe(true);
    one.unsent = 0;
    one.session.drained();
    for (let count = 0; count < 5; count++) await turn();
    expect([one.paused, one.sent.length]).toEqual([false, 5]);
  });

  it("of one who leaves is answered no more", async () => {
    const { client, turn, server } = await served();
    const one = client({ name: "a", uid: 1000 });
    one.send(...cancels(500));
    const before = one.sent.length;
    one.session.closed();
    for (let count = 0; count < 5; count++) await turn();
    expect([one.sent.length, server.sessions, server.heldBytes]).toEqual([before, 0, 0]);
  });

  it("is answered no more when the service stops: nothing else is begun for its client", async () => {
    const { client, turn, server } = await served({ servedPerTurn: 16 });
    const one = client({ name: "a", uid: 1000 });
    one.send(...cancels(500));
    const before = one.sent.length;
    const closed = server.close();
    for (let count = 0; count < 5; count++) await turn();
    expect([one.sent.length, one.closed, server.sessions]).toEqual([before, expect.stringContaining("stopped"), 0]);
    await closed;
  });
});

describe("a crowd that leaves at once", () => {
  it("leaves the manager a few at a time, and all at once when the service stops", async () => {
    const { client, turn, server } = await served({ servedPerTurn: 16 });
    const crowd = Array.from({ length: 100 }, (_, pid) => client({ name: "crowd", uid: 1000, pid }));
    for (const one of crowd) one.send(establish);
    for (let count = 0; count < 20; count++) await turn();
    expect(server.numbers).toBe(100);
    for (const { session } of crowd) session.closed();
    expect([server.sessions, server.numbers >= 84]).toEqual([0, true]);
    // Another user's call comes between.
    const honest = client({ name: "honest", uid: 1001, pid: 1 });
    honest.send({ kind: "reader-table" });
    await turn();
    expect([honest.sent.length, server.numbers >= 68]).toEqual([1, true]);
    await server.close();
    expect(server.numbers).toBe(0);
  });
});

describe("memory", () => {
  it("for all clients has a ceiling, and the largest of the user who has most is cut off", async () => {
    const { client, server, log } = await served({ clientBytes: 400_000 });
    const whole = encodeRequest({ kind: "control", card: 1, code: 1, receiveLength: 0, input: new Uint8Array(60_000) });
    const small = client({ name: "small", uid: 1001 });
    small.session.received(whole.subarray(0, 1000));
    const halves = Array.from({ length: 10 }, () => client({ name: "half", uid: 1000 }));
    for (const half of halves) {
      half.session.received(whole.subarray(0, whole.length - 1));
      expect(server.heldBytes).toBeLessThanOrEqual(400_000);
    }
    expect(halves.filter(({ closed }) => closed !== undefined).length).toBeGreaterThanOrEqual(5);
    expect(small.closed).toBeUndefined();
    expect(log.some((message) => message.includes("too much is held"))).toBe(true);
  });

  it("is freed when all clients have gone", async () => {
    const { client, server } = await served();
    const all = Array.from({ length: 5 }, () => client({ name: "a", uid: 1000 }));
    for (const { session } of all) session.received(encodeRequest(establish).subarray(0, 9));
    expect(server.heldBytes).toBeGreaterThan(0);
    for (const { session } of all) session.closed();
    expect([server.heldBytes, server.sessions]).toEqual([0, 0]);
  });
});

describe("one user", () => {
  it("has a share of the sessions, and is told when there are no more; others are let in", async () => {
    const { client, turn } = await served({ sessionsPerUid: 2 });
    const mine = [1, 2, 3].map((pid) => client({ name: "a", uid: 1000, pid }));
    const answers = [];
    for (const one of mine) answers.push(u32(await one.ask(establish), -4));
    expect(answers).toEqual([0, 0, SERVER_TOO_BUSY]);
    await turn();
    expect(mine.map(({ closed }) => closed !== undefined)).toEqual([false, false, true]);
    expect(u32(await client({ name: "b", uid: 1001 }).ask(establish), -4)).toBe(0);
    mine[0]?.session.closed();
    expect(u32(await client({ name: "a", uid: 1000 }).ask(establish), -4)).toBe(0);
  });

  it("has a share of the connections, which come back at the end of a session", async () => {
    const { client, name } = await served({ connectionsPerUid: 3 });
    const one = client({ name: "a", uid: 1000 });
    const context = u32(await one.ask(establish), 4);
    const connect: Request = { kind: "connect", context, reader: name, shareMode: 2, preferredProtocols: 3 };
    const codes = [];
    for (let count = 0; count < 4; count++) codes.push(u32(await one.ask(connect), -4));
    expect(codes).toEqual([0, 0, 0, 0x8010_0006]);
    one.session.closed();
    const again = client({ name: "a", uid: 1000 });
    const other = u32(await again.ask(establish), 4);
    expect(u32(await again.ask({ ...connect, context: other }), -4)).toBe(0);
  });

  it("cannot cancel what another user waits for; root can", async () => {
    const { client } = await served();
    const waiter = client({ name: "waiter", uid: 1000 });
    const context = u32(await waiter.ask({ kind: "version", major: 4, minor: 4 }, establish), 12 + 4);
    await waiter.ask({ kind: "wait-for-change" });
    const cancel: Request = { kind: "cancel", context };
    expect(u32(await client({ name: "other", uid: 1001 }).ask(cancel), -4)).toBe(INVALID_HANDLE);
    expect(u32(await client({ name: "unknown" }).ask(cancel), -4)).toBe(INVALID_HANDLE);
    waiter.sent.length = 0;
    expect(u32(await client({ name: "same", uid: 1000 }).ask(cancel), -4)).toBe(0);
    expect(waiter.sent.length).toBe(1);
    await waiter.ask({ kind: "wait-for-change" });
    expect(u32(await client({ name: "root", uid: 0 }).ask(cancel), -4)).toBe(0);
  });
});

describe("a client that is not admitted", () => {
  const refused = { admitted: false };

  it("gets the refusal, is disconnected, and takes no place", async () => {
    const { client, server } = await served({ sessions: 1 });
    const one = client({ name: "a", uid: 1000 }, refused);
    expect(u32(await one.ask({ kind: "version", major: 4, minor: 4 }), -4)).toBe(0);
    expect([one.closed, server.sessions]).toEqual([undefined, 0]);
    expect(u32(await one.ask(establish), -4)).toBe(SECURITY_VIOLATION);
    expect(one.closed).toBeDefined();
    expect(u32(await client({ name: "b", uid: 1001 }).ask(establish), -4)).toBe(0);
  });

  it.each<Request>([
    { kind: "reader-table" },
    { kind: "reader-table-size" },
    { kind: "whole-reader-table" },
    { kind: "reader-events" },
    { kind: "wait-for-change" },
    { kind: "cancel", context: 1 },
  ])("gets nothing for $kind", async (request) => {
    const { client } = await served();
    const one = client({ name: "a", uid: 1000 }, refused);
    expect((await one.ask(request)).length).toBe(0);
    expect(one.closed).toBeDefined();
  });

  it("may not stay", async () => {
    const { client, runtime } = await served({ refusedMs: 2000 });
    const one = client({ name: "a", uid: 1000 }, refused);
    await runtime.advance(2001);
    expect(one.closed).toBeDefined();
  });

  it("cannot fill the room of those who are refused", async () => {
    const { client } = await served({ refused: 32 });
    const all = Array.from({ length: 3 }, () => client({ name: "a", uid: 1000 }, refused));
    expect(all.map(({ closed }) => closed !== undefined)).toEqual([false, false, true]);
    expect(client({ name: "b", uid: 1001 }, refused).closed).toBeUndefined();
  });

  it("is disconnected when new rules refuse it", async () => {
    const { client, server } = await served();
    const one = client({ name: "a", uid: 1000 });
    await one.ask(establish);
    one.terms.admitted = false;
    server.review();
    expect([one.closed !== undefined, server.sessions]).toEqual([true, 0]);
  });
});
