// SPDX-License-Identifier: MIT

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Database, type StoreChange, type StoredReader } from "../../../database/index.ts";
import type { SqliteDriver } from "./driver.ts";
import { libsqlDriver } from "./libsql.ts";
import { nodeSqliteDriver } from "./node-sqlite.ts";
import { type OpenDatabaseOptions, openDatabase } from "./open-database.ts";
import { APPLICATION_ID, migrationsFrom, schemaVersion } from "./schema.ts";
import { SqliteStore, type SqliteStoreOptions } from "./sqlite-store.ts";

/** Every way to SQLite that this runtime has. */
const drivers = [nodeSqliteDriver(), await libsqlDriver().catch(() => undefined)].filter(
  (driver) => driver !== undefined,
);

function code(expected: string, ...messages: readonly string[]) {
  return expect.objectContaining({
    code: expected,
    message: expect.stringMatching(messages.map((message) => `(?=.*${message})`).join("")),
  });
}

function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "scard-database-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

async function opened(path: string, driver: SqliteDriver, options: SqliteStoreOptions = {}) {
  const store = await SqliteStore.open(path, { driver, ...options });
  onTestFinished(() => store.close());
  return store;
}

function put(name: string): StoreChange {
  const reader: StoredReader = { name, device: name, groups: ["SCard$DefaultReaders"] };
  return { kind: "put-reader", key: name.toUpperCase(), reader };
}

/** Makes a file as another program, or another release of this one, would leave it. */
function writeFile(driver: SqliteDriver, path: string, ...statements: readonly string[]): void {
  const connection = driver.open(path, false);
  connection.exec("BEGIN");
  for (const statement of statements) connection.exec(statement);
  connection.exec("COMMIT");
  connection.close();
}

test.skipIf(drivers.length < 2)("files are the same for every way to SQLite", async () => {
  const path = join(testFolder(), "database");
  const stores = await Promise.all(drivers.map((driver) => opened(path, driver)));
  for (const [index, store] of stores.entries()) {
    store.update(() => [put(`reader ${index}`)]);
    for (const other of stores) expect(other.load()).toEqual(store.load());
  }
});

test("there is a way to SQLite", () => {
  expect(drivers.length).toBeGreaterThan(0);
});

describe.each(drivers)("a file opened with $name", (driver) => {
  test("is created by the first change, not by looking", async () => {
    const path = join(testFolder(), "a", "b", "database");
    const store = await opened(path, driver);
    expect(store.load()).toEqual({ revision: "none", cardTypes: [], readers: [] });
    expect(store.readAudit(10)).toEqual([]);
    expect(store.update(() => [])).toBe("none");
    const refusal = new Error("no");
    expect(() =>
      store.update(() => {
        throw refusal;
      }),
    ).toThrow(refusal);
    expect(existsSync(join(path, ".."))).toBe(false);
    const revision = store.update(() => [put("one")]);
    expect(store.load()).toMatchObject({ revision, readers: [{ name: "one" }] });
  });

  test("whose version was lowered or raised by hand is damaged, and is not written to", async () => {
    for (const version of [0, 1, 2, -1]) {
      const path = join(testFolder(), "database");
      const store = await opened(path, driver);
      store.update(() => [put("one")]);
      store.close();
      writeFile(driver, path, `PRAGMA user_version = ${version}`);
      const before = readFileSync(path);
      for (const readOnly of [false, true]) {
        const refused = code("invalid-target", `is damaged: .*of version ${version}, and they are of version 3`);
        await expect(SqliteStore.open(path, { driver, readOnly })).rejects.toEqual(refused);
      }
      expect(readFileSync(path)).toEqual(before);
    }
  });

  test("whose tables are gone is damaged", async () => {
    const path = join(testFolder(), "database");
    const store = await opened(path, driver);
    store.update(() => [put("one")]);
    writeFile(driver, path, "DROP TABLE reader_group", "DROP TABLE reader");
    expect(() => store.load()).toThrow(code("invalid-target", "damaged"));
  });

  test("that is a dangling link, a circle, a folder or a FIFO is named for what it is", async () => {
    const folder = testFolder();
    const at = (name: string): string => join(folder, name);
    symlinkSync(at("nowhere"), at("dangling"));
    symlinkSync(at("circle"), at("circle"));
    mkdirSync(at("folder"));
    const places = [
      ["dangling", "symbolic link to a file that is not there"],
      ["circle", "in a circle"],
      ["folder", "is a folder"],
    ];
    if (process.platform !== "win32") {
      execFileSync("mkfifo", [at("fifo")]);
      places.push(["fifo", "no regular file"]);
    }
    for (const [place = "", message = ""] of places) {
      for (const readOnly of [false, true]) {
        const opening = SqliteStore.open(at(place), { driver, readOnly });
        await expect(opening, place).rejects.toEqual(code("invalid-target", message));
      }
    }
    expect(existsSync(at("nowhere"))).toBe(false);
  });

  test("whose link begins to dangle is named before it is changed", async () => {
    const folder = testFolder();
    const [path, target] = [join(folder, "link"), join(folder, "target")];
    writeFileSync(target, "");
    symlinkSync(target, path);
    const store = await opened(path, driver);
    rmSync(target);
    expect(() => store.update(() => [put("one")])).toThrow(code("invalid-target", "symbolic link"));
    expect(existsSync(target)).toBe(false);
  });

  test("gives everything back as it was stored", async () => {
    const path = join(testFolder(), "database");
    const cardType = {
      name: 'Ünïcode "card" 💳',
      atrs: [{ atr: Uint8Array.of(0x3b, 0, 0xff) }, { atr: Uint8Array.of(0x3b), mask: Uint8Array.of(0xf0) }],
      interfaces: ["{50DD5230-BA8A-11D1-BF5D-0000F805F530}", "{00000000-0000-0000-0000-000000000000}"],
      primaryProvider: "{50DD5230-BA8A-11D1-BF5D-0000F805F530}",
      providers: { csp: "a", ksp: "b", "card-module": "c" },
      description: "one\ntwo",
    };
    const plain = { name: "p", atrs: [], interfaces: [], primaryProvider: undefined, providers: {}, description: "" };
    const reader = { name: "r", device: "d", groups: ["b", "a"] };
    const entry = { time: 1_763_700_000_123, event: "chv-success", reader: "r", card: undefined, who: "w" } as const;
    const store = await opened(path, driver);
    store.update(() => [
      { kind: "put-card-type", key: "U", cardType },
      { kind: "put-card-type", key: "P", cardType: plain },
      { kind: "put-card-type", key: "X", cardType: plain },
      { kind: "put-reader", key: "R", reader: { ...reader, groups: ["z"] } },
      { kind: "put-reader", key: "R", reader },
      { kind: "put-reader", key: "X", reader },
      { kind: "remove-reader", key: "X" },
      { kind: "remove-card-type", key: "X" },
    ]);
    store.appendAudit(entry, 10);
    store.close();
    const again = await opened(path, driver);
    expect(again.load()).toMatchObject({ cardTypes: [plain, cardType], readers: [reader] });
    expect(again.load().cardTypes[1]).toEqual(cardType);
    expect(again.readAudit(10)).toEqual([entry]);
  });

  test("keeps the last entries of the audit log", async () => {
    const store = await opened(join(testFolder(), "database"), driver);
    const append = (time: number, keep: number) => {
      store.appendAudit({ time, event: "chv-failure", reader: undefined, card: undefined, who: undefined }, keep);
    };
    for (let time = 0; time < 5; time++) append(time, 3);
    expect(store.readAudit(10).map(({ time }) => time)).toEqual([2, 3, 4]);
    expect(store.readAudit(2).map(({ time }) => time)).toEqual([3, 4]);
    expect(store.readAudit(0)).toEqual([]);
    append(5, 1);
    expect(store.readAudit(10).map(({ time }) => time)).toEqual([5]);
  });

  test("shows another store's changes, and its revision changes with them only", async () => {
    const path = join(testFolder(), "database");
    const [one, other] = [await opened(path, driver), await opened(path, driver)];
    const first = one.update(() => [put("one")]);
    expect(other.revision()).toBe(first);
    other.appendAudit({ time: 0, event: "chv-success", reader: undefined, card: undefined, who: undefined }, 1);
    expect(one.revision()).toBe(first);
    expect(one.readAudit(10).length).toBe(1);
    const second = other.update(() => [put("two")]);
    expect(second).not.toBe(first);
    expect(one.revision()).toBe(second);
    expect(one.load().readers.length).toBe(2);
    expect(one.update(() => [])).toBe(second);
  });

  test("is as it was when a change fails half-way", async () => {
    const path = join(testFolder(), "database");
    const store = await opened(path, driver);
    const revision = store.update(() => [put("one")]);
    const bad: StoreChange = { ...put("three"), key: null as unknown as string };
    expect(() => store.update(() => [put("two"), bad])).toThrow(code("internal-error", "NOT NULL"));
    expect(() =>
      store.update(() => {
        throw new Error("no");
      }),
    ).toThrow("no");
    expect(store.load()).toMatchObject({ revision, readers: [{ name: "one" }] });
    store.update(() => [put("two")]);
    expect(store.load().readers.length).toBe(2);
  });

  test("whose tables another process makes meanwhile is not taken for another program's", async () => {
    const path = join(testFolder(), "database");
    let made = 0;
    /** Makes the tables between two questions about them, where the file may be written then. */
    const meddling: SqliteDriver = {
      ...driver,
      open(file, readOnly) {
        const connection = driver.open(file, readOnly);
        const rows: typeof connection.rows = (sql, ...values) => {
          if (sql === "PRAGMA application_id" && made++ === 0) {
            const other = driver.open(path, false);
            try {
              other.exec("PRAGMA busy_timeout = 0");
              other.exec(`BEGIN; ${migrationsFrom(0).join("; ")}`);
              other.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${schemaVersion}; COMMIT`);
            } catch {
              // It is being read, and waits for its turn.
            } finally {
              other.close();
            }
          }
          return connection.rows(sql, ...values);
        };
        return {
          rows,
          exec: (sql) => connection.exec(sql),
          run: (sql, ...values) => connection.run(sql, ...values),
          close: () => connection.close(),
        };
      },
    };
    const store = await opened(path, meddling);
    store.update(() => [put("one")]);
    expect([made > 0, store.load().readers.length]).toEqual([true, 1]);
  });

  test("that another process has locked is reported as busy after a while", async () => {
    const path = join(testFolder(), "database");
    const store = await opened(path, driver, { busyTimeoutMs: 20 });
    store.update(() => [put("one")]);
    const holder = driver.open(path, false);
    holder.exec("BEGIN IMMEDIATE");
    expect(store.load().readers.length).toBe(1);
    expect(() => store.update(() => [put("two")])).toThrow(code("server-too-busy", path, "20 ms"));
    holder.exec("ROLLBACK");
    holder.close();
    store.update(() => [put("two")]);
    expect(store.load().readers.length).toBe(2);
  });

  test("may be taken away, or replaced by another, while it is open", async () => {
    const folder = testFolder();
    const path = join(folder, "database");
    const database = new Database(await opened(path, driver));
    database.readers.introduce("one", "device");
    rmSync(path);
    expect(database.readers.list()).toEqual([]);
    database.readers.introduce("two", "two");
    expect(database.readers.list().map(({ name }) => name)).toEqual(["two"]);
    const again = new Database(await opened(path, driver));
    expect(again.readers.list().map(({ name }) => name)).toEqual(["two"]);
  });

  test("of version 1 is brought up to date, with all that is in it", async () => {
    const path = join(testFolder(), "database");
    writeFile(driver, path, readFileSync("test/database/version-1.sql", "utf8"));
    expect(await versionOf(driver, path)).toBe(1);
    const readOnly = SqliteStore.open(path, { driver, readOnly: true });
    await expect(readOnly).rejects.toThrow(code("invalid-target", path, "older release"));
    const database = new Database(await opened(path, driver));
    expect(database.cardTypes.list()).toEqual([
      {
        name: "Multiflex",
        atrs: [{ atr: Uint8Array.of(0x3b, 0x02), mask: Uint8Array.of(0xff, 0x0f) }, { atr: Uint8Array.of(0x3b) }],
        interfaces: ["{50DD5230-BA8A-11D1-BF5D-0000F805F530}"],
        primaryProvider: "{ABCDEF00-ABCD-ABCD-AABB-CCDDAABBCCDD}",
        providers: { csp: "Base CSP" },
        description: "3 KiB",
      },
    ]);
    expect(database.readers.list()).toEqual([
      { name: "Door", device: "CCID 7", groups: ["SCard$DefaultReaders", "Doors"], attached: false },
    ]);
    expect(database.audit.entries()).toEqual([]);
    database.audit.append({ time: 0, event: "chv-success", reader: undefined, card: undefined, who: undefined });
    expect(database.audit.entries().length).toBe(1);
    expect(await versionOf(driver, path)).toBe(schemaVersion);
  });

  test("of a newer release is refused and left alone", async () => {
    const path = join(testFolder(), "database");
    const newer = schemaVersion + 1;
    writeFile(
      driver,
      path,
      ...migrationsFrom(0),
      `PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${newer}`,
    );
    const before = readFileSync(path);
    await expect(SqliteStore.open(path, { driver })).rejects.toThrow(code("invalid-target", path, `version ${newer}`));
    expect(readFileSync(path)).toEqual(before);
  });

  test("of another program is refused and left alone", async () => {
    const path = join(testFolder(), "database");
    writeFile(driver, path, "CREATE TABLE bookmark (url TEXT)");
    const before = readFileSync(path);
    await expect(SqliteStore.open(path, { driver })).rejects.toThrow(code("invalid-target", path, "another program"));
    expect(readFileSync(path)).toEqual(before);
  });

  test.each([
    ["no database at all", () => Buffer.from("I am a letter, and longer than a header. ".repeat(100))],
    ["shorter than a header", () => Buffer.from("SQLite format 3\0")],
  ])("that is %s is refused and left alone", async (_, content) => {
    const path = join(testFolder(), "database");
    writeFileSync(path, content());
    await expect(SqliteStore.open(path, { driver })).rejects.toThrow(code("invalid-target", path));
    expect(readFileSync(path)).toEqual(content());
  });

  test("that is damaged is reported and left alone", async () => {
    const path = join(testFolder(), "database");
    const database = new Database(await opened(path, driver));
    database.cardTypes.introduceAll(Array.from({ length: 2000 }, (_, number) => ({ name: `card ${number}` })));
    database.close();
    const damaged = readFileSync(path);
    // All pages but the first, which has the header and the schema.
    damaged.fill(0xa5, 4096);
    writeFileSync(path, damaged);
    const store = SqliteStore.open(path, { driver }).then((opened) => opened.load());
    await expect(store).rejects.toThrow(code("invalid-target", path));
    expect(readFileSync(path)).toEqual(damaged);
  });

  test("cannot be where there is no folder to be had", async () => {
    const folder = testFolder();
    writeFileSync(join(folder, "file"), "");
    const below = SqliteStore.open(join(folder, "file", "database"), { driver });
    await expect(below.then((store) => store.update(() => [put("one")]))).rejects.toThrow(code("invalid-target"));
    mkdirSync(join(folder, "folder"));
    await expect(SqliteStore.open(join(folder, "folder"), { driver })).rejects.toThrow(
      code("invalid-target", "is a folder"),
    );
  });

  test("is not changed by a store that only reads", async () => {
    const path = join(testFolder(), "database");
    const reader = await opened(path, driver, { readOnly: true });
    const writer = await opened(path, driver);
    expect(reader.load().readers).toEqual([]);
    writer.update(() => [put("one")]);
    expect(reader.load().readers.length).toBe(1);
    expect(() => reader.update(() => [put("two")])).toThrow(code("no-access"));
    writeFileSync(path, "");
    expect((await opened(path, driver, { readOnly: true })).load().readers).toEqual([]);
    expect(statSync(path).size).toBe(0);
  });

  test.skipIf(process.platform === "win32").each([
    ["shared", true, 0o644, 0o755],
    ["the user's own", false, 0o600, 0o700],
  ])("that is %s has its modes under any umask", async (_, shared, fileMode, folderMode) => {
    const path = join(testFolder(), "scard", "database");
    const mask = process.umask(shared ? 0o077 : 0o000);
    try {
      (await opened(path, driver, { shared })).update(() => [put("one")]);
    } finally {
      process.umask(mask);
    }
    expect(statSync(path).mode & 0o777).toBe(fileMode);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(folderMode);
  });

  test("cannot be used any more when it is closed, and may be closed twice", async () => {
    const store = await opened(join(testFolder(), "database"), driver);
    store.update(() => [put("one")]);
    store.close();
    store.close();
    expect(() => store.revision()).toThrow("closed");
  });
});

describe.each(drivers)("databases opened with $name", (driver) => {
  function twoFiles(): OpenDatabaseOptions {
    const folder = testFolder();
    // paths.test.ts tests the paths: a test must not use the system's own folders.
    return { paths: { user: join(folder, "user", "database"), system: join(folder, "system", "database") } };
  }

  async function both(options: OpenDatabaseOptions) {
    const user = await openDatabase({ ...options, driver });
    const system = await openDatabase({ ...options, scope: "system", driver });
    onTestFinished(() => {
      user.close();
      system.close();
    });
    return { user, system };
  }

  test("are the user's above the system's", async () => {
    const { user, system } = await both(twoFiles());
    system.cardTypes.introduce({ name: "Card", description: "the system's" });
    expect(user.cardTypes.get("Card").description).toBe("the system's");
    user.cardTypes.introduce({ name: "Card", description: "the user's" });
    expect(user.cardTypes.get("Card").description).toBe("the user's");
    expect(system.cardTypes.get("Card").description).toBe("the system's");
  });

  test("are one and the same where a file is named", async () => {
    const file = join(testFolder(), "named");
    const { user, system } = await both({ surroundings: { environment: { SCARD_DATABASE: file }, uid: 1000 } });
    user.cardTypes.introduce({ name: "Card" });
    expect(system.cardTypes.has("Card")).toBe(true);
    expect(statSync(file).mode & 0o077).toBe(process.platform === "win32" ? 0o066 : 0);
    const byPath = await openDatabase({ path: file, driver });
    expect(byPath.cardTypes.has("Card")).toBe(true);
    byPath.close();
  });
});

async function versionOf(driver: SqliteDriver, path: string): Promise<unknown> {
  const connection = driver.open(path, true);
  const [row] = connection.rows("PRAGMA user_version");
  connection.close();
  return row?.user_version;
}

// Who is not root cannot give a file away; Windows has no such owners.
describe.skipIf(process.getuid?.() !== 0)("files of several users", () => {
  const [driver] = drivers;
  const otherUser = 65_534;

  test("in scard's own place, one that is neither the user's nor root's is refused, and a named one is not", async () => {
    const folder = testFolder();
    const paths = { user: join(folder, "user"), system: join(folder, "system") };
    const surroundings = { environment: {}, uid: 1000 };
    const open = async (more: OpenDatabaseOptions): Promise<string> => {
      try {
        (await openDatabase({ driver, surroundings, ...more })).close();
        return "opened";
      } catch (error) {
        return `${(error as { code: string }).code}: ${(error as Error).message}`;
      }
    };
    for (const path of Object.values(paths)) writeFileSync(path, "");
    expect(await open({ paths })).toBe("opened");
    chownSync(paths.user, 1000, 1000);
    expect(await open({ paths })).toBe("opened");
    chownSync(paths.user, otherUser, otherUser);
    expect(await open({ paths })).toMatch(/^no-access: .*belongs to another user \(id 65534\)/);
    expect(await open({ path: paths.user })).toBe("opened");
    chownSync(paths.user, 1000, 1000);
    chownSync(paths.system, otherUser, otherUser);
    expect(await open({ paths, scope: "system" })).toMatch(/^no-access: .*belongs to another user/);
    expect(await open({ path: paths.system })).toBe("opened");
  });

  test("a file that root names is root's alone, and one that is there keeps its mode", async () => {
    const folder = testFolder();
    const path = join(folder, "new", "database");
    const named = async (): Promise<number> => {
      const database = await openDatabase({ driver, surroundings: { environment: { SCARD_DATABASE: path }, uid: 0 } });
      database.readers.introduce("Reader", "device");
      database.readers.forget("Reader");
      database.close();
      return statSync(path).mode & 0o777;
    };
    expect(await named()).toBe(0o600);
    expect(statSync(join(folder, "new")).mode & 0o777).toBe(0o700);
    chmodSync(path, 0o640);
    expect(await named()).toBe(0o640);
  });
});
