// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { type PeerCredentials, PeerPrograms, type UnixConnection } from "../../platform/node/unix/index.ts";
import { clientPeer } from "./client-peer.ts";
import type { AccessRules } from "./config.ts";
import { type Log, silentLog } from "./log.ts";

const clock = { now: () => 0, wallTime: () => 0, schedule: () => () => {} };
// No process has this number: the largest that Linux gives is 4,194,304.
const credentials: PeerCredentials = { pid: 0x7fff_ffff, uid: 1000, gid: 100, groups: [100] };

function setting(rules: AccessRules, known: PeerCredentials | undefined = credentials) {
  const lines: { level: string; message: string; details: unknown }[] = [];
  const log: Log = {
    ...silentLog,
    writes: () => true,
    write: (level, message, details) => lines.push({ level, message, details }),
  };
  const current = { rules };
  const connection: UnixConnection = {
    credentials: known,
    uid: known?.uid,
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
    programs: new PeerPrograms(clock),
    rules: () => current.rules,
  });
  return { current, lines, peer };
}

it("tells who the client is, as far as that is known", () => {
  const open = { daemon: [], readers: [] };
  expect(setting(open).peer.identity).toEqual({ name: "unknown", pid: 0x7fff_ffff, uid: 1000 });
  const unseen = clientPeer(
    { ...({} as UnixConnection), credentials: undefined },
    { write: ({} as Log).write, programs: new PeerPrograms(clock), rules: () => open },
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
