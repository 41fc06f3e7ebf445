// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { databasePaths } from "./paths.ts";

const HOME = "/home/anna";
const WINDOWS_HOME = "C:\\Users\\Anna";
const SYSTEM = "/var/lib/scard/database.sqlite";

test.each([
  ["linux", 1000, HOME, {}, "/home/anna/.local/share/scard/database.sqlite", SYSTEM],
  ["linux", 1000, HOME, { XDG_DATA_HOME: "/data" }, "/data/scard/database.sqlite", SYSTEM],
  ["linux", 1000, HOME, { XDG_DATA_HOME: "data" }, "/home/anna/.local/share/scard/database.sqlite", SYSTEM],
  ["linux", 0, "/root", { XDG_DATA_HOME: "/data" }, SYSTEM, SYSTEM],
  [
    "darwin",
    501,
    "/Users/anna",
    {},
    "/Users/anna/Library/Application Support/scard/database.sqlite",
    "/Library/Application Support/scard/database.sqlite",
  ],
  [
    "win32",
    undefined,
    WINDOWS_HOME,
    {},
    "C:\\Users\\Anna\\AppData\\Local\\scard\\database.sqlite",
    "C:\\ProgramData\\scard\\database.sqlite",
  ],
  [
    "win32",
    undefined,
    WINDOWS_HOME,
    { LOCALAPPDATA: "D:\\Local", ProgramData: "D:\\Data" },
    "D:\\Local\\scard\\database.sqlite",
    "D:\\Data\\scard\\database.sqlite",
  ],
  ["linux", 1000, HOME, { SCARD_DATABASE: "/tmp/cards" }, "/tmp/cards", "/tmp/cards"],
  ["linux", 1000, HOME, { SCARD_DATABASE: "" }, "/home/anna/.local/share/scard/database.sqlite", SYSTEM],
])(
  "on %s as %s in %s with %j the user's database is %s, the system's %s",
  (platform, uid, home, environment, ...paths) => {
    expect(databasePaths({ platform, uid, home, environment })).toEqual({ user: paths[0], system: paths[1] });
  },
);
