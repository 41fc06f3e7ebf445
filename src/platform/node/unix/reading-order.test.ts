// SPDX-License-Identifier: MIT

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReadingOrder, type ReadingTurns, type ReadSource } from "./reading-order.ts";

/** A connection of the test: what was sent and was not read. */
interface Sending extends ReadSource {
  readonly turns: ReadingTurns;
  unread: number;
  isRead: boolean;
}

/** An event loop that the test turns. A connection that is read from gives one thing in each turn. */
function loop(atOnce = 4) {
  const waiting: (() => void)[] = [];
  let timers: { at: number; fire: () => void }[] = [];
  let now = 0;
  const connections: Sending[] = [];
  let asked = 0;
  const order = new ReadingOrder({
    clock: {
      now: () => now,
      wallTime: () => 0,
      schedule: (delayMs, _name, fire) => {
        timers.push({ at: now + delayMs, fire });
        return () => {};
      },
      breathe: () => new Promise((resolve) => waiting.push(resolve)),
    },
    readable: (fds) => {
      asked++;
      return fds.map((fd) => (connections[fd]?.unread ?? 0) > 0);
    },
    atOnce,
  });
  const connect = (uid: number): Sending => {
    const source: ReadSource = {
      fd: connections.length,
      uid,
      read: () => {
        connection.isRead = true;
      },
      hold: () => {
        connection.isRead = false;
      },
    };
    const connection: Sending = { ...source, unread: 0, isRead: false, turns: order.turnsOf(source) };
    connections.push(connection);
    connection.turns.begin();
    return connection;
  };
  /** One turn of the loop: which were read from. */
  const turn = async (): Promise<Sending[]> => {
    const read: Sending[] = [];
    for (const connection of connections) {
      if (!connection.isRead || connection.unread === 0) continue;
      connection.unread--;
      read.push(connection);
      connection.turns.happened();
    }
    for (const resolve of waiting.splice(0)) resolve();
    await Promise.resolve();
    return read;
  };
  const pass = (ms: number): void => {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { fire } of due) fire();
  };
  return {
    connect,
    connections,
    order,
    pass,
    turn,
    asked: () => asked,
    timers: () => timers.length,
    turns: () => waiting.length,
  };
}

function crowd(connect: (uid: number) => Sending, uid: number, size: number): Sending[] {
  return Array.from({ length: size }, () => connect(uid));
}

describe("ReadingOrder", () => {
  it("reads as it comes for a user with few connections, and asks the system nothing", async () => {
    const { asked, connect, timers, turn, turns } = loop(4);
    const few = crowd(connect, 1, 4);
    for (let count = 0; count < 10; count++) {
      for (const one of few) one.unread++;
      expect(await turn()).toEqual(few);
    }
    for (let count = 0; count < 10; count++) few[0]?.turns.happened();
    expect([asked(), timers(), turns()]).toEqual([0, 0, 0]);
  });

  it("reads as it comes for many of whom few send at a time", async () => {
    const { asked, connect, turn } = loop(4);
    const many = crowd(connect, 1, 40);
    for (let count = 0; count < 9; count++) {
      const sending = many.slice(4 * count, 4 * count + 4);
      for (const one of sending) one.unread++;
      expect(await turn()).toEqual(sending);
    }
    expect(asked()).toBe(0);
  });

  it("reads so many in a turn where all send at once, one after the other", async () => {
    const { connect, turn } = loop(4);
    const many = crowd(connect, 1, 21);
    for (const one of many) one.unread = 2;
    // The fifth shows that there are too many.
    const turns: number[] = [];
    const first = new Set<Sending>();
    while (many.some(({ unread }) => unread > 0)) {
      const read = await turn();
      turns.push(read.length);
      if (first.size < many.length) for (const one of read) first.add(one);
      if (turns.length === 6) expect(first.size).toBe(21);
      expect(turns.length).toBeLessThan(20);
    }
    expect(turns).toEqual([5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 1]);
  });

  it("holds no other user back", async () => {
    const { connect, turn } = loop(4);
    for (const one of crowd(connect, 1, 40)) one.unread = 5;
    const other = connect(2);
    for (let count = 0; count < 8; count++) {
      other.unread++;
      expect(await turn()).toContain(other);
    }
  });

  it("finds who sends later among those that are held, and asks the system about a part of many at a time", async () => {
    const { asked, connect, pass, turn } = loop(4);
    const many = crowd(connect, 1, 1000);
    for (const one of many.slice(0, 5)) one.unread = 1;
    await turn();
    const [late] = many.slice(-1) as [Sending];
    late.unread = 1;
    const before = asked();
    let looks = 0;
    for (; late.unread > 0; looks++) {
      pass(2);
      await turn();
    }
    expect(looks).toBeLessThanOrEqual(4);
    expect(asked() - before).toBeLessThanOrEqual(2 * looks + 2);
  });

  it("lets the loop read from all again when no more came than fits for a second", async () => {
    const { connect, connections, pass, timers, turn } = loop(4);
    const many = crowd(connect, 1, 40);
    for (const one of many) one.unread = 1;
    for (let count = 0; count < 11; count++) await turn();
    for (let ms = 0; ms < 998; ms += 2) pass(2);
    expect([many.filter(({ isRead }) => isRead).length, timers()]).toEqual([0, 1]);
    const late = connect(1);
    expect(late.isRead).toBe(false);
    pass(2);
    expect([connections.every(({ isRead }) => isRead), timers()]).toEqual([true, 0]);
    for (const one of many.slice(0, 4)) one.unread = 1;
    expect(await turn()).toHaveLength(4);
  });

  it("holds a user back for as long as more comes than fits", async () => {
    const { connect, pass, turn } = loop(4);
    const many = crowd(connect, 1, 40);
    const [read, open] = [new Set<number>(), new Set<number>()];
    for (let ms = 0; ms < 5000; ms += 2) {
      for (const one of many) one.unread = 1;
      read.add((await turn()).length);
      pass(2);
      if (ms > 0) open.add(many.filter(({ isRead }) => isRead).length);
    }
    expect(Math.max(...read)).toBeLessThanOrEqual(5);
    expect([...open]).toEqual([4]);
  });

  it("keeps the places of a turn, however often it looks before the loop has read", async () => {
    const { connect, pass, turn } = loop(4);
    const many = crowd(connect, 1, 40);
    const all = async (): Promise<number[]> => {
      for (const one of many) one.unread = 1;
      return [(await turn()).length, (await turn()).length, (await turn()).length];
    };
    expect(await all()).toEqual([5, 4, 4]);
    while ((await turn()).length > 0);
    const [first] = many as [Sending];
    for (let count = 0; count < 4; count++) {
      first.unread = 1;
      for (let looks = 0; looks < 4; looks++) pass(2);
      expect(await turn()).toEqual([first]);
    }
    for (const one of many) one.unread = 1;
    pass(2);
    expect([(await turn()).length, (await turn()).length]).toEqual([4, 4]);
    while ((await turn()).length > 0);
    // It has something at the moment at which all are read as before.
    first.unread = 1;
    while (many[1]?.isRead === false) pass(2);
    expect(many.every(({ isRead }) => isRead)).toBe(true);
    expect(await turn()).toEqual([first]);
    expect(await all()).toEqual([5, 4, 4]);
  });

  it("reads from none that is not to be read from, and gives its place to another", async () => {
    const { connect, pass, turn } = loop(2);
    const many = crowd(connect, 1, 9);
    for (const one of many) one.unread = 1;
    await turn();
    const chosen = many.filter(({ isRead }) => isRead);
    expect(chosen).toHaveLength(2);
    for (const one of chosen) {
      one.turns.end();
      one.hold();
    }
    const turns: number[] = [];
    while (turns.length < 5) {
      pass(2);
      turns.push((await turn()).length);
    }
    expect([turns, many.filter(({ unread }) => unread > 0)]).toEqual([[2, 2, 0, 0, 0], chosen]);
    for (const one of chosen) one.turns.begin();
    pass(2);
    expect(await turn()).toEqual(chosen);
  });

  it("reads everything in the end, and no more in a turn than fits", async () => {
    const actions = fc.array(
      fc.record({
        act: fc.constantFrom("send", "send", "add", "remove", "turn", "pass"),
        who: fc.nat(),
        much: fc.nat(30),
      }),
      { maxLength: 300, size: "max" },
    );
    await fc.assert(
      fc.asyncProperty(actions, fc.integer({ min: 1, max: 5 }), async (list, atOnce) => {
        const { connect, connections, pass, turn } = loop(atOnce);
        crowd(connect, 1, 12);
        const away = new Set<Sending>();
        let most = 0;
        const readWhileAway: Sending[] = [];
        const turned = async (): Promise<void> => {
          const read = await turn();
          most = Math.max(most, read.length);
          readWhileAway.push(...read.filter((one) => away.has(one)));
        };
        for (const { act, much, who } of list) {
          const one = connections[who % connections.length] as Sending;
          if (act === "send")
            for (let next = 0; next <= much; next++) (connections[(who + next) % 12] as Sending).unread++;
          else if (act === "turn") await turned();
          else if (act === "pass") pass(much);
          else if (act === "add") {
            away.delete(one);
            one.turns.begin();
          } else {
            away.add(one);
            one.turns.end();
            one.hold();
          }
        }
        for (const one of away) one.turns.begin();
        away.clear();
        for (let count = 0; count < 10_000 && connections.some(({ unread }) => unread > 0); count++) {
          pass(2);
          await turned();
        }
        expect(connections.filter(({ unread }) => unread > 0)).toEqual([]);
        expect(most).toBeLessThanOrEqual(atOnce + 1);
        expect(readWhileAway).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
