// SPDX-License-Identifier: MIT

// What is left of a PIN in a process that has signed with it: in its heap snapshot, and in all of its memory.

import { randomInt } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeHex } from "../../src/base/binary/index.ts";
import { Program } from "../peers/program.ts";

const folder = mkdtempSync(join(tmpdir(), "scard-heap-"));
const socket = join(folder, "comm");
/** Numbers whose last digits are the PIN: the signer gets these, and not the PIN. */
const numbers = Array.from({ length: 8 }, () => randomInt(100, 1000));
const pin = numbers.map((number) => number % 10).join("");

let daemon: Program;
beforeAll(async () => {
  const card = JSON.parse(readFileSync(resolve("docs/guide/card-modules/holder-card.json"), "utf8"));
  card.applications.piv.pin.value = encodeHex(new TextEncoder().encode(pin));
  writeFileSync(join(folder, "card.json"), JSON.stringify(card));
  const reader = ["--reader", "virtual:Desk", "--card", join(folder, "card.json")];
  const options = ["daemon", "--socket", socket, "--control", join(folder, "control"), ...reader];
  daemon = new Program(process.execPath, [resolve("dist/bundle/entry/main.js"), ...options]);
  await daemon.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
});
afterAll(async () => {
  await daemon?.end("SIGTERM");
  rmSync(folder, { recursive: true });
});

/** Signs in a process of its own; whether the digits are in its heap snapshot, and how often they are in its memory. */
async function tracesOf(leaks: "leak" | "no"): Promise<{ readonly inSnapshot: boolean; readonly inMemory: number }> {
  const snapshot = join(folder, `${leaks}.heapsnapshot`);
  const script = resolve("test/modules/signer.mjs");
  const args = ["--expose-gc", script, socket, numbers.join(","), leaks, snapshot];
  const program = new Program(process.execPath, args);
  try {
    await program.line((line) => line === "signed");
    const inMemory = process.platform === "linux" ? countInMemory(program.pid, new TextEncoder().encode(pin)) : 0;
    return { inSnapshot: readFileSync(snapshot, "utf8").includes(pin), inMemory };
  } finally {
    await program.end("SIGKILL");
  }
}

/** How often these bytes are in the writable memory of a process. */
function countInMemory(pid: number, wanted: Uint8Array): number {
  const maps = readFileSync(`/proc/${pid}/maps`, "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  let count = 0;
  try {
    for (const [, from = "", to = ""] of maps) {
      const [start, end] = [Number.parseInt(from, 16), Number.parseInt(to, 16)];
      const bytes = readAt(memory, start, end - start);
      for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) count++;
    }
  } finally {
    closeSync(memory);
  }
  return count;
}

/** Pages that were reserved and never used cannot be read. */
function readAt(memory: number, start: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < length; ) {
    const part = Buffer.alloc(Math.min(length - offset, 1_048_576));
    try {
      const read = readSync(memory, part, 0, part.length, start + offset);
      if (read === 0) break;
      parts.push(part.subarray(0, read));
      offset += read;
    } catch {
      break;
    }
  }
  return Buffer.concat(parts);
}

describe("after a signature", () => {
  test("a PIN that is kept is seen", async () => {
    const { inMemory, inSnapshot } = await tracesOf("leak");
    expect(inSnapshot).toBe(true);
    if (process.platform === "linux") expect(inMemory).toBeGreaterThan(1);
  });

  test("the digits of the PIN are nowhere in the process, though it is cached", async () => {
    // The garbage collector may move short bytes while they are in use, and what it has moved cannot be cleared: that is rare.
    let traces = await tracesOf("no");
    for (let tries = 1; tries < 3 && traces.inMemory > 0; tries++) traces = await tracesOf("no");
    expect(traces).toEqual({ inSnapshot: false, inMemory: 0 });
  });
});
