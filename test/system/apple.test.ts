// SPDX-License-Identifier: MIT

// The system manager as it is on macOS, on a library that has the functions, numbers and structures of Apple's headers and is
// built for this machine. What is left is the loader, and what the real service does.

import { afterAll, beforeAll, expect, test } from "vitest";
import { loadKoffi } from "../../src/platform/node/koffi/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { abiOf } from "../../src/platform/node/system/abi.ts";
import { loadLibrary } from "../../src/platform/node/system/library.ts";
import { SystemManager } from "../../src/platform/node/system/manager.ts";
import { Threads } from "../../src/platform/node/system/threads.ts";
import type { Context } from "../../src/port/index.ts";
import { apdu, bytesOf, failureOf } from "../manager/world.ts";
import { compileC } from "../peers/compile.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";

const atr = bytesOf("3B8180018080");
const READER = "Lector Ñ 0";
const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;

const compiler: PeerProgram = {
  name: "gcc",
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
};

describePeer(compiler, () => {
  let context: Context;

  beforeAll(async () => {
    const path = compileC("apple-pcsc.so", ["test/system/apple-pcsc.c"], ["-shared", "-fPIC"]);
    const library = await loadLibrary(path, loadKoffi, abiOf("darwin", process.arch));
    const system = new SystemManager(library, new Threads(4), { runtime: nodeRuntime(), limits: { pollMs: 20 } });
    context = await system.establishContext();
  });
  afterAll(() => context?.release());

  test("lists readers, and their states are packed one behind the other", async () => {
    expect(await context.listReaders()).toEqual([READER, "Lector 1"]);
    const readers = await context.getStatusChange([{ reader: READER }, { reader: "Lector 1" }], { timeoutMs: 60_000 });
    expect(readers.map(({ flags }) => [flags.present === true, flags.empty === true])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(readers[0]?.atr).toEqual(atr);
  });

  test("connects, exchanges commands, and ends", async () => {
    const card = await context.connect(READER, shared);
    expect(card.protocol).toBe("t1");
    expect(await card.status()).toMatchObject({ reader: READER, protocol: "t1", atr, state: "specific" });
    expect(await card.transaction(() => card.transmit(apdu))).toEqual(Uint8Array.of(...apdu, 0x90, 0x00));
    expect(await card.control(0x4200_0d48, Uint8Array.of(1, 2, 3))).toEqual(
      Uint8Array.of(0x48, 0x0d, 0, 0x42, 3, 0, 0, 0),
    );
    expect(await card.getAttribute(0x0009_0303)).toEqual(atr);
    await card.setAttribute(0x7fff_a101, Uint8Array.of(1, 2));
    await card.reconnect({ ...shared, initialization: "reset" });
    await card.disconnect();
    expect((await failureOf(context.connect("Lector 1", shared))).code).toBe("no-smartcard");
    expect((await failureOf(context.connect("Lector 2", shared))).code).toBe("unknown-reader");
  });

  test("a wait is ended from outside", async () => {
    const waiting = failureOf(
      context.getStatusChange([{ reader: READER, flags: { present: true }, eventCount: 1 }], { timeoutMs: 600_000 }),
    );
    await context.cancel();
    expect((await waiting).code).toBe("cancelled");
  });
});
