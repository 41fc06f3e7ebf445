// SPDX-License-Identifier: MIT

// What is run on Windows' Node with the winscard.dll of the tests, and what is wrong with it: for the tests, and for the
// program that breaks the code and has them find it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { encodeHex } from "../../src/base/binary/index.ts";
import { behaviours, ConformanceCard, type Result } from "../../src/testing/conformance/index.ts";
import { faultsOf } from "../conformance/stages.ts";
import { root } from "../package/packed.ts";
import { type Installed, type NodeVersion, runNode, type WindowsOptions, windowsPath } from "./rig.ts";
import { WindowsStage } from "./stage.ts";

/** On what a check runs. */
export interface WindowsSubject {
  readonly version: NodeVersion;
  readonly installed: Installed;
  /** The path of the DLL. */
  readonly dll: string;
  /** When a program hangs, in milliseconds, where faults are looked for that make it hang. */
  readonly hangMs?: number;
}

const IDLE = "transaction-idle";
/** So many blocks of memory, at least, have sizes that the DLL can look at; were it none, it would check less. */
const SIZED = 20;

const atr = encodeHex(ConformanceCard.atr).toLowerCase();
const PRIMARY = "{50DD5230-BA8A-11D1-BF5D-0000F805F530}";
const interfaces = ["{01234567-89AB-CDEF-0123-456789ABCDEF}", "{FEDCBA98-7654-3210-FEDC-BA9876543210}"];

/** What each call gives, or the code that it fails with; those that give nothing are not in it. */
const expected = {
  provider: { provider: "Grüner Anbieter" },
  "primary as text": { provider: PRIMARY },
  "no provider": "provider-not-found",
  "provider id": { providerId: PRIMARY },
  interfaces: { interfaces },
  "no interfaces": { interfaces: [] },
  cards: { cards: ["Ausweis 卡", "Plain"] },
  "cards of the ATR": { cards: ["Ausweis 卡"] },
  "cards of another ATR": { cards: [] },
  forgotten: "unknown-card",
  // SCARD_STATE_CHANGED and PRESENT, and ATRMATCH.
  locate: [[atr, 0x62]],
  "locate by ATR": [[atr, 0x62]],
  "locate nothing": [[atr, 0x22]],
  readers: { readers: ["Lesegerät 卡 0", "Zweiter Name"] },
  "readers of the group": { readers: ["Zweiter Name"] },
  groups: { groups: ["SCard$DefaultReaders", "Türen"] },
  "groups afterwards": { groups: ["SCard$DefaultReaders"] },
  // SCARD_READER_TYPE_VENDOR.
  type: { deviceTypeId: 0xf0 },
  instance: { deviceInstanceId: "virtual:Lesegerät 卡 0" },
  "readers of the instance": { readers: ["Lesegerät 卡 0"] },
  "readers of no instance": "no-readers-available",
  icon: readFileSync(join(root, "src/faces/winscard/assets/vendor.png")).length,
  "no icon": "unknown-reader",
  "read cache": true,
  "not in the cache": "cache-item-not-found",
  "stale in the cache": "cache-item-stale",
  "cards afterwards": { cards: ["Plain"] },
  "cards of no context": { cards: ["Plain"] },
  released: "invalid-context",
};

/** Plays behaviours of the conformance suite, all of them unless some are named. @returns what is wrong, a line each */
export async function conformanceProblems(subject: WindowsSubject, chosen?: readonly string[]): Promise<string[]> {
  const others = chosen ?? behaviours.map(({ id }) => id).filter((id) => id !== IDLE);
  const problems = await play(subject, new WindowsStage(), others);
  // Only this one has the five seconds of Windows: a busy machine would idle for so long in the others.
  return chosen === undefined ? [...problems, ...(await play(subject, new WindowsStage(5_000), [IDLE]))] : problems;
}

async function play(subject: WindowsSubject, stage: WindowsStage, chosen: readonly string[]): Promise<string[]> {
  const { output, problems } = await runProgram(subject, stage, "conformance", chosen.join(" "));
  if (output === undefined) return problems;
  const results = output as Result[];
  const unplayed = chosen.filter(
    (id) => !results.some(({ behaviour, kind }) => behaviour.id === id && kind === "played"),
  );
  return [...problems, ...faultsOf(results), ...unplayed.map((id) => `${id} was not played`)];
}

/** Calls every function on the database. @returns what is wrong, a line each */
export async function databaseProblems(subject: WindowsSubject): Promise<string[]> {
  const stage = new WindowsStage();
  const { output, problems } = await runProgram(subject, stage, "database", "");
  if (output === undefined) return problems;
  const given = output as Record<string, unknown>;
  const names = new Set([...Object.keys(given), ...Object.keys(expected)]);
  for (const name of names) {
    const wanted: unknown = expected[name as keyof typeof expected];
    if (isDeepStrictEqual(given[name], wanted)) continue;
    problems.push(`${name}: ${JSON.stringify(given[name])}, and not ${JSON.stringify(wanted)}`);
  }
  const events = stage.winscard.database.audit.entries().map(({ event }) => event);
  if (events.join() !== "chv-success") problems.push(`the log has ${events.join() || "nothing"}`);
  return problems;
}

/** Runs a program to its end. @returns what it has printed, and what is wrong with that and with the calls */
async function runProgram(
  { dll, hangMs, installed, version }: WindowsSubject,
  stage: WindowsStage,
  name: string,
  chosen: string,
): Promise<{ readonly output: unknown; readonly problems: string[] }> {
  const env = {
    ...(await stage.start()),
    SCARD_TEST_BEHAVIOURS: chosen,
    SCARD_TEST_DIST: windowsPath(join(installed.folder, "node_modules/scard/dist")),
    SCARD_TEST_LIBRARY: windowsPath(dll),
    UV_THREADPOOL_SIZE: "32",
  };
  const options: WindowsOptions = { env, dllOverrides: ["winscard=n"], ...(hangMs !== undefined && { hangMs }) };
  const { status, stderr, stdout } = await runNode(version, [program(name)], options);
  await stage.stop();
  const problems = [...new Set(stage.winscard.refusals)];
  if (status !== 0 || stderr !== "") problems.push(`it ended with ${status}: ${stderr.slice(0, 2_000)}`);
  const sized = stage.winscard.counts.get("sized") ?? 0;
  if (sized < SIZED) problems.push(`the DLL knew the size of ${sized} blocks of memory only`);
  return { output: stdout === "" ? undefined : JSON.parse(stdout), problems };
}

function program(name: string): string {
  return windowsPath(join(root, `test/windows/programs/${name}.mjs`));
}
