// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { Client, startDaemon, testFolder } from "./running.ts";

const PATIENCE_MS = 60_000;
const SCARD_W_SECURITY_VIOLATION = 0x8010_006a;

/** A port that another program has, and the one before it, which is free. */
async function takenPort(): Promise<{ readonly free: number; readonly taken: number }> {
  for (;;) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const address = server.address();
    const taken = typeof address === "object" && address !== null ? address.port : 0;
    const before = createServer().listen(taken - 1, "127.0.0.1");
    const [event] = await Promise.race([once(before, "listening").then(() => ["free"]), once(before, "error")]);
    if (event !== "free") continue;
    await new Promise((resolve) => before.close(resolve));
    return { free: taken - 1, taken };
  }
}

async function daemonWith(config: object) {
  const folder = testFolder();
  const socket = join(folder, "comm");
  const file = join(folder, "daemon.json");
  writeFileSync(file, JSON.stringify(config));
  const daemon = await startDaemon("--socket", socket, "--config", file);
  const control = await Client.connect(`${socket}.control`);
  return {
    socket,
    daemon,
    /** Has another configuration read, and answers what was said to be in the way of it. */
    async reload(next: object): Promise<unknown> {
      const before = daemon.log().length;
      writeFileSync(file, JSON.stringify(next));
      daemon.program.signal("SIGHUP");
      const said = (): Record<string, unknown> | undefined =>
        daemon
          .log()
          .slice(before)
          .find(({ level, msg }) => level === "error" || msg === "the configuration was read anew");
      await expect.poll(said, { timeout: PATIENCE_MS / 2 }).toBeDefined();
      return said()?.msg;
    },
    async names(): Promise<string[]> {
      const { result } = await control.ask({ command: "readers" });
      return (result as { name: string }[]).map((reader) => reader.name);
    },
    async cards(): Promise<boolean[]> {
      const { result } = await control.ask({ command: "readers" });
      return (result as { card?: object }[]).map(({ card }) => card !== undefined);
    },
    async enters(): Promise<number> {
      return (await Client.connect(socket)).establish();
    },
  };
}

/** Whether something takes connections on the port. */
async function isOpen(port: number): Promise<boolean> {
  const socket: Socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

const desk = { type: "virtual", name: "Desk", card: "demo" };
const deny = { access: { daemon: [{ effect: "deny" }] }, log: { level: "silent" } };

describe("a configuration that is read anew", { timeout: PATIENCE_MS }, () => {
  it("is taken over whole or not at all: readers, cards, access rules, level of the log", async () => {
    const { free, taken } = await takenPort();
    const { cards, daemon, enters, names, reload, socket } = await daemonWith({
      readers: [desk, { type: "virtual", name: "Goes" }],
    });
    const manager = new PcscdManager({ dial: dialPcscd({ sockets: [socket] }), runtime: nodeRuntime() });
    const context = await manager.establishContext();
    onTestFinished(() => context.release().catch(() => {}));
    const terms = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
    const goes = await context.connect("Goes", { shareMode: "direct", preferredProtocols: [] });
    const card = await context.connect("Desk", terms);

    const comes = { type: "virtual", name: "Comes" };
    const emptied = { type: "virtual", name: "Desk" };
    const missing = "$.readers[1].card: /nowhere/card.json cannot be read";
    for (const [readers, message] of [
      [[emptied, comes, { type: "vpcd", port: taken }], `port ${taken} of 127.0.0.1 is taken`],
      [[emptied, comes, { type: "vpcd", port: free, slots: 2 }], `port ${taken} of 127.0.0.1 is taken`],
      [[emptied, { ...comes, card: "/nowhere/card.json" }], missing],
      [[emptied, comes, comes], "is that of another reader"],
    ] as const) {
      expect(await reload({ readers, ...deny })).toContain(message);
      expect(await names()).toEqual(["Desk", "Goes"]);
      expect(await cards()).toEqual([true, false]);
      expect(await enters()).toBe(0);
      expect(await isOpen(free)).toBe(false);
      // Who is connected has not noticed.
      expect((await goes.status()).reader).toBe("Goes");
      expect((await card.status()).reader).toBe("Desk");
    }

    expect(await reload({ readers: [emptied, comes], access: deny.access })).toBe("the configuration was read anew");
    expect(await names()).toEqual(["Desk", "Comes"]);
    expect(await cards()).toEqual([false, false]);
    expect(await enters()).toBe(SCARD_W_SECURITY_VIOLATION);
    expect((await daemon.program.end("SIGTERM")).status).toBe(0);
  });

  it("is rolled back where a reader that leaves makes room for one that cannot come", async () => {
    const { free, taken } = await takenPort();
    const { enters, names, reload } = await daemonWith({
      readers: [
        { type: "virtual", name: "Goes" },
        { type: "vpcd", port: free, name: "Yubico YubiKey" },
      ],
    });
    expect(await names()).toEqual(["Goes", "Yubico YubiKey"]);
    // The port that it has is one of the two: it must leave first, and comes back.
    const wider = { readers: [{ type: "vpcd", port: free, slots: 2 }], ...deny };
    expect(await reload(wider)).toMatch(`port ${taken} of 127.0.0.1 is taken`);
    expect((await names()).sort()).toEqual(["Goes", "Yubico YubiKey"]);
    expect(await isOpen(free)).toBe(true);
    expect(await enters()).toBe(0);
    // And it can still be renamed, and taken out.
    expect(await reload({ readers: [{ type: "vpcd", port: free, name: "Gemalto" }] })).toBe(
      "the configuration was read anew",
    );
    expect(await names()).toEqual(["Gemalto"]);
    expect(await reload({})).toBe("the configuration was read anew");
    expect(await names()).toEqual([]);
    expect(await isOpen(free)).toBe(false);
  });

  it("is refused where there would be more readers than the running daemon takes", async () => {
    const { names, reload } = await daemonWith({ readers: [desk], limits: { readers: 1 } });
    const two = { readers: [desk, { type: "virtual" }], limits: { readers: 2 } };
    expect(await reload(two)).toContain("limits.readers allows 1");
    expect(await names()).toEqual(["Desk"]);
    expect(await reload({ readers: [{ type: "virtual", name: "Other" }] })).toBe("the configuration was read anew");
    expect(await names()).toEqual(["Other"]);
  });
});

it("of two that are asked for at once the file as it is last holds", { timeout: 2 * PATIENCE_MS }, async () => {
  const desk = { type: "virtual", name: "Desk" };
  const folder = testFolder();
  const [socket, file] = [join(folder, "comm"), join(folder, "daemon.json")];
  writeFileSync(file, JSON.stringify({ readers: [desk] }));
  const daemon = await startDaemon("--socket", socket, "--config", file);
  const control = await Client.connect(`${socket}.control`);
  for (let round = 0; round < 10; round++) {
    const name = `Last ${round}`;
    // A large file is read for longer than a small one.
    const many = Array.from({ length: 300 }, (_, index) => ({ type: "virtual", name: `Many ${round} ${index}` }));
    writeFileSync(file, JSON.stringify({ readers: many }));
    daemon.program.signal("SIGHUP");
    writeFileSync(file, JSON.stringify({ readers: [{ type: "virtual", name }] }));
    daemon.program.signal("SIGHUP");
    const names = async (): Promise<string> => JSON.stringify((await control.ask({ command: "readers" })).result);
    await expect.poll(names, { timeout: PATIENCE_MS }).toContain(name);
    expect(await names()).not.toContain("Many");
  }
});
