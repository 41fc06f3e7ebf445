// SPDX-License-Identifier: MIT

import { expect, onTestFinished, test } from "vitest";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { type CardReader, pcsclite } from "../../src/entry/pcsclite-compat.ts";
import { type Card, Devices } from "../../src/entry/smartcard-compat.ts";
import { startDaemon, testFolder } from "../daemon/running.ts";
import { run } from "../peers/program.ts";

/** The next event of that name. (`once` of node:events would fail with the `error` that is told meanwhile.) */
function next<T>(emitter: { once(event: never, listener: never): unknown }, event: string): Promise<T> {
  const plain = emitter as { once(event: string, listener: (value: T) => void): unknown };
  return new Promise((resolve) => plain.once(event, resolve));
}

async function service() {
  const folder = testFolder();
  const socket = `${folder}/comm`;
  const start = () =>
    startDaemon("--socket", socket, "--control", `${folder}/control`, "--reader", "virtual:Desk+demo");
  return { socket, start };
}

test("pcsclite says that the service is gone, and goes on with the next one", async () => {
  const { socket, start } = await service();
  const first = await start();
  const pcsc = pcsclite({ manager: pcscdManager({ socket }) });
  onTestFinished(() => {
    pcsc.close();
    for (const reader of Object.values(pcsc.readers)) reader.close();
  });
  const reader = await next<CardReader>(pcsc, "reader");
  await new Promise((done) => reader.connect({ share_mode: reader.SCARD_SHARE_SHARED }, done));
  const errors: string[] = [];
  pcsc.on("error", ({ message }) => errors.push(message));
  const ended = next(reader, "end");
  const back = next<CardReader>(pcsc, "reader");
  await first.program.end("SIGKILL");
  await ended;
  await start();
  const again = await back;
  expect(again).not.toBe(reader);
  expect(again.name).toBe("Desk");
  // Reported once each: the service stopped, and then there was no listener.
  expect(errors.length).toBeLessThanOrEqual(2);
  expect(errors[0]).toMatch(/^SCardGetStatusChange error: .*\(0x8010001[de]\)$/);
  const connected = new Promise<unknown[]>((done) =>
    again.connect({ share_mode: again.SCARD_SHARE_SHARED }, (...result: unknown[]) => done(result)),
  );
  expect((await connected)[0]).toBeNull();
});

test("smartcard gives the card up with the service, and connects to it anew", async () => {
  const { socket, start } = await service();
  const first = await start();
  const devices = new Devices({ manager: pcscdManager({ socket }) });
  onTestFinished(() => devices.stop());
  devices.start();
  devices.on("error", () => {});
  const { card } = await next<{ card: Card<Buffer> }>(devices, "card-inserted");
  const removed = next<{ card: Card<Buffer> }>(devices, "card-removed");
  const inserted = next<{ card: Card<Buffer> }>(devices, "card-inserted");
  await first.program.end("SIGKILL");
  expect((await removed).card).toBe(card);
  expect(card.connected).toBe(false);
  await start();
  const { card: again } = await inserted;
  expect((await again.transmit([0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00])).toString("hex")).toBe("9000");
});

test("a CommonJS program without a service hears so at once, waits idly, and ends when it closes", async () => {
  const program = `
    const net = require("node:net");
    const { connect } = net;
    let tries = 0;
    net.connect = (...args) => {
      tries++;
      return connect(...args);
    };
    require("node:module").syncBuiltinESMExports();
    const pcsclite = require("scard/compat/pcsclite");
    const pcsc = pcsclite();
    pcsc.on("error", (error) => {
      console.log(error.message);
      setTimeout(() => {
        console.log(tries > 0 && tries < 50 ? "idle" : tries + " tries");
        pcsc.close();
      }, 1000);
    });`;
  const { SCARD_MANAGER: _, ...environment } = process.env;
  const missing = `${testFolder()}/missing`;
  const ending = await run(process.execPath, ["--input-type=commonjs", "--eval", program], {
    environment: { ...environment, PCSCLITE_CSOCK_NAME: missing },
  });
  expect(ending.stderr).toBe("");
  expect(ending.stdout).toBe("SCardEstablishContext error: Service not available.(0x8010001d)\nidle\n");
  expect(ending.status).toBe(0);
});
