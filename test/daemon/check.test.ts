// SPDX-License-Identifier: MIT

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { Daemon, type DaemonConfig, readConfig, silentLog } from "../../src/apps/daemon/index.ts";
import { twoFreePorts } from "../peers/free-ports.ts";
import { scard, startDaemon, testFolder } from "./running.ts";

const PATIENCE_MS = 240_000;

/** What the file is read as, by the check and by the start alike. */
async function read(folder: string, json: unknown): Promise<DaemonConfig | undefined> {
  const file = join(folder, "daemon.json");
  writeFileSync(file, JSON.stringify(json));
  const found = await readConfig(file, true);
  return found.ok ? found.value : undefined;
}

async function starts(config: DaemonConfig, socket: string): Promise<string> {
  try {
    const daemon = await Daemon.start({ config, socket, credentials: undefined, log: silentLog });
    await daemon.stop();
    return "starts";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Odd names: short, at the limit, beyond it, not of letters, kept for the API. */
const names = fc.oneof(
  fc.constantFrom("Desk", "Lab", "Yubico YubiKey", "R".repeat(127), "Virtual PCD 1"),
  fc
    .tuple(fc.constantFrom("R", "ä", "日", "🃏"), fc.integer({ min: 1, max: 130 }))
    .map(([sign, count]) => sign.repeat(count)),
  fc.string({ unit: "binary", maxLength: 130 }),
  fc.constantFrom(
    "Desk",
    "desk",
    " Desk",
    "Virtual PCD",
    "Virtual PCD 1",
    "\\\\?PnP?\\Notification",
    "a\u0000b",
    "\ud800",
    "",
  ),
);

const virtual = fc.record(
  { type: fc.constant("virtual"), name: names, card: fc.constantFrom("demo", "missing.json", "daemon.json", "folder") },
  { requiredKeys: ["type"] },
);

const vpcd = (port: number) =>
  fc.record(
    {
      type: fc.constant("vpcd"),
      name: names,
      host: fc.constantFrom("127.0.0.1", "127.0.0.2", "::1", "192.0.2.1", "", "not an address"),
      port: fc.constantFrom(port, port + 1, 1, 65_535),
      slots: fc.constantFrom(1, 2, 64, 65),
    },
    { requiredKeys: ["type"] },
  );

/** Paths below the folder of the test: of any length, and of files that are not sockets. */
const paths = fc.oneof(
  fc.integer({ min: 1, max: 120 }).map((length) => `/${"s".repeat(length)}`),
  fc.constantFrom("/comm", "/deep/er/comm", "/folder", "/file", "/file/comm", "/comm.control", "//comm"),
);

const sparsely = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

const configs = (port: number) =>
  fc.record({
    readers: fc.array(fc.oneof(virtual, vpcd(port)), { maxLength: 4 }),
    limits: sparsely(
      fc.record(
        {
          readers: fc.constantFrom(1, 2, 3, 64),
          rememberedReaders: fc.constantFrom(1, 2 ** 31 - 1),
          sessions: fc.constantFrom(1, 2 ** 31 - 1),
          graceMs: fc.constantFrom(1, 2 ** 31 - 1),
          holdMs: fc.constantFrom(0, 1, 2 ** 31 - 1),
          unsentBytes: fc.constantFrom(1, 2 ** 31 - 1),
          awakeUs: fc.constantFrom(0, 2 ** 31 - 1),
        },
        { requiredKeys: [] },
      ),
    ),
    socket: sparsely(
      fc.record(
        {
          path: paths,
          mode: fc.constantFrom("0666", "000", "9"),
          group: fc.constantFrom("root", 0, 4_000_000_000, -1),
        },
        { requiredKeys: [] },
      ),
    ),
    control: sparsely(fc.record({ path: paths })),
  });

describe("the check of a configuration", () => {
  it("calls good what starts, and nothing else", { timeout: PATIENCE_MS }, async () => {
    const port = (await twoFreePorts())[0];
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(configs(port), async (json) => {
        const folder = testFolder();
        mkdirSync(join(folder, "folder"));
        writeFileSync(join(folder, "file"), "");
        const under = (part: { path?: string } | undefined): object | undefined =>
          part?.path === undefined ? part : { ...part, path: `${folder}${part.path}` };
        const before = readdirSync(folder, { recursive: true }).length;
        const config = await read(folder, { ...json, socket: under(json.socket), control: under(json.control) });
        if (config === undefined) return;
        const socket = config.socket.path ?? join(folder, "default");
        const problems = await Daemon.check({ config, socket, credentials: undefined, log: silentLog });
        expect(readdirSync(folder, { recursive: true }).length, "what the check leaves").toBe(before + 1);
        const outcome = await starts(config, socket);
        // A port that another program has is no fault of the configuration.
        if (outcome.includes(" is taken: ")) return;
        seen.add(outcome === "starts" ? "starts" : "refuses");
        const messages = problems.map(({ message }) => message);
        if (messages.length === 0) expect(outcome).toBe("starts");
        // The start stops at its first problem; the check goes on.
        else expect(outcome).toContain(messages[0]);
      }),
      { numRuns: 400, ...(process.env.SCARD_SEED !== undefined && { seed: Number(process.env.SCARD_SEED) }) },
    );
    expect([...seen].sort()).toEqual(["refuses", "starts"]);
  });

  it("takes what another program has at the moment for good, and says why a start would fail that does not depend on it", async () => {
    const folder = testFolder();
    const socket = join(folder, "comm");
    const port = (await twoFreePorts())[0];
    const json = {
      readers: [
        { type: "vpcd", port },
        { type: "virtual", name: "Desk" },
      ],
    };
    const config = await read(folder, json);
    if (config === undefined) throw new Error("the configuration is good");
    const daemon = await Daemon.start({ config, socket, credentials: undefined, log: silentLog });
    onTestFinished(() => daemon.stop());
    expect(await Daemon.check({ config, socket, credentials: undefined, log: silentLog })).toEqual([]);
    expect(daemon.readerNames).toEqual(["Virtual PCD", "Desk"]);
    const few = { ...config, limits: { readers: 1 } };
    expect(await Daemon.check({ config: few, socket, credentials: undefined, log: silentLog })).toEqual([
      {
        part: "limits",
        message: "there are 2 readers, slots counted one by one, and limits.readers allows 1: raise it",
      },
    ]);
  });

  it.each([
    ["R".repeat(121), true],
    ["R".repeat(127), true],
    [`${"ä".repeat(63)}R`, true],
    ["R".repeat(128), false],
    ["ä".repeat(80), false],
    ["\\\\?PnP?\\Notification", false],
  ])("and the start agree on the name %s", { timeout: PATIENCE_MS }, async (name, isGood) => {
    for (const reader of [
      { type: "virtual", name },
      { type: "vpcd", name, port: (await twoFreePorts())[0], slots: 2 },
    ]) {
      const folder = testFolder();
      const file = join(folder, "daemon.json");
      writeFileSync(file, JSON.stringify({ readers: [reader] }));
      const checked = await scard("daemon", "--config", file, "--check-config", "--socket", join(folder, "comm"));
      expect([checked.status, checked.stdout.includes("is good")]).toEqual([isGood ? 0 : 1, isGood]);
      if (isGood) {
        const { program, ready } = await startDaemon("--json", "--config", file, "--socket", join(folder, "comm"));
        expect(JSON.parse(ready).readers[0]).toBe(name);
        expect((await program.end("SIGTERM")).status).toBe(0);
      } else {
        const refused = await scard("daemon", "--config", file, "--socket", join(folder, "comm"));
        expect(refused.status).toBe(1);
        expect(refused.stderr).toContain("$.readers[0].name");
      }
    }
  });

  it("names the place of a problem, in the file or on the command line", async () => {
    const folder = testFolder();
    const file = join(folder, "daemon.json");
    const path = join(folder, "s".repeat(99 - folder.length));
    writeFileSync(file, JSON.stringify({ socket: { path }, readers: [{ type: "vpcd", host: "192.0.2.1" }] }));
    const { status, stdout } = await scard("daemon", "--config", file, "--check-config");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^\$\.socket\.path: .*\.control has 108 bytes, and a socket's path 107 at most/m);
    expect(stdout).toMatch(/^\$\.readers\[0\]: 192\.0\.2\.1 is not an address of this machine/m);
    const line = await scard("daemon", "--config", file, "--check-config", "--reader", "virtual: x");
    expect(line.stdout).toMatch(/^--reader 1: the name of a reader begins or ends with a space/m);
  });
});
