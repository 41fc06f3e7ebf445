// SPDX-License-Identifier: MIT

import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { refuseForeignSocket } from "./connect-unix.ts";
import { listenUnix } from "./listen-unix.ts";
import { isOwnSocketSafe } from "./service-sockets.ts";
import { whyUnsafeFolder, whyUntrusted } from "./trusted-path.ts";

const isRoot = process.getuid?.() === 0;
const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
/** Another user: any number that is not ours will do. */
const STRANGER = 65_534;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-trust-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function make(name: string, mode: number, owner?: number): string {
  const path = join(folder, name);
  mkdirSync(path);
  chmodSync(path, mode);
  if (owner !== undefined) chownSync(path, owner, owner);
  return path;
}

function listen(path: string) {
  const clock = { now: () => 0, wallTime: () => 0, schedule: () => () => {} };
  return listenUnix({ at: { path, mode: 0o666 }, clock, onConnection: () => {}, onTrouble: () => {} });
}

describe.skipIf(process.platform === "win32")("a folder to listen in", () => {
  it("is one that only its user and root can change", () => {
    expect(whyUnsafeFolder(make("mine", 0o755), me)).toBeUndefined();
    expect(whyUnsafeFolder(join(folder, "not", "there", "yet"), me)).toBeUndefined();
    expect(whyUnsafeFolder(make("group", 0o775), me)).toBeUndefined();
    expect(whyUnsafeFolder(join(folder, "group"), { ...me, gid: me.gid + 1 })).toMatch(/others can write to .*group/);
    expect(whyUnsafeFolder(make("open", 0o777), me)).toMatch(/others can write to .*open/);
    expect(whyUnsafeFolder(make("sticky", 0o1777), me)).toBeUndefined();
    mkdirSync(join(folder, "open", "below"));
    expect(whyUnsafeFolder(join(folder, "open", "below"), me)).toMatch(/others can write to .*open$/);
  });

  it("is looked at behind symbolic links", () => {
    symlinkSync(make("open", 0o777), join(folder, "link"));
    expect(whyUnsafeFolder(join(folder, "link"), me)).toMatch(/others can write to .*open/);
  });

  it.runIf(isRoot)("is not another user's", () => {
    expect(whyUnsafeFolder(make("theirs", 0o755, STRANGER), me)).toMatch(/theirs belongs to user 65534/);
    expect(whyUnsafeFolder(join(folder, "theirs"), { uid: STRANGER, gid: STRANGER })).toBeUndefined();
  });

  it("or the socket is not made, and nothing is left there", async () => {
    const open = make("open", 0o777);
    await expect(listen(join(open, "socket"))).rejects.toMatchObject({
      code: "no-access",
      message: expect.stringMatching(/no safe place for a socket, as others can write to .*--socket/),
    });
    await expect(listen(join(open, "new", "socket"))).rejects.toMatchObject({ code: "no-access" });
    expect(statSync(join(open, "new"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("and folders that are made are not writable by others under any umask", async () => {
    const umask = process.umask(0);
    try {
      const listener = await listen(join(folder, "a", "b", "socket"));
      expect([join(folder, "a"), join(folder, "a", "b")].map((path) => statSync(path).mode & 0o777)).toEqual([
        0o755, 0o755,
      ]);
      await listener.close();
    } finally {
      process.umask(umask);
    }
  });
});

describe.skipIf(process.platform === "win32")("a socket to trust", () => {
  it("is ours, or root's, or at a place of root's", () => {
    const file = join(make("sticky", 0o1777), "control");
    writeFileSync(file, "");
    expect(whyUntrusted(file, me)).toBeUndefined();
    expect(() => refuseForeignSocket(join(folder, "nothing"))).not.toThrow();
  });

  it.runIf(isRoot)("is not one that another user has put into a folder such as /tmp", () => {
    const file = join(make("sticky", 0o1777), "control");
    writeFileSync(file, "");
    chownSync(file, STRANGER, STRANGER);
    expect(() => refuseForeignSocket(file)).toThrow(
      expect.objectContaining({ code: "no-access", message: expect.stringMatching(/control belongs to user 65534/) }),
    );
  });

  it.runIf(isRoot)("is not one in a folder that another user has made there", () => {
    const theirs = join(make("sticky", 0o1777), "scard-0");
    mkdirSync(theirs);
    const file = join(theirs, "control");
    writeFileSync(file, "");
    chownSync(theirs, STRANGER, STRANGER);
    expect(whyUntrusted(file, me)).toMatch(/scard-0 belongs to user 65534/);
    symlinkSync(file, join(folder, "link"));
    expect(whyUntrusted(join(folder, "link"), me)).toMatch(/scard-0 belongs to user 65534/);
  });

  it.runIf(isRoot)("is that of a service whose folder root has made", () => {
    const file = join(make("scard", 0o755, STRANGER), "control");
    writeFileSync(file, "");
    chownSync(file, STRANGER, STRANGER);
    expect(whyUntrusted(file, me)).toBeUndefined();
  });

  it("is not looked for in a runtime folder of another user", () => {
    chmodSync(folder, 0o700);
    const environment = { XDG_RUNTIME_DIR: folder };
    expect(isOwnSocketSafe({ environment, uid: me.uid })).toBe(true);
    expect(isOwnSocketSafe({ environment, uid: me.uid + 1 })).toBe(false);
    expect(isOwnSocketSafe({ environment: { XDG_RUNTIME_DIR: join(folder, "x") }, uid: me.uid })).toBe(true);
    chmodSync(folder, 0o777);
    expect(isOwnSocketSafe({ environment, uid: me.uid })).toBe(false);
  });
});
