// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { WhoReport } from "../../src/apps/daemon/index.ts";
import { type ScardService, startScard } from "./daemon.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { Program } from "./program.ts";

/** Debian's pyscard is a module of Debian's own Python, which need not be the first in PATH. */
const pyscard: PeerProgram = {
  name: "/usr/bin/python3",
  remedy: "scripts/setup-peers.sh installs python3-pyscard on Debian.",
  probe: (path) => {
    const { status } = spawnSync(path, ["-c", "import smartcard.scard"]);
    return status === 0 ? undefined : "it has no module smartcard (pyscard)";
  },
};

const DEMO_ATR = "3B8D8011FE8031F873F721606573636172646C";
const SELECT_DEMO = "00A404000BF073636172642E64656D6F00";

describePeer(pyscard, (path) => {
  let service: ScardService;
  let folder: string;
  let configuration: string;
  const puppets: Puppet[] = [];

  /** A Python process that calls what it is told. */
  class Puppet {
    readonly program = new Program(path, ["test/peers/pyscard-puppet.py"], service.environment);

    constructor() {
      puppets.push(this);
    }

    /** Has it call something; resolves to what came out. */
    async does(action: string): Promise<string> {
      this.program.write(`${action}\n`);
      const name = action.split(" ")[0] ?? "";
      const line = await this.program.line((candidate) => candidate.startsWith(`${name} `));
      return line.slice(name.length + 1);
    }

    /** Brings it as far as a connected card. */
    async connects(): Promise<this> {
      expect(await this.does("establish")).toBe("00000000");
      expect(await this.does("connect Desk")).toBe("00000000 2");
      return this;
    }
  }

  async function deskReport(): Promise<WhoReport["readers"][number]> {
    const { readers } = await service.who();
    const desk = readers.find(({ name }) => name === "Desk");
    if (desk === undefined) throw new Error("the daemon has no such reader");
    return desk;
  }

  /** Waits until so many requests are queued for the card: who asked first is then certain. */
  async function queueOf(length: number): Promise<WhoReport["readers"][number]> {
    for (;;) {
      const desk = await deskReport();
      if (desk.queue.length === length) return desk;
    }
  }

  function configure(...names: string[]): void {
    const desk = { type: "virtual", name: "Desk", card: "demo" };
    const readers = [desk, ...names.map((name) => ({ type: "virtual", name }))];
    writeFileSync(configuration, JSON.stringify({ readers }));
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scard-pyscard-"));
    configuration = join(folder, "daemon.json");
    configure();
    service = await startScard(["--config", configuration]);
  });

  afterEach(async () => {
    for (const puppet of puppets.splice(0)) await puppet.program.end();
  });

  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  it("lists readers, connects, transmits and asks for the status", async () => {
    const puppet = await new Puppet().connects();
    expect(await puppet.does("readers")).toMatch(/^00000000 .*Desk$/);
    expect(await puppet.does("status")).toBe(`00000000 Desk 2 ${DEMO_ATR}`);
    expect(await puppet.does(`transmit ${SELECT_DEMO}`)).toMatch(/^00000000 6F.*9000$/);
    expect(await puppet.does("disconnect")).toBe("00000000");
    expect(await puppet.does("release")).toBe("00000000");
  });

  it('has its transactions in the order of asking, and "scard who" names who holds and who waits', async () => {
    const [holder, first, second] = [new Puppet(), new Puppet(), new Puppet()];
    for (const puppet of [holder, first, second]) await puppet.connects();
    expect(await holder.does("begin")).toBe("00000000");

    const order: string[] = [];
    const firstHasIt = first.does("begin").then((result) => order.push(`first ${result}`));
    await queueOf(1);
    const secondHasIt = second.does("begin").then((result) => order.push(`second ${result}`));
    const desk = await queueOf(2);
    expect(desk.lock?.client.pid).toBe(holder.program.pid);
    expect(desk.lock?.client.name).toMatch(/^python3|pyscard-puppet/);
    expect(desk.queue.map(({ client }) => client.pid)).toEqual([first.program.pid, second.program.pid]);

    expect(await holder.does("end leave")).toBe("00000000");
    await firstHasIt;
    expect((await deskReport()).lock?.client.pid).toBe(first.program.pid);
    expect(await first.does("end leave")).toBe("00000000");
    await secondHasIt;
    expect(order).toEqual(["first 00000000", "second 00000000"]);
  });

  it("is told of a reset that another process made", async () => {
    const [one, other] = [await new Puppet().connects(), await new Puppet().connects()];
    expect(await one.does("begin")).toBe("00000000");
    const waiting = other.does("begin");
    await queueOf(1);
    expect(await one.does("end reset")).toBe("00000000");
    expect(await waiting).toBe("80100068");
    expect(await other.does("status")).toMatch(/^80100068/);
    expect(await other.does("reconnect")).toBe("00000000 2");
    expect(await other.does(`transmit ${SELECT_DEMO}`)).toMatch(/9000$/);
  });

  it("has a process's lock freed and its card reset when it is killed", async () => {
    const [one, other] = [await new Puppet().connects(), await new Puppet().connects()];
    expect(await one.does("begin")).toBe("00000000");
    const waiting = other.does("begin");
    await queueOf(1);
    await one.program.end("SIGKILL");
    expect(await waiting).toBe("80100068");
    expect((await deskReport()).lock).toBeUndefined();
  });

  it("cancels a wait from a thread", async () => {
    const puppet = new Puppet();
    expect(await puppet.does("establish")).toBe("00000000");
    expect(await puppet.does("cancelled")).toBe("80100002 00000000");
  });

  it("is told of a reader that comes or goes", async () => {
    const puppet = new Puppet();
    expect(await puppet.does("establish")).toBe("00000000");
    let told: string | undefined;
    const arrival = puppet.does("arrival").then((result) => {
      told = result;
    });
    // A move before the wait does not count, and its start cannot be observed; so there are several moves.
    for (let guests = 1; told === undefined; guests = 1 - guests) {
      configure(...(guests > 0 ? ["Guest"] : []));
      service.program.signal("SIGHUP");
      await Promise.race([arrival, new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    expect(told).toBe("00000000 0002");
  });
});
