// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { EmbeddedManager } from "../../src/managers/embedded/index.ts";
import { openIfd } from "../../src/platform/node/ifd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import type { Context } from "../../src/port/index.ts";
import { DriverProcess } from "../../src/readers/ifd/driver-process.ts";
import type { IfdDevice, IfdLogEntry } from "../../src/readers/ifd/index.ts";
import { twoFreePorts } from "../peers/free-ports.ts";
import { describePeer } from "../peers/peers.ts";
import { Vicc, viccProgram } from "../peers/vicc.ts";
import { debianDrivers, driverPeer, startBuilt, vpcdDriver } from "./driver-packages.ts";

const runtime = nodeRuntime();

for (const driver of debianDrivers) {
  describePeer(driverPeer(driver), (library) => {
    test(`is loaded, and has version ${driver.version} of the interface`, async () => {
      const process = new DriverProcess(startBuilt, runtime.clock, () => {});
      const { code, data, outcome } = await process.call("load", { data: new TextEncoder().encode(library) }, 250_000);
      expect({ code, outcome, reason: new TextDecoder().decode(data) }).toEqual({
        code: driver.version,
        outcome: "returned",
        reason: "",
      });
      process.kill("the test is over");
      await process.ended;
    });
  });
}

test("a library that is no driver says so", async () => {
  const process = new DriverProcess(startBuilt, runtime.clock, () => {});
  const reasonOf = async (library: string): Promise<string> => {
    const { data, outcome } = await process.call("load", { data: new TextEncoder().encode(library) }, 250_000);
    expect(outcome).toBe("failed");
    return new TextDecoder().decode(data);
  };
  expect(await reasonOf("libc.so.6")).toContain("it has no IFDHCreateChannel, IFDHCloseChannel");
  process.kill("the test is over");
  await process.ended;
});

const selectMasterFile = hexBytes("00A4000C023F00");
const getChallenge = hexBytes("0084000008");

/** Readers of this process, each with its own port and driver. */
class Bench {
  readonly manager = new EmbeddedManager({ runtime });
  readonly log: IfdLogEntry[] = [];
  readonly #devices: IfdDevice[] = [];
  readonly #cards: Vicc[] = [];

  /** Opens a reader for virtual cards. */
  async open(): Promise<{ readonly name: string; readonly port: number; readonly device: IfdDevice }> {
    const [port] = await twoFreePorts();
    const device = await openIfd(
      { driver: vpcdDriver.library, device: `/dev/null:${port}`, name: "Virtual PCD" },
      { runtime, log: (entry) => this.log.push(entry), start: startBuilt },
    );
    this.#devices.push(device);
    const names: string[] = [];
    for (const reader of device.readers) names.push(await this.manager.addReader(reader));
    return { name: names[0] ?? "", port, device };
  }

  insert(path: string, port: number): Vicc {
    const card = new Vicc(path, port);
    this.#cards.push(card);
    return card;
  }

  async close(): Promise<void> {
    for (const card of this.#cards) await card.kill();
    await this.manager.close();
    for (const device of this.#devices) await device.close();
  }
}

let bench: Bench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

async function waitForCard(context: Context, reader: string): Promise<void> {
  await expect.poll(async () => (await context.getStatusChange([{ reader }]))[0]?.flags.present).toBe(true);
}

/** The processes that this one has started for drivers. */
function driverProcesses(): readonly number[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(/\s+/);
  return children.filter((pid) => titleOf(pid).includes("scard-ifd")).map(Number);
}

function titleOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It has ended since.
    return "";
  }
}

describePeer(driverPeer(vpcdDriver), () => {
  describePeer(viccProgram, (vicc) => {
    test("has two slots, named as pcscd names them", async () => {
      bench = new Bench();
      const { device } = await bench.open();
      expect(device.readers.map(({ description }) => description.name)).toEqual([
        "Virtual PCD 00 00",
        "Virtual PCD 00 01",
      ]);
    });

    test("a card is used through the driver", async () => {
      bench = new Bench();
      const { name, port } = await bench.open();
      const context = await bench.manager.client({ name: "test" }).establishContext();
      bench.insert(vicc, port);
      await waitForCard(context, name);
      const card = await context.connect(name, { shareMode: "shared", preferredProtocols: ["t1"] });
      expect(await card.transmit(selectMasterFile)).toEqual(hexBytes("9000"));
      expect((await card.transmit(getChallenge)).length).toBe(10);
      await card.disconnect("reset");
      await context.release();
    });

    test("a driver that is killed in an exchange comes back, and another reader goes on", async () => {
      bench = new Bench();
      const one = await bench.open();
      const [killed] = driverProcesses();
      const other = await bench.open();
      expect(driverProcesses()).toHaveLength(2);
      const context = await bench.manager.client({ name: "test" }).establishContext();
      const card = bench.insert(vicc, one.port);
      bench.insert(vicc, other.port);
      await waitForCard(context, one.name);
      await waitForCard(context, other.name);
      const options = { shareMode: "shared", preferredProtocols: ["t1"] } as const;
      const lost = await context.connect(one.name, options);
      const kept = await context.connect(other.name, options);
      await lost.transmit(selectMasterFile);
      card.freeze();
      const exchange = lost.transmit(selectMasterFile).then(
        () => "answered",
        (error: unknown) => Object(error).code,
      );
      expect(await kept.transmit(selectMasterFile)).toEqual(hexBytes("9000"));
      process.kill(killed ?? 0, "SIGKILL");
      expect(await exchange).toBe("removed-card");
      expect(await kept.transmit(selectMasterFile)).toEqual(hexBytes("9000"));
      await card.kill();
      await expect.poll(() => driverProcesses().length).toBe(2);
      await expect.poll(() => bench?.log.map(({ message }) => message)).toContain("a driver runs again");
      bench.insert(vicc, one.port);
      await waitForCard(context, one.name);
      const again = await context.connect(one.name, options);
      expect(await again.transmit(selectMasterFile)).toEqual(hexBytes("9000"));
      expect(await kept.transmit(selectMasterFile)).toEqual(hexBytes("9000"));
      await context.release();
    });

    test("no process is left when the reader is closed", async () => {
      bench = new Bench();
      await bench.open();
      await bench.close();
      bench = undefined;
      expect(driverProcesses()).toEqual([]);
    });
  });
});
