// SPDX-License-Identifier: MIT

// Cards made of software behind the stock service, and in a job of continuous integration, as README.md has it.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { allPages, root } from "../documentation/pages.ts";
import { pcscdPlace, pcscdProgram } from "./pcscd.ts";
import { describePeer, type PeerProgram } from "./peers.ts";
import { Program, run } from "./program.ts";

const pkcs11Tool: PeerProgram = {
  name: "pkcs11-tool",
  remedy: "scripts/setup-peers.sh installs it on Debian, with opensc.",
  probe: () => undefined,
};
const MAIN = `${root}dist/bundle/entry/main.js`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function scard(...args: readonly string[]): Promise<string> {
  const { status, stderr, stdout } = await run(process.execPath, [MAIN, ...args]);
  expect(status, stderr).toBe(0);
  return stdout;
}

describePeer(pkcs11Tool, () => {
  describePeer(pcscdProgram, () => {
    test("a PIV card plays to Debian's vpcd, and OpenSC signs with it", async () => {
      const path = join(folder, "card.json");
      await scard("card", "new", "piv", path);
      await scard("card", "provision", path, "--key", "9A", "--algorithm", "rsa2048");
      const place = await pcscdPlace();
      // The card waits for its reader.
      const player = new Program(process.execPath, [
        MAIN,
        "card",
        "run",
        path,
        "--vpcd",
        `127.0.0.1:${place.ports[0]}`,
        "--json",
      ]);
      const states: string[] = [];
      const state = (wanted: string): Promise<string> =>
        player.line((line) => {
          states.push(line);
          return line.includes(`"state": "${wanted}"`);
        });
      let service: Program | undefined;
      try {
        await state("waiting");
        service = await place.start();
        await state("inserted");
        const environment = { ...process.env, PCSCLITE_CSOCK_NAME: place.socket };
        writeFileSync(join(folder, "data"), "hello");
        const sign = ["--login", "--pin", "123456", "--id", "01", "--sign", "--mechanism", "SHA256-RSA-PKCS"];
        const files = ["--input-file", join(folder, "data"), "--output-file", join(folder, "signature")];
        await expect
          .poll(async () => (await run("pkcs11-tool", [...sign, ...files], { environment })).status, {
            message: "pcscd has seen the card",
          })
          .toBe(0);
        await service.end("SIGTERM");
        service = undefined;
        await state("removed");
      } finally {
        await player.end("SIGTERM");
        await service?.end("SIGTERM");
        place.remove();
      }
    });
  });

  test("the job of README.md, as it stands there", async () => {
    const script = jobOf(allPages().find(({ path }) => path === "README.md")?.text ?? "");
    expect(script).toContain("pkcs11-tool");
    const bin = join(folder, "bin");
    mkdirSync(bin);
    // What "npm install --global scard" puts into the path.
    writeFileSync(join(bin, "scard"), `#!/bin/sh\nexec ${process.execPath} ${MAIN} "$@"\n`);
    chmodSync(join(bin, "scard"), 0o755);
    // The runner ends what a step has left running.
    const step = `trap 'kill $(jobs -p)' EXIT\n${script}`;
    const environment = { ...process.env, PATH: `${bin}:${process.env.PATH}`, RUNNER_TEMP: folder };
    const { status, stderr, stdout } = await run("bash", ["-e", "-c", step], { environment });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/key 9A +rsa2048, generated/);
  });
});

/** The last step of the job: what stands under "run: |", without its indentation. */
function jobOf(page: string): string {
  const lines = page.split("\n");
  const start = lines.indexOf("      - run: |") + 1;
  const end = lines.indexOf("```", start);
  return lines
    .slice(start, end)
    .map((line) => line.slice(10))
    .join("\n");
}
