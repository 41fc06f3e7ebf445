// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../port/index.ts";
import { defaultVpcdLimits } from "../../../readers/vpcd/index.ts";
import { SocketPipe } from "./socket-pipe.ts";

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A connected pair: our socket, and a peer that reads nothing until it is told to. */
async function pair(): Promise<{ ours: Socket; peer: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  peer.on("error", () => {});
  const [ours] = (await once(server, "connection")) as [Socket];
  ends.push(() => {
    ours.destroy();
    peer.destroy();
    server.close();
  });
  return { ours, peer };
}

/** A clock whose only timer the test fires. */
function heldClock() {
  const timers = new Map<string, () => void>();
  const clock: Clock = {
    now: () => 0,
    wallTime: () => 0,
    schedule: (_delayMs, name, callback) => {
      timers.set(name, callback);
      return () => timers.delete(name);
    },
  };
  return { clock, timers };
}

describe("SocketPipe", () => {
  it("closes in the end although the peer does not read what was sent", async () => {
    const { ours } = await pair();
    const { clock, timers } = heldClock();
    const pipe = new SocketPipe(ours, clock, { ...defaultVpcdLimits, maxUnsentBytes: 100_000_000 });
    // More than the system's own buffers take, so that some of it waits in the process.
    pipe.write(new Uint8Array(50_000_000));
    pipe.close();
    expect(ours.destroyed).toBe(false);
    const closed = once(ours, "close");
    timers.get("vpcd-close")?.();
    await closed;
    expect(timers.size).toBe(0);
  });

  it("drops a peer that lets more pile up than the limit, and says how much", async () => {
    const { ours } = await pair();
    const pipe = new SocketPipe(ours, heldClock().clock, { ...defaultVpcdLimits, maxUnsentBytes: 60_000_000 });
    const closed = new Promise<string>((resolve) => {
      pipe.listen({ received: () => {}, closed: resolve });
    });
    pipe.write(new Uint8Array(50_000_000));
    pipe.write(new Uint8Array(50_000_000));
    expect(await closed).toMatch(/^the peer left \d+ bytes unread$/);
  });

  it("takes a peer that will send nothing more for gone, even while it has not read everything", async () => {
    const { ours, peer } = await pair();
    const pipe = new SocketPipe(ours, heldClock().clock, { ...defaultVpcdLimits, maxUnsentBytes: 100_000_000 });
    const closed = new Promise<string>((resolve) => {
      pipe.listen({ received: () => {}, closed: resolve });
    });
    pipe.write(new Uint8Array(50_000_000));
    peer.end();
    expect(await closed).toBe("the peer closed the connection");
  });

  it("sends what was written before it closes, and nothing after", async () => {
    const { ours, peer } = await pair();
    const pipe = new SocketPipe(ours, heldClock().clock, defaultVpcdLimits);
    pipe.write(Uint8Array.of(0, 1, 0));
    pipe.close();
    pipe.write(Uint8Array.of(0, 1, 1));
    pipe.close();
    const received: number[] = [];
    peer.on("data", (bytes) => received.push(...bytes)).resume();
    await once(peer, "close");
    expect(received).toEqual([0, 1, 0]);
  });
});
