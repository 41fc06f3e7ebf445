// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { listenVpcd } from "../../src/entry/vpcd-listener.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import type { VpcdLogEntry } from "../../src/readers/vpcd/index.ts";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { Program } from "./program.ts";
import { viccEnvironment, viccProgram } from "./vicc.ts";

/**
 * What makes a network of the card's own, in which its port is out of reach for others; and ends all that is in it. Root needs
 * no namespace of users for that, and can make none in a chroot.
 */
const asRoot = process.geteuid?.() === 0 ? [] : ["--map-root-user"];
const apart = ["unshare", ...asRoot, "--net", "--pid", "--fork", "--kill-child"];

const socatProgram: PeerProgram = {
  name: "socat",
  remedy: "scripts/setup-peers.sh installs it on Debian; it needs unshare(1) with namespaces, and ip(8).",
  probe: () => {
    const [command = "", ...args] = apart;
    const run = spawnSync(command, [...args, "sh", "-c", "ip link set lo up && ss -ltn"], { encoding: "utf8" });
    return run.status === 0 ? undefined : (run.error?.message ?? run.stderr.trim());
  },
};

/** The recipe of docs/guide/daemon.md, but that it waits until socat listens. */
const RECIPE = `
  ip link set lo up
  socat TCP-LISTEN:35963,bind=127.0.0.1 UNIX-CONNECT:"$SOCKET" &
  until ss -ltn | grep -q 35963; do sleep 0.1; done
  exec vicc --type iso7816 --hostname 127.0.0.1 --port 35963`;

describePeer(viccProgram, () => {
  describePeer(socatProgram, () => {
    it("plugs in over a Unix socket, and is known by user and program", { timeout: 2 * PATIENCE_MS }, async () => {
      const folder = mkdtempSync(join(tmpdir(), "scard-vicc-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const path = join(folder, "vpcd");
      const runtime = nodeRuntime();
      const manager = new EmbeddedManager({ runtime });
      const entries: VpcdLogEntry[] = [];
      const listener = await listenVpcd({ runtime, path, log: (entry) => entries.push(entry) });
      onTestFinished(async () => {
        await manager.close();
        await listener.close();
      });
      for (const reader of listener.readers) await manager.addReader(reader);
      const [command = "", ...args] = apart;
      const vicc = new Program(command, [...args, "sh", "-c", RECIPE], { ...viccEnvironment, SOCKET: path });
      onTestFinished(async () => {
        await vicc.end();
      });
      await expect.poll(() => entries.length, { timeout: PATIENCE_MS }).toBe(1);
      expect(entries[0]).toMatchObject({
        message: "a card was plugged in",
        uid: process.geteuid?.(),
        program: expect.stringMatching(/\/socat\d?$/),
      });
      const context = await manager.establishContext();
      const connection = await context.connect("Virtual PCD", {
        shareMode: "shared",
        preferredProtocols: ["t0", "t1"],
      });
      expect(encodeHex((await connection.status()).atr)).toBe("3B951381018073FF01000B");
      await context.release();
      await vicc.end();
      await expect.poll(() => entries.length, { timeout: PATIENCE_MS }).toBe(2);
      expect(entries[1]).toMatchObject({ message: "a card was unplugged" });
    });
  });
});
