// SPDX-License-Identifier: MIT

import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findGroup, findUser } from "./accounts.ts";
import { inheritedSockets } from "./activation.ts";
import { connectUnix } from "./connect-unix.ts";
import { privateFolder } from "./private-folder.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-surroundings-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

describe("inheritedSockets", () => {
  it("finds none where the service manager meant another process", () => {
    const environment = { LISTEN_PID: "41", LISTEN_FDS: "1" };
    expect(inheritedSockets(environment, 42)).toEqual([]);
    expect(environment).toEqual({ LISTEN_PID: "41", LISTEN_FDS: "1" });
  });

  it("counts from 3, with names, and cleans the environment", () => {
    const environment = { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "a:b", HOME: "/" };
    expect(inheritedSockets(environment, 42)).toMatchObject([
      { fd: 3, name: "a" },
      { fd: 4, name: "b" },
    ]);
    expect(environment).toEqual({ HOME: "/" });
  });

  it("takes an invalid count for zero", () => {
    expect(inheritedSockets({ LISTEN_PID: "42", LISTEN_FDS: "-1" }, 42)).toEqual([]);
    expect(inheritedSockets({ LISTEN_PID: "42", LISTEN_FDS: "9999" }, 42)).toHaveLength(16);
  });
});

it.skipIf(process.platform !== "linux")("finds users and groups by name", () => {
  expect(findUser("root")).toBe(0);
  expect(findGroup("root")).toBe(0);
  expect(findUser("there is no such user")).toBeUndefined();
});

describe("privateFolder", () => {
  const uid = process.getuid?.() ?? 0;

  it("makes one that only the owner can look into, and takes it again", () => {
    const path = join(folder, "mine");
    expect(privateFolder(path, uid)).toBe(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(privateFolder(path, uid)).toBe(path);
  });

  it("takes none that others can reach, or own, and no file", () => {
    const path = join(folder, "open");
    privateFolder(path, uid);
    expect(() => privateFolder(path, uid + 1)).toThrow(/not a folder of your own/);
    chmodSync(path, 0o755);
    expect(() => privateFolder(path, uid)).toThrow(/not a folder of your own/);
    writeFileSync(join(folder, "file"), "");
    expect(() => privateFolder(join(folder, "file"), uid)).toThrow(/not a folder of your own/);
  });
});

it("says that nothing listens, where nothing does", async () => {
  await expect(connectUnix(join(folder, "socket"))).rejects.toMatchObject({ code: "no-service" });
  writeFileSync(join(folder, "file"), "");
  await expect(connectUnix(join(folder, "file"))).rejects.toMatchObject({ code: "no-service" });
});
