// SPDX-License-Identifier: MIT

import { expect, it } from "vitest";
import { type Clock, SmartCardError } from "../../port/index.ts";
import { TransactionQueue, type TurnContext, type TurnOwner, type TurnRequest } from "./transaction-queue.ts";

/** A queue whose operations are over as soon as they begin, and an event loop that the test turns. */
function queueOf(hasLoop: boolean) {
  const loop: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    wallTime: () => 0,
    schedule: () => () => {},
    ...(hasLoop && { breathe: () => new Promise<void>((resolve) => loop.push(resolve)) }),
  };
  const waited: string[] = [];
  const queue = new TransactionQueue<TurnOwner>({
    clock,
    reader: "Reader",
    host: {
      runPendingWork: () => {},
      lockGranted: () => {},
      lockFreed: () => {},
      lockWaited: ({ context, operation }) => void waited.push(`${operation} of ${context.client.name}`),
      lockLost: () => new SmartCardError("not-transacted", "lost"),
      lockHolder: () => undefined,
    },
  });
  const done: string[] = [];
  const request = (name: string): TurnRequest => {
    const context: TurnContext = {
      client: { name },
      waits: new Set(),
      waitLimit: 10,
      oneAtATime: true,
      serviceStopped: false,
      waitingFor: undefined,
    };
    return { context, owner: { context }, operation: "connect", needsCard: false };
  };
  const connect = async (name: string): Promise<void> => {
    await queue.acquire(request(name), {});
    done.push(name);
    queue.release();
  };
  const turn = async (): Promise<void> => {
    for (const resolve of loop.splice(0)) resolve();
    await settled();
  };
  return { connect, done, loop, queue, request, turn, waited };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("of a thousand waiters behind a lock a few are granted their turns before the event loop has a turn, in their order", async () => {
  const { connect, done, queue, request, turn } = queueOf(true);
  const { context, owner, ...holder } = request("holder");
  void queue.begin({ ...holder, context, owner: owner ?? { context } }, {});
  const names = Array.from({ length: 1000 }, (_, number) => String(number));
  const all = Promise.all(names.map(connect));
  queue.unlock();
  await settled();
  expect(done).toHaveLength(16);
  // Who comes meanwhile does not pass those who wait.
  const late = connect("late");
  await expect(queue.acquire(request("hasty"), { timeoutMs: 0 })).rejects.toMatchObject({ code: "timeout" });
  for (let before = done.length; done.length < 1001; before = done.length) {
    await turn();
    expect(done.length - before).toBeLessThanOrEqual(16);
  }
  await Promise.all([all, late]);
  expect(done).toEqual([...names, "late"]);
});

it("waiters are granted their turns in one go where time is simulated", async () => {
  const { connect, done, queue, request } = queueOf(false);
  const { context, owner, ...holder } = request("holder");
  void queue.begin({ ...holder, context, owner: owner ?? { context } }, {});
  const all = Promise.all(Array.from({ length: 100 }, (_, number) => connect(String(number))));
  queue.unlock();
  await all;
  expect(done).toHaveLength(100);
});

it("operations that follow each other slowly cost the event loop nothing but its turns", async () => {
  const { connect, done, loop, turn } = queueOf(true);
  for (let count = 0; count < 40; count++) {
    await connect(String(count));
    await turn();
  }
  expect([done.length, loop.length]).toEqual([40, 0]);
});

it("tells the waits for a lock and for its holder, however they end, and no others", async () => {
  const { connect, queue, request, waited } = queueOf(false);
  const owned = (name: string) => {
    const { owner, ...rest } = request(name);
    return { ...rest, owner: owner ?? { context: rest.context } };
  };
  expect(await queue.acquire(request("busy"), {})).toBeUndefined();
  const begun = queue.begin({ ...owned("holder"), operation: "begin" }, {});
  const behind = connect("behind");
  queue.release();
  await begun;
  expect(waited).toEqual(["begin of holder"]);
  const gone = new AbortController();
  const given = queue.acquire(request("given up"), { signal: gone.signal });
  gone.abort();
  await expect(given).rejects.toMatchObject({ code: "cancelled" });
  queue.unlock();
  await behind;
  expect(waited).toEqual(["begin of holder", "connect of given up", "connect of behind"]);
  expect(await queue.acquire(request("busy"), {})).toBeUndefined();
  const beside = connect("beside");
  queue.release();
  await beside;
  expect(waited).toHaveLength(3);
});
