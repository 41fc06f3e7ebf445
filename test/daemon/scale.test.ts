// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ClientSession } from "../../src/wire/pcsclite/index.ts";
import { Client, startDaemon, testFolder } from "./running.ts";

const READER_COUNT = 300;
const CLIENT_COUNT = 500;

/** A session of ours over a socket of the daemon. */
async function session(path: string): Promise<ClientSession> {
  const socket = connect(path);
  await once(socket, "connect");
  const client = new ClientSession({ send: (bytes) => socket.write(bytes), ended: () => socket.destroy() });
  socket.on("data", (bytes) => client.received(bytes));
  socket.on("error", () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  return client;
}

test(`${READER_COUNT} readers and ${CLIENT_COUNT} clients at once`, async () => {
  const folder = testFolder();
  const [socket, control, config] = [join(folder, "s"), join(folder, "c"), join(folder, "config.json")];
  const readers = Array.from({ length: READER_COUNT }, (_, index) => ({
    type: "virtual",
    name: `Reader ${index}`,
    card: "demo",
  }));
  writeFileSync(config, JSON.stringify({ readers }));
  await startDaemon("--config", config, "--socket", socket, "--control", control);

  const clients = await Promise.all(Array.from({ length: CLIENT_COUNT }, () => session(socket)));
  expect(await Promise.all(clients.map((client) => client.open()))).toEqual(clients.map(() => "4:6"));
  const contexts = await Promise.all(clients.map((client) => client.establish(2)));
  expect(new Set(contexts.map(({ context }) => context)).size).toBe(CLIENT_COUNT);

  // Every client sees every reader.
  const tables = await Promise.all(clients.map((client) => client.readerStates()));
  for (const table of tables) {
    const names = table.filter(({ name }) => name !== "").map(({ name }) => name);
    expect(names).toEqual(readers.map(({ name }) => name));
  }

  // Every client uses a card, in a transaction of its own; some share one.
  const select = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);
  const outcomes = await Promise.all(
    clients.map(async (client, index) => {
      const context = contexts[index]?.context ?? 0;
      const terms = { reader: `Reader ${index % READER_COUNT}`, shareMode: 2, preferredProtocols: 3 };
      const { card, rv } = await client.connect({ context, ...terms });
      expect(rv).toBe(0);
      expect((await client.begin(card)).rv).toBe(0);
      const answer = await client.transmit(card, 2, select, { receiveLength: 258 });
      expect((await client.end(card, 0)).rv).toBe(0);
      return [answer.rv, ...answer.response];
    }),
  );
  expect(outcomes).toEqual(clients.map(() => [0, 0x90, 0x00]));

  // All wait for a change, and one change wakes them all.
  const waits = await Promise.all(clients.map((client) => client.waitForChange()));
  const operator = await Client.connect(control);
  const { result } = await operator.ask({ command: "who" });
  expect(result).toMatchObject({ clients: clients.map(() => ({ contexts: 1, statusWaits: 1 })) });
  expect(await operator.ask({ command: "remove", reader: "Reader 7" })).toMatchObject({ ok: true });
  const changes = await Promise.all(waits.map(({ over }) => over));
  expect(changes.every(({ rv }) => rv === 0)).toBe(true);
  const after = await operator.ask({ command: "who" });
  expect(after.result).toMatchObject({ clients: clients.map(() => ({ contexts: 1, statusWaits: 0 })) });
});
