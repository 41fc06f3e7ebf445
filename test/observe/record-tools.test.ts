// SPDX-License-Identifier: MIT

// scard record while other people's programs use a card behind the daemon, and scard replay as the card of a vpcd reader, for the same
// programs again. pcscd's own reader of vpcd's kind takes the recording too.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { softwareCard } from "../../src/entry/software.ts";
import { parseRecording } from "../../src/observe/recordings/index.ts";
import { GnuPg } from "../openpgp/gnupg.ts";
import { type ScardService, type Service, scardProgram, startPcscd, startScard } from "../peers/daemon.ts";
import { pcscdProgram } from "../peers/pcscd.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";
import { type Ending, Program, run } from "../peers/program.ts";
import { SoftwareVpcdCard } from "../peers/software-vpcd-card.ts";

const peer = (name: string): PeerProgram => ({
  name,
  remedy: "scripts/setup-peers.sh installs it on Debian.",
  probe: () => undefined,
});

let service: ScardService;
let folder: string;
beforeAll(async () => {
  service = await startScard();
  folder = mkdtempSync(join(tmpdir(), "scard-record-tools-"));
});
afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true });
});

/** Runs a program that has to succeed with a card behind the daemon, while scard record records. */
async function record(
  kind: string,
  file: string,
  options: readonly string[],
  command: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Ending> {
  const control = (service.environment.PCSCLITE_CSOCK_NAME ?? "").replace(/comm$/, "control");
  const inserted = await SoftwareVpcdCard.insert(await softwareCard(kind), service.ports[0]);
  await service.seesCards(1);
  try {
    const words = [scardProgram, "record", "--control", control, ...options, file, "--", ...command];
    return await run(process.execPath, words, { environment: { ...environment, LC_ALL: "C" } });
  } finally {
    await inserted.remove();
    await isEmpty();
  }
}

async function isEmpty(): Promise<void> {
  while ((await service.who()).readers.some(({ card }) => card?.atr));
}

/** Plays a recording as a card to a reader of a service. */
async function replay(file: string, { ports: [port] }: Service): Promise<Program> {
  const words = [scardProgram, "replay", "--vpcd", String(port), "--reads-in-any-order", "--json", file];
  const program = new Program(process.execPath, words);
  onTestFinished(async () => {
    await program.end("SIGKILL");
  });
  await program.line((line) => line.includes('"state":"inserted"'));
  return program;
}

function exchangesIn(file: string): number {
  const parsed = parseRecording(readFileSync(file, "utf8"));
  if (!parsed.ok) throw new Error(`line ${parsed.error.line} ${parsed.error.message}`);
  return parsed.value.events.filter(({ event }) => event === "exchange").length;
}

describePeer(peer("pkcs15-tool"), (tool) => {
  it("lists the PINs of a card that is a recording, also of one without secrets", async () => {
    const file = join(folder, "pkcs15");
    const first = await record("piv", file, [], [tool, "--list-pins"]);
    expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining("PIN [PIN]") });
    expect(exchangesIn(file)).toBeGreaterThan(5);
    const card = await replay(file, service);
    await service.seesCards(1);
    const environment = { ...service.environment, LC_ALL: "C" };
    expect(await run(tool, ["--list-pins"], { environment })).toMatchObject({ status: 0, stdout: first.stdout });
    const { status, stdout } = await card.end("SIGINT");
    expect([status, stdout.trim().split("\n").at(-1)]).toEqual([0, expect.stringContaining('"difference":null')]);
    await isEmpty();
  });

  it("is told by scard replay what it has not asked the recorded card", async () => {
    const file = join(folder, "pkcs15-other");
    await record("piv", file, [], [tool, "--list-pins"]);
    const card = await replay(file, service);
    await service.seesCards(1);
    await run(tool, ["--verify-pin", "--pin", "123456"], { environment: service.environment });
    const { status, stdout } = await card.ended;
    const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
      readonly difference: { readonly text: string };
    };
    expect(status).toBe(1);
    expect(last.difference.text).toMatch(/not in the recording[\s\S]*\+ 00 20 00 80 08 \[8 bytes withheld\]/);
    expect(stdout).not.toMatch(/31 ?32 ?33 ?34/);
    await isEmpty();
  });
});

describePeer(peer("yubico-piv-tool"), (tool) => {
  const words = [tool, "-r", "Virtual PCD", "-P", "123456", "-a", "verify-pin", "-a", "status"];
  const environment = () => ({ ...service.environment, LC_ALL: "C" });

  it("verifies its PIN with a raw recording, which is marked", async () => {
    const file = join(folder, "yubico");
    const first = await record("piv", file, ["--raw"], words);
    expect(first.status, first.stderr).toBe(0);
    expect(readFileSync(file, "utf8")).toContain('"data":"raw"');
    expect(readFileSync(file, "utf8")).toContain("31 32 33 34 35 36");
    const card = await replay(file, service);
    await service.seesCards(1);
    expect(await run(tool, words.slice(1), { environment: environment() })).toMatchObject({
      status: 0,
      stdout: first.stdout,
    });
    expect((await card.end("SIGINT")).status).toBe(0);
    await isEmpty();
  });
});

describePeer(peer("gpg"), (gpg) => {
  it("tells the status of a card that is a recording", async () => {
    const user = new GnuPg(service.environment);
    const file = join(folder, "gpg");
    // The first time it also tells of the file for keys that it makes.
    const told = ({ stdout }: Ending): string => stdout.replace(/^gpg: .*\n/gm, "");
    const words = ["--no-tty", "--card-status"];
    try {
      const first = await record("openpgp", file, [], [gpg, ...words], user.environment);
      await user.endAgent();
      expect(first).toMatchObject({ status: 0, stdout: expect.stringContaining("Application type .: OpenPGP") });
      const card = await replay(file, service);
      await service.seesCards(1);
      expect(told(await user.run(gpg, words))).toBe(told(first));
      await user.endAgent();
      expect((await card.end("SIGINT")).status).toBe(0);
      await isEmpty();
    } finally {
      await user.remove();
    }
  });
});

describePeer(pcscdProgram, () => {
  describePeer(peer("pkcs15-tool"), (tool) => {
    it("takes a recording into its own reader of vpcd's kind", async () => {
      const file = join(folder, "pcscd");
      const first = await record("piv", file, [], [tool, "--list-pins"]);
      const pcscd = await startPcscd();
      onTestFinished(() => pcscd.stop());
      const card = await replay(file, pcscd);
      const environment = { ...pcscd.environment, LC_ALL: "C" };
      // The service looks for cards now and then: the tool waits for this one.
      expect(await run(tool, ["--wait", "--list-pins"], { environment })).toMatchObject({
        status: 0,
        stdout: first.stdout,
      });
      expect((await card.end("SIGINT")).status).toBe(0);
    });
  });
});
