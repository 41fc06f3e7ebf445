// SPDX-License-Identifier: MIT

import { describe, expect, it } from "vitest";
import type { Clock } from "../../port/index.ts";
import { admitsAnybody, CardDoor, type CardDoorOptions, type CardPeer, type VpcdLogEntry } from "./card-door.ts";
import { VpcdReader } from "./reader.ts";

const OWN = 1000;

function user(uid: number, groups?: readonly number[]): CardPeer {
  return { credentials: { uid, ...(groups && { groups }) }, program: undefined };
}

const unknown: CardPeer = { credentials: undefined, program: undefined };

function door(options: Partial<CardDoorOptions> = {}) {
  const time = { now: 0 };
  const clock: Clock = { now: () => time.now, wallTime: () => 0, schedule: () => () => {} };
  const reader = new VpcdReader({ host: "127.0.0.1", port: 1, clock, trace: () => {} });
  const entries: VpcdLogEntry[] = [];
  const usual = { rules: [], ownUid: OWN, admitsUnknown: false, unknownRemedy: "use a path" };
  const made = new CardDoor({
    reader,
    clock,
    log: (entry) => entries.push(entry),
    ...usual,
    ...options,
  });
  const admit = (peer: CardPeer) => {
    const pipe = { written: 0, closed: undefined as string | undefined };
    const events = made.admit(
      {
        write: () => {
          pipe.written++;
        },
        close: (reason) => {
          pipe.closed = reason ?? "closed";
        },
      },
      peer,
    );
    return { events, pipe };
  };
  return { admit, entries, reader, time };
}

describe("CardDoor", () => {
  it("admits the own user and root, and no other", () => {
    expect(door().admit(user(OWN)).events).toBeDefined();
    expect(door().admit(user(0)).events).toBeDefined();
    expect(door().admit(user(1001)).events).toBeUndefined();
    expect(door({ ownUid: 0 }).admit(user(1000)).events).toBeUndefined();
  });

  it("sends nothing to a connection that is refused, closes it, and says what to do", () => {
    const { admit, entries, reader } = door();
    expect(admit(user(1001)).pipe).toEqual({ written: 0, closed: "it may not be the card" });
    expect(entries).toEqual([
      {
        level: "warn",
        message: "refused: a program may not be the card of a reader",
        reader,
        uid: 1001,
        remedy: 'to allow it, put {"effect":"allow","uid":1001} into "access" of the reader',
      },
    ]);
    expect(reader.getAttribute(0x0009_0300)).toEqual(door().reader.getAttribute(0x0009_0300));
  });

  it("refuses whom it does not know, unless the system keeps others out", () => {
    const { admit, entries } = door();
    expect(admit({ ...unknown, reason: "there is no table" }).events).toBeUndefined();
    expect(entries[0]).toMatchObject({ reason: "there is no table", remedy: "use a path" });
    expect(door({ admitsUnknown: true }).admit(unknown).events).toBeDefined();
    expect(door({ admitsUnknown: true }).admit(user(1001)).events).toBeUndefined();
    expect(door({ ownUid: undefined }).admit(unknown).events).toBeUndefined();
  });

  it("goes by the rules first", () => {
    const rules = [
      { effect: "deny", uid: OWN },
      { effect: "allow", gid: 27 },
      { effect: "allow", uid: 5 },
    ] as const;
    const refused = door({ rules });
    expect(refused.admit(user(OWN)).events).toBeUndefined();
    expect(refused.entries[0]).toMatchObject({ rule: 0, remedy: expect.stringContaining('before rule 0 of "access"') });
    expect(door({ rules }).admit(user(7, [27])).events).toBeDefined();
    // Over TCP the groups are not known.
    expect(door({ rules }).admit(user(7)).events).toBeUndefined();
    expect(door({ rules }).admit(user(5)).events).toBeDefined();
    expect(door({ rules }).admit(user(0)).events).toBeDefined();
    expect(door({ rules, admitsUnknown: true }).admit(unknown).events).toBeUndefined();
    expect(door({ rules: [{ effect: "allow" }] }).admit(unknown).events).toBeDefined();
  });

  it("tells who plugged in, and who is gone, since when and why", () => {
    const { admit, entries, reader, time } = door();
    const credentials = { uid: OWN, gid: 5, groups: [5], pid: 77 };
    const { events } = admit({ credentials, program: { name: "vicc", path: "/usr/bin/vicc" } });
    time.now += 1500;
    events?.closed("the peer closed the connection");
    const who = { level: "info", reader, uid: OWN, pid: 77, program: "/usr/bin/vicc" };
    expect(entries).toEqual([
      { ...who, message: "a card was plugged in" },
      { ...who, message: "a card was unplugged", reason: "the peer closed the connection", pluggedMs: 1500 },
    ]);
  });

  it("says nothing of a connection that finds a card in the reader", () => {
    const { admit, entries } = door();
    admit(user(OWN));
    expect(admit(user(0)).pipe.closed).toBe("there is a card already");
    expect(entries).toHaveLength(1);
  });
});

describe("admitsAnybody", () => {
  it("is so where a program that nothing is known of is allowed", () => {
    expect(admitsAnybody([{ effect: "allow" }])).toBe(true);
    expect(admitsAnybody([{ effect: "allow", uid: 1 }, { effect: "allow" }])).toBe(true);
    expect(admitsAnybody([])).toBe(false);
    expect(admitsAnybody([{ effect: "allow", uid: 1 }])).toBe(false);
    expect(admitsAnybody([{ effect: "deny", uid: 1 }, { effect: "allow" }])).toBe(false);
    expect(admitsAnybody([{ effect: "deny" }, { effect: "allow" }])).toBe(false);
  });
});
