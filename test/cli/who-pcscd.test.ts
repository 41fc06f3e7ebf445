// SPDX-License-Identifier: MIT

import { describe, expect, test, vi } from "vitest";
import { thisMachine } from "../../src/apps/cli/doctor-probes.ts";
import { socketUseIn } from "../../src/apps/cli/doctor-surfaces.ts";
import { painter } from "../../src/apps/cli/terminal.ts";
import { describeUse, findUse, type UseMachine } from "../../src/apps/cli/who-pcscd.ts";
import { world } from "../manager/world.ts";
import { stockPcscd } from "../pcscd/services.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";
import { answering, failing, SOCKET_PATH, scriptedMachine } from "./scripted-machine.ts";

const plain = painter(false);
const mail = { pid: 7, name: "mail" };

function machine(script: Parameters<typeof scriptedMachine>[0]): UseMachine {
  return { ...scriptedMachine(script), pid: 1 };
}

describe("scard who over a service that does not tell", () => {
  test("shows readers, programs and connections", async () => {
    const { manager, connect, name } = await world();
    await connect("other", "exclusive");
    const use = await findUse(
      machine({
        service: () => answering(manager),
        socketUse: async () => ({
          connections: 2,
          programs: [mail, { pid: 9, name: "pcscd" }, { pid: 1, name: "node" }],
        }),
        libraryUsers: async () => [mail, { pid: 8, name: "scan\u001b[31m" }, { pid: 9, name: "pcscd" }],
      }),
    );
    expect(use).toMatchObject({
      service: { kind: "pcscd", socket: SOCKET_PATH, version: "4:4", connections: 2 },
      readers: [{ name, state: ["card present", "exclusive"], summary: expect.stringContaining("contactless") }],
      programs: [
        { ...mail, connected: true },
        { pid: 8, connected: false },
      ],
    });
    if (use === undefined) throw new Error("there is no use");
    const lines = describeUse(use, false, plain);
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^${name} {2}card present, exclusive {2}contactless processor card`)),
      "",
      "programs that may use the readers",
      "  mail (pid 7)  is connected to the service",
      "  scan\\u{1b}[31m (pid 8)  has the client library loaded",
      "  programs of other users are not shown: ask as root",
      "",
      `pcscd on ${SOCKET_PATH}, protocol 4:4 (pcsc-lite 1.8.24 to 2.2.3), 2 client connections. ` +
        "pcscd does not report which program uses which reader.",
    ]);
    expect(lines.join()).not.toContain("scard daemon");
  });

  test("says so where nothing is in use, and nothing can be seen", async () => {
    const { manager } = await world();
    const use = await findUse(machine({ service: () => answering(manager) }));
    if (use === undefined) throw new Error("there is no use");
    expect(describeUse(use, true, plain).slice(1)).toEqual([
      "",
      "no program that uses the service can be seen",
      "",
      `pcscd on ${SOCKET_PATH}, protocol 4:4 (pcsc-lite 1.8.24 to 2.2.3). No reader is in use.`,
    ]);
  });

  test("finds none where nothing listens, and tells what a service that is there refuses with", async () => {
    expect(await findUse(machine({}))).toBeUndefined();
    const refused = machine({ service: () => failing("security-violation", "not you") });
    await expect(findUse(refused)).rejects.toMatchObject({ code: "security-violation" });
  });
});

describe("the connections of a socket", () => {
  const at = "/run/pcscd/pcscd.comm";
  const table = [
    "Num       RefCount Protocol Flags    Type St Inode Path",
    `0000000000000000: 00000002 00000000 00010000 0001 01 10 ${at}`,
    `0000000000000000: 00000003 00000000 00000000 0001 03 11 ${at}`,
    `0000000000000000: 00000003 00000000 00000000 0001 03 12 ${at}`,
    `0000000000000000: 00000003 00000000 00000000 0001 03 13 ${at}`,
    `0000000000000000: 00000003 00000000 00000000 0001 03 14 ${at}.control`,
    "0000000000000000: 00000003 00000000 00000000 0001 03 21",
  ].join("\n");
  const list = [
    `u_str LISTEN 0 4096 ${at} 10 * 0 users:(("pcscd",pid=2,fd=3))`,
    `u_str ESTAB 0 0 ${at} 11 * 21 users:(("pcscd",pid=2,fd=4))`,
    `u_str ESTAB 0      0      ${at} 12 * 22 users:(("pcscd",pid=2,fd=5))`,
    `u_str ESTAB 0 0 ${at} 13 * 23 `,
    `u_str ESTAB 0 0 ${at}.control 14 * 24 `,
    'u_str ESTAB 0 0 * 21 * 11 users:(("mail (old)",pid=7,fd=3),("mail",pid=8,fd=3)) ',
    'u_str ESTAB 0 0 * 22 * 12 users:(("node",pid=99,fd=20))',
    "u_str ESTAB 0 0 * 23 * 13",
    'u_str ESTAB 0 0 * 24 * 14 users:(("wrong",pid=5,fd=1))',
  ].join("\n");

  test("are counted without our own, and their programs are named", () => {
    expect(socketUseIn(table, list, at, 99)).toEqual({
      connections: 2,
      programs: [
        { pid: 7, name: "mail (old)" },
        { pid: 8, name: "mail" },
      ],
    });
  });

  test("are counted where ss is not there", () => {
    expect(socketUseIn(table, "", at, 99)).toEqual({ connections: 3, programs: [] });
    expect(socketUseIn(table.split("\n").slice(0, 2).join("\n"), "", at, 99)).toEqual({ connections: 0, programs: [] });
  });

  test("are unknown where the system has no such socket: it is in a container, or was bound by another name", () => {
    expect(socketUseIn(table, list, "/var/run/pcscd/pcscd.comm", 99)).toBeUndefined();
    expect(socketUseIn("", "", at, 99)).toBeUndefined();
  });
});

describePeer(pcscdProgram, () => {
  test("a program on stock pcscd is seen", async () => {
    const service = await stockPcscd();
    await service.start();
    const scan = new Program("pcsc_scan", ["-n"], { ...process.env, PCSCLITE_CSOCK_NAME: service.socket });
    try {
      const places = [{ path: service.socket, origin: "PCSCLITE_CSOCK_NAME", considered: true }] as const;
      const { libraryUsers, service: open, socketUse } = thisMachine({});
      // It was bound in a mount of its own, where its name is the usual one.
      const seen: UseMachine = {
        sockets: places,
        service: open,
        libraryUsers,
        socketUse: () => socketUse(SOCKET_PATH),
        pid: process.pid,
      };
      await vi.waitUntil(
        async () => {
          const use = await findUse(seen);
          return use?.programs.some(
            ({ name, connected, pid }) => name === "pcsc_scan" && pid === scan.pid && connected,
          );
        },
        { timeout: 120_000, interval: 100 },
      );
    } finally {
      await scan.end("SIGKILL");
      await service.remove();
    }
  });
});
