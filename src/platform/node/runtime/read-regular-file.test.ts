// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SmartCardError } from "../../../port/index.ts";
import { readRegularFile, readTextFile } from "./read-regular-file.ts";

let folder: string;
const server = createServer();
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scard-files-"));
  writeFileSync(at("ten"), "0123456789");
  writeFileSync(at("empty"), "");
  mkdirSync(at("folder"));
  symlinkSync(at("ten"), at("link"));
  symlinkSync(at("nowhere"), at("dangling"));
  symlinkSync(at("circle"), at("circle"));
  if (process.platform === "win32") return;
  execFileSync("mkfifo", [at("fifo")]);
  symlinkSync(at("fifo"), at("link-to-fifo"));
  await new Promise<void>((resolve) => server.listen(at("socket"), resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

async function refusal(path: string, mostBytes = 10): Promise<[string, string]> {
  const error = await readRegularFile(path, { mostBytes }).catch((failure: unknown) => failure);
  if (!(error instanceof SmartCardError)) throw new Error(`no SmartCardError: ${String(error)}`);
  return [error.code, error.message];
}

describe("readRegularFile", () => {
  test("reads a file whole, through a link too, up to its limit", async () => {
    const bytes = new TextEncoder().encode("0123456789");
    expect(await readRegularFile(at("ten"), { mostBytes: 10 })).toEqual(bytes);
    expect(await readRegularFile(at("link"), { mostBytes: 11 })).toEqual(bytes);
    expect(await readRegularFile(at("empty"), { mostBytes: 10 })).toEqual(new Uint8Array());
    expect(await refusal(at("ten"), 9)).toEqual(["invalid-value", expect.stringContaining("it has more than 9 bytes")]);
  });

  test("reads a file of many pieces", async () => {
    const long = Uint8Array.from({ length: 200_001 }, (_, index) => index & 0xff);
    writeFileSync(at("long"), long);
    expect(await readRegularFile(at("long"), { mostBytes: long.length })).toEqual(long);
    expect((await refusal(at("long"), long.length - 1))[0]).toBe("invalid-value");
  });

  test("names anything that is not a file", async () => {
    expect(await refusal(at("nowhere"))).toEqual(["file-not-found", expect.stringContaining("it is not there")]);
    expect(await refusal(at("dangling"))).toEqual(["file-not-found", expect.stringContaining("it is not there")]);
    expect(await refusal(at("ten/x"))).toEqual(["file-not-found", expect.stringContaining("not a folder")]);
    expect((await refusal(at("circle")))[0]).toBe("invalid-value");
    expect(await refusal(at("folder"))).toEqual(["invalid-value", expect.stringContaining("it is a folder")]);
    expect((await refusal(at("x".repeat(5000))))[0]).toBe("invalid-value");
  });

  // Windows has no such files.
  test.skipIf(process.platform === "win32")("waits for no FIFO, and reads no device and no socket", async () => {
    for (const fifo of ["fifo", "link-to-fifo"]) {
      expect(await refusal(at(fifo))).toEqual(["invalid-value", expect.stringContaining("it is a FIFO")]);
    }
    for (const device of ["/dev/zero", "/dev/null", "/dev/tty"]) {
      expect((await refusal(device))[0]).toBe("invalid-value");
    }
    expect(await refusal(at("socket"))).toEqual(["invalid-value", expect.stringContaining("a socket")]);
  });

  test("reads a file that says it is empty, and is not", async () => {
    // Files of /proc, which are Linux's, have the size 0.
    if (process.platform !== "linux") return;
    expect((await readRegularFile("/proc/self/stat", { mostBytes: 65_536 })).length).toBeGreaterThan(10);
    expect(await refusal("/proc/self/stat", 10)).toEqual(["invalid-value", expect.stringContaining("more than 10")]);
  });

  test("gives the code, the remedy and the name that it is told to", async () => {
    const terms = { mostBytes: 1, code: "invalid-value", shown: "that file", remedy: "use another" } as const;
    const reading = readRegularFile(at("nowhere"), terms);
    await expect(reading).rejects.toMatchObject({ code: "invalid-value" });
    await expect(reading).rejects.toThrow("that file cannot be read: it is not there (ENOENT); use another");
  });
});

describe("readTextFile", () => {
  test("reads UTF-8, and leaves a byte order mark out", async () => {
    writeFileSync(at("text"), "\ufeffVäinö 🃏");
    expect(await readTextFile(at("text"), { mostBytes: 100 })).toBe("Väinö 🃏");
  });

  test("refuses what is not UTF-8, and does not show it", async () => {
    writeFileSync(at("latin-1"), Buffer.from("V\xe4in\xf6 1234", "latin1"));
    const reading = readTextFile(at("latin-1"), { mostBytes: 100, shown: "the list", remedy: "write it again" });
    await expect(reading).rejects.toMatchObject({ code: "invalid-value" });
    await expect(reading).rejects.toThrow(/: the list cannot be read: it is not text in UTF-8; write it again$/);
  });
});
