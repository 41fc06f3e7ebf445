// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { askDaemon } from "./control-client.ts";
import type { ControlCommand } from "./control-messages.ts";
import { problemsOfResult } from "./control-results.ts";

/** A foreign server's answer to any request; settles with the resulting code and message. */
async function asked(answer: unknown, command: ControlCommand = { command: "who" }): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "scard-control-"));
  const path = join(folder, "control");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(`${JSON.stringify(answer)}\n`));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return askDaemon(path, command, nodeClock).then(
    () => "answered",
    (error: { code: string; message: string }) => `${error.code} ${error.message.replace(path, "PATH")}`,
  );
}

it("refuses a path that no socket can have, and names the limit", async () => {
  const asking = askDaemon(`/tmp/${"x".repeat(200)}`, { command: "who" }, nodeClock);
  await expect(asking).rejects.toMatchObject({
    code: "invalid-parameter",
    message: expect.stringMatching(/ has 205 bytes, and a socket's path (?:107|103) at most/),
  });
});

const client = { name: "", pid: 7, uid: 1000 };
const report = {
  daemon: {
    pid: 1,
    socket: "/run/pcscd/pcscd.comm",
    profile: "pcsclite",
    runningMs: 1.5,
    knowsClients: true,
    sessions: 1,
  },
  readers: [
    {
      name: "Desk",
      id: "virtual:Desk",
      eventCount: 1,
      card: { atr: "", powered: false, mute: true },
      connections: [{ client, shareMode: "shared", protocol: "t1", connectedMs: 0.25 }],
      lock: { client, heldMs: 3, depth: 1 },
      queue: [{ client, operation: "begin", waitingMs: 2 }],
    },
  ],
  clients: [{ client, contexts: 1, statusWaits: 0 }],
};

/** The report with something else at a place. */
function reportWith(path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(report) as unknown as Record<string | number, unknown>;
  const last = path.at(-1) ?? "";
  const place = path.slice(0, -1).reduce((part, step) => part[step] as Record<string | number, unknown>, copy);
  place[last] = value;
  return copy;
}

// Windows has no Unix sockets here.
describe.skipIf(process.platform === "win32")("askDaemon", () => {
  it("takes a report, and one with more in it than this release knows", async () => {
    expect(await asked({ version: 1, ok: true, result: report })).toBe("answered");
    expect(await asked({ version: 1, ok: true, result: { ...report, more: 1 } })).toBe("answered");
  });

  it.each([[null], [5], [[]], ["text"], [{}]])(
    "says of the answer %j that it is of no daemon that it knows",
    async (answer) => {
      expect(await asked(answer)).toMatch(/^comm-error SCARD_F_COMM_ERROR: PATH: the daemon is of another release/);
    },
  );

  it.each([
    [{ version: 1 }, "$.ok is missing"],
    [{ version: 1, ok: false }, "$.error is missing: write an object with code, message"],
    [{ version: 1, ok: false, error: {} }, "$.error.code is missing"],
    [{ version: 1, ok: false, error: { code: 5, message: "no" } }, "$.error.code should be text"],
    [{ version: 1, ok: false, error: { code: "timeout", message: {} } }, "$.error.message should be text"],
    [{ version: 1, ok: true }, "$ is missing: write an object with daemon, readers, clients"],
    [{ version: 1, ok: true, result: null }, "$ should be an object with daemon, readers, clients"],
    [{ version: 1, ok: true, result: [] }, "$ should be an object with daemon"],
    [{ version: 1, ok: true, result: {} }, "$.daemon is missing"],
  ])("says of the answer %j what is wrong", async (answer, problem) => {
    expect(await asked(answer)).toContain(
      `comm-error SCARD_F_COMM_ERROR: PATH: what answers is not a scard daemon: ${problem}`,
    );
  });

  it("hands on what a daemon refuses with", async () => {
    const error = { code: "sharing-violation", message: "SCARD_E_SHARING_VIOLATION: it is in use" };
    expect(await asked({ version: 1, ok: false, error })).toBe(
      "sharing-violation SCARD_E_SHARING_VIOLATION: it is in use",
    );
    const unheard = { code: "toString", message: "it is in use" };
    expect(await asked({ version: 1, ok: false, error: unheard })).toMatch(/^unknown-error /);
  });

  it("checks the list of readers", async () => {
    expect(await asked({ version: 1, ok: true, result: [{ name: "Desk" }] }, { command: "readers" })).toBe("answered");
    expect(await asked({ version: 1, ok: true, result: [{}] }, { command: "readers" })).toContain(
      "$[0].name is missing: write text",
    );
    expect(await asked({ version: 1, ok: true }, { command: "readers" })).toContain("$ is missing");
  });
});

describe("a report", () => {
  const hostile = "\u001b]0;\u0007";

  it.each([
    [["daemon", "pid"]],
    [["daemon", "sessions"]],
    [["daemon", "runningMs"]],
    [["daemon", "knowsClients"]],
    [["readers"]],
    [["clients"]],
    [["readers", 0, "eventCount"]],
    [["readers", 0, "card"]],
    [["readers", 0, "card", "atr"]],
    [["readers", 0, "card", "protocol"]],
    [["readers", 0, "connections", 0, "client", "pid"]],
    [["readers", 0, "connections", 0, "shareMode"]],
    [["readers", 0, "connections", 0, "protocol"]],
    [["readers", 0, "connections", 0, "connectedMs"]],
    [["readers", 0, "lock", "client", "pid"]],
    [["readers", 0, "lock", "depth"]],
    [["readers", 0, "lock", "heldMs"]],
    [["readers", 0, "lock", "lastExchangeMs"]],
    [["readers", 0, "queue", 0, "waitingMs"]],
  ])("has no text of its own at %j", (path) => {
    expect(problemsOfResult("who", report)).toEqual([]);
    expect(problemsOfResult("who", reportWith(path, hostile))).not.toEqual([]);
  });

  it.each([
    [["daemon"]],
    [["readers", 0]],
    [["readers", 0, "name"]],
    [["readers", 0, "queue", 0, "client"]],
    [["readers", 0, "queue", 0, "operation"]],
  ])("has something at %j", (path) => {
    for (const value of [null, undefined, 7, []]) {
      expect(problemsOfResult("who", reportWith(path, value))).not.toEqual([]);
    }
  });
});
