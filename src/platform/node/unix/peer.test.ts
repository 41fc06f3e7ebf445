// SPDX-License-Identifier: MIT

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, it, onTestFinished, test } from "vitest";
import type { Clock } from "../../../port/index.ts";
import { loadPeerCredentials } from "./peer-credentials.ts";
import { PeerPrograms, scriptOf, startOf } from "./peer-program.ts";

const linux = process.platform === "linux";
const uid = process.getuid?.() ?? 0;

let now = 0;
const clock: Clock = { now: () => now, wallTime: () => 0, schedule: () => () => {} };

it.skipIf(!linux)("tells which process, user and groups are at the other end", async () => {
  const read = await loadPeerCredentials();
  const folder = mkdtempSync(join(tmpdir(), "scard-peer-"));
  const path = join(folder, "socket");
  const server = createServer().listen(path);
  const client = connect(path);
  onTestFinished(() => {
    client.destroy();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const [socket] = (await once(server, "connection")) as [Socket];
  const gid = process.getegid?.();
  let open = true;
  const isOpen = (): boolean => open;
  const early = read?.(socket, isOpen);
  expect(read?.(socket, isOpen)).toEqual({
    pid: process.pid,
    uid,
    gid,
    groups: expect.arrayContaining([gid]),
    started: startOf(process.pid),
  });
  socket.destroy();
  expect(read?.(socket, isOpen)).toBeUndefined();
  // The number of the descriptor may be another connection's now.
  open = false;
  const late = { fd: (client as { _handle?: { fd?: number } })._handle?.fd ?? -1, source: { fd: -1 }, close: () => {} };
  expect(read?.(late, isOpen)).toBeUndefined();
  expect(early).toEqual({ pid: process.pid, uid, gid, groups: undefined, started: undefined });
});

it.skipIf(!linux)("names the program of a process, and nothing of another user's", () => {
  const programs = new PeerPrograms(clock);
  const program = programs.lookUp(process.pid, uid);
  expect(program.path).toBe(process.execPath);
  expect(program.name).toMatch(new RegExp(`^${basename(process.execPath)}\\b`));
  expect(programs.lookUp(process.pid, uid)).toBe(program);
  expect(programs.lookUp(process.pid, uid + 1)).toEqual({ name: "unknown", path: undefined });
  expect(programs.lookUp(0x7fff_ffff, uid)).toEqual({ name: "unknown", path: undefined });
});

it.skipIf(!linux)("sees that a process has become another program, and forgets in time", async () => {
  const programs = new PeerPrograms(clock);
  const child = spawn("sh", ["-c", "read line; exec sleep 60"], { stdio: ["pipe", "ignore", "ignore"] });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  await expect.poll(() => programs.lookUp(pid, uid).name).not.toMatch(/^node/);
  child.stdin.write("go\n");
  await expect.poll(() => programs.lookUp(pid, uid).name).toBe("sleep");
  child.kill("SIGKILL");
  await once(child, "exit");
  now += 10_000;
  expect(programs.lookUp(pid, uid).name).toBe("unknown");
});

it.skipIf(!linux)("a process that began at another time is not the one that connected", () => {
  const programs = new PeerPrograms(clock);
  expect(startOf(process.pid)).toMatch(/^\d+$/);
  expect(programs.lookUp(process.pid, uid, startOf(process.pid)).path).toBe(process.execPath);
  expect(programs.lookUp(process.pid, uid, "1")).toEqual({ name: "unknown", path: undefined });
});

const unshare = ["unshare", ...(uid === 0 ? ["-m"] : ["-Urm"])];
const mayMount = linux && spawnSync(unshare[0] ?? "", [...unshare.slice(1), "mount", "--version"]).status === 0;

it.skipIf(!mayMount)("a file that is mounted over another has not its path", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scard-peer-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [allowed, own] = [join(folder, "allowed"), join(folder, "own")];
  copyFileSync("/bin/true", allowed);
  copyFileSync("/bin/sleep", own);
  const script = 'mount --bind "$1" "$2" && exec "$2" 60';
  const child = spawn(unshare[0] ?? "", [...unshare.slice(1), "sh", "-c", script, "sh", own, allowed]);
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const pid = child.pid ?? 0;
  // Behind chroot, the path of a file in another mount namespace begins with the folder that is the root here.
  const program = (): string => (existsSync(`/proc/${pid}`) ? readlinkSync(`/proc/${pid}/exe`) : "");
  await expect.poll(() => child.exitCode !== null || basename(program()) === "allowed").toBe(true);
  expect(child.exitCode).toBeNull();
  expect(new PeerPrograms(clock).lookUp(pid, uid)).toEqual({ name: "allowed", path: undefined });
});

test.each([
  ["python3.11", ["python3", "-u", "/home/a/scan.py", "1234"], "scan.py"],
  ["python3.11", ["python3", "/usr/bin/ykman", "list"], "ykman"],
  ["java", ["java", "-cp", "lib", "-jar", "tool.jar"], "tool.jar"],
  ["node", ["node", "dist/apps/cli/main.js"], "main.js"],
  ["bash", ["bash", "-c", "verify --pin 1234"], undefined],
  ["python3.11", ["python3", "1234"], undefined],
  ["node", [], undefined],
])("%s %j is known as %s", (interpreter, args, script) => {
  expect(scriptOf(args, interpreter)).toBe(script);
});
