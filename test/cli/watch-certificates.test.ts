// SPDX-License-Identifier: MIT

// `scard watch --certificates` as a user runs it: cards come and go in our daemon, and their certificates with them.

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../src/apps/cli/program.ts";
import type { SoftwareCard } from "../../src/entry/cards.ts";
import { softwareCard } from "../../src/entry/software.ts";
import { scardProgram } from "../daemon/running.ts";
import { type ScardService, startScard } from "../peers/daemon.ts";
import { describePeer } from "../peers/peers.ts";
import { Program, run } from "../peers/program.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";
import { RecordedTerminal } from "./recorded-terminal.ts";

const certutil = { name: "certutil", remedy: "scripts/setup-peers.sh installs it on Debian.", probe: () => undefined };
const made = mkdtempSync(join(tmpdir(), "scard-watch-"));
const at = (name: string): string => join(made, name);
let service: ScardService;
let piv: SoftwareCard;
const running: Program[] = [];

beforeAll(async () => {
  for (const args of [
    ["new", "piv", at("piv.json")],
    ["provision", at("piv.json"), "--key", "9A", "--algorithm", "p256"],
    ["provision", at("piv.json"), "--key", "9C", "--algorithm", "p256"],
  ])
    execFileSync(process.execPath, [scardProgram, "card", ...args]);
  piv = await softwareCard(at("piv.json"));
  service = await startScard();
});
afterAll(async () => {
  for (const program of running) await program.end();
  await service?.stop();
  rmSync(made, { recursive: true });
});

interface Line {
  readonly happenings: readonly string[];
  readonly container: string;
  readonly place: string;
  readonly subject: string;
}

/** The program, and the next line of it that tells this. */
function watch(place: string) {
  const environment = { ...service.environment, SCARD_DATABASE: at("none.sqlite") };
  const program = new Program(
    process.execPath,
    [scardProgram, "watch", "--json", "--certificates", place],
    environment,
  );
  running.push(program);
  const next = async (...wanted: readonly string[]): Promise<Line> => {
    const line = await program.line((text) => wanted.some((one) => JSON.parse(text).happenings.includes(one)));
    return JSON.parse(line);
  };
  return { program, next };
}

const insert = async (): Promise<SoftwareVpcdCard> => SoftwareVpcdCard.insert(piv, service.ports[0]);

describe("files in a folder", () => {
  test("come with the card and go with it", async () => {
    const folder = at("folder");
    const { next, program } = watch(folder);
    await next("reader-present");
    const card = await insert();
    const lines = [await next("certificate-added"), await next("certificate-added")];
    expect(lines.map(({ container }) => container)).toEqual(["9A", "9C"]);
    for (const { place, subject } of lines)
      expect(new X509Certificate(readFileSync(place)).subject.replaceAll("\n", ", ")).toBe(subject);
    expect(readdirSync(folder).length).toBe(2);
    writeFileSync(join(folder, "mine.pem"), "mine");
    await card.remove();
    await next("certificate-removed");
    await next("certificate-removed");
    expect(readdirSync(folder)).toEqual(["mine.pem"]);

    // The end of the program takes them away too.
    const again = await insert();
    await next("certificate-added");
    await next("certificate-added");
    const { status } = await program.end("SIGTERM");
    expect([status, readdirSync(folder)]).toEqual([0, ["mine.pem"]]);
    await again.remove();
  });
});

describePeer(certutil, (path) => {
  const nss = (...args: readonly string[]) => run(path, [...args, "-d", `sql:${at("nss")}`]);
  const names = async (): Promise<readonly string[]> =>
    (await nss("-L")).stdout.split("\n").flatMap((line) => /^(\S+-9[AC]-[0-9a-f]{16}) .*,,/.exec(line)?.[1] ?? []);

  test("an NSS store", async () => {
    execFileSync("mkdir", ["-p", at("nss")]);
    expect((await nss("-N", "--empty-password")).status).toBe(0);
    const { next, program } = watch(`nss:${at("nss")}`);
    await next("reader-present");
    const card = await insert();
    const lines = [await next("certificate-added"), await next("certificate-added")];
    expect((await names()).toSorted()).toEqual(lines.map(({ place }) => place.split(" ").at(-1)).toSorted());
    await card.remove();
    await next("certificate-removed");
    await next("certificate-removed");
    expect(await names()).toEqual([]);

    // One that the user has put there is the user's, under whatever name; the subject of both is the same.
    const again = await insert();
    const { place } = await next("certificate-added");
    await next("certificate-added");
    const name = place.split(" ").at(-1) ?? "";
    const pem = (await nss("-L", "-n", name, "-a")).stdout;
    await program.end("SIGTERM");
    expect(await names()).toEqual([]);
    writeFileSync(at("mine.pem"), pem);
    expect((await nss("-A", "-n", "mine", "-t", ",,", "-a", "-i", at("mine.pem"))).status).toBe(0);
    const second = watch(`nss:${at("nss")}`);
    const either = ["certificate-there", "certificate-added"];
    const told = [await second.next(...either), await second.next(...either)];
    expect(told.flatMap(({ happenings }) => happenings).toSorted()).toEqual(either.toSorted());
    expect((await second.program.end("SIGTERM")).status).toBe(0);
    expect((await nss("-L")).stdout).toMatch(/^mine +,,/m);
    expect(await names()).toEqual([]);
    await again.remove();
  });

  test("a folder without a store is a clear error", async () => {
    const terminal = new RecordedTerminal();
    expect(await runProgram(["watch", "--certificates", `nss:${at("nowhere")}`], terminal)).toBe(2);
    expect(terminal.said).toContain("has no NSS store (cert9.db); make one: certutil -N -d sql:");
  });
});

test.each([
  [["--certificates", ""], "--certificates is a folder, or nss: and the folder of an NSS store"],
  [["--certificates", "nss:"], "--certificates is a folder, or nss: and the folder of an NSS store"],
  [["--certificates", "here", "--once"], "leave --once out"],
])("%j is refused", async (args, message) => {
  const terminal = new RecordedTerminal();
  expect(await runProgram(["watch", ...args], terminal)).toBe(2);
  expect(terminal.said).toContain(message);
});

test("a card that no module takes is told, and the watch goes on", async () => {
  const terminal = new RecordedTerminal();
  const watching = runProgram(["watch", "--certificates", at("demo")], terminal);
  await expect.poll(() => terminal.said, { message: "the demo card is told" }).toContain("no module takes the card");
  terminal.interrupt("SIGINT");
  expect(await watching).toBe(0);
  expect(readdirSync(at("demo"))).toEqual([]);
});
