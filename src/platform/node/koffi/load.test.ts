// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Koffi, koffiPackages, koffiRemedy, loadKoffi } from "./load.ts";

const { arch, platform } = process;
const [prebuilt] = koffiPackages(platform, arch);
const working: Koffi = {
  load: () => {
    throw new Error("not called");
  },
  address: () => 0n,
  errno: () => 0,
  decode: () => [],
};

test("every compiled package is an optional dependency, and koffi itself is not", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"));
  const names = Object.keys(manifest.optionalDependencies).filter((name) => name.startsWith("@koromix/koffi-"));
  expect(names.length).toBeGreaterThanOrEqual(15);
  for (const name of names) {
    const [, system = "", architecture = ""] = /^@koromix\/koffi-(\w+)-(\w+)$/.exec(name) ?? [];
    expect(koffiPackages(system, architecture)).toEqual([name, "koffi"]);
  }
  const versions = names.map((name) => manifest.optionalDependencies[name]);
  expect(new Set(versions).size).toBe(1);
  expect(versions[0]).toMatch(/^\d+\.\d+\.\d+$/);
  expect(manifest.optionalDependencies.koffi).toBeUndefined();
});

test("a machine without one has koffi, which compiles itself", () => {
  expect(koffiPackages("sunos", "x64")).toEqual(["koffi"]);
  expect(koffiPackages("linux", "mips64el")).toEqual(["koffi"]);
  expect(koffiRemedy("sunos", "x64")).toBe("npm install koffi");
  expect(koffiRemedy("win32", "arm64")).toBe("npm install @koromix/koffi-win32-arm64");
});

describe("loading", () => {
  test("takes the compiled package alone", () => {
    const asked: string[] = [];
    loadKoffi((name) => {
      asked.push(name);
      return working;
    });
    expect(asked).toEqual([prebuilt]);
  });

  test("takes koffi where the other is missing or is something else", () => {
    const missing = new Error("Cannot find module");
    for (const other of [undefined, null, {}, { load: 1 }, missing]) {
      const found = loadKoffi((name) => {
        if (name === "koffi") return working;
        if (other === missing) throw missing;
        return other;
      });
      expect(found).toBe(working);
    }
  });

  test("says what to install where there is neither", () => {
    const failing = (name: string): never => {
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: "MODULE_NOT_FOUND" });
    };
    expect(() => loadKoffi(failing)).toThrow(`${prebuilt} is not installed: ${koffiRemedy(platform, arch)}`);
    const errors = koffiPackages(platform, arch).map((name) => {
      return expect.objectContaining({ message: `Cannot find module '${name}'` });
    });
    expect(() => loadKoffi(failing)).toThrow(expect.objectContaining({ errors }));
  });

  test("says why one that is installed cannot be loaded", () => {
    const failing = (name: string): never => {
      const [message, code] =
        name === prebuilt
          ? ["no such symbol", "ERR_DLOPEN_FAILED"]
          : [`Cannot find module '${name}'`, "MODULE_NOT_FOUND"];
      throw Object.assign(new Error(message), { code });
    };
    expect(() => loadKoffi(failing)).toThrow(`${prebuilt} is installed, but cannot be loaded: no such symbol`);
    expect(() => loadKoffi(failing)).not.toThrow(/npm install/);
    expect(() => loadKoffi(() => ({}))).toThrow(
      /is installed, but cannot be loaded: .* has no load\(\) and address\(\)/,
    );
  });

  test.skipIf(platform !== "linux")("calls a function of the system", () => {
    const koffi = loadKoffi();
    expect(koffi.load(null).func("int getpid(void)")()).toBe(process.pid);
    const bytes = Uint8Array.of(1, 2, 3);
    expect(koffi.address(bytes.subarray(1)) - koffi.address(bytes)).toBe(1n);
  });

  test.skipIf(platform !== "linux")("calls one on another thread", async () => {
    const getpid = loadKoffi().load(null).func("getpid", "int", []);
    const told = await new Promise((resolve) =>
      getpid.async((error: unknown, result: unknown) => resolve([error, result])),
    );
    expect(told).toEqual([null, process.pid]);
  });
});
