// SPDX-License-Identifier: MIT

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import type { Context } from "../../src/port/index.ts";
import { scard, startDaemon, testFolder } from "../daemon/running.ts";
import { twoFreePorts } from "../peers/free-ports.ts";
import { describePeer } from "../peers/peers.ts";
import { Vicc, viccProgram } from "../peers/vicc.ts";
import { debianDrivers, driverPeer, vpcdDriver } from "./driver-packages.ts";

const options = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;
const selectMasterFile = hexBytes("00A4000C023F00");
const verify = hexBytes("002000010831323334FFFFFFFF");

/** The processes that a process has started for drivers. */
function driversOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/);
  return children.filter((child) => textOf(`/proc/${child}/cmdline`).includes("scard-ifd")).map(Number);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended since.
    return "";
  }
}

/** The daemon itself: what was started is a shell that has become it, or its parent. */
function daemonOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/);
  return textOf(`/proc/${pid}/cmdline`).includes("daemon") || child === undefined ? pid : Number(child);
}

async function present(context: Context, reader: string): Promise<boolean> {
  return (await context.getStatusChange([{ reader }]))[0]?.flags.present === true;
}

describePeer(driverPeer(vpcdDriver), (library) => {
  describePeer(viccProgram, (vicc) => {
    test("a driver of the daemon is killed in use: the reader comes back, another reader goes on, no PIN is logged", async () => {
      const folder = testFolder();
      const [port] = await twoFreePorts();
      const socket = join(folder, "comm");
      const { log, program } = await startDaemon(
        ...["--socket", socket, "--control", join(folder, "control"), "--log-level", "debug"],
        ...["--reader", `ifd:${library}:/dev/null:${port}`, "--reader", "virtual:Desk", "--card", "demo"],
      );
      const manager = pcscdManager({ socket });
      const context = await manager.establishContext();
      const reader = "libifdvpcd 00 00";
      expect(new Set(await context.listReaders())).toEqual(new Set(["Desk", reader, "libifdvpcd 00 01"]));
      const other = await context.connect("Desk", options);
      let card = new Vicc(vicc, port);
      try {
        await expect.poll(() => present(context, reader)).toBe(true);
        const first = await context.connect(reader, options);
        await first.transmit(verify);
        const [driver] = driversOf(daemonOf(program.pid));
        process.kill(driver ?? 0, "SIGKILL");
        await expect(first.transmit(selectMasterFile)).rejects.toMatchObject({ code: "removed-card" });
        await card.kill();
        // A card that finds no reader ends.
        await expect.poll(() => JSON.stringify(log())).toContain("a driver runs again");
        card = new Vicc(vicc, port);
        await expect.poll(() => present(context, reader)).toBe(true);
        const again = await context.connect(reader, options);
        expect(await again.transmit(selectMasterFile)).toEqual(hexBytes("9000"));
        expect((await other.transmit(hexBytes("00A4040000"))).length).toBeGreaterThanOrEqual(2);
        await other.disconnect("leave");
      } finally {
        await card.kill();
        await context.release();
      }
      const lines = JSON.stringify(log());
      expect(lines).not.toMatch(/31323334|1234FF|31 32 33 34/);
      const [driver = 0] = driversOf(daemonOf(program.pid));
      await program.end("SIGTERM");
      expect(existsSync(`/proc/${driver}`)).toBe(false);
    });

    test("a driver ends with its daemon, also where that is killed", async () => {
      const folder = testFolder();
      const [port] = await twoFreePorts();
      const { program } = await startDaemon(
        ...["--socket", join(folder, "comm"), "--control", join(folder, "control")],
        ...["--reader", `ifd:${library}:/dev/null:${port}`],
      );
      const daemon = daemonOf(program.pid);
      const [driver = 0] = driversOf(daemon);
      expect(textOf(`/proc/${driver}/cmdline`)).toContain("scard-ifd");
      process.kill(daemon, "SIGKILL");
      await expect.poll(() => textOf(`/proc/${driver}/cmdline`)).toBe("");
    });
  });

  test("reader.conf.d is taken as pcscd takes it, and what is wrong in it is told in the log", async () => {
    const folder = testFolder();
    const conf = join(folder, "conf");
    const [port] = await twoFreePorts();
    const twin = debianDrivers.find((driver) => driver.library.endsWith("libccidtwin.so"))?.library;
    writeFileSync(
      conf,
      `FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:${port}\nLIBPATH ${library}\n` +
        `FRIENDLYNAME "Twin"\nDEVICENAME /dev/null:GemPCTwin\nLIBPATH ${twin}\nWRONG line\n`,
    );
    const config = join(folder, "config.json");
    writeFileSync(config, JSON.stringify({ readers: [{ type: "reader.conf", path: conf }] }));
    const socket = join(folder, "comm");
    const { log, program } = await startDaemon(
      ...["--socket", socket, "--control", join(folder, "control"), "--config", config],
    );
    const context = await pcscdManager({ socket }).establishContext();
    expect(await context.listReaders()).toEqual(["Virtual PCD 00 00", "Virtual PCD 00 01"]);
    const told = (): string => JSON.stringify(log());
    expect(told()).toContain('\\"WRONG\\" is not one of');
    await expect.poll(told).toContain("it answers 612 (IFD_COMMUNICATION_ERROR)");
    writeFileSync(conf, "");
    process.kill(daemonOf(program.pid), "SIGHUP");
    await expect.poll(() => context.listReaders()).toEqual([]);
    await context.release();
  });
});

test("a driver that is not there keeps the daemon from starting, and says why", async () => {
  const folder = testFolder();
  const path = join(folder, "none.so");
  const places = ["--socket", join(folder, "comm"), "--control", join(folder, "control")];
  const { status, stderr } = await scard("daemon", ...places, "--reader", `ifd:${path}`);
  expect(status).not.toBe(0);
  expect(stderr).toContain(`there is no driver at ${path}`);
});
