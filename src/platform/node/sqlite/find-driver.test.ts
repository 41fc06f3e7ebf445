// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { BrokenPackage } from "../runtime/index.ts";
import type { SqliteDriver } from "./driver.ts";
import { findDriver } from "./find-driver.ts";

const driver: SqliteDriver = {
  name: "libsql",
  open: () => {
    throw new Error("not opened");
  },
};

function failing(message: string, code: string): () => Promise<never> {
  return async () => {
    throw Object.assign(new Error(message), { code });
  };
}

test("the runtime's own comes before libsql", async () => {
  const own: SqliteDriver = { ...driver, name: "node:sqlite" };
  expect(await findDriver(() => own, failing("not asked", "X"))).toBe(own);
  expect(
    await findDriver(
      () => undefined,
      async () => driver,
    ),
  ).toBe(driver);
});

test("where there is neither, libsql is to be installed", async () => {
  const absent = failing("Cannot find package 'libsql' imported from /x.js", "ERR_MODULE_NOT_FOUND");
  await expect(findDriver(() => undefined, absent)).rejects.toMatchObject({
    code: "unsupported-feature",
    message: expect.stringMatching(/lacks: npm install libsql$/),
    cause: expect.not.objectContaining({ name: "BrokenPackage" }),
  });
});

test("libsql that is installed and does not load is told with the reason, not to be installed", async () => {
  for (const [message, code, reason] of [
    [
      "Cannot find module '@libsql/linux-x64-gnu'\nRequire stack:\n- x",
      "MODULE_NOT_FOUND",
      "without @libsql/linux-x64-gnu",
    ],
    ["/lib/libc.so.6: version `GLIBC_2.38' not found", "ERR_DLOPEN_FAILED", "version `GLIBC_2.38' not found"],
    ["The specified module could not be found.\r\nC:\\x\\index.node", "ERR_DLOPEN_FAILED", "could not be found"],
  ] as const) {
    const failure = await findDriver(() => undefined, failing(message, code)).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: "unsupported-feature", message: expect.stringContaining(reason) });
    expect(failure).toMatchObject({ message: expect.not.stringContaining("npm install libsql") });
    expect((failure as Error).cause).toBeInstanceOf(BrokenPackage);
  }
});
