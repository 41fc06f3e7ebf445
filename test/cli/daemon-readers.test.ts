// SPDX-License-Identifier: MIT

// The hands of a daemon's virtual readers, and what a program is told that waits for a card, in real processes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { scard, scardProgram, startDaemon, testFolder } from "../daemon/running.ts";
import { Program } from "../peers/program.ts";

/** Starts a daemon with one reader that has a card, and an empty one. */
async function started(): Promise<{ socket: string; control: string }> {
  const socket = join(testFolder(), "comm");
  await startDaemon("--socket", socket, "--reader", "virtual:Desk", "--card", "demo", "--reader", "virtual:Door");
  return { socket, control: `${socket}.control` };
}

describe("scard release, claim and readers --usb", () => {
  it("say that a daemon with other readers has none on USB", async () => {
    const { control, socket } = await started();
    for (const command of ["release", "claim"]) {
      const { status, stderr } = await scard(command, "Desk", "--control", control);
      expect([status, stderr.split("\n")[0]]).toEqual([
        1,
        "scard: SCARD_E_UNKNOWN_READER: the daemon knows no USB reader: the daemon has no USB readers configured",
      ]);
      expect((await scard(command, "--control", control)).status).toBe(2);
    }
    expect((await scard("readers", "--usb", "--long")).status).toBe(2);
    const listed = await scard("readers", "--usb", "--json");
    expect(listed.status).toBe(0);
    expect(JSON.parse(listed.stdout)).toMatchObject({ interfaces: expect.any(Array) });
    expect(socket).toMatch(/comm$/);
  });

  it("on a machine without readers the daemon starts without any configured, and says so", async () => {
    const socket = join(testFolder(), "comm");
    const { ready } = await startDaemon("--socket", socket);
    expect(ready).toContain(socket);
    const listed = await scard("readers", "--manager", `daemon:${socket}`, "--json");
    expect(listed.status).toBe(0);
  });
});

describe("scard doctor --fix-udev", () => {
  it("prints the rule that the package has", async () => {
    const rule = readFileSync(new URL("../../udev/70-scard.rules", import.meta.url), "utf8");
    expect((await scard("doctor", "--fix-udev")).stdout).toBe(rule);
    const { stdout } = await scard("doctor", "--fix-udev", "--json");
    expect(JSON.parse(stdout)).toEqual({ path: "/etc/udev/rules.d/70-scard.rules", rule });
  });
});

describe("scard insert, eject and remove", () => {
  it("move cards of the daemon's virtual readers", async () => {
    const { control, socket } = await started();
    const manager = pcscdManager({ socket });
    const context = await manager.establishContext();
    const isPresent = async (reader: string): Promise<boolean> => {
      return (await context.getStatusChange([{ reader }]))[0]?.flags.present ?? false;
    };
    expect(await scard("eject", "desk", "--control", control)).toMatchObject({
      status: 0,
      stdout: "Desk: card ejected\n",
      stderr: "",
    });
    expect(await isPresent("Desk")).toBe(false);
    expect(await scard("insert", "1", "demo", "--control", control, "--json")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('"done": "insert"'),
    });
    expect(await isPresent("Door")).toBe(true);
    expect(await scard("remove", "Door", "--control", control)).toMatchObject({
      status: 0,
      stdout: "Door: card removed\n",
    });
    expect(await isPresent("Door")).toBe(false);
    await context.release();
  });

  it("say what is wrong", async () => {
    const { control, socket } = await started();
    const say = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await scard(...args, "--control", control);
      return `${status} ${stderr.split("\n")[0]}`;
    };
    expect(await say("eject", "Door")).toMatch(/^1 scard: SCARD_E_NO_SMARTCARD: there is no card in the reader/);
    expect(await say("remove", "Door")).toMatch(/^1 scard: SCARD_E_NO_SMARTCARD: there is no card in the reader/);
    expect(await say("remove", "D")).toMatch(/^1 .*argument 1 fits 2 of the readers: 0 "Desk", 1 "Door"/);
    expect(await say("remove", "Lab")).toMatch(/^1 .*argument 1 fits none of the readers: 0 "Desk", 1 "Door"/);
    expect(await say("insert", "Desk")).toBe("2 scard: a reader and a card are needed");
    expect(await say("insert", "Desk", "/no/such/card")).toMatch(/^1 .*\/no\/such\/card cannot be read/);
    expect(await say("eject")).toBe("2 scard: one reader is needed");
    const context = await pcscdManager({ socket }).establishContext();
    const connection = await context.connect("Desk", { shareMode: "exclusive", preferredProtocols: ["t1"] });
    expect(await say("eject", "Desk")).toMatch(/^1 scard: SCARD_E_SHARING_VIOLATION: /);
    await connection.disconnect("leave");
    await context.release();
  });
});

describe("scard apdu behind a transaction", () => {
  it("says who holds the card, and goes on when it is free", async () => {
    const { socket } = await started();
    const context = await pcscdManager({ socket }).establishContext();
    const connection = await context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] });
    await connection.beginTransaction();
    const args = ["apdu", "--manager", `pcscd:${socket}`, "--reader", "Desk", "00A4000C023F00"];
    const waiting = new Program("sh", ["-c", 'exec "$@" 2>&1', "sh", process.execPath, scardProgram, ...args]);
    const notice = await waiting.line((line) => line.startsWith("waiting"));
    expect(notice).toMatch(/^waiting for the card in "Desk": .*\(pid \d+\) is in a transaction since/);
    await connection.endTransaction("leave");
    expect((await waiting.ended).status).toBe(0);
    await context.release();
  });

  it("gives up after --timeout", async () => {
    const { socket } = await started();
    const context = await pcscdManager({ socket }).establishContext();
    const connection = await context.connect("Desk", { shareMode: "shared", preferredProtocols: ["t1"] });
    await connection.beginTransaction();
    const manager = ["--manager", `pcscd:${socket}`, "--reader", "Desk"];
    const { status, stderr, stdout } = await scard("apdu", ...manager, "--timeout", "0.2", "00A4000C023F00");
    expect([status, stdout, stderr]).toEqual([1, "", expect.stringMatching(/^scard: SCARD_E_TIMEOUT: /m)]);
    await context.release();
  });
});
