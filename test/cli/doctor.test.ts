// SPDX-License-Identifier: MIT

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { diagnose } from "../../src/apps/cli/doctor.ts";
import { socketPlaces, thisMachine } from "../../src/apps/cli/doctor-probes.ts";
import type { Diagnosis } from "../../src/apps/cli/doctor-report.ts";
import { surfacesOf } from "../../src/apps/cli/doctor-surfaces.ts";
import { describeDiagnosis } from "../../src/apps/cli/doctor-text.ts";
import { runProgram } from "../../src/apps/cli/program.ts";
import { painter } from "../../src/apps/cli/terminal.ts";
import { SmartCardError } from "../../src/port/index.ts";
import { SimulatedRuntime } from "../../src/testing/runtime/index.ts";
import { settle, world } from "../manager/world.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";
import {
  answering,
  failing,
  fileOf,
  findingOf,
  idsOf,
  type Script,
  SOCKET_PATH,
  scriptedMachine,
} from "./scripted-machine.ts";

const named = (): string[] => ["Test card"];

function visit(script: Script = {}): Promise<Diagnosis> {
  return diagnose(scriptedMachine(script), named);
}

/** A machine on which all is well: pcscd with a reader and a card. */
async function healthy(script: Script = {}): Promise<Script> {
  const { manager } = await world();
  const files = { [SOCKET_PATH]: fileOf("socket", 0o666), ...script.files };
  return { service: () => answering(manager), ...script, files };
}

describe("the runtime and its packages", () => {
  it("are told, and what is missing is no fault where it is not needed", async () => {
    const script = await healthy({
      packageVersion: async () => undefined,
      sqlite: async () => new SmartCardError("unsupported-feature", "no SQLite"),
    });
    const found = await visit(script);
    expect([found.healthy, idsOf(found)]).toEqual([true, ["koffi-missing", "sqlite-missing"]]);
    expect(found.packages).toEqual([
      { name: "koffi", purpose: expect.any(String) },
      { name: "libsql", purpose: expect.any(String) },
      { name: "usb", purpose: expect.any(String) },
    ]);
    expect(findingOf(found, "koffi-missing").remedies).toEqual(["npm install @koromix/koffi-linux-x64"]);
  });

  it("has koffi as the package for the machine, or as koffi itself", async () => {
    for (const installed of ["@koromix/koffi-linux-x64", "koffi"]) {
      const packageVersion = async (name: string): Promise<string | undefined> =>
        name === installed ? "3.3.4" : undefined;
      const found = await visit(await healthy({ packageVersion }));
      expect(found.packages).toContainEqual({ name: "koffi", version: "3.3.4", purpose: expect.any(String) });
      expect(idsOf(found)).not.toContain("koffi-missing");
    }
  });

  it("are a fault where nothing goes without", async () => {
    const found = await visit({ platform: "darwin", sockets: [], packageVersion: async () => undefined });
    expect(findingOf(found, "koffi-missing").level).toBe("problem");
    expect(idsOf(await visit(await healthy({ nodeVersion: "20.18.3" })))).toEqual(["runtime-too-old"]);
    expect((await visit(await healthy({ nodeVersion: "20.19.0" }))).runtime.supported).toBe(true);
  });
});

describe("which manager is configured", () => {
  it("is what SCARD_MANAGER says", async () => {
    const senseless = await visit({ environment: { SCARD_MANAGER: "usb" } });
    expect(findingOf(senseless, "manager-senseless").message).toContain('"usb" describes no manager');
    expect(senseless.manager).toEqual({ kind: "none", spec: "usb" });
    const embedded = await visit({ environment: { SCARD_MANAGER: "embedded:virtual" }, sockets: [] });
    expect([embedded.healthy, idsOf(embedded)]).toEqual([true, ["manager-embedded"]]);
    const { manager } = await world();
    const system = await visit({ environment: { SCARD_MANAGER: "system" }, sockets: [], system: async () => manager });
    expect([system.healthy, system.manager]).toEqual([true, { kind: "system", spec: "system" }]);
    expect(system.readers).toMatchObject([
      { name: "Reader", state: expect.arrayContaining(["card present"]), cards: named() },
    ]);
  });

  it("is the system's own on Windows", async () => {
    const found = await visit({ platform: "win32", sockets: [], user: undefined });
    expect([found.manager, idsOf(found)]).toEqual([{ kind: "none" }, ["subsystem-failed"]]);
    expect(findingOf(found, "subsystem-failed").remedies[0]).toContain("plug a reader in");
  });

  it("names the sockets that count, and those that are only looked at", () => {
    const uid = 1000;
    const surroundings = { platform: "linux", uid } as const;
    const XDG_RUNTIME_DIR = "/run/user/1000";
    const own = "/run/user/1000/scard/pcscd.comm";
    const places = (environment: Record<string, string>) =>
      socketPlaces({ ...surroundings, environment: { XDG_RUNTIME_DIR, ...environment } })
        .filter(({ path }) => !path.startsWith("/var"))
        .map(({ considered, origin, path }) => [path, origin, considered]);
    expect(places({})).toEqual([
      [SOCKET_PATH, "system", true],
      [own, "own", true],
    ]);
    expect(places({ PCSCLITE_CSOCK_NAME: "/tmp/here" })).toEqual([
      ["/tmp/here", "PCSCLITE_CSOCK_NAME", true],
      [SOCKET_PATH, "system", false],
      [own, "own", false],
    ]);
    expect(places({ SCARD_MANAGER: "pcscd:/tmp/there" })[0]).toEqual(["/tmp/there", "SCARD_MANAGER", true]);
    expect(places({ SCARD_MANAGER: "daemon" })).toEqual([
      [own, "own", true],
      [SOCKET_PATH, "system", true],
    ]);
    expect(places({ SCARD_MANAGER: "embedded" }).map(([, , considered]) => considered)).toEqual([false, false]);
    expect(socketPlaces({ environment: {}, platform: "win32", uid: 0 })).toEqual([]);
  });
});

describe("a socket that is not open to the user", () => {
  const denied = { service: () => failing("no-access", "it is not open") };

  it("is a matter of its group, where that may write", async () => {
    const found = await visit({ ...denied, files: { [SOCKET_PATH]: fileOf("socket", 0o660, "scard") } });
    expect([found.manager.kind, idsOf(found)]).toEqual(["none", ["socket-denied"]]);
    expect(found.sockets[0]).toMatchObject({ state: "access-denied", file: { group: "scard", mode: "0660" } });
    const { example, message, remedies } = findingOf(found, "socket-denied");
    expect(message).toContain("it belongs to root, group scard, with permissions 0660");
    expect(remedies[0]).toBe("join the group: usermod -aG scard ada; then log in again");
    expect(example?.text).toBe("[Socket]\nSocketMode=0666\n");
  });

  it("is a matter of its permissions, where the group may not, or the user is in it", async () => {
    const closed = await visit({ ...denied, files: { [SOCKET_PATH]: fileOf("socket", 0o600) } });
    expect(findingOf(closed, "socket-denied").remedies[0]).toContain("systemctl edit pcscd.socket");
    const member = await visit({ ...denied, files: { [SOCKET_PATH]: fileOf("socket", 0o660, "users") } });
    expect(findingOf(member, "socket-denied").remedies[0]).toContain("security module");
  });

  it("is a matter of its folder, where that cannot be looked into", async () => {
    const found = await visit({ ...denied, files: { [SOCKET_PATH]: "denied" } });
    expect(findingOf(found, "socket-denied").remedies[0]).toBe(`list the permissions: namei -l ${SOCKET_PATH}`);
  });
});

describe("a service", () => {
  it("may be busy, or something else", async () => {
    const files = { [SOCKET_PATH]: fileOf("socket") };
    expect(idsOf(await visit({ files, service: () => failing("server-too-busy", "200") }))).toEqual(["service-busy"]);
    const other = await visit({ files, service: () => failing("comm-error", "it speaks HTTP") });
    expect(findingOf(other, "service-stuck").message).toContain("it speaks HTTP");
  });

  it("that was built for another number of readers than the library is named as the cause", async () => {
    const path = "/usr/lib64/libpcsclite.so.1";
    const script = async (sends: number, expects: number | undefined) => {
      const { manager } = await world();
      const probe = async () => ({ version: "4:4", releases: "1.8.24 to 2.2.3", tableEntries: sends }) as const;
      const clientLibrary = async () => ({ path, tableEntries: expects });
      return healthy({ service: () => ({ ...answering(manager), probe }), clientLibrary });
    };
    const differ = await visit(await script(16, 48));
    expect([differ.healthy, idsOf(differ)[0]]).toEqual([false, "reader-table-size"]);
    expect(differ.sockets[0]?.tableEntries).toBe(16);
    expect(findingOf(differ, "reader-table-size").message).toContain(
      `${path} was built for 48 readers, and pcscd on ${SOCKET_PATH} sends a table of 16. Programs on that library hang`,
    );
    const alike = await visit(await script(48, 48));
    expect(findingOf(alike, "reader-table-size")).toMatchObject({ level: "note" });
    expect(findingOf(alike, "reader-table-size").message).toContain("Flatpak");
    for (const entries of [16, undefined])
      expect(idsOf(await visit(await script(16, entries)))).not.toContain("reader-table-size");
    const { manager } = await world();
    const newest = await healthy({ service: () => answering(manager) });
    expect(idsOf(await visit(newest))).not.toContain("reader-table-size");
  });

  it("that does not answer is waited for so long and no longer", async () => {
    const runtime = new SimulatedRuntime({ settle });
    const never = new Promise<never>(() => {});
    const { manager } = await world();
    const stuck = { ...answering(manager), probe: () => never };
    const late = { ...answering(manager), establishContext: () => never };
    const files = { [SOCKET_PATH]: fileOf("socket"), "/tmp/late": fileOf("socket", 0o600) };
    const sockets = [
      { path: SOCKET_PATH, origin: "system", considered: true },
      { path: "/tmp/late", origin: "own", considered: true },
    ] as const;
    const service = (path: string) => (path === SOCKET_PATH ? stuck : late);
    const visiting = visit({ clock: runtime.clock, files, sockets, service, usbReaders: () => never });
    await runtime.advance(20_000);
    const found = await visiting;
    expect(found.sockets.map(({ state }) => state)).toEqual(["no-answer", "answers"]);
    expect(idsOf(found)).toEqual(["service-stuck", "readers-unknown"]);
    expect(runtime.pendingTimers).toEqual([]);
  });

  it("elsewhere than where the variable points is told of", async () => {
    const { manager } = await world();
    const sockets = [
      { path: "/tmp/gone", origin: "PCSCLITE_CSOCK_NAME", considered: true },
      { path: SOCKET_PATH, origin: "system", considered: false },
    ] as const;
    const files = { [SOCKET_PATH]: fileOf("socket") };
    const found = await visit({ sockets, files, service: () => answering(manager) });
    expect(idsOf(found)).toEqual(["socket-elsewhere"]);
    expect(findingOf(found, "socket-elsewhere").remedies[0]).toContain("unset PCSCLITE_CSOCK_NAME");
  });

  it("that has left its socket beside the one in use is reported, and so is a file that is not a socket", async () => {
    const { manager } = await world();
    const sockets = [
      { path: SOCKET_PATH, origin: "system", considered: true },
      { path: "/tmp/own", origin: "own", considered: true },
    ] as const;
    const files = { [SOCKET_PATH]: fileOf("socket"), "/tmp/own": fileOf("socket", 0o666) };
    const gone = failing("no-service", "nothing listens");
    const service = (path: string) => (path === SOCKET_PATH ? gone : answering(manager));
    const found = await visit({ sockets, files, service });
    expect([found.manager.socket, idsOf(found)]).toEqual(["/tmp/own", ["socket-stale"]]);
    expect(findingOf(found, "socket-stale").remedies[0]).toBe(`rm ${SOCKET_PATH}`);
    const wrong = { path: "/tmp/wrong", origin: "PCSCLITE_CSOCK_NAME", considered: true } as const;
    for (const wrongFiles of [{}, { "/tmp/wrong": fileOf("file") }]) {
      const named = await visit({ sockets: [wrong], files: wrongFiles });
      expect(findingOf(named, "service-missing").remedies[0]).toContain(
        "PCSCLITE_CSOCK_NAME names that path: correct it",
      );
    }
    const plain = await visit({ files: { [SOCKET_PATH]: fileOf("file") } });
    expect(findingOf(plain, "service-missing").remedies.join()).not.toContain("unset");
    expect(findingOf(plain, "service-missing").message).toContain("is no socket");
  });

  it("is told once where two paths lead to it", async () => {
    const again = { path: "/var/run/pcscd/pcscd.comm", origin: "system", considered: true } as const;
    const socket = fileOf("socket");
    const script = await healthy({ files: { [SOCKET_PATH]: socket, [again.path]: socket } });
    const found = await visit({ ...script, sockets: [{ ...again, path: SOCKET_PATH }, again] });
    expect(found.sockets.map(({ path }) => path)).toEqual([SOCKET_PATH]);
  });

  it("is the host's to have, for a container", async () => {
    const found = await visit({ files: { "/.dockerenv": fileOf("file") } });
    expect(findingOf(found, "service-missing").remedies[0]).toContain("docker run --volume /run/pcscd:/run/pcscd");
  });
});

describe("readers and cards", () => {
  it("an empty reader is nothing to be attended to, a card that does not answer is", async () => {
    const { manager, reader } = await world({ empty: true });
    const files = { [SOCKET_PATH]: fileOf("socket") };
    const empty = await visit({ files, service: () => answering(manager) });
    expect([empty.healthy, idsOf(empty)]).toEqual([true, ["no-card"]]);
    reader.insert({ reset: () => new Uint8Array(), powerOff: () => {}, process: () => new Uint8Array() });
    await settle();
    const mute = await visit({ files, service: () => answering(manager) });
    expect([mute.healthy, idsOf(mute)]).toEqual([false, ["card-mute"]]);
    expect(mute.readers).toMatchObject([{ state: expect.arrayContaining(["mute"]) }]);
  });

  it("a program that keeps a card locked is named, where the service tells", async () => {
    const { manager, name } = await world();
    const client = { name: "mail", pid: 7 };
    const lock = { client, heldMs: 90_000, depth: 1, lastExchangeMs: 60_000 };
    const connections = [{ client, shareMode: "shared", protocol: "t1", connectedMs: 91_000 }] as const;
    const card = { atr: "3B8180018080", powered: true, mute: false, protocol: "t1" } as const;
    const reader = { name, id: "r", eventCount: 1, card, connections, lock, queue: [] };
    const daemon = { pid: 1, profile: "pcsclite", runningMs: 1, knowsClients: true, sessions: 1 };
    const script = await healthy({
      service: () => answering(manager),
      who: async () => ({ daemon, readers: [reader], clients: [] }),
    });
    const found = await visit(script);
    expect(idsOf(found)).toEqual(["card-locked"]);
    expect(findingOf(found, "card-locked").message).toContain('mail (pid 7) has locked "Reader" for 90.0 s');
    const text = describeDiagnosis(found, painter(false)).join("\n");
    expect(text).toContain("used by mail (pid 7), shared, since 91.0 s");
    expect(text).toContain(": scard daemon, protocol 4:4");
    expect(text).toContain("Test card");
  });

  it("a vpcd reader that every program can plug into is warned of, and no other", async () => {
    const { manager, name } = await world();
    const card = { atr: "3B8180018080", powered: true, mute: false, protocol: "t1" } as const;
    const daemon = { pid: 1, profile: "pcsclite", runningMs: 1, knowsClients: true, sessions: 1 };
    const visitWith = async (open: boolean): Promise<Diagnosis> => {
      const door = { at: "127.0.0.1:35963", open };
      const reader = { name, id: "r", eventCount: 1, card, connections: [], lock: undefined, queue: [], door };
      const who = async () => ({ daemon, readers: [reader], clients: [] });
      return visit(await healthy({ service: () => answering(manager), who }));
    };
    expect(idsOf(await visitWith(false))).toEqual([]);
    const found = await visitWith(true);
    expect([found.healthy, idsOf(found)]).toEqual([false, ["card-door-open"]]);
    const { message, remedies } = findingOf(found, "card-door-open");
    expect(message).toMatch(/reaches 127\.0\.0\.1:35963 can be the card in "Reader", and see the PINs/);
    expect(remedies).toEqual([expect.stringContaining('"access"'), expect.stringContaining("Unix socket")]);
  });
});

describe("what is known to get in the way", () => {
  const scdaemon = { pid: 5, name: "scdaemon" };

  it("GnuPG's own driver, unless it is turned off", async () => {
    const processes = async () => [scdaemon];
    const environment = { HOME: "/home/ada" };
    const found = await visit(await healthy({ processes, environment }));
    expect([found.healthy, idsOf(found)]).toEqual([false, ["scdaemon"]]);
    expect(findingOf(found, "scdaemon").example?.text).toBe("disable-ccid\npcsc-shared\n");
    const texts = { "/home/ada/.gnupg/scdaemon.conf": "# mine\ndisable-ccid\n" };
    expect(idsOf(await visit(await healthy({ processes, environment, texts })))).toEqual([]);
    const commented = { "/home/ada/.gnupg/scdaemon.conf": "# disable-ccid\n" };
    expect(idsOf(await visit(await healthy({ processes, environment, texts: commented })))).toEqual(["scdaemon"]);
  });

  it("ModemManager, where there are serial ports that it could take for modems", async () => {
    const processes = async () => [{ pid: 6, name: "ModemManager" }];
    expect(idsOf(await visit(await healthy({ processes })))).toEqual([]);
    const found = await visit(await healthy({ processes, serialPorts: async () => ["ttyACM0"] }));
    expect(findingOf(found, "modem-manager").message).toContain("ttyACM0");
    expect(findingOf(found, "modem-manager").example?.text).toContain("ID_MM_DEVICE_IGNORE");
  });

  it("a second pcscd, and a driver of the kernel", async () => {
    const processes = async () => [1, 2].map((pid) => ({ pid, name: "pcscd" }));
    expect(findingOf(await visit(await healthy({ processes })), "second-pcscd").message).toContain("pid 1, 2");
    const taken = { id: "072f:2200", name: "ACS ACR122U", driver: "pn533_usb" };
    const found = await visit(await healthy({ usbReaders: async () => [taken, { ...taken, driver: "usbfs" }] }));
    expect(idsOf(found)).toEqual(["reader-taken"]);
    expect(findingOf(found, "reader-taken").example?.text).toBe("blacklist pn533_usb\n");
  });
});

describe("what is seen of a machine's files", () => {
  let root = "";
  afterEach(() => rmSync(root, { recursive: true }));

  function fill(files: Readonly<Record<string, string>>): ReturnType<typeof surfacesOf> {
    root = mkdtempSync(join(tmpdir(), "scard-surfaces-"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return surfacesOf(root, "linux");
  }

  it("processes, and those that have pcscd's library", async () => {
    const seen = fill({
      "proc/12/comm": "firefox\n",
      "proc/12/maps": "7f00 r-xp /usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0\n",
      "proc/7/comm": "pcscd\n",
      "proc/7/maps": "7f00 r-xp /usr/sbin/pcscd\n",
      "proc/uptime": "1 1\n",
    });
    expect(new Set(await seen.processes())).toEqual(
      new Set([
        { pid: 12, name: "firefox" },
        { pid: 7, name: "pcscd" },
      ]),
    );
    expect(await seen.libraryUsers()).toEqual([{ pid: 12, name: "firefox" }]);
  });

  it("readers on USB, by the class of an interface or by the driver that has them", async () => {
    const device = { idVendor: "072f\n", idProduct: "90cc\n", manufacturer: "ACS\n", product: "ACR38\n" };
    const files = (name: string, kind: string) => ({
      ...Object.fromEntries(
        Object.entries(device).map(([file, text]) => [`sys/bus/usb/devices/${name}/${file}`, text]),
      ),
      [`sys/bus/usb/devices/${name}:1.0/bInterfaceClass`]: kind,
    });
    const seen = fill({
      ...files("1-1", "0b\n"),
      ...files("1-2", "ff\n"),
      ...files("1-3", "03\n"),
      "drivers/pn533_usb/x": "",
    });
    symlinkSync(join(root, "drivers/pn533_usb"), join(root, "sys/bus/usb/devices/1-2:1.0/driver"));
    const reader = { id: "072f:90cc", name: "ACS ACR38" };
    expect(await seen.usbReaders()).toEqual([
      { ...reader, driver: undefined },
      { ...reader, driver: "pn533_usb" },
    ]);
  });

  it("the library of pcsc-lite, the real one before the one that leads to it", async () => {
    const seen = fill({ "usr/lib/x86_64-linux-gnu/libpcsclite.so.1": "no library" });
    expect(await seen.clientLibrary()).toBeUndefined();
    const system = await surfacesOf("/").clientLibrary();
    // Where this machine has one, it is Debian's.
    expect(system === undefined || system.tableEntries === undefined || system.tableEntries >= 1).toBe(true);
  });

  it("serial ports on USB, and texts and files that are there or not", async () => {
    const seen = fill({
      "sys/class/tty/ttyACM0/dev": "",
      "sys/class/tty/tty1/dev": "",
      "etc/passwd": `ada:x:${process.getuid?.() ?? 0}:0::/:/bin/sh\n`,
      "etc/os-release": "ID=debian\n",
    });
    expect(await seen.serialPorts()).toEqual(["ttyACM0"]);
    expect(await seen.readText("/etc/os-release")).toBe("ID=debian\n");
    expect(await seen.readText("/etc/nothing")).toBeUndefined();
    expect(await seen.file("/etc/os-release")).toMatchObject({ kind: "file", owner: "ada" });
    expect(await seen.file("/etc")).toMatchObject({ kind: "folder" });
    expect(await seen.file("/etc/nothing")).toBeUndefined();
  });

  it("nothing, where there is nothing", async () => {
    const seen = fill({});
    const all = [seen.processes(), seen.libraryUsers(), seen.usbReaders(), seen.serialPorts()];
    expect(await Promise.all(all)).toEqual([[], [], [], []]);
  });
});

describe("the command", () => {
  it("runs on this machine, and its exit code agrees with its report", async () => {
    const terminal = new RecordedTerminal({ environment: { PCSCLITE_CSOCK_NAME: "/nonexistent/pcscd.comm" } });
    const code = await runProgram(["doctor", "--json"], terminal);
    const report: Diagnosis = JSON.parse(terminal.printed);
    expect(report).toMatchObject({ version: 1, runtime: { version: process.versions.node, supported: true } });
    expect(code).toBe(report.healthy ? 0 : 1);
  });

  it("finds the packages that are installed here", async () => {
    const { packageVersion } = thisMachine({});
    expect(await packageVersion("pino")).toMatch(/^\d+\.\d+/);
    expect(await packageVersion("no-such-package")).toBeUndefined();
  });

  it("takes no argument", async () => {
    const terminal = new RecordedTerminal();
    expect(await runProgram(["doctor", "me"], terminal)).toBe(2);
    expect(terminal.printed).toBe("");
  });
});
