// SPDX-License-Identifier: MIT

import { execFile } from "node:child_process";
import { access, constants, lstat, readdir, readFile, readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { tableEntriesOf } from "./client-library.ts";
import type { ClientLibrary, FileFacts, Machine, ProcessFacts, SocketUse, UsbReader } from "./doctor-machine.ts";

/** Files, processes and USB devices of a machine. */
export type Surfaces = Pick<
  Machine,
  "clientLibrary" | "file" | "readText" | "processes" | "libraryUsers" | "socketUse" | "usbReaders" | "serialPorts"
>;

/** How long another program may take, in milliseconds. */
const PROGRAM_MS = 10_000;

const nothingSeen: Surfaces = {
  file: async () => undefined,
  readText: async () => undefined,
  processes: async () => [],
  libraryUsers: async () => [],
  clientLibrary: async () => undefined,
  socketUse: async () => undefined,
  usbReaders: async () => [],
  serialPorts: async () => [],
};

/** The surfaces of the machine whose files are below `root`: `/`, or a folder that a test has filled. */
export function surfacesOf(root: string, platform: NodeJS.Platform = process.platform): Surfaces {
  // There "/etc" would be a folder of the current drive, and none of these.
  if (platform === "win32") return nothingSeen;
  const at = (path: string): string => join(root, path);
  const processes = (): Promise<readonly ProcessFacts[]> =>
    platform === "darwin" ? processesByPs() : processesIn(at("/proc"));
  return {
    file: (path) => fileFacts(at(path), root),
    readText: (path) => textOf(at(path)),
    processes,
    libraryUsers: async () => usersOfLibrary(at("/proc"), await processes()),
    clientLibrary: () => clientLibraryIn(root),
    socketUse: async (socket) => {
      const table = await textOf(at("/proc/net/unix"));
      if (table === undefined) return undefined;
      // Which process is at the other end the kernel tells by netlink alone, which ss asks.
      const list = root === "/" ? await socketList() : "";
      return socketUseIn(table, list, socket, process.pid);
    },
    usbReaders: () => usbReadersIn(at("/sys/bus/usb/devices"), at("/dev/bus/usb")),
    serialPorts: async () => (await namesIn(at("/sys/class/tty"))).filter((name) => /^tty(?:ACM|USB)\d+$/.test(name)),
  };
}

/** Runs a program of the system to its end; undefined where that cannot be done, or takes too long. */
export function runProgram(
  program: string,
  args: readonly string[],
): Promise<{ readonly status: number; readonly stdout: string } | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PROGRAM_MS, windowsHide: true }, (error, stdout) => {
      if (error === null) resolve({ status: 0, stdout });
      else resolve(typeof error.code === "number" ? { status: error.code, stdout } : undefined);
    });
  });
}

async function fileFacts(path: string, root: string): Promise<FileFacts | "denied" | undefined> {
  try {
    const stat = await lstat(path);
    const users = accountNames((await textOf(join(root, "/etc/passwd"))) ?? "");
    const groups = accountNames((await textOf(join(root, "/etc/group"))) ?? "");
    return {
      kind: stat.isSocket() ? "socket" : stat.isDirectory() ? "folder" : stat.isFile() ? "file" : "other",
      owner: users.get(stat.uid) ?? String(stat.uid),
      group: groups.get(stat.gid) ?? String(stat.gid),
      mode: stat.mode & 0o7777,
      identity: `${stat.dev}:${stat.ino}`,
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EACCES" || code === "EPERM" ? "denied" : undefined;
  }
}

/** Names by number of what `/etc/passwd` or `/etc/group` says: `name:password:number:…`. */
export function accountNames(text: string): ReadonlyMap<number, string> {
  const lines = text.split("\n").map((line) => line.split(":"));
  return new Map(lines.filter(([, , id = ""]) => /^\d+$/.test(id)).map(([name = "", , id]) => [Number(id), name]));
}

async function processesIn(folder: string): Promise<readonly ProcessFacts[]> {
  const pids = (await namesIn(folder)).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const name = await textOf(join(folder, pid, "comm"));
      return name === undefined ? [] : [{ pid: Number(pid), name: name.trimEnd() }];
    }),
  );
  return found.flat();
}

/** macOS has no folder of processes. */
async function processesByPs(): Promise<readonly ProcessFacts[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axco", "pid=,comm="], { timeout: PROGRAM_MS });
  return [...stdout.matchAll(/^\s*(\d+) (.+)$/gm)].map(([, pid, name = ""]) => ({ pid: Number(pid), name }));
}

/** Those of the processes that have pcscd's client library loaded; other users' are not told. */
async function usersOfLibrary(folder: string, processes: readonly ProcessFacts[]): Promise<readonly ProcessFacts[]> {
  const found: ProcessFacts[] = [];
  for (const one of processes) {
    const maps = await textOf(join(folder, String(one.pid), "maps"));
    if (maps?.includes("/libpcsclite.so")) found.push(one);
  }
  return found;
}

/** Where distributions have shared libraries; Debian has a folder for each architecture besides. */
const libraryFolders = ["/usr/lib64", "/usr/lib", "/lib"];
/** From 2.0 on the first is the library, and the second leads to it or to the one that spies. */
const libraryNames = ["libpcsclite_real.so.1", "libpcsclite.so.1"];

async function clientLibraryIn(root: string): Promise<ClientLibrary | undefined> {
  const multiarch = (await namesIn(join(root, "/usr/lib"))).filter((name) => name.endsWith("-linux-gnu"));
  const folders = [...multiarch.map((name) => `/usr/lib/${name}`), ...libraryFolders];
  for (const path of libraryNames.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    const told = bytes && tableEntriesOf(bytes);
    if (told !== undefined) return { path, tableEntries: told === "any" ? undefined : told };
  }
  return undefined;
}

/** What ss tells of all Unix sockets; empty where it is not installed. */
async function socketList(): Promise<string> {
  const options = { timeout: PROGRAM_MS, maxBuffer: 16 * 1024 * 1024 };
  return promisify(execFile)("ss", ["-xpnH"], options).then(
    ({ stdout }) => stdout,
    () => "",
  );
}

/**
 * The connections to a service's socket.
 *
 * @param table `/proc/net/unix`: number, references, protocol, flags, type, state (03 is connected), inode, path
 * @param list what `ss -xpnH` prints: kind, state, two queues, address and inode at this end, and at the other, programs
 * @param self this process, which does not count
 */
export function socketUseIn(table: string, list: string, socket: string, self: number): SocketUse | undefined {
  const states = table.split("\n").flatMap((line) => {
    const [, , , , , state = "", , ...path] = line
      .trim()
      .split(" ")
      .filter((word) => word !== "");
    return path.join(" ") === socket ? [state] : [];
  });
  // A service in a container, or one that was bound by another name of the same file, is not in the table by this path.
  if (states.length === 0) return undefined;
  const ends = [...list.matchAll(/^u_str +ESTAB +\d+ +\d+ +(.*?) +(\d+) +\S+ +(\d+)(?: +users:\((.*)\))? *$/gm)];
  const programsAt = new Map(ends.map(([, , inode = "", , users = ""]) => [inode, programsOf(users)]));
  const peers = ends.filter(([, path]) => path === socket).map(([, , , peer = ""]) => programsAt.get(peer) ?? []);
  const programs = new Map(peers.flat().map((one) => [one.pid, one]));
  const own = peers.filter((ofPeer) => ofPeer.some(({ pid }) => pid === self)).length;
  programs.delete(self);
  const connected = states.filter((state) => state === "03");
  return { connections: Math.max(0, connected.length - own), programs: [...programs.values()] };
}

/** The programs in `("firefox",pid=7,fd=3),("firefox",pid=8,fd=4)`. */
function programsOf(users: string): readonly ProcessFacts[] {
  return [...users.matchAll(/\("(.*?)",pid=(\d+),fd=\d+\)/g)].map(([, name = "", pid]) => ({ name, pid: Number(pid) }));
}

/** Class of an interface for smart card readers: USB.org, Device Class Specification for ICCD, 4.1. */
const CCID_CLASS = "0b";
/** Drivers of the kernel that take NFC readers for themselves. */
const nfcDrivers = /^(?:pn533_usb|port100|nfcmrvl_usb)$/;

/** Linux: the folder of a device is `1-2`, those of its interfaces are `1-2:1.0` beside it. */
async function usbReadersIn(folder: string, files: string): Promise<readonly UsbReader[]> {
  const found = new Map<string, UsbReader>();
  for (const name of await namesIn(folder)) {
    const [device = "", isInterface] = name.split(":");
    if (isInterface === undefined || found.has(device)) continue;
    const kind = await textOf(join(folder, name, "bInterfaceClass"));
    const driver = await readlink(join(folder, name, "driver")).then(basename, () => undefined);
    if (kind?.trim() !== CCID_CLASS && !nfcDrivers.test(driver ?? "")) continue;
    const text = async (file: string): Promise<string> => (await textOf(join(folder, device, file)))?.trim() ?? "";
    const id = `${await text("idVendor")}:${await text("idProduct")}`;
    const words = [await text("manufacturer"), await text("product")].filter((word) => word !== "");
    const file = [await text("busnum"), await text("devnum")].map((number) => number.padStart(3, "0"));
    const isDenied = await access(join(files, ...file), constants.R_OK | constants.W_OK).then(
      () => false,
      isPermission,
    );
    found.set(device, { id, name: words.join(" ") || "USB reader", driver, ...(isDenied && { isDenied }) });
  }
  return [...found.values()];
}

function isPermission(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
