// SPDX-License-Identifier: MIT

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { Program } from "../peers/program.ts";
import { startDaemon, testFolder } from "./running.ts";

const PATIENCE_MS = 60_000;

/** VERIFY without data asks whether the PIN is verified: 9000, or 63Cx (ISO/IEC 7816-4:2020, 11.6.6). */
const isVerified = Uint8Array.of(0x00, 0x20, 0x00, 0x01);

/** A daemon with a card, and a second program's view of whether the PIN is verified. */
async function daemonWith(config: object, ...line: readonly string[]) {
  const folder = testFolder();
  const socket = join(folder, "comm");
  const file = join(folder, "daemon.json");
  writeFileSync(file, JSON.stringify({ readers: [{ type: "virtual", name: "Desk", card: "demo" }], ...config }));
  await startDaemon("--socket", socket, "--config", file, ...line);
  const manager = new PcscdManager({ dial: dialPcscd({ sockets: [socket] }), runtime: nodeRuntime() });
  const context = await manager.establishContext();
  onTestFinished(() => context.release());
  const options = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
  return {
    socket,
    async status(): Promise<string> {
      const card = await context.connect("Desk", options);
      const answer = encodeHex(await card.transmit(isVerified));
      await card.disconnect("leave");
      return answer;
    },
  };
}

/** A program that verifies the PIN and leaves in that way; settles when it has. */
async function leave(socket: string, how: string): Promise<void> {
  const program = new Program(process.execPath, ["test/daemon/leaver.mjs", socket, how]);
  onTestFinished(async () => {
    await program.end("SIGKILL");
  });
  expect(await program.line()).toBe("verified 9000");
  if (how === "kill") await program.end("SIGKILL");
  else if (how === "release" || how === "cut") await program.line();
  else await program.ended;
}

describe("the card of a program that ends without disconnecting", () => {
  for (const how of ["exit", "kill", "crash", "release", "cut"]) {
    it(`is reset (${how})`, { timeout: PATIENCE_MS }, async () => {
      const { socket, status } = await daemonWith({});
      await leave(socket, how);
      // The daemon learns of an end when it reads the connection's.
      await expect.poll(status, { timeout: PATIENCE_MS / 2 }).toBe("63C3");
    });
  }

  it("is reset under either profile, and left only as pcsc-lite leaves it where that was configured", {
    timeout: PATIENCE_MS,
  }, async () => {
    const windows = await daemonWith({}, "--profile", "windows");
    await leave(windows.socket, "kill");
    await expect.poll(windows.status, { timeout: PATIENCE_MS / 2 }).toBe("63C3");
    const pcsclite = await daemonWith({ semantics: { resetOnExit: "transacted" } });
    // Released contexts are over before the program goes on, so there is nothing to wait for.
    await leave(pcsclite.socket, "release");
    expect(await pcsclite.status()).toBe("9000");
  });
});
