// SPDX-License-Identifier: MIT

import { concatBytes } from "../../src/base/binary/index.ts";
import { encodeRequest } from "../../src/wire/pcsclite/index.ts";
import { RawClient } from "./raw-client.ts";

/** Where an attack goes, and how large it is. */
interface Target {
  readonly socket: string;
  readonly reader: string;
  readonly sessions: number;
  /** Bytes of a whole reader table. */
  readonly tableBytes: number;
}

/** Goes on until its process is ended. */
type Attack = (target: Target) => Promise<void>;

const table = encodeRequest({ kind: "reader-table" });

/** As many clients as there are to be, or as are let in. */
async function crowd({ socket, sessions }: Target): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let count = 0; count < sessions; count++) clients.push(await RawClient.open(socket));
  return clients;
}

/** A crowd whose clients each have a context, and so many connections to the reader. */
async function connectedCrowd(target: Target, connections: number): Promise<RawClient[]> {
  const clients = await crowd(target);
  await Promise.all(
    clients.map((client) =>
      unlessCutOff(async () => {
        const context = await client.establish();
        for (let count = 0; count < connections; count++) await client.connect(context, target.reader);
      }),
    ),
  );
  return clients;
}

/** Swallows what a client that is cut off says: that is what should happen to it. */
async function unlessCutOff(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch {
    await pause(20);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function forever(run: () => Promise<unknown>): Promise<void> {
  for (;;) await unlessCutOff(run);
}

/** What one user can do to a service that all users share. */
export const attacks: Readonly<Record<string, { readonly does: string; readonly run: Attack }>> = {
  cancels: {
    does: "take the lock, hold a connect and 352 kB of cancels behind it in each session, and leave",
    run: async (target) => {
      const flood = concatBytes(...Array.from({ length: 22_000 }, () => encodeRequest({ kind: "cancel", context: 1 })));
      await forever(async () => {
        const holder = await RawClient.open(target.socket);
        const context = await holder.establish();
        const card = await holder.connect(context, target.reader);
        await holder.ask({ kind: "begin-transaction", card });
        const clients = await crowd(target);
        await Promise.all(
          clients.map((client) =>
            unlessCutOff(async () => {
              const own = await client.establish();
              client.send({
                kind: "connect",
                context: own,
                reader: target.reader,
                shareMode: 2,
                preferredProtocols: 3,
              });
              client.socket.write(flood);
            }),
          ),
        );
        await pause(300);
        for (const client of [holder, ...clients]) client.close();
      });
    },
  },
  readers: {
    does: "ask for the reader table in all sessions, as fast as it comes",
    run: async (target) => {
      const clients = await crowd(target);
      const batch = concatBytes(...Array.from({ length: 8 }, () => table));
      await Promise.all(
        clients.map((client) =>
          unlessCutOff(async () => {
            for (;;) {
              client.socket.write(batch);
              await client.read(8 * target.tableBytes);
            }
          }),
        ),
      );
    },
  },
  drizzle: {
    does: "send a small request in each session in turn, without a wait for the answers",
    run: async (target) => {
      const clients = await crowd(target);
      const request = encodeRequest({ kind: "cancel", context: 1 });
      for (const { socket } of clients) socket.removeAllListeners("data").resume();
      await forever(async () => {
        for (const { socket } of clients) socket.write(request);
        // The answers are taken, and no more.
        await new Promise((resolve) => setImmediate(resolve));
      });
    },
  },
  bursts: {
    does: "send a request in all sessions at once, and nothing for more than a second",
    run: async (target) => {
      const clients = await crowd(target);
      const request = encodeRequest({ kind: "cancel", context: 1 });
      for (const { socket } of clients) socket.removeAllListeners("data").resume();
      await forever(async () => {
        for (const { socket } of clients) socket.write(request);
        await pause(1100);
      });
    },
  },
  trickle: {
    does: "send long commands byte by byte in all sessions",
    run: async (target) => {
      const clients = await crowd(target);
      const command = new Uint8Array(2000);
      const transmit = { sendProtocol: 2, receiveProtocol: 2, receiveLength: 0, receivePciLength: 0, sendPciLength: 0 };
      const whole = encodeRequest({ kind: "transmit", card: 1, command, ...transmit });
      for (const { socket } of clients) socket.removeAllListeners("data").resume();
      let at = 0;
      await forever(async () => {
        for (const { socket } of clients) socket.write(whole.subarray(at, at + 1));
        at = (at + 1) % whole.length;
        await new Promise((resolve) => setImmediate(resolve));
      });
    },
  },
  departures: {
    does: "come with a context and two connections in all sessions, and leave all at once",
    run: async (target) => {
      await forever(async () => {
        const clients = await connectedCrowd(target, 2);
        for (const client of clients) client.close();
      });
    },
  },
  deaf: {
    does: "ask for the reader table in all sessions, and read nothing",
    run: async (target) => {
      const batch = concatBytes(...Array.from({ length: 4000 }, () => table));
      await forever(async () => {
        const clients = await crowd(target);
        for (const { socket } of clients) {
          socket.pause();
          socket.write(batch);
        }
        await pause(1000);
        for (const client of clients) client.close();
      });
    },
  },
  halves: {
    does: "send the half of a long command in all sessions",
    run: async (target) => {
      const command = new Uint8Array(65_000);
      const transmit = { sendProtocol: 2, receiveProtocol: 2, receiveLength: 0, receivePciLength: 0, sendPciLength: 0 };
      const whole = encodeRequest({ kind: "transmit", card: 1, command, ...transmit });
      await forever(async () => {
        const clients = await crowd(target);
        for (const { socket } of clients) socket.write(whole.subarray(0, whole.length - 1));
        await pause(2000);
        for (const client of clients) client.close();
      });
    },
  },
  contexts: {
    does: "have a context in all sessions, and as many connections as there are",
    run: async (target) => {
      await forever(async () => {
        const clients = await connectedCrowd(target, 16);
        await pause(1000);
        for (const client of clients) client.close();
      });
    },
  },
  waits: {
    does: "wait for a change in all sessions, while one makes changes",
    run: async (target) => {
      const clients = await crowd(target);
      const restless = forever(async () => {
        const client = await RawClient.open(target.socket);
        const context = await client.establish();
        for (;;) {
          const card = await client.connect(context, target.reader);
          await client.ask({ kind: "disconnect", card, disposition: 0 });
        }
      });
      const waiting = clients.map((client) =>
        unlessCutOff(async () => {
          await client.ask({ kind: "version", major: 4, minor: 4 });
          for (;;) {
            client.send({ kind: "wait-for-change" });
            await client.read(target.tableBytes + 8);
          }
        }),
      );
      await Promise.all([restless, ...waiting]);
    },
  },
  visitors: {
    does: "come and go",
    run: async ({ socket }) => {
      const visit = (): Promise<void> =>
        forever(async () => {
          const client = await RawClient.open(socket);
          client.send({ kind: "version", major: 4, minor: 4 });
          client.close();
        });
      await Promise.all(Array.from({ length: 16 }, visit));
    },
  },
  nonsense: {
    does: "send malformed requests",
    run: async ({ socket }) => {
      const babble = (): Promise<void> =>
        forever(async () => {
          const client = await RawClient.open(socket);
          client.socket.write(Uint8Array.from({ length: 64 }, () => Math.floor(Math.random() * 256)));
          await client.read(1_000_000);
        });
      await Promise.all(Array.from({ length: 16 }, babble));
    },
  },
};
