// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { type Ending, Program, run } from "./program.ts";

/** The program as it was built; tests run in the repository's root folder. */
const scardProgram = resolve("dist/bundle/entry/main.js");

/** What card is in the reader of a service. */
export interface ServedCard {
  /** As `--card` takes it: a kind of card, or the path of a description. Or the description itself. */
  readonly card: string | object;
  /** The reader's name. @default the one that the card asks for */
  readonly reader?: string;
  /** Hexadecimal digits that must not be in the log or in a trace when the tests are over, whatever stands between them. */
  readonly secrets: readonly string[];
}

/** Our daemon with a card in a virtual reader, for the tests of one file. */
export interface CardService {
  /** What programs need in their environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** A folder that is gone after the tests. */
  readonly folder: string;
  /** Runs a program to its end. */
  run(path: string, args: readonly string[], input?: string): Promise<Ending>;
  /** Runs a program that has to succeed; what it printed on either channel. */
  done(path: string, args: readonly string[], input?: string): Promise<string>;
  /** What the daemon has logged. */
  log(): string;
}

/** Text as it stands in a log of bytes. */
export function digitsOf(text: string): string {
  return Buffer.from(text).toString("hex").toUpperCase();
}

/** Which of the secrets stand in a text, whatever stands between their digits. */
function secretsIn(text: string, secrets: readonly string[]): readonly string[] {
  const plain = text.replaceAll(/[ :]/g, "").toUpperCase();
  return secrets.filter((secret) => plain.includes(secret.toUpperCase()));
}

function startTrace(control: string, ...options: readonly string[]): Program {
  const trace = [process.execPath, scardProgram, "trace", "--control", control, ...options];
  return new Program("sh", ["-c", 'exec "$@" 2>&1', "sh", ...trace]);
}

/**
 * Starts it before the tests of a file, and ends it after them. It is traced all the time, as text and as JSON: no secret may be in
 * a trace or in the log.
 */
export function serveCard({ card, reader, secrets }: ServedCard): CardService {
  const folder = mkdtempSync(join(tmpdir(), "scard-card-"));
  const socket = join(folder, "comm");
  const logFile = join(folder, "log");
  const control = join(folder, "control");
  let daemon: Program | undefined;
  let traces: readonly Program[] = [];
  const environment = { ...process.env, PCSCLITE_CSOCK_NAME: socket };

  beforeAll(async () => {
    const options = ["--socket", socket, "--control", control, "--log-level", "trace"];
    const described = join(folder, "card.json");
    if (typeof card === "object") writeFileSync(described, JSON.stringify(card));
    const place = reader === undefined ? "virtual" : `virtual:${reader}`;
    const readers = ["--reader", place, "--card", typeof card === "object" ? described : card];
    const script = 'log=$1; shift; exec "$@" 2>"$log"';
    const command = [process.execPath, scardProgram, "daemon", "--no-rehearsal", ...options, ...readers];
    daemon = new Program("sh", ["-c", script, "sh", logFile, ...command]);
    await daemon.line((line) => line.startsWith("export PCSCLITE_CSOCK_NAME="));
    traces = [startTrace(control), startTrace(control, "--json")];
    for (const trace of traces) await trace.line((line) => /scard: tracing|"kind":"begun"/.test(line));
  });

  afterAll(async () => {
    await daemon?.end("SIGTERM");
    const log = readFileSync(logFile, "utf8");
    rmSync(folder, { recursive: true });
    // They have read all that was sent when they have seen the daemon's end.
    const [text = "", json = ""] = (await Promise.all(traces.map(({ ended }) => ended))).map(({ stdout }) => stdout);
    expect(secretsIn(log, secrets), "no PIN and no key is in the log").toEqual([]);
    expect(secretsIn(text, secrets), "no PIN and no key is in the trace").toEqual([]);
    expect(secretsIn(json, secrets), "no PIN and no key is in the trace as JSON").toEqual([]);
    // Where programs have used the card, that was traced.
    const connected = log.split("\n").filter((line) => line.includes('"msg":"connected"')).length;
    expect(json.match(/"operation":"connect","outcome":"success"/g)?.length ?? 0).toBeGreaterThanOrEqual(connected);
    expect(text.match(/ {2}connect \w+ t\d/g)?.length ?? 0).toBe(
      json.match(/"operation":"connect","outcome":"success","shareMode":"\w+","protocol":"t\d"/g)?.length ?? 0,
    );
  });

  const service: CardService = {
    environment,
    folder,
    run: (path, args, input = "") => run(path, args, { environment, input }),
    async done(path, args, input) {
      const { status, stdout, stderr } = await service.run(path, args, input);
      expect(status, `${path} ${args.join(" ")}: ${stdout}${stderr}`).toBe(0);
      return stdout + stderr;
    },
    log: () => readFileSync(logFile, "utf8"),
  };
  return service;
}
