// SPDX-License-Identifier: MIT

// Databases in files that several processes write to, and processes that are killed while they do.

import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Database } from "../../src/database/index.ts";
import { findDriver, SqliteStore } from "../../src/platform/node/sqlite/index.ts";
import { describePeer } from "../peers/peers.ts";
import { Program } from "../peers/program.ts";
import { secondNode } from "../peers/second-node.ts";

const driver = await findDriver();
const writer = resolve("test/database/writer.mjs");
/** In memory where there is such a folder: who is killed loses nothing that the system has, on a disk or not. */
const temporary = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

function databaseFile(): string {
  const folder = mkdtempSync(join(temporary, "scard-database-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  return join(folder, "database");
}

function startWriter(...args: readonly (string | number)[]): Program {
  return startWriterWith(process.execPath, ...args);
}

function startWriterWith(node: string, ...args: readonly (string | number)[]): Program {
  const program = new Program(node, [writer, ...args.map(String)]);
  onTestFinished(async () => {
    await program.end();
  });
  return program;
}

async function open(file: string): Promise<Database> {
  return new Database(await SqliteStore.open(file, { driver }));
}

/** What SQLite finds wrong with a file: `["ok"]` for nothing. */
function integrity(file: string): unknown[] {
  const connection = driver.open(file, false);
  try {
    return [...connection.rows("PRAGMA integrity_check"), ...connection.rows("PRAGMA foreign_key_check")].flatMap(
      (row) => Object.values(row),
    );
  } finally {
    connection.close();
  }
}

describe("a process that is killed", () => {
  test("in the middle of a thousand changes loses none that it has been told of", async () => {
    const file = databaseFile();
    const rounds = 50;
    let interrupted = 0;
    const expected = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const program = startWriter("introduce", file, `round ${round}`, 1000);
      // Some are killed before they have written anything, one of them while it makes the tables.
      const last = String(((round * 7) % 40) - 2);
      if (round > 0) await program.line((line) => line === (Number(last) < 0 ? "ready" : last));
      else await program.line();
      const { stdout, signal } = await program.end("SIGKILL");
      expect(signal).toBe("SIGKILL");
      const told = stdout.split("\n").filter((line) => /^\d+$/.test(line)).length;
      const database = await open(file);
      const there = database.cardTypes.list().filter(({ name }) => name.startsWith(`round ${round} `));
      // It may have died between making a change and telling of it.
      expect([told, told + 1]).toContain(there.length);
      if (there.length > told) interrupted++;
      for (const { name, atrs, providers } of there) {
        expected.add(name);
        expect({ name, atrs: atrs.length, providers }).toEqual({
          name,
          atrs: 3,
          providers: { csp: `CSP ${name.split(" ")[2]}` },
        });
      }
      expect(new Set(database.cardTypes.list().map(({ name }) => name))).toEqual(expected);
      const readers = database.readers.list().filter(({ name }) => name.startsWith(`round ${round} `)).length;
      expect([Math.ceil(told / 5), Math.ceil(told / 5) + 1]).toContain(readers);
      database.close();
      expect(integrity(file)).toEqual(["ok"]);
    }
    expect(expected.size).toBeGreaterThan(rounds * 10);
    expect(interrupted).toBeLessThan(rounds);
  });

  test("in an import leaves all of it or nothing", async () => {
    const count = 3000;
    for (let round = 0; round < 8; round++) {
      const file = databaseFile();
      const program = startWriter("import", file, "card", count);
      await program.line((line) => line === "ready");
      await new Promise((resolve) => setTimeout(resolve, round * 12));
      const { stdout } = await program.end("SIGKILL");
      const database = await open(file);
      const there = database.cardTypes.list().length;
      database.close();
      expect(stdout.includes("imported") ? [count] : [0, count]).toContain(there);
    }
  });
});

/** Two processes put the same reader into groups of their own, as fast as they can. */
async function writeTogether(oneNode: string, otherNode: string): Promise<void> {
  const file = databaseFile();
  const count = 100;
  const programs = [
    startWriterWith(oneNode, "share", file, "one", count),
    startWriterWith(otherNode, "share", file, "two", count),
  ];
  // Nothing on the error output: no warning that SQLite is experimental either.
  for (const program of programs) expect(await program.ended).toMatchObject({ status: 0, stderr: "" });
  const database = await open(file);
  const groups = new Set(database.readers.list()[0]?.groups);
  expect(groups.size).toBe(1 + 2 * count);
  const entries = database.audit.entries();
  for (const prefix of ["one", "two"]) {
    const own = entries.filter(({ who }) => who === prefix);
    expect(own.map(({ time }) => time)).toEqual(Array.from({ length: count }, (_, number) => number));
  }
  database.close();
  expect(integrity(file)).toEqual(["ok"]);
}

describe("processes that write at the same time", () => {
  test("lose nothing of each other's changes", () => writeTogether(process.execPath, process.execPath));

  describePeer(secondNode, (node) => {
    test("lose nothing where each has SQLite from somewhere else", () => writeTogether(process.execPath, node));
  });

  test("see each other's changes", async () => {
    const file = databaseFile();
    const database = await open(file);
    const program = startWriter("introduce", file, "card", 20);
    for (let number = 0; number < 20; number++) {
      await program.line((line) => line === String(number));
      expect(database.cardTypes.has(`card ${number}`)).toBe(true);
    }
    expect(await program.ended).toMatchObject({ status: 0 });
    database.close();
  });
});

test.skipIf(process.getuid?.() !== 0)("a user reads the system's database, and cannot change it", async () => {
  const file = databaseFile();
  const store = await SqliteStore.open(file, { driver, shared: true });
  const database = new Database(store);
  database.cardTypes.introduce({ name: "Card" });
  const { stdout, stderr } = await startWriter("foreign", file, "", 0).ended;
  expect({ lines: stdout.split("\n"), stderr }).toEqual({ lines: ["ready", "1", "no-access", ""], stderr: "" });
  database.close();
  chmodSync(file, 0o600);
  const refused = await startWriter("foreign", file, "", 0).ended;
  expect(refused.stderr).toContain("SCARD_E_NO_ACCESS");
});
