// SPDX-License-Identifier: MIT

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { PeerUsers, type ReadTable } from "./peer-users.ts";
import type { Ends } from "./socket-table.ts";

const linux = process.platform === "linux";

function ends(remotePort: number): Ends {
  return { localAddress: "127.0.0.1", localPort: 35_963, remoteAddress: "127.0.0.1", remotePort };
}

function line(port: number, uid: number): string {
  const remote = port.toString(16).toUpperCase().padStart(4, "0");
  return `   0: 0100007F:${remote} 0100007F:8C7B 01 00000000:00000000 00:00000000 00000000  ${uid}        0 99 1 0\n`;
}

/** Tables that the test writes: each reading takes the next text of its table, or the last again. */
function tables(texts: { tcp: readonly string[]; tcp6?: readonly string[] }) {
  const reads = { tcp: 0, tcp6: 0 };
  const read: ReadTable = async function* (table) {
    const list = texts[table];
    if (list === undefined) throw new Error(`there is no ${table}`);
    const text = list[Math.min(reads[table]++, list.length - 1)] ?? "";
    await new Promise((resolve) => setImmediate(resolve));
    yield text;
  };
  return { users: new PeerUsers(read, true), reads };
}

/** A connected pair over loopback, as the listener sees it. */
async function connected(
  host: string,
  card?: string,
): Promise<Ends & { readonly card: Socket; readonly ours: Socket }> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  const socket = connect(address.port, card ?? host);
  socket.on("error", () => {});
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  const [[ours]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [[Socket], unknown];
  onTestFinished(() => {
    ours.destroy();
  });
  const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = ours;
  return { localAddress, localPort, remoteAddress, remotePort, card: socket, ours };
}

describe("PeerUsers", () => {
  it("reads a table again that left a line out", async () => {
    const { reads, users } = tables({ tcp: ["", line(50_000, 7)], tcp6: [""] });
    expect(await users.userOf(ends(50_000))).toEqual({ uid: 7 });
    expect(reads.tcp).toBe(2);
  });

  it("gives up a socket that is not there, with a reason", async () => {
    const { reads, users } = tables({ tcp: [line(50_001, 7)], tcp6: [""] });
    expect(await users.userOf(ends(50_000))).toEqual({
      reason: expect.stringContaining("has no process at its other end"),
    });
    expect(reads.tcp).toBe(3);
  });

  it("answers all who asked meanwhile by one reading, and none by a reading that began before", async () => {
    const { reads, users } = tables({ tcp: ["", line(1, 11) + line(2, 22) + line(3, 33)], tcp6: [""] });
    const first = users.userOf(ends(9));
    const others = [1, 2, 3].map((port) => users.userOf(ends(port)));
    expect(await Promise.all(others)).toEqual([{ uid: 11 }, { uid: 22 }, { uid: 33 }]);
    expect(await first).toHaveProperty("reason");
    expect(reads.tcp).toBe(4);
  });

  it("does without the table of IPv6, and says why there is none at all", async () => {
    expect(await tables({ tcp: [line(5, 6)] }).users.userOf(ends(5))).toEqual({ uid: 6 });
    const users = new PeerUsers(async function* () {
      yield await Promise.reject(new Error("ENOENT: /proc is not mounted"));
    }, true);
    expect(await users.userOf(ends(5))).toEqual({ reason: "ENOENT: /proc is not mounted" });
  });

  it("bounds how many wait", async () => {
    const { users } = tables({ tcp: [line(1, 11)], tcp6: [""] });
    const all = await Promise.all(Array.from({ length: 400 }, () => users.userOf(ends(1))));
    const refused = all.filter((user) => "reason" in user);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toEqual({ reason: expect.stringContaining("other connections wait") });
    expect(all.length - refused.length).toBeGreaterThanOrEqual(256);
  });

  it.skipIf(!linux).each([
    ["127.0.0.1", undefined],
    ["::", "127.0.0.1"],
    ["127.0.0.1", "::ffff:127.0.0.1"],
  ])("knows who has connected on this machine: listening on %s, connected to %s", async (host, card) => {
    const peer = await connected(host, card);
    expect(await new PeerUsers().userOf(peer)).toEqual({ uid: process.geteuid?.() });
  });

  it.skipIf(!linux)("does not know who has left", async () => {
    const peer = await connected("127.0.0.1");
    peer.card.destroy();
    await once(peer.ours.resume(), "end");
    expect(await new PeerUsers().userOf(peer)).toHaveProperty("reason");
  });

  it.skipIf(!linux || process.getuid?.() !== 0)("knows another user", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const program = `require("node:net").connect(${port}, "127.0.0.1")`;
    const child = spawn(process.execPath, ["-e", program], { uid: 65_534, gid: 65_534, cwd: "/", stdio: "ignore" });
    onTestFinished(() => {
      child.kill("SIGKILL");
      server.close();
    });
    const [ours] = (await once(server, "connection")) as [Socket];
    onTestFinished(() => {
      ours.destroy();
    });
    const { localAddress = "", localPort = 0, remoteAddress = "", remotePort = 0 } = ours;
    expect(await new PeerUsers().userOf({ localAddress, localPort, remoteAddress, remotePort })).toEqual({
      uid: 65_534,
    });
  });
});
