// SPDX-License-Identifier: MIT

// The recipe for Electron, as far as a machine without it allows: its ports are those of Node, and a renderer is a thread that has nothing but a port.

import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { afterEach, expect, it } from "vitest";
import { smartCardOverPort } from "../../src/entry/bridge.ts";
import { servePort } from "../../src/entry/bridge-server.ts";
import { testRig } from "../../src/entry/test-rig.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function rig() {
  const made = await testRig({ card: "demo", reader: "Desk" });
  ends.push(() => made.close());
  return made;
}

it("a page over a port uses cards without a pairing, and sees the readers that it was given", async () => {
  const { manager } = await rig();
  const { port1, port2 } = new MessageChannel();
  const page = servePort(port1, { manager: manager.client({ name: "page" }), readers: ["Desk*"] });
  ends.push(() => page.close());
  const context = await smartCardOverPort(port2).establishContext();
  const [reader = ""] = await context.listReaders();
  expect(reader).toMatch(/^Desk/);
  const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t0", "t1"] });
  await connection.startTransaction(async () => {
    expect((await connection.transmit(Uint8Array.of(0, 0xa4, 4, 0))).byteLength).toBeGreaterThanOrEqual(2);
    return "leave";
  });
  const hidden = new MessageChannel();
  const other = servePort(hidden.port1, { manager: manager.client({ name: "other" }), readers: ["Vault"] });
  ends.push(() => other.close());
  expect(await (await smartCardOverPort(hidden.port2).establishContext()).listReaders()).toEqual([]);
});

it("clears what was posted, and makes no connection over a port that was closed", async () => {
  const posted: Uint8Array[] = [];
  const port = {
    postMessage: (message: Uint8Array) => void posted.push(message),
    addEventListener: () => undefined,
    close: () => undefined,
  };
  const smartCard = smartCardOverPort(port);
  const first = smartCard.establishContext();
  await new Promise(setImmediate);
  expect(posted.map((message) => message.some((byte) => byte !== 0))).toEqual([false]);
  smartCard.close();
  await expect(first).rejects.toMatchObject({ responseCode: "no-service" });
  await expect(smartCard.establishContext()).rejects.toMatchObject({ responseCode: "no-service" });
});

it("what is not a message of a page ends the connection", async () => {
  const { manager } = await rig();
  const { port1, port2 } = new MessageChannel();
  servePort(port1, { manager: manager.client({ name: "page" }) });
  const closed = once(port2, "close");
  port2.postMessage("hello");
  await closed;
});

it("a renderer that is killed in the middle of a transaction: the card is reset, and the lock is free", async () => {
  const made = await rig();
  const own = await made.connect();
  const { port1, port2 } = new MessageChannel();
  servePort(port1, { manager: made.manager.client({ name: "renderer" }) });
  const client = pathToFileURL("dist/bundle/page/bridge.js").href;
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(${JSON.stringify(client)}).then(async ({ smartCardOverPort }) => {
      const context = await smartCardOverPort(workerData.port).establishContext();
      const [reader] = await context.listReaders();
      const { connection } = await context.connect(reader, "shared", { preferredProtocols: ["t0", "t1"] });
      await connection.startTransaction(async () => {
        parentPort.postMessage("begun");
        await new Promise(() => setInterval(() => {}, 1000));
      });
    });`;
  const renderer = new Worker(source, { eval: true, workerData: { port: port2 }, transferList: [port2] });
  expect(await once(renderer, "message")).toEqual(["begun"]);
  const waiting = own.beginTransaction().then(
    () => "begun",
    (error: { readonly code?: string }) => error.code,
  );
  await renderer.terminate();
  expect(await waiting).toBe("reset-card");
});
