// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import {
  type PeerCredentials,
  type PeerProgram,
  PeerPrograms,
  type UnixConnection,
} from "../../platform/node/unix/index.ts";
import type { Clock } from "../../port/index.ts";
import { clientPeer } from "./client-peer.ts";
import type { AccessRules } from "./config.ts";
import { type Log, silentLog } from "./log.ts";

const clock = { now: () => 0, wallTime: () => 0, schedule: () => () => {} };
// No process has this number: the largest that Linux gives is 4,194,304.
const credentials: PeerCredentials = { pid: 0x7fff_ffff, uid: 1000, gid: 100, groups: [100], started: undefined };

class CountedPrograms extends PeerPrograms {
  readonly #lookedUp: number[];

  constructor(time: Clock, lookedUp: number[]) {
    super(time);
    this.#lookedUp = lookedUp;
  }

  override lookUp(pid: number, uid: number, started: string | undefined): PeerProgram {
    this.#lookedUp.push(pid);
    return super.lookUp(pid, uid, started);
  }
}

function setting(rules: AccessRules, known: PeerCredentials | undefined = credentials) {
  const lines: { level: string; message: string; details: unknown }[] = [];
  const log: Log = {
    ...silentLog,
    writes: () => true,
    write: (level, message, details) => lines.push({ level, message, details }),
  };
  const current = { rules };
  const lookedUp: number[] = [];
  const connection: UnixConnection = {
    credentials: known,
    isGone: false,
    listen: () => {},
    send: () => {},
    unsentBytes: 0,
    close: () => {},
    pause: () => {},
    resume: () => {},
  };
  const peer = clientPeer(connection, {
    write: log.write,
    programs: new CountedPrograms(clock, lookedUp),
    rules: () => current.rules,
    breathe: () => Promise.resolve(),
  });
  return { current, lines, lookedUp, peer };
}

it("tells who the client is, as far as that is known", () => {
  const open = { daemon: [], readers: [] };
  expect(setting(open).peer.identity).toEqual({ name: "unknown", pid: 0x7fff_ffff, uid: 1000 });
  const unseen = clientPeer(
    { ...({} as UnixConnection), credentials: undefined },
    {
      write: ({} as Log).write,
      programs: new PeerPrograms(clock),
      rules: () => open,
      breathe: () => Promise.resolve(),
    },
  );
  expect(unseen.identity).toEqual({ name: "unknown" });
  expect(unseen.admitted).toBe(true);
});

it("logs which rule refused whom, and how to allow it", () => {
  const { lines, peer } = setting({ daemon: [{ effect: "allow", uid: 0 }, { effect: "deny" }], readers: [] });
  expect(peer.admitted).toBe(false);
  expect(lines).toEqual([
    {
      level: "warn",
      message: "refused: a client may not reach the daemon",
      details: {
        rule: "$.access.daemon[1]",
        uid: 1000,
        gid: 100,
        pid: 0x7fff_ffff,
        program: "unknown",
        remedy: 'to allow it, put {"effect":"allow","uid":1000} before $.access.daemon[1] and send the daemon SIGHUP',
      },
    },
  ]);
});

it("judges a client by the rules as they are when it asks for a reader", () => {
  const { current, lines, peer } = setting({ daemon: [], readers: [] });
  expect([peer.admitted, peer.mayUse("Desk")]).toEqual([true, true]);
  current.rules = { daemon: [], readers: [{ effect: "deny", reader: "desk" }] };
  expect([peer.mayUse("Desk"), peer.mayUse("Lab")]).toEqual([false, true]);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.details).toMatchObject({
    reader: "Desk",
    rule: "$.access.readers[0]",
    remedy: expect.stringContaining('{"effect":"allow","uid":1000,"reader":"Desk"}'),
  });
});

describe("the program of a client", () => {
  const open: AccessRules = { daemon: [], readers: [] };
  const knownTo = async ({ peer }: ReturnType<typeof setting>): Promise<void> => {
    // What is read of it in every request.
    void [peer.identity.uid, peer.identity.pid, peer.admitted];
    await Promise.resolve();
  };

  it("is looked up behind the answer to its first request for a card, and not before", async () => {
    const made = setting({ daemon: [{ effect: "allow", uid: 1000 }], readers: [] });
    await knownTo(made);
    expect(made.lookedUp).toEqual([]);
    expect(made.peer.mayUse("Desk")).toBe(true);
    expect(made.lookedUp).toEqual([]);
    await Promise.resolve();
    expect(made.lookedUp).toEqual([0x7fff_ffff]);
    expect([made.peer.mayUse("Lab"), made.peer.identity.name]).toEqual([true, "unknown"]);
    await Promise.resolve();
    expect(made.lookedUp).toHaveLength(1);
  });

  it.each<[string, AccessRules]>([
    ["the service", { daemon: [{ effect: "allow", program: "gpg" }], readers: [] }],
    ["a reader", { daemon: [], readers: [{ effect: "allow", program: "gpg" }] }],
  ])("is looked up as soon as it comes where a rule of %s asks for programs", (_, rules) => {
    expect(setting(rules).lookedUp).toEqual([0x7fff_ffff]);
  });

  it("is looked up when new rules ask for programs, and when the name is shown", async () => {
    const made = setting(open);
    await knownTo(made);
    made.current.rules = { daemon: [{ effect: "allow", program: "gpg" }, { effect: "deny" }], readers: [] };
    expect([made.peer.admitted, made.lookedUp.length]).toEqual([false, 1]);
    const shown = setting(open);
    expect([JSON.stringify(shown.peer.identity), shown.lookedUp.length]).toEqual([
      '{"name":"unknown","pid":2147483647,"uid":1000}',
      1,
    ]);
  });
});
