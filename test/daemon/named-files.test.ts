// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../../src/apps/daemon/read-config.ts";
import { softwareCard } from "../../src/entry/embedded.ts";

let folder: string;
const server = createServer();
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scard-named-"));
  mkdirSync(at("folder"));
  symlinkSync(at("nowhere"), at("dangling"));
  if (process.platform === "win32") return;
  execFileSync("mkfifo", [at("fifo")]);
  execFileSync("truncate", ["-s", "1T", at("sparse")]);
  await new Promise<void>((resolve) => server.listen(at("socket"), resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

// Windows has no such files.
describe.skipIf(process.platform === "win32")("reading a file that the user names", () => {
  test("refuses a FIFO, a device, a socket and a folder as a card image", async () => {
    for (const path of [at("fifo"), "/dev/zero", at("socket"), at("folder"), at("dangling")]) {
      const opening = softwareCard(path);
      await expect(opening).rejects.toMatchObject({ code: "invalid-value" });
      await expect(opening).rejects.toThrow(`${path} cannot be read`);
    }
  });

  test("refuses an image that is too long before it is read", async () => {
    await expect(softwareCard(at("sparse"))).rejects.toThrow("more than 33554432 bytes");
  });

  test("refuses them as the daemon's configuration, and a card in it", async () => {
    for (const path of [at("fifo"), "/dev/zero", at("socket"), at("folder"), at("sparse")]) {
      const read = await readConfig(path, true);
      expect(read).toEqual({ ok: false, error: [{ path: "$", message: expect.stringContaining("cannot be read") }] });
    }
    writeFileSync(
      at("latin-1.json"),
      Buffer.from('{ "readers": [{ "type": "virtual", "name": "V\xe4in\xf6" }] }', "latin1"),
    );
    expect(await readConfig(at("latin-1.json"), true)).toMatchObject({
      ok: false,
      error: [{ path: "$", message: expect.stringContaining("it is not text in UTF-8") }],
    });
    await expect(softwareCard(at("latin-1.json"))).rejects.toThrow("it is not text in UTF-8");
    writeFileSync(at("config.json"), JSON.stringify({ readers: [{ type: "virtual", card: at("fifo") }] }));
    expect(await readConfig(at("config.json"), true)).toEqual({
      ok: false,
      error: [{ path: "$.readers[0].card", message: expect.stringContaining("it is a FIFO") }],
    });
  });
});
