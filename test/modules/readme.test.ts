// SPDX-License-Identifier: MIT

// README.md's ten lines that sign with a card, as they stand there, over services with a PIV card of software.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allPages, blocksOf } from "../documentation/pages.ts";
import { type Service, startPcscd, startScard } from "../peers/daemon.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer } from "../peers/peers.ts";
import { run } from "../peers/program.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";
import { pivCard } from "./cards.ts";
import { algorithms } from "./piv-keys.ts";

/** In the package, so that it finds itself by its name. */
const folder = fileURLToPath(new URL("../../dist/.readme-sign/", import.meta.url));
const program = join(folder, "sign.mjs");

beforeAll(() => {
  const readme = allPages().filter(({ path }) => path === "README.md");
  const [block] = blocksOf(readme).filter(({ code }) => code.includes('from "scard/modules"'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(program, block?.code ?? "");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function signsOver(start: () => Promise<Service>): Promise<void> {
  const service = await start();
  const inserted = await SoftwareVpcdCard.insert(await pivCard({ "9A": algorithms.rsa2048 }), service.ports[0]);
  try {
    const environment = { ...process.env, ...service.environment, SCARD_MANAGER: "pcscd" };
    const { status, stderr, stdout } = await run(process.execPath, [program], { environment });
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: "", stdout: "PIV Authentication true\n" });
  } finally {
    await inserted.remove();
    await service.stop();
  }
}

test("over scard daemon", () => signsOver(startScard));

describePeer(pcscdProgram, () => {
  test("over stock pcscd", () => signsOver(startPcscd));
});
