// SPDX-License-Identifier: MIT

import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BundleFolder, bundleFor, checkLibrary, driverBundles, findDriver, readerConf } from "./installed-drivers.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-drivers-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

function bundle(name: string, plist: string): string {
  const contents = join(folder, name, "Contents");
  mkdirSync(join(contents, "Linux"), { recursive: true });
  writeFileSync(join(contents, "Info.plist"), plist);
  return join(folder, name);
}

const plist = ["CFBundleExecutable", "ifdVendorID", "ifdProductID", "ifdFriendlyName"]
  .map((key, index) => `<key>${key}</key>\n<string>${["lib.so", "0x1", "0x2", "Reader"][index]}</string>\n`)
  .join("");

describe("bundles", () => {
  test("are found by their names, and one that is bad does not hide others", async () => {
    bundle("b.bundle", plist);
    bundle("a.bundle", "nothing");
    mkdirSync(join(folder, "empty.bundle"));
    mkdirSync(join(folder, "serial"));
    expect(await driverBundles(folder)).toEqual({
      found: [
        {
          executable: "lib.so",
          isClassDriver: false,
          library: join(folder, "b.bundle/Contents/Linux/lib.so"),
          readers: [{ vendorId: 1, productId: 2, friendlyName: "Reader" }],
        },
      ],
      problems: [
        `${folder}/a.bundle/Contents/Info.plist has no CFBundleExecutable`,
        `${folder}/empty.bundle/Contents/Info.plist cannot be read: it is not there (ENOENT)`,
      ],
    });
  });

  test("are none where the folder is not there", async () => {
    expect(await driverBundles(join(folder, "none"))).toEqual({ found: [], problems: [] });
  });

  test("can be named as a driver, and so can a library", async () => {
    const path = bundle("a.bundle", plist);
    expect(await findDriver(path)).toMatchObject({ library: join(path, "Contents/Linux/lib.so") });
    expect(await findDriver(join(path, "Contents/Info.plist"))).toMatchObject({ bundle: undefined });
    await expect(findDriver(join(folder, "none"))).rejects.toMatchObject({ code: "file-not-found" });
    await expect(findDriver(folder)).rejects.toMatchObject({ code: "invalid-value" });
  });
});

describe("the bundle of a choice of USB readers", () => {
  const device = { vendorId: 0x8e6, productId: 0x34ec };

  test("is a folder; for a library the error says what to name", async () => {
    const path = bundle("a.bundle", plist);
    expect(await bundleFor(path, device)).toMatchObject({ readers: [{ vendorId: 1, productId: 2 }] });
    const library = join(path, "Contents/Linux/lib.so");
    writeFileSync(library, "");
    await expect(bundleFor(library, device)).rejects.toMatchObject({
      code: "invalid-value",
      reason: `${library} is a library, which does not say which readers it drives: name its bundle, ${path}, or configure this reader by itself: { "type": "ifd", "driver": "${library}", "device": "usb:08e6/34ec" }`,
    });
    const bare = join(folder, "libbare.so");
    writeFileSync(bare, "");
    await expect(bundleFor(bare, device)).rejects.toMatchObject({
      code: "invalid-value",
      reason: expect.stringContaining("name its bundle, a folder, or configure"),
    });
    await expect(bundleFor(join(folder, "none"), device)).rejects.toMatchObject({ code: "file-not-found" });
  });
});

test("bundles that are installed, changed or removed are found at the next look", async () => {
  const installed = new BundleFolder(join(folder, "drivers"));
  expect(await installed.look()).toEqual([]);
  const path = bundle("drivers/a.bundle", plist);
  writeFileSync(join(folder, "drivers/README"), "no bundle");
  const [first] = await installed.look();
  expect(first?.readers).toEqual([{ vendorId: 1, productId: 2, friendlyName: "Reader" }]);
  // Nothing is read again where nothing has changed.
  expect((await installed.look())[0]).toBe(first);
  writeFileSync(join(path, "Contents/Info.plist"), plist.replace("0x2", "0x33"));
  expect((await installed.look())[0]?.readers).toEqual([{ vendorId: 1, productId: 0x33, friendlyName: "Reader" }]);
  expect(installed.found).toHaveLength(1);
  rmSync(path, { recursive: true });
  expect(await installed.look()).toEqual([]);
});

describe("reader.conf.d", () => {
  const entry = (name: string): string => `FRIENDLYNAME ${name}\nLIBPATH ${folder}\nCHANNELID 1\n`;

  test("has the readers of its regular files", async () => {
    writeFileSync(join(folder, "b"), entry("B"));
    writeFileSync(join(folder, "a"), `${entry("A")}X\n${entry("C")}`);
    writeFileSync(join(folder, ".hidden"), entry("H"));
    mkdirSync(join(folder, "folder"));
    symlinkSync("b", join(folder, "link"));
    const { found, problems } = await readerConf(folder);
    expect(found.map(({ friendlyName, file }) => [friendlyName, file])).toEqual([
      ["A", join(folder, "a")],
      ["B", join(folder, "b")],
    ]);
    expect(problems).toEqual([`${folder}/a, line 4: "X" has no value on its line`]);
  });

  test("may be one file, and is empty where it is not there", async () => {
    writeFileSync(join(folder, "b"), entry("B"));
    expect((await readerConf(join(folder, "b"))).found).toHaveLength(1);
    expect(await readerConf(join(folder, "none"))).toEqual({ found: [], problems: [] });
  });
});

describe("a library", () => {
  test("that others can write to is refused", () => {
    const path = join(folder, "lib.so");
    writeFileSync(path, "");
    checkLibrary(path);
    chmodSync(path, 0o666);
    expect(() => checkLibrary(path)).toThrow(/others can write to it/);
    expect(() => checkLibrary(join(folder, "none"))).toThrow(/there is no driver at/);
  });

  test.skipIf(process.getuid?.() !== 0)("in a folder that others can write to must be this user's", async () => {
    const { chownSync } = await import("node:fs");
    const path = join(folder, "lib.so");
    writeFileSync(path, "");
    chownSync(path, 12_345, 12_345);
    checkLibrary(path);
    chmodSync(folder, 0o777);
    expect(() => checkLibrary(path)).toThrow(/belongs to user 12345/);
  });
});
