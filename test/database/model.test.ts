// SPDX-License-Identifier: MIT

// A database over both stores against a model of what it should do. Each scope has two databases over the same store, as
// two processes would have: what one changes the other must see.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Database, foldName, MemoryStore, type Store } from "../../src/database/index.ts";
import { findDriver, SqliteStore } from "../../src/platform/node/sqlite/index.ts";
import { Reference, type Scope } from "./reference.ts";

/** An operation, on the model and on a database; what it answers, or the code of its error, is compared. */
interface Operation {
  readonly title: string;
  readonly scope: Scope;
  readonly model: (reference: Reference) => unknown;
  readonly real: (database: Database) => unknown;
}

const guids = ["{00000000-0000-0000-0000-000000000001}", "{00000000-0000-0000-0000-000000000002}"];
const scope = fc.constantFrom<Scope>("system", "user");
const typeName = fc.constantFrom("Card", "CARD", "çard", "ÇARD", "b");
/** Bytes of a few values, some left open. */
const pattern = fc.array(fc.constantFrom("1", "2", "."), { minLength: 1, maxLength: 3 }).map((bytes) => bytes.join(""));
const atr = fc.array(fc.constantFrom("1", "2"), { minLength: 1, maxLength: 3 }).map((bytes) => bytes.join(""));
const interfaces = fc.subarray(guids);
const provider = fc.constantFrom("A", "B");
const reader = fc.constantFrom("PCD 0", "pcd 0", "PCD 1", "Door", "DOOR", "Gate");
const device = fc.constantFrom("PCD 0", "pcd 0", "PCD 1");
const attached = fc.subarray(["PCD 0", "PCD 1"]);
const ownGroup = fc.constantFrom("Doors", "DOORS", "x");
const group = fc.oneof(ownGroup, fc.constantFrom("SCard$DefaultReaders", "scard$defaultreaders"));

function patternBytes(text: string) {
  return {
    atr: Uint8Array.from([...text].map((byte) => (byte === "." ? 0 : Number(byte)))),
    mask: Uint8Array.from([...text].map((byte) => (byte === "." ? 0 : 0xff))),
  };
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(scope, typeName, pattern, interfaces, fc.option(provider)).map(([scope, name, atr, interfaces, given]) => {
    const csp = given ?? undefined;
    return {
      title: `${scope}: introduce card ${name} ${atr}`,
      scope,
      model: (reference: Reference) => reference.introduceType(scope, { name, atr, interfaces, csp }),
      real: ({ cardTypes }: Database) => {
        cardTypes.introduce({ name, atrs: [patternBytes(atr)], interfaces, providers: csp ? { csp } : {} });
      },
    };
  }),
  fc.tuple(scope, typeName).map(([scope, name]) => ({
    title: `${scope}: forget card ${name}`,
    scope,
    model: (reference: Reference) => reference.forgetType(scope, name),
    real: ({ cardTypes }: Database) => cardTypes.forget(name),
  })),
  fc.tuple(scope, typeName, provider).map(([scope, name, csp]) => ({
    title: `${scope}: set provider of ${name}`,
    scope,
    model: (reference: Reference) => reference.setCsp(scope, name, csp),
    real: ({ cardTypes }: Database) => cardTypes.setProvider(name, "csp", csp),
  })),
  fc.tuple(scope, typeName).map(([scope, name]) => ({
    title: `${scope}: provider of ${name}`,
    scope,
    model: (reference: Reference) => reference.csp(scope, name),
    real: ({ cardTypes }: Database) => cardTypes.provider(name, "csp"),
  })),
  fc.tuple(scope, fc.option(atr), interfaces).map(([scope, atr, interfaces]) => ({
    title: `${scope}: cards with ${atr} and ${interfaces.length} interfaces`,
    scope,
    model: (reference: Reference) => reference.types(scope, atr ?? undefined, interfaces),
    real: ({ cardTypes }: Database) =>
      cardTypes.find({ atr: atr === null ? undefined : patternBytes(atr).atr, interfaces }).map(({ name }) => name),
  })),
  fc.tuple(scope, reader, device, attached).map(([scope, name, device, attached]) => ({
    title: `${scope}: introduce reader ${name} for ${device}, attached ${attached}`,
    scope,
    model: (reference: Reference) => reference.introduceReader(scope, name, device, attached),
    real: ({ readers }: Database) => readers.introduce(name, device, attached),
  })),
  fc.tuple(scope, reader, attached).map(([scope, name, attached]) => ({
    title: `${scope}: forget reader ${name}, attached ${attached}`,
    scope,
    model: (reference: Reference) => reference.forgetReader(scope, name, attached),
    real: ({ readers }: Database) => readers.forget(name, attached),
  })),
  fc.tuple(scope, reader, group, attached).map(([scope, name, group, attached]) => ({
    title: `${scope}: add ${name} to ${group}, attached ${attached}`,
    scope,
    model: (reference: Reference) => reference.addToGroup(scope, name, group, attached),
    real: ({ readers }: Database) => readers.addToGroup(name, group, attached),
  })),
  fc.tuple(scope, reader, group, attached).map(([scope, name, group, attached]) => ({
    title: `${scope}: remove ${name} from ${group}, attached ${attached}`,
    scope,
    model: (reference: Reference) => reference.removeFromGroup(scope, name, group, attached),
    real: ({ readers }: Database) => readers.removeFromGroup(name, group, attached),
  })),
  fc.tuple(scope, ownGroup).map(([scope, group]) => ({
    title: `${scope}: forget group ${group}`,
    scope,
    model: (reference: Reference) => reference.forgetGroup(scope, group),
    real: ({ readers }: Database) => readers.forgetGroup(group),
  })),
  fc.tuple(scope, attached).map(([scope, attached]) => ({
    title: `${scope}: groups, attached ${attached}`,
    scope,
    model: (reference: Reference) => reference.groups(scope, attached),
    real: ({ readers }: Database) => readers.groups(attached).map(foldName),
  })),
  fc.tuple(scope, attached, fc.option(fc.array(group, { maxLength: 2 }))).map(([scope, attached, groups]) => ({
    title: `${scope}: readers in ${groups}, attached ${attached}`,
    scope,
    model: (reference: Reference) => reference.available(scope, attached, groups ?? undefined),
    real: ({ readers }: Database) => readers.available(attached, groups ?? undefined),
  })),
);

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === undefined) throw error;
    return code;
  }
}

/** Two databases for each scope. */
type Databases = Record<Scope, readonly Database[]>;

/** The operations, and which of the two databases of its scope does each. */
const history = fc.array(fc.tuple(operation, fc.nat(1)), { minLength: 1, maxLength: 40 });

function compare(databases: Databases, steps: readonly (readonly [Operation, number])[]): void {
  const reference = new Reference();
  for (const [{ title, scope, model, real }, which] of steps) {
    const database = databases[scope][which];
    if (database === undefined) throw new Error("there is no such database");
    expect({ title, outcome: outcome(() => real(database)) }).toEqual({
      title,
      outcome: outcome(() => model(reference)),
    });
  }
}

async function openAll(open: (scope: Scope) => Promise<Store>): Promise<Databases> {
  const user = async () => new Database(await open("user"), { below: await open("system") });
  return {
    system: [new Database(await open("system")), new Database(await open("system"))],
    user: [await user(), await user()],
  };
}

test("in memory a database does what the model does", async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const stores = { system: new MemoryStore(), user: new MemoryStore() };
      compare(await openAll(async (scope) => stores[scope]), steps);
    }),
    { numRuns: 1500 },
  );
});

test("in SQLite a database does what the model does", async () => {
  const driver = await findDriver();
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), "scard-database-"));
      const databases = await openAll((scope) => SqliteStore.open(join(folder, scope), { driver }));
      try {
        compare(databases, steps);
      } finally {
        for (const database of [...databases.system, ...databases.user]) database.close();
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
});
