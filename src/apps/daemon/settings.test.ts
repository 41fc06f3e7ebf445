// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { emptyConfig, withCommandLine } from "./config.ts";
import { lineAsText } from "./log.ts";
import { controlPathOf, defaultSocketPath, exportLine, likelyControlPaths } from "./paths.ts";
import { readConfig } from "./read-config.ts";

describe("where sockets are", () => {
  it("is pcscd's place for root, and the user's own for others", () => {
    expect(defaultSocketPath({ environment: { XDG_RUNTIME_DIR: "/run/user/0" }, uid: 0 })).toBe(
      "/run/pcscd/pcscd.comm",
    );
    const environment = { XDG_RUNTIME_DIR: "/run/user/1000" };
    expect(defaultSocketPath({ environment, uid: 1000 })).toBe("/run/user/1000/scard/pcscd.comm");
  });

  it("is asked about from the likeliest place on", () => {
    const environment = { XDG_RUNTIME_DIR: "/run/user/1000", PCSCLITE_CSOCK_NAME: "/tmp/x" };
    expect(likelyControlPaths({ environment, uid: 1000 })).toEqual([
      "/tmp/x.control",
      "/run/user/1000/scard/pcscd.comm.control",
      "/run/pcscd/pcscd.comm.control",
      "/run/scard/control",
    ]);
  });

  it("includes every place where a daemon puts its control socket by itself", () => {
    const surroundings = { environment: { XDG_RUNTIME_DIR: "/run/user/1" }, uid: 1 };
    const likely = likelyControlPaths(surroundings);
    expect(likely).toContain(controlPathOf(defaultSocketPath(surroundings)));
    expect(likely).toContain(controlPathOf(defaultSocketPath({ ...surroundings, uid: 0 })));
    expect(likely).toContain(controlPathOf(undefined));
  });

  it("is quoted for the shell with any characters in the path", () => {
    expect(exportLine("/run/user/1/scard/pcscd.comm")).toBe("export PCSCLITE_CSOCK_NAME=/run/user/1/scard/pcscd.comm");
    expect(exportLine("/tmp/it's $HOME")).toBe("export PCSCLITE_CSOCK_NAME='/tmp/it'\\''s $HOME'");
  });
});

test("the command line goes before the file, and its readers stand beside the file's", () => {
  const config = {
    ...emptyConfig,
    readers: [{ kind: "virtual", name: "B" } as const],
    socket: { path: "/a", mode: 0o600 },
    control: { path: "/b" },
    log: { level: "warn" } as const,
  };
  expect(withCommandLine(config, { readers: [] })).toEqual(config);
  const line = {
    readers: [{ kind: "vpcd" } as const],
    socketPath: "/c",
    controlPath: "/d",
    profile: "windows" as const,
    logLevel: "debug" as const,
  };
  expect(withCommandLine(config, line)).toEqual({
    ...config,
    readers: [{ kind: "vpcd" }, { kind: "virtual", name: "B" }],
    profile: "windows",
    socket: { path: "/c", mode: 0o600 },
    control: { path: "/d" },
    log: { level: "debug" },
  });
});

test("without any reader it is all USB readers, as pcscd has them", () => {
  expect(withCommandLine(emptyConfig, { readers: [] }).readers).toEqual([{ kind: "usb", isDefault: true }]);
});

describe("readConfig", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scard-config-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  const read = async (text: string, knowsClients = true) => {
    const file = join(folder, "daemon.json");
    writeFileSync(file, text);
    const found = await readConfig(file, knowsClients);
    return found.ok ? [] : found.error.map(({ message, path }) => `${path}: ${message}`);
  };

  it("says why it is missing", async () => {
    const found = await readConfig(join(folder, "missing.json"), true);
    expect(found).toMatchObject({
      ok: false,
      error: [{ path: "$", message: expect.stringContaining("cannot be read") }],
    });
    expect(await read('{"pins":[{"value":x86427531}]}')).toEqual(["$: is not JSON"]);
  });

  it("looks into card images beside it", async () => {
    writeFileSync(join(folder, "good.json"), '{ "name": "good" }');
    writeFileSync(join(folder, "bad.json"), '{ "name": 1 }');
    const readers = ["demo", "good.json", "bad.json", "missing.json"].map((card) => ({ type: "virtual", card }));
    const problems = await read(JSON.stringify({ readers }));
    expect(problems).toEqual([
      expect.stringMatching(
        /^\$\.readers\[2\]\.card: (?:\/|[A-Z]:\\).*bad\.json is no description of a card:\s+\$\.name: should be text/,
      ),
      expect.stringMatching(/^\$\.readers\[3\]\.card: (?:\/|[A-Z]:\\).*missing\.json cannot be read/),
    ]);
  });

  it("does not accept rules that cannot be kept", async () => {
    const access = {
      daemon: [{ effect: "allow" }],
      readers: [
        { effect: "deny", reader: "x" },
        { effect: "deny", uid: 1 },
      ],
    };
    expect(await read(JSON.stringify({ access }))).toEqual([]);
    // Who connects by TCP is known without koffi; who connects to a Unix socket is not.
    const rules = [{ effect: "allow" }, { effect: "deny", uid: 1 }];
    const readers = [
      { type: "vpcd", access: rules },
      { type: "vpcd", path: "/x", access: rules },
    ];
    expect(await read(JSON.stringify({ readers }), false)).toEqual([
      expect.stringMatching(/^\$\.readers\[1\]\.access\[1\]: needs the client's identity/),
    ]);
    expect(await read(JSON.stringify({ access }), false)).toEqual([
      expect.stringMatching(
        /^\$\.access\.readers\[1\]: needs the client's identity.*install koffi \(Linux only; npm install .*koffi/,
      ),
    ]);
  });
});

test("a line of the log for people has no control characters that a program's name could bring", () => {
  const line = { level: "warn", time: "2026-05-04T12:04:57.123Z", uid: 1000, program: "evil\u001b[2J", msg: "refused" };
  expect(lineAsText(JSON.stringify(line))).toBe('12:04:57 warn  refused  uid=1000  program="evil\\u001b[2J"\n');
  expect(lineAsText(JSON.stringify({ ...line, program: "a\u202eb", msg: "x\u0007" }))).toBe(
    '12:04:57 warn  x?  uid=1000  program="a?b"\n',
  );
});
