// SPDX-License-Identifier: MIT

import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import type { AuditEntry } from "../../src/database/index.ts";
import { PcscdManager } from "../../src/managers/pcscd/index.ts";
import { dialPcscd } from "../../src/platform/node/pcscd/index.ts";
import { nodeRuntime } from "../../src/platform/node/runtime/index.ts";
import { findDriver, openDatabase } from "../../src/platform/node/sqlite/index.ts";
import type { Connection } from "../../src/port/index.ts";
import { parseExposition } from "../observe/exposition.ts";
import { Program } from "../peers/program.ts";
import { Client, type StartedDaemon, scard, scardProgram, startDaemon, testFolder } from "./running.ts";

const SELECT_PIV = hexBytes("00A404000BA000000308000010000100");
const SELECT_OPENPGP = hexBytes("00A4040006D27600012401");
/** A PIN that is not the card's: 98765432. */
const WRONG_PIN = "3938373635343332";
const VERIFY = hexBytes(`0020008008${WRONG_PIN}`);

interface Stage {
  readonly daemon: StartedDaemon;
  readonly folder: string;
  readonly file: string;
  readonly control: string;
  connect(reader?: string): Promise<Connection>;
}

async function stage(config: object, card = "piv"): Promise<Stage> {
  const folder = testFolder();
  const socket = join(folder, "comm");
  const file = join(folder, "daemon.json");
  const readers = [
    { type: "virtual", name: "Desk", card },
    { type: "virtual", name: "Hall", card: "demo" },
  ];
  writeFileSync(file, JSON.stringify({ readers, ...config }));
  const daemon = await startDaemon("--socket", socket, "--config", file);
  const manager = new PcscdManager({ dial: dialPcscd({ sockets: [socket] }), runtime: nodeRuntime() });
  return {
    daemon,
    folder,
    file,
    control: `${socket}.control`,
    connect: async (reader = "Desk") => {
      const context = await manager.establishContext();
      onTestFinished(() => context.release().catch(() => {}));
      return context.connect(reader, { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
    },
  };
}

const statusOf = async (connection: Connection, command: Uint8Array): Promise<string> =>
  Buffer.from((await connection.transmit(command)).subarray(-2)).toString("hex");

/** What a server for scrapers answers. */
async function get(port: number, options: { path?: string; method?: string; host?: string; body?: string } = {}) {
  const { body, host = `localhost:${port}`, method = "GET", path = "/metrics" } = options;
  const asked = request({
    port,
    host: "127.0.0.1",
    path,
    method,
    headers: { host, ...(body !== undefined && { "content-length": body.length }) },
    agent: false,
  });
  asked.end(body);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response) text += String(piece);
  return { status: response.statusCode, type: response.headers["content-type"], text };
}

it("tells scrapers what it has counted, on the control socket and by HTTP on the loopback address", async () => {
  const { connect, control, daemon } = await stage({ metrics: { port: 0 } });
  const desk = await connect();
  await desk.beginTransaction();
  await statusOf(desk, SELECT_PIV);
  await desk.endTransaction("reset");
  const port = Number(daemon.log().find(({ msg }) => msg === "metrics are served to scrapers")?.at);
  const { status, text, type } = await get(port);
  expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const samples = parseExposition(text).flatMap((family) => family.samples);
  const value = (name: string, labels: object) =>
    samples.find((one) => one.name === name && Object.entries(labels).every(([key, text]) => one.labels[key] === text))
      ?.value;
  expect(value("scard_apdu_duration_seconds_count", { reader: "Desk" })).toBe(1);
  expect(value("scard_lock_held_seconds_count", {})).toBe(1);
  expect(value("scard_card_resets_total", { cause: "disposition" })).toBe(1);
  expect(value("scard_readers", {})).toBe(2);
  expect(value("scard_cards", {})).toBe(2);
  expect(value("scard_clients", {})).toBeGreaterThan(0);
  expect(value("scard_memory_bytes", { kind: "resident" })).toBeGreaterThan(1e7);
  expect((await get(port, { host: "attacker.example" })).status).toBe(421);
  expect((await get(port, { path: "/" })).status).toBe(404);
  expect((await get(port, { path: "/metrics?x" })).status).toBe(404);
  expect((await get(port, { method: "POST" })).status).toBe(405);
  expect((await get(port, { body: "x" })).status).toBe(413);
  const printed = await scard("metrics", "--control", control);
  expect(parseExposition(printed.stdout).map(({ name }) => name)).toEqual(
    parseExposition(text).map(({ name }) => name),
  );
  const json: { name: string }[] = JSON.parse((await scard("metrics", "--json", "--control", control)).stdout);
  expect(json.map(({ name }) => name)).toContain("scard_apdu_duration_seconds");
});

it("says how to count, where it does not, and refuses two places for scrapers", async () => {
  const { control, file } = await stage({});
  const refused = await scard("metrics", "--control", control);
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('"metrics": {}')]);
  const tries = await scard("allow-last-try", "Desk", "--control", control);
  expect([tries.status, tries.stderr]).toEqual([1, expect.stringContaining('"lastTry": "confirm"')]);
  writeFileSync(file, JSON.stringify({ metrics: { port: 1, socket: "/tmp/x" } }));
  const checked = await scard("daemon", "--config", file, "--check-config");
  expect([checked.status, checked.stdout + checked.stderr]).toEqual([1, expect.stringContaining("metrics")]);
});

it("writes who used which card, verifies the log, and finds what was changed in it", async () => {
  const folder = testFolder();
  const path = join(folder, "log", "audit.sqlite");
  const { connect, control, daemon } = await stage({ audit: { path } });
  const desk = await connect();
  await desk.beginTransaction();
  await statusOf(desk, SELECT_PIV);
  expect(await statusOf(desk, VERIFY)).toMatch(/^63c/);
  await desk.endTransaction();
  await desk.disconnect();
  const audit = async (...args: readonly string[]) => {
    const { stdout } = await scard("audit", "--json", "--control", control, ...args);
    return JSON.parse(stdout) as Record<string, unknown>[];
  };
  await expect.poll(async () => (await audit()).map(({ event }) => event)).toContain("disconnected");
  const entries = await audit("--reader", "desk");
  expect(entries.filter(({ event }) => event !== "inserted")).toMatchObject([
    { event: "connected", reader: "Desk", client: { pid: process.pid, uid: process.getuid?.() } },
    { event: "pin-failed", reader: "Desk" },
    { event: "disconnected", use: { commands: 2, locks: 1, pinsTried: 1, pinsFailed: 1 } },
  ]);
  expect(JSON.stringify(entries)).not.toContain(WRONG_PIN);
  expect(await audit("--event", "pin-failed", "--uid", String(process.getuid?.()))).toHaveLength(1);
  expect(await audit("--card", "3b")).not.toEqual([]);
  expect(await audit("--client", "no such program")).toEqual([]);
  expect(await audit("--limit", "1")).toMatchObject([{ event: "disconnected" }]);
  const good = await scard("audit", "--verify", "--control", control);
  expect([good.status, good.stdout]).toEqual([0, expect.stringMatching(/^entries 1 to \d+ are as they were written/)]);
  const texts = await scard("audit", "--control", control);
  expect(texts.stdout).toMatch(/PIN was wrong {4}Desk/);
  daemon.program.signal("SIGTERM");
  await daemon.program.end("SIGTERM");
  const driver = await findDriver();
  const connection = driver.open(path, false);
  const [wrong] = connection.rows("SELECT number FROM entry WHERE body LIKE '%pin-failed%'");
  connection.exec("DROP TRIGGER entry_stays");
  connection.run(
    "UPDATE entry SET body = replace(body, 'pin-failed', 'pin-verified') WHERE number = ?",
    wrong?.number ?? 0,
  );
  connection.close();
  const changed = await scard("audit", "--verify", "--json", "--file", path);
  expect(changed.status).toBe(1);
  expect(JSON.parse(changed.stdout)).toMatchObject({ ok: false, broken: { number: wrong?.number, path } });
});

it("stops the last try of a PIN until it is confirmed", async () => {
  const { connect, control, daemon } = await stage({ policy: { lastTry: "confirm" } });
  const desk = await connect();
  await statusOf(desk, SELECT_PIV);
  const asked = await statusOf(desk, hexBytes("00200080"));
  const tries = Number.parseInt(asked.slice(3), 16);
  for (let left = tries - 1; left >= 1; left--) expect(await statusOf(desk, VERIFY)).toBe(`63c${left.toString(16)}`);
  await expect(desk.transmit(VERIFY)).rejects.toMatchObject({ code: "security-violation" });
  const other = await connect();
  await expect(other.transmit(VERIFY)).rejects.toMatchObject({ code: "security-violation" });
  const allowed = await scard("allow-last-try", "desk", "--for", "30s", "--control", control);
  expect([allowed.status, allowed.stdout]).toEqual([0, "Desk: one last try is allowed for 30 s\n"]);
  expect(await statusOf(desk, VERIFY)).toMatch(/^(63c0|6983)$/);
  const refusals = daemon.log().filter(({ msg }) => msg === "refused: a command");
  expect(refusals).toMatchObject([{ reader: "Desk", rule: "$.policy.lastTry" }, { rule: "$.policy.lastTry" }]);
  expect(JSON.stringify(daemon.log())).not.toContain(WRONG_PIN);
});

it("judges a command when its turn comes: another program cannot select under it", async () => {
  const { connect } = await stage({
    policy: { rules: [{ effect: "deny", application: "A000000308", instructions: ["20"] }] },
  });
  const [one, other] = [await connect(), await connect()];
  await one.transmit(SELECT_OPENPGP);
  await one.beginTransaction();
  const held = other.transmit(VERIFY).then(
    () => "sent",
    (error: { code?: string }) => error.code,
  );
  await one.transmit(SELECT_PIV);
  await one.endTransaction();
  expect(await held).toBe("security-violation");
});

it("takes other rules when the configuration is read anew", async () => {
  const { connect, daemon, file } = await stage({ policy: { readOnly: ["Hall"] } });
  const hall = await connect("Hall");
  const update = hexBytes("00D6000001AA");
  await expect(hall.transmit(update)).rejects.toMatchObject({ code: "security-violation" });
  const config = {
    readers: [
      { type: "virtual", name: "Desk", card: "piv" },
      { type: "virtual", name: "Hall", card: "demo" },
    ],
  };
  writeFileSync(file, JSON.stringify({ ...config, policy: {} }));
  daemon.program.signal("SIGHUP");
  await expect.poll(() => daemon.log().map(({ msg }) => msg)).toContain("the configuration was read anew");
  expect((await hall.transmit(update)).length).toBe(2);
});

it("does not answer other users' requests on the control socket that it does not know", async () => {
  const { control } = await stage({});
  const client = await Client.connect(control);
  expect(await client.ask({ command: "allow-last-try", reader: "Desk", forMs: 0 })).toMatchObject({ ok: false });
  expect(await client.ask({ command: "metrics", format: "xml" })).toMatchObject({ ok: false });
});

it("follows the daemon's log and that of the programs' own reports, each entry once", async () => {
  const folder = testFolder();
  const { connect, control } = await stage({ audit: { path: join(folder, "audit.sqlite") } });
  const environment = { ...process.env, SCARD_DATABASE: join(folder, "database.sqlite") };
  const report = async (event: AuditEntry["event"]): Promise<void> => {
    const database = await openDatabase({ path: environment.SCARD_DATABASE });
    database.audit.append({ time: Date.now(), event, reader: "Desk", card: undefined, who: undefined });
    database.close();
  };
  await report("chv-success");
  const words = [scardProgram, "audit", "--follow", "--json", "--control", control];
  const following = new Program(process.execPath, words, environment);
  onTestFinished(async () => {
    await following.end("SIGKILL");
  });
  await following.line((line) => line.includes("chv-success"));
  const connection = await connect();
  await connection.transmit(SELECT_PIV);
  await connection.transmit(VERIFY);
  await following.line((line) => line.includes('"pin-failed"'));
  await report("chv-failure");
  await following.line((line) => line.includes("chv-failure"));
  await connection.disconnect();
  await following.line((line) => line.includes('"disconnected"'));
  const { status, stdout } = await following.end("SIGINT");
  expect(status).toBe(0);
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly event: string }).event);
  for (const event of ["chv-success", "chv-failure", "connected", "pin-failed", "disconnected"])
    expect(
      events.filter((one) => one === event),
      event,
    ).toHaveLength(1);
  expect(stdout).not.toContain(WRONG_PIN);
});
