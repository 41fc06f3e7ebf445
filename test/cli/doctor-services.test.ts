// SPDX-License-Identifier: MIT

// What `scard doctor` finds on machines with a real service: stock pcscd in all its states, our daemon, and a service that
// refuses. Only the rest of the machine is made up, so that other programs do not affect the tests.

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { runDoctor } from "../../src/apps/cli/doctor.ts";
import type { Machine } from "../../src/apps/cli/doctor-machine.ts";
import type { Diagnosis } from "../../src/apps/cli/doctor-report.ts";
import { softwareCard } from "../../src/entry/embedded.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { startDaemon } from "../daemon/running.ts";
import { type RestartableService, stockPcscd } from "../pcscd/services.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";
import { fileOf, findingOf, idsOf, machineWithSocket } from "./scripted-machine.ts";

const debian = { texts: { "/etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n' } };
const installed = { ...debian, files: { "/usr/sbin/pcscd": fileOf("file"), "/run/systemd/system": fileOf("folder") } };
const shared = { shareMode: "shared", preferredProtocols: ["t0", "t1"] } as const;

interface Visit {
  readonly code: number;
  readonly json: Diagnosis;
  /** What a person is shown. */
  readonly text: string;
}

async function visit(machine: Machine): Promise<Visit> {
  const forPrograms = new RecordedTerminal();
  const code = await runDoctor({ values: { json: true }, positionals: [] }, forPrograms, machine);
  const forPeople = new RecordedTerminal();
  expect(await runDoctor({ values: {}, positionals: [] }, forPeople, machine)).toBe(code);
  expect(forPrograms.said + forPeople.said).toBe("");
  return { code, json: JSON.parse(forPrograms.printed), text: forPeople.printed };
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-doctor-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a path that no socket can have is told with the limit, and where it comes from", async () => {
  const socket = join(folder, "x".repeat(120));
  const { code, json, text } = await visit(machineWithSocket(socket, debian));
  expect([code, idsOf(json)]).toEqual([1, ["socket-path"]]);
  expect(json.sockets).toMatchObject([{ path: socket, state: "path-too-long", used: false }]);
  expect(findingOf(json, "socket-path").message).toBe(
    `${socket} has ${socket.length} bytes, and a socket's path 107 at most: choose a shorter one.`,
  );
  expect(text).toContain("has more bytes than the path of a socket can have");
});

test("on a machine with nothing: what to install", async () => {
  const socket = join(folder, "nothing.comm");
  const { code, json, text } = await visit(machineWithSocket(socket, debian));
  expect([code, json.healthy, idsOf(json)]).toEqual([1, false, ["service-missing"]]);
  expect(json.manager).toEqual({ kind: "none" });
  expect(json.sockets).toMatchObject([{ path: socket, state: "missing", used: false }]);
  expect(findingOf(json, "service-missing").remedies).toEqual(
    expect.arrayContaining(["apt install pcscd", expect.stringContaining("scard daemon --reader virtual")]),
  );
  expect(text).toContain("pcscd is not installed");
  expect(text).toMatch(/1 thing needs attention\.\n$/);
});

describePeer(pcscdProgram, () => {
  let service: RestartableService | undefined;

  afterEach(async () => {
    await service?.remove();
    service = undefined;
  });

  test("with stock pcscd stopped: how to start it", async () => {
    service = await stockPcscd();
    await service.start();
    await service.kill();
    const { code, json, text } = await visit(machineWithSocket(service.socket, installed));
    expect([code, idsOf(json)]).toEqual([1, ["service-stopped"]]);
    expect(json.sockets).toMatchObject([{ state: "no-listener", used: false, file: { owner: "root", mode: "0666" } }]);
    const { message, remedies } = findingOf(json, "service-stopped");
    expect(message).toContain("nothing listens on it");
    expect(remedies.slice(0, 2)).toEqual([
      "systemctl enable --now pcscd.socket",
      `if pcscd says that the file exists already: rm ${service.socket}`,
    ]);
    expect(text).not.toContain("apt install");
  });

  test("running without readers: plug one in", async () => {
    service = await stockPcscd(false);
    await service.start();
    const { code, json, text } = await visit(machineWithSocket(service.socket, installed));
    expect([code, idsOf(json), json.readers]).toEqual([1, ["no-reader"], []]);
    expect(json.manager).toEqual({ kind: "pcscd", socket: service.socket });
    expect(json.sockets).toMatchObject([
      { state: "answers", used: true, service: "pcscd", protocol: "4:4", releases: "1.8.24 to 2.2.3" },
    ]);
    expect(findingOf(json, "no-reader").remedies).toContain("see whether the machine knows it: lsusb");
    expect(text).toContain("answers: pcscd, protocol 4:4");
    const reader = { id: "072f:90cc", name: "ACS ACR38", driver: undefined };
    const plugged = await visit(machineWithSocket(service.socket, { ...installed, usbReaders: async () => [reader] }));
    expect(idsOf(plugged.json)).toEqual(["reader-unseen"]);
    expect(findingOf(plugged.json, "reader-unseen").remedies[0]).toContain("apt install libccid");
  });

  test("with a reader and a card in it: all is well", async () => {
    service = await stockPcscd();
    await service.start();
    const card = await SoftwareVpcdCard.insert(await softwareCard("demo"), service.port);
    const context = await pcscdManager({ socket: service.socket }).establishContext();
    const [reader = ""] = await context.listReaders();
    const [state] = await context.getStatusChange([{ reader }]);
    if (!state?.flags.present) await context.getStatusChange([{ reader, flags: { empty: true } }]);

    const idle = await visit(machineWithSocket(service.socket, installed));
    expect([idle.code, idle.json.healthy, idsOf(idle.json)]).toEqual([0, true, ["cards-unnamed"]]);
    expect(idle.json.readers).toEqual([
      {
        socket: service.socket,
        name: reader,
        state: expect.arrayContaining(["card present"]),
        atr: expect.stringMatching(/^3B/),
        summary: expect.stringContaining('"scard"'),
      },
      // The driver of vpcd has two slots.
      { socket: service.socket, name: expect.stringMatching(/ 01$/), state: ["empty"] },
    ]);
    expect(idle.text).toMatch(/All is well\.\n$/);

    const connection = await context.connect(reader, shared);
    await connection.beginTransaction();
    const suspect = { pid: 77, name: "firefox" };
    const socketUse = async () => ({ connections: 1, programs: [{ pid: 78, name: "scdaemon" }] });
    const script = { ...installed, libraryUsers: async () => [suspect], socketUse };
    const busy = await visit(machineWithSocket(service.socket, script));
    expect([busy.code, idsOf(busy.json)]).toEqual([0, expect.arrayContaining(["holders-unknown"])]);
    expect(busy.json.readers).toMatchObject([{ state: ["card present", "in use"] }, { state: ["empty"] }]);
    expect(findingOf(busy.json, "holders-unknown").message).toMatch(
      /These are connected to it: scdaemon \(pid 78\)\. These have pcscd's library loaded: firefox \(pid 77\)\.$/,
    );
    expect(findingOf(busy.json, "holders-unknown").remedies).toContain(
      "run scard daemon instead, which reports them: scard who",
    );
    // It was looked at while a transaction ran, and the card is as it was.
    expect(await connection.transmit(Uint8Array.of(0, 0xa4, 0, 0x0c, 2, 0x3f, 0))).toEqual(Uint8Array.of(0x90, 0));
    await context.release();
    await card.remove();
  });
});

test("with our daemon: who holds the card", async () => {
  const socket = join(folder, "ours.comm");
  await startDaemon("--socket", socket, "--reader", "virtual", "--card", "demo");
  const context = await pcscdManager({ socket }).establishContext();
  const connection = await context.connect("Virtual Reader", shared);
  await connection.beginTransaction();
  const { code, json, text } = await visit(machineWithSocket(socket, installed));
  expect([code, idsOf(json)]).toEqual([0, ["cards-unnamed"]]);
  expect(json.sockets).toMatchObject([
    { state: "answers", service: "scard daemon", protocol: "4:6", used: true, tableEntries: 16 },
  ]);
  expect(json.readers).toMatchObject([
    { name: "Virtual Reader", connections: [{ shareMode: "shared", protocol: "t1" }], lock: { depth: 1 }, queue: [] },
  ]);
  expect(text).toMatch(/^ +used by .*, shared, since /m);
  await context.release();
});

/** A service that answers every request for the version with one of its own, and has a table of so many readers. */
async function foreignService(
  name: string,
  minor: number,
  rv: number,
  entries: number,
): Promise<{ socket: string; end(): Promise<void> }> {
  const socket = join(folder, name);
  const sizes: Readonly<Record<number, number>> = { 0x11: 12, 0x01: 12, 0x02: 8 };
  const server = createServer((connection) => {
    let input = Buffer.alloc(0);
    connection.on("error", () => {});
    connection.on("data", (bytes) => {
      input = Buffer.concat([input, bytes]);
      for (;;) {
        const command = input.length < 8 ? undefined : input.readUInt32LE(4);
        const end = 8 + (sizes[command ?? 0] ?? 0);
        if (command === undefined || input.length < end) return;
        const body = Buffer.from(input.subarray(8, end));
        input = input.subarray(end);
        if (command === 0x11) {
          const isSpoken = body.readUInt32LE(4) === minor;
          body.writeUInt32LE(minor, 4);
          body.writeUInt32LE(isSpoken ? 0 : rv, 8);
        } else if (command === 0x01) body.writeUInt32LE(77, 4);
        if (body.length > 0) connection.write(body);
        if (command === 0x12 || command === 0x13) connection.write(Buffer.alloc(184 * entries));
        if (command === 0x14) connection.write(Buffer.alloc(8));
      }
    });
  });
  await new Promise<void>((listening) => server.listen(socket, listening));
  return { socket, end: () => new Promise((closed) => void server.close(() => closed())) };
}

test("with a service of another version: both versions are named", async () => {
  const { end, socket } = await foreignService("xrdp.comm", 3, 0x8010_001e, 16);
  const { code, json, text } = await visit(machineWithSocket(socket, installed));
  await end();
  expect([code, idsOf(json)]).toEqual([1, ["version-mismatch"]]);
  expect(json.sockets).toMatchObject([{ state: "other-version", used: true, error: { code: "service-stopped" } }]);
  const { message } = findingOf(json, "version-mismatch");
  expect(message).toContain("speaks protocol 4:3. scard speaks 4:4, 4:5, 4:6, which is pcsc-lite 1.8.24 to 2.2.3");
  expect(text).toContain("speaks another version of the protocol");
});

test("with a service built for 48 readers: programs that expect 16 are warned of", async () => {
  const { end, socket } = await foreignService("fedora.comm", 4, 0x8010_001e, 48);
  const clientLibrary = async () => ({ path: "/app/lib/libpcsclite.so.1", tableEntries: 16 });
  const { json } = await visit(machineWithSocket(socket, { ...installed, clientLibrary }));
  await end();
  expect(json.sockets).toMatchObject([{ state: "answers", protocol: "4:4", tableEntries: 48 }]);
  expect(findingOf(json, "reader-table-size").message).toContain("was built for 16 readers, and pcscd on");
});

test("with access denied by the service: the rule that allows it", async () => {
  const socket = join(folder, "polkit.comm");
  // As pcscd does where polkit says no: it accepts, and hangs up without a word.
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((listening) => server.listen(socket, listening));
  const polkit = { "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy": fileOf("file") };
  const machine = machineWithSocket(socket, { ...installed, files: { ...installed.files, ...polkit } });
  const { code, json, text } = await visit({ ...machine, environment: { SSH_CONNECTION: "10.0.0.1 1 10.0.0.2 22" } });
  await new Promise((closed) => server.close(closed));
  expect([code, idsOf(json)]).toEqual([1, ["service-refuses"]]);
  expect(json.sockets).toMatchObject([{ state: "refused", used: true, error: { code: "security-violation" } }]);
  const { example, message } = findingOf(json, "service-refuses");
  expect(message).toContain("refuses ada. It asks polkit about every client; you came in by ssh");
  expect(example?.path).toBe("/etc/polkit-1/rules.d/50-pcscd.rules");
  expect(example?.text).toContain('if (subject.user === "ada") return polkit.Result.YES;');
  expect(text).toContain('action.id === "org.debian.pcsc-lite.access_card"');
});
