// SPDX-License-Identifier: MIT

import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { scard, startDaemon, testFolder } from "../daemon/running.ts";
import { Program } from "../peers/program.ts";

const lockProgram = resolve("test/providers/lock-program.mjs");
const LEAVE = 0;
const RESET = 1;

/** One ISCardManage, in a process of its own or among others. */
class Locker {
  readonly name: string;
  readonly #program: Program;

  constructor(program: Program, name: string) {
    this.#program = program;
    this.name = name;
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** Begins a call; its end is another matter. */
  begin(call: string): void {
    this.#program.write(`${this.name} ${call}\n`);
  }

  /** What the call that was begun returns. */
  async end(method: string): Promise<string> {
    const line = await this.#program.line((text) => {
      const answer = JSON.parse(text);
      return answer.name === this.name && answer.method === method;
    });
    return JSON.parse(line).result;
  }

  async call(call: string): Promise<string> {
    this.begin(call);
    return this.end(call.split(" ")[0] ?? call);
  }
}

async function start(manager: string): Promise<Program> {
  const environment = { ...process.env, SCARD_MANAGER: manager, SCARD_DATABASE: join(testFolder(), "database.sqlite") };
  const program = new Program(process.execPath, [lockProgram, "Desk"], environment);
  onTestFinished(async () => {
    await program.end("SIGKILL");
  });
  await program.line();
  return program;
}

/** Where they are. */
interface Place {
  readonly lockers: readonly [Locker, Locker, Locker];
  /** Waits until the card is held by this one, and those wait for it, in this order. */
  readonly seen: (holder: Locker, waiting: readonly Locker[]) => Promise<void>;
}

/** What all three do with one card, wherever they are. */
async function contend({ lockers, seen }: Place): Promise<void> {
  const [one, two, three] = lockers;
  for (const locker of lockers) expect(await locker.call("attach")).toBe("S_OK");
  expect(await one.call("lock")).toBe("S_OK");
  expect(await one.call("lock")).toBe("S_OK");
  two.begin("lock");
  await seen(one, [two]);
  three.begin("lock");
  await seen(one, [two, three]);
  // The inner lock of two: the card stays theirs, and is not reset.
  expect(await one.call(`unlock ${LEAVE}`)).toBe("S_OK");
  await seen(one, [two, three]);
  expect(await one.call(`unlock ${LEAVE}`)).toBe("S_OK");
  expect(await two.end("lock")).toBe("S_OK");
  await seen(two, [three]);
  expect(await two.call(`unlock ${LEAVE}`)).toBe("S_OK");
  expect(await three.end("lock")).toBe("S_OK");
  expect(await three.call("unlock 4")).toBe("E_INVALIDARG");
  expect(await three.call(`unlock ${RESET}`)).toBe("S_OK");
  for (const other of [one, two]) expect(await other.call("status")).toBe("SCARD_W_RESET_CARD");
  // With pcsc-lite's rules, which the daemon has, the one who has reset the card is told as well.
  for (const locker of lockers) {
    expect(await locker.call("reconnect")).toBe("S_OK");
    expect(await locker.call("status")).toBe("S_OK");
  }
  expect(await one.call(`unlock ${LEAVE}`)).toBe("SCARD_E_NOT_TRANSACTED");
  for (const locker of lockers) expect(await locker.call("detach")).toBe("S_OK");
}

describe.skipIf(process.platform === "win32")("SCardLock", () => {
  test("of three processes through the daemon is first come, first served, and `scard who` names them", async () => {
    const socket = join(testFolder(), "comm");
    await startDaemon("--socket", socket, "--reader", "virtual:Desk", "--card", "demo");
    const programs = [
      await start(`daemon:${socket}`),
      await start(`daemon:${socket}`),
      await start(`daemon:${socket}`),
    ];
    const [one, two, three] = programs.map((program, index) => new Locker(program, `process${index + 1}`));
    if (one === undefined || two === undefined || three === undefined) throw new Error("three processes");
    const seen: Place["seen"] = (holder, waiting) =>
      expect
        .poll(() => who(socket), { interval: 200 })
        .toEqual({ holder: holder.pid, waiting: waiting.map(({ pid }) => pid) });
    await contend({ lockers: [one, two, three], seen });
    expect(await who(socket)).toEqual({ holder: undefined, waiting: [] });
  });

  test("of the same program on the embedded manager is the same", async () => {
    const program = await start("embedded:virtual:Desk+demo");
    const lockers = [new Locker(program, "one"), new Locker(program, "two"), new Locker(program, "three")] as const;
    // The waiting calls cannot be observed: calls of one process start in the order of its lines.
    await contend({ lockers, seen: async () => {} });
  });
});

/** Who has the card of the first reader and who waits for it, as `scard who` says. */
async function who(socket: string): Promise<{ holder: number | undefined; waiting: readonly number[] }> {
  const { stdout } = await scard("who", "--json", "--control", `${socket}.control`);
  const [reader] = JSON.parse(stdout).readers;
  return {
    holder: reader.lock?.client.pid,
    waiting: reader.queue.map(({ client }: { readonly client: { readonly pid: number } }) => client.pid),
  };
}
