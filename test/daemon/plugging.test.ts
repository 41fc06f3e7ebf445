// SPDX-License-Identifier: MIT

import { chmodSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { hexBytes } from "../../src/base/binary/index.ts";
import { pcscdManager } from "../../src/entry/pcscd.ts";
import { PATIENCE_MS } from "../patience.ts";
import { freePort } from "../peers/free-ports.ts";
import { Program } from "../peers/program.ts";
import { scard, startDaemon, testFolder } from "./running.ts";

/** A user who is neither root nor the user of the tests. */
const STRANGER = 65_534;

const own = process.getuid?.() ?? 0;
const IS_ROOT = own === 0;
const NOT_ROOT = "only root can become another user";

/** VERIFY with the PIN 1234 (ISO/IEC 7816-4, 11.6.6). */
const verify = hexBytes("002000010431323334");

/**
 * A program that plugs in as a card, at a port or at a path, and says all that it gets. It has an ATR, and answers every
 * command with 9000.
 */
const CARD_PROGRAM = `
const { connect } = require("node:net");
const [place] = process.argv.slice(1);
const socket = connect(/^\\d+$/.test(place) ? { port: Number(place), host: "127.0.0.1" } : { path: place });
const say = (text) => console.log(text);
let rest = Buffer.alloc(0);
socket.on("connect", () => say("connected"));
socket.on("error", (error) => say("error " + error.code));
socket.on("close", () => say("closed"));
socket.on("data", (bytes) => {
  say("got " + bytes.toString("hex"));
  rest = Buffer.concat([rest, bytes]);
  while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
    const frame = rest.subarray(2, 2 + rest.readUInt16BE(0));
    rest = rest.subarray(2 + frame.length);
    if (frame.length > 1) socket.write(Buffer.from("00029000", "hex"));
    else if (frame[0] === 4) socket.write(Buffer.from("00043b810131", "hex"));
  }
});
`;

/** Plugs a card in at a port or a path. @param uid as whom; the user of the tests where it is left out */
function plugIn(place: number | string, uid?: number): Program {
  const node = [process.execPath, "-e", CARD_PROGRAM, String(place)];
  const asUser = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups"];
  const [command = "", ...args] = [...asUser, ...node];
  const program = new Program(command, args);
  onTestFinished(async () => {
    await program.end();
  });
  return program;
}

/** A folder of ours that all may look into. */
function openFolder(): string {
  const folder = testFolder();
  chmodSync(folder, 0o755);
  return folder;
}

async function daemonWith(reader: object) {
  const folder = openFolder();
  const file = join(folder, "daemon.json");
  writeFileSync(file, JSON.stringify({ readers: [{ type: "vpcd", name: "Door", ...reader }] }));
  const socket = join(folder, "comm");
  const daemon = await startDaemon("--json", "--socket", socket, "--config", file);
  return { daemon, file, socket, ...logOf(daemon) };
}

function logOf(daemon: Awaited<ReturnType<typeof startDaemon>>) {
  const lines = (about: RegExp) => daemon.log().filter(({ msg }) => about.test(String(msg)));
  return {
    /** The lines of the log about something, when there are so many. */
    said: async (about: RegExp, count = 1) => {
      await expect.poll(() => lines(about).length, { timeout: PATIENCE_MS }).toBeGreaterThanOrEqual(count);
      return lines(about);
    },
  };
}

/** Has a program send a PIN to the card in the reader, and answers what became of it. */
async function sendPin(socket: string): Promise<string> {
  const context = await pcscdManager({ socket }).establishContext();
  try {
    const connection = await context.connect("Door", { shareMode: "shared", preferredProtocols: ["t0", "t1"] });
    return Buffer.from(await connection.transmit(verify)).toString("hex");
  } catch (error) {
    return String((error as { code?: unknown }).code);
  } finally {
    await context.release();
  }
}

/** Where the cards of a daemon's readers plug in, as `scard who` is told. */
async function doors(socket: string): Promise<unknown[]> {
  const who = await scard("who", "--json", "--control", `${socket}.control`);
  return JSON.parse(who.stdout).readers.map(({ door }: { door?: unknown }) => door);
}

describe.skipIf(process.platform !== "linux")("who may be the card of a daemon", { timeout: 4 * PATIENCE_MS }, () => {
  it("is the daemon's user, by TCP, and the log says so", async () => {
    const port = await freePort();
    const { said, socket } = await daemonWith({ port });
    const card = plugIn(port);
    const [line] = await said(/plugged in/);
    expect(line).toMatchObject({ level: "info", msg: "a card was plugged in", reader: "Door", uid: own });
    expect(await sendPin(socket)).toBe("9000");
    await card.line((text) => text.includes("002000010431323334"));
    await card.end();
    const [gone] = await said(/unplugged/);
    expect(gone).toMatchObject({ level: "info", reader: "Door", uid: own, reason: expect.any(String) });
  });

  it("is the daemon's user, by a Unix socket, and the log names process and program", async () => {
    const path = join(openFolder(), "door", "vpcd");
    const { said, socket } = await daemonWith({ path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const card = plugIn(path);
    const [line] = await said(/plugged in/);
    expect(line).toMatchObject({ reader: "Door", uid: own, pid: card.pid, program: process.execPath });
    expect(await sendPin(socket)).toBe("9000");
    await card.line((text) => text.includes("002000010431323334"));
    await card.end();
    await said(/unplugged/);
  });

  it("is no other user by TCP: not a byte goes there, and no PIN", async ({ skip }) => {
    if (!IS_ROOT) skip(NOT_ROOT);
    const port = await freePort();
    const { said, socket } = await daemonWith({ port });
    const card = plugIn(port, STRANGER);
    await card.line((text) => text === "closed");
    expect((await card.ended).stdout).not.toContain("got");
    const [line] = await said(/refused/);
    expect(line).toMatchObject({
      level: "warn",
      reader: "Door",
      uid: STRANGER,
      remedy: `to allow it, put {"effect":"allow","uid":${STRANGER}} into "access" of the reader`,
    });
    expect(await sendPin(socket)).toBe("no-smartcard");
    expect((await said(/^/)).some(({ msg }) => msg === "a card was plugged in")).toBe(false);
  });

  it("is no other user by a Unix socket that all may connect to", async ({ skip }) => {
    if (!IS_ROOT) skip(NOT_ROOT);
    const path = join(openFolder(), "vpcd");
    const { said, socket } = await daemonWith({ path, mode: "0666" });
    const card = plugIn(path, STRANGER);
    await card.line((text) => text === "closed");
    expect((await card.ended).stdout).toBe("connected\nclosed\n");
    const [line] = await said(/refused/);
    expect(line).toMatchObject({ uid: STRANGER, pid: card.pid, program: expect.stringContaining("node") });
    expect(await sendPin(socket)).toBe("no-smartcard");
  });

  it("is no other user by a Unix socket: the system lets none connect", async ({ skip }) => {
    if (!IS_ROOT) skip(NOT_ROOT);
    const path = join(openFolder(), "vpcd");
    await daemonWith({ path });
    const card = plugIn(path, STRANGER);
    expect(await card.line()).toBe("error EACCES");
  });

  it.for(["tcp", "unix"])("is another user where access says so: %s", async (kind, { skip }) => {
    if (!IS_ROOT) skip(NOT_ROOT);
    const place = kind === "tcp" ? await freePort() : join(openFolder(), "vpcd");
    const where = typeof place === "number" ? { port: place } : { path: place };
    const { said, socket } = await daemonWith({ ...where, access: [{ effect: "allow", uid: STRANGER }] });
    const card = plugIn(place, STRANGER);
    await said(/plugged in/);
    expect(await sendPin(socket)).toBe("9000");
    await card.line((text) => text.includes("002000010431323334"));
  });

  it("is not the daemon's user where access denies it, until the configuration is read anew", async () => {
    const port = await freePort();
    const { daemon, file, said } = await daemonWith({ port, access: [{ effect: "deny" }] });
    const card = plugIn(port);
    await card.line((text) => text === "closed");
    expect((await card.ended).stdout).not.toContain("got");
    expect((await said(/refused/))[0]).toMatchObject({ rule: 0, uid: own });
    writeFileSync(file, JSON.stringify({ readers: [{ type: "vpcd", name: "Door", port }] }));
    daemon.program.signal("SIGHUP");
    await said(/read anew/);
    plugIn(port);
    await said(/plugged in/);
  });

  it("is told to scard who, reader by reader", async () => {
    const folder = openFolder();
    const file = join(folder, "daemon.json");
    const [port, open] = [await freePort(), await freePort()];
    const readers = [
      { type: "virtual" },
      { type: "vpcd", name: "A", port },
      { type: "vpcd", name: "B", port: open, access: [{ effect: "allow" }] },
      { type: "vpcd", name: "C", path: join(folder, "c"), slots: 2 },
      { type: "vpcd", name: "D", path: join(folder, "d"), access: [{ effect: "allow" }] },
      { type: "vpcd", name: "E", path: join(folder, "e"), access: [{ effect: "allow" }], mode: "0600" },
    ];
    writeFileSync(file, JSON.stringify({ readers }));
    const socket = join(folder, "comm");
    await startDaemon("--json", "--socket", socket, "--config", file);
    expect(await doors(socket)).toEqual([
      undefined,
      { at: `127.0.0.1:${port}`, open: false },
      { at: `127.0.0.1:${open}`, open: true },
      { at: join(folder, "c"), open: false },
      { at: join(folder, "c.1"), open: false },
      { at: join(folder, "d"), open: true },
      { at: join(folder, "e"), open: false },
    ]);
  });

  it("is asked on the command line, too, and --check-config says what cannot be", async () => {
    const folder = openFolder();
    const path = join(folder, "vpcd");
    const args = ["--json", "--socket", join(folder, "comm"), "--reader", `vpcd:${path}:Door`];
    const { said } = logOf(await startDaemon(...args));
    plugIn(path);
    await said(/plugged in/);
    const file = join(folder, "daemon.json");
    const check = async (reader: object): Promise<string> => {
      writeFileSync(file, JSON.stringify({ readers: [{ type: "vpcd", ...reader }] }));
      return (await scard("daemon", "--check-config", "--config", file, "--socket", join(folder, "other"))).stdout;
    };
    expect(await check({ host: "0.0.0.0" })).toMatch(/\$\.readers\[0\]: .*other machines reach.*"access"/);
    expect(await check({ host: "0.0.0.0", access: [{ effect: "allow" }] })).toContain("is good");
    expect(await check({ access: [{ effect: "allow", program: "vicc" }] })).toMatch(
      /access\[0\]\.program: cannot be met by TCP/,
    );
    expect(await check({ path: join(folder, "other") })).toMatch(
      /readers\[0\]: .*is the place of .* a socket of the daemon/,
    );
    expect(await check({ path, mode: "0660", access: [{ effect: "allow", gid: 0 }] })).toContain("is good");
  });
});
