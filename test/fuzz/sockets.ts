// SPDX-License-Identifier: MIT

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { askDaemon, type WhoReport } from "../../src/apps/daemon/index.ts";
import { concatBytes } from "../../src/base/binary/index.ts";
import { nodeClock } from "../../src/platform/node/runtime/runtime.ts";
import { encodeFrame } from "../../src/readers/vpcd/index.ts";
import { ClientSession, encodeRequest } from "../../src/wire/pcsclite/index.ts";
import { freePort } from "../peers/free-ports.ts";
import { Dice } from "./dice.ts";
import { mutate } from "./mutate.ts";
import { must } from "./target.ts";
import { documentTargets } from "./targets/documents.ts";
import { makeRequest } from "./targets/streams.ts";

/** How the daemon is fuzzed. */
interface SocketsOptions {
  readonly seed: number;
  /** The program `scard`, compiled. */
  readonly program: string;
  /** So many rounds; or for how long. */
  readonly rounds?: number;
  readonly seconds?: number;
}

/** What came of it. */
interface SocketsReport {
  readonly rounds: number;
  readonly connections: number;
  readonly bytes: number;
  /** Answers that the client which behaves has had, each of them right. */
  readonly served: number;
  readonly failure: string | undefined;
}

/** Hostile connections at once. */
const CONNECTIONS_PER_ROUND = 24;
/** The longest wait for an answer, in milliseconds: the machine may be busy. */
const PATIENCE_MS = 120_000;

export const fuzzSockets = {
  name: "daemon-sockets",
  about: "Any bytes on all sockets of a real daemon, beside a client that behaves: it is served, and nothing is left",
  run: runSockets,
};

/**
 * Starts a daemon and treats it badly. The seed tells which bytes are sent and when connections are cut; what comes first on
 * the way through two processes it does not tell.
 */
async function runSockets(options: SocketsOptions): Promise<SocketsReport> {
  const folder = mkdtempSync(join(tmpdir(), "scard-fuzz-daemon-"));
  const counts = { rounds: 0, connections: 0, bytes: 0, served: 0 };
  let daemon: ChildProcess | undefined;
  try {
    const socket = join(folder, "comm");
    const vpcdPort = await freePort();
    const config = join(folder, "daemon.json");
    const readers = [
      { type: "virtual", name: "Desk", card: "demo" },
      { type: "virtual", name: "Reader", card: "demo" },
      { type: "vpcd", port: vpcdPort },
    ];
    writeFileSync(config, JSON.stringify({ readers, limits: { unsentBytes: 200_000 } }));
    // The log goes to a file, so that it can be read after the process has ended.
    const script = 'log=$1; shift; exec "$@" 2>"$log"';
    const args = ["-c", script, "sh", join(folder, "log"), process.execPath, options.program];
    daemon = spawn("sh", [...args, "daemon", "--socket", socket, "--config", config], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await Promise.race([once(daemon.stdout ?? daemon, "data"), sleep(PATIENCE_MS, undefined, { ref: false })]);
    await treatBadly(daemon, { socket, vpcdPort }, options, counts);
    await leavesInGoodOrder(daemon, folder);
    return { ...counts, failure: undefined };
  } catch (error) {
    const told = badLine(join(folder, "log"));
    const message = error instanceof Error ? error.message : String(error);
    return { ...counts, failure: told === undefined ? message : `${message}; in its log: ${told}` };
  } finally {
    daemon?.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  }
}

async function treatBadly(
  daemon: ChildProcess,
  places: { readonly socket: string; readonly vpcdPort: number },
  { rounds = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY, seed }: SocketsOptions,
  counts: { rounds: number; connections: number; bytes: number; served: number },
): Promise<void> {
  const dice = new Dice(seed);
  const good = await GoodClient.connect(places.socket);
  await good.ask();
  const control = `${places.socket}.control`;
  const who = async (): Promise<WhoReport> => (await askDaemon(control, { command: "who" }, nodeClock)) as WhoReport;
  await who();
  const descriptors = openDescriptors(daemon);
  const started = performance.now();
  while (counts.rounds < rounds && (performance.now() - started) / 1000 < seconds) {
    const hostile = Array.from({ length: CONNECTIONS_PER_ROUND }, () => new HostileClient(dice, places));
    const done = Promise.all(hostile.map((client) => client.run()));
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    do {
      await good.ask();
      counts.served++;
      must(daemon.exitCode === null && daemon.signalCode === null, "the daemon has ended");
    } while (!isDone);
    await who();
    counts.rounds++;
    counts.connections += hostile.length;
    counts.bytes += hostile.reduce((sum, client) => sum + client.sentBytes, 0);
  }
  await eventually("clients are left", async () => {
    const { clients, daemon: state, readers } = await who();
    const quiet = readers.every(({ connections, lock, name, queue }) => {
      return name === "Desk" || (connections.length === 0 && lock === undefined && queue.length === 0);
    });
    return state.sessions === 1 && clients.length === 1 && quiet && readers.length === 3;
  });
  await eventually("file descriptors are left", async () => openDescriptors(daemon) <= descriptors);
  await good.ask();
  await good.leave();
  await eventually("the last client is left", async () => (await who()).daemon.sessions === 0);
}

async function leavesInGoodOrder(daemon: ChildProcess, folder: string): Promise<void> {
  const exited = once(daemon, "exit");
  daemon.kill("SIGTERM");
  const [status] = (await Promise.race([exited, sleep(PATIENCE_MS, ["no end"], { ref: false })])) as unknown[];
  must(status === 0, `the daemon ended with ${String(status)}`);
  must(!existsSync(join(folder, "comm")) && !existsSync(join(folder, "comm.control")), "sockets are left");
  const told = badLine(join(folder, "log"));
  must(told === undefined, `in the log: ${told}`);
}

/** What a daemon's log may not have: an error, or the last words of Node. */
function badLine(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, "utf8").split("\n");
  const isBad = (line: string): boolean => /"level":"(?:error|fatal)"/.test(line) || /^\w*Error\b/.test(line);
  return lines.find(isBad);
}

/** A program that uses its reader as one should. */
class GoodClient {
  readonly #socket: Socket;
  readonly #session: ClientSession;
  #card = 0;
  #context = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#session = new ClientSession({
      send: (bytes) => socket.write(bytes),
      ended: () => socket.destroy(),
    });
    socket.on("data", (bytes) => this.#session.received(bytes));
    socket.on("error", () => {});
    socket.on("close", () => this.#session.closed("the daemon hung up"));
  }

  static async connect(path: string): Promise<GoodClient> {
    const socket = connect(path);
    await once(socket, "connect");
    const client = new GoodClient(socket);
    await client.#session.open();
    const { context } = await client.#session.establish(2);
    const terms = { context, reader: "Desk", shareMode: 2, preferredProtocols: 3 };
    const { card, rv } = await client.#session.connect(terms);
    must(rv === 0, `the client that behaves cannot connect: ${rv}`);
    client.#card = card;
    client.#context = context;
    return client;
  }

  /** One command in a transaction of its own, with the right answer, in time. */
  async ask(): Promise<void> {
    const exchange = async (): Promise<string> => {
      const begun = await this.#session.begin(this.#card);
      const command = Uint8Array.of(0x00, 0xa4, 0x00, 0x0c, 0x02, 0x3f, 0x00);
      const { response, rv } = await this.#session.transmit(this.#card, 2, command);
      const ended = await this.#session.end(this.#card, 0);
      return `${begun.rv} ${rv} ${Buffer.from(response).toString("hex")} ${ended.rv}`;
    };
    const answer = await Promise.race([exchange(), sleep(PATIENCE_MS, "no answer", { ref: false })]);
    must(answer === "0 0 9000 0", `the client that behaves is not served: ${answer}`);
    await sleep(1);
  }

  async leave(): Promise<void> {
    await this.#session.disconnect(this.#card, 0);
    await this.#session.release(this.#context);
    this.#socket.destroy();
  }
}

/** A program that means no good, on one of the daemon's sockets. */
class HostileClient {
  sentBytes = 0;
  readonly #pieces: readonly Uint8Array[];
  readonly #open: () => Socket;
  readonly #reads: boolean;
  readonly #pauseMs: number;
  readonly #end: "destroy" | "end" | "reset";

  constructor(dice: Dice, { socket, vpcdPort }: { readonly socket: string; readonly vpcdPort: number }) {
    const where = dice.pick(["programs", "programs", "programs", "control", "vpcd"]);
    const length = dice.pick([0, 1, 3, 10, 40]);
    this.#pieces = Array.from({ length }, () => hostilePiece(where, dice));
    this.#reads = dice.chance(75);
    this.#pauseMs = dice.pick([0, 0, 0, 1, 5]);
    this.#end = dice.pick(["destroy", "destroy", "end", "reset"]);
    this.#open = () => {
      if (where === "vpcd") return connect(vpcdPort, "127.0.0.1");
      return connect(where === "control" ? `${socket}.control` : socket);
    };
  }

  async run(): Promise<void> {
    const socket = this.#open();
    // It may be disconnected at any time; that is not a failure.
    socket.on("error", () => {});
    if (this.#reads) socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await Promise.race([new Promise((resolve) => socket.once("connect", resolve)), closed]);
    for (const piece of this.#pieces) {
      if (socket.destroyed) break;
      socket.write(piece);
      this.sentBytes += piece.length;
      if (this.#pauseMs > 0) await sleep(this.#pauseMs);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await sleep(this.#pauseMs);
    if (this.#end === "end") socket.end();
    // A Unix socket knows no reset.
    else if (this.#end === "reset" && socket.remotePort !== undefined) socket.resetAndDestroy();
    else socket.destroy();
    await Promise.race([closed, sleep(50, undefined, { ref: false })]);
    socket.destroy();
    await closed;
  }
}

/** Something that is nearly right, or not at all. */
function hostilePiece(where: string, dice: Dice): Uint8Array {
  if (dice.chance(8)) return dice.bytes(dice.pick([1, 8, 300, 5000]));
  if (dice.chance(2)) return new Uint8Array(80_000).fill(dice.pick([0x20, 0xff, 0x0a]));
  const right = rightPiece(where, dice);
  if (dice.chance(60)) return right;
  return mutate(right, [], { maxBytes: 100_000 }, dice);
}

const controlLines = documentTargets.find(({ name }) => name === "control-lines");

function rightPiece(where: string, dice: Dice): Uint8Array {
  if (where === "vpcd")
    return encodeFrame(dice.pick([Uint8Array.of(0x3b, 0x80, 0x01, 0x81), dice.bytes(dice.below(20))]));
  if (where === "control") return controlLines?.generate?.(dice) ?? new Uint8Array(0);
  const opening = [
    encodeRequest({ kind: "version", major: 4, minor: 6 }),
    encodeRequest({ kind: "establish-context", scope: 2 }),
  ];
  return concatBytes(...(dice.chance(25) ? opening : []), encodeRequest(makeRequest(dice)));
}

function openDescriptors({ pid }: ChildProcess): number {
  return existsSync(`/proc/${pid}/fd`) ? readdirSync(`/proc/${pid}/fd`).length : 0;
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const started = performance.now();
  while (!(await holds())) {
    must(performance.now() - started < PATIENCE_MS, what);
    await sleep(20);
  }
}
