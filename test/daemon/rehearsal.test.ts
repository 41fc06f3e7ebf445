// SPDX-License-Identifier: MIT

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { ConfiguredReader } from "../../src/apps/daemon/config.ts";
import { Daemon } from "../../src/apps/daemon/daemon.ts";
import { emptyConfig, type Log, silentLog } from "../../src/apps/daemon/index.ts";
import { rehearse } from "../../src/apps/daemon/rehearsal.ts";
import { testFolder } from "./running.ts";

/** A daemon that has rehearsed, and what is in its log. */
async function started(socket: string, readers: readonly ConfiguredReader[] = []) {
  const lines: { readonly message: string; readonly details: unknown }[] = [];
  const log: Log = {
    ...silentLog,
    writes: () => true,
    write: (_, message, details) => lines.push({ message, details }),
  };
  const config = { ...emptyConfig, readers: [...readers] };
  const daemon = await Daemon.start({ config, socket, credentials: undefined, log, rehearsalMs: 20 });
  onTestFinished(() => daemon.stop());
  return { daemon, lines };
}

it("leaves nothing behind", async () => {
  const folder = testFolder();
  const { daemon, lines } = await started(join(folder, "comm"), [{ kind: "virtual", name: "Desk" }]);
  expect(lines).toEqual([expect.objectContaining({ message: "reader-added" })]);
  expect(readdirSync(folder).sort()).toEqual(["comm", "comm.control"]);
  expect(daemon.readerNames).toEqual(["Desk"]);
});

it("that cannot be is told in the log, and the daemon serves all the same", async () => {
  const folder = testFolder();
  // With ".control" it is as long as the path of a socket may be, with ".rehearsal" longer.
  const socket = join(folder, "c".repeat(98 - folder.length));
  const { daemon, lines } = await started(socket);
  expect(lines).toEqual([{ message: "the rehearsal has failed", details: { detail: expect.stringContaining("107") } }]);
  expect(daemon.socketPath).toBe(socket);
});

it("asks for what clients ask for", async () => {
  const socket = join(testFolder(), "comm");
  const { lines } = await started(socket, [{ kind: "virtual", name: "Desk", card: "demo" }]);
  lines.length = 0;
  const times = [0, 0, 1];
  const clock = { now: () => times.shift() ?? 1, wallTime: () => 0, schedule: () => () => {} };
  await rehearse({ path: socket, reader: "Desk", clock, forMs: 1 });
  const count = (event: string): number => lines.filter(({ message }) => message === event).length;
  const events = ["a client has connected", "connected", "lock-granted", "lock-freed", "disconnected"];
  expect(events.map(count)).toEqual([2, 4, 16, 16, 4]);
});
