// SPDX-License-Identifier: MIT

// The storm: what one user can do to a service that others share, for a while. See docs/reliability/storm.md.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { nodeClock } from "../../src/platform/node/runtime/index.ts";
import { Program } from "../peers/program.ts";
import { attacks } from "./attacks.ts";
import type { Account, Latencies } from "./honest-client.ts";
import { residentMiB, type Service, startPcscd, startScard, usageOf, whyNoPcscd } from "./service.ts";

const HELP = `usage: npm run storm -- [OPTION…]

Attacks a daemon that it starts, over its Unix socket, as one user can; and judges it by a well-behaved client of another
user beside that: how long its calls take, how much memory the daemon has, and what is left of it afterwards. Exit code 1
where the daemon ends, has more memory than it may, or does not give back what it had. Linux.

  --seconds N     how long each attack lasts; 10
  --sessions N    sessions of the attacker; 100
  --per-user N    sessions that the daemon allows one user (sessionsPerUid); its default without it, or enough where the
                  attacker and the client are the same user
  --attack NAME   that attack only; may be repeated
  --uid N         the attacker's user; 65534 for root, who alone can choose
  --nice N        the attacker's niceness, 0 to 19; 10, so that what is measured is the service and not who gets a processor
  --realtime      the processes have real-time priorities, the attacker the lowest, and the client a higher one than the
                  daemon: other work on the machine does not count. Root, and chrt(1)
  --ceiling N     MiB of memory that the daemon may have at most; 256
  --latency N     milliseconds that the other user's calls may take at most, 99 of 100; not judged without it
  --pcscd         the same attacks on stock pcscd too, for comparison; nothing is judged there
  --program PATH  dist/bundle/entry/main.js of another build of scard, to be attacked in place of this one
  --json          the report as JSON on standard output; without it as text
  --list          the attacks`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    sessions: { type: "string", default: "100" },
    "per-user": { type: "string" },
    attack: { type: "string", multiple: true, default: [] },
    uid: { type: "string", default: process.getuid?.() === 0 ? "65534" : "" },
    nice: { type: "string", default: "10" },
    realtime: { type: "boolean", default: false },
    ceiling: { type: "string", default: "256" },
    latency: { type: "string" },
    pcscd: { type: "boolean", default: false },
    program: { type: "string", default: fileURLToPath(new URL("../../src/apps/cli/main.js", import.meta.url)) },
    json: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

/** How long the well-behaved client is alone before the attack, in milliseconds. */
const QUIET_MS = 1000;
/** How long a daemon may take to give back what an attack cost, in milliseconds. */
const RECOVERY_MS = 20_000;
/** Memory that a runtime keeps for itself after it needed it once, in MiB. */
const KEPT_MIB = 96;

/** How a service stood an attack. */
interface Outcome {
  readonly service: string;
  readonly attack: string;
  /** Before the attack: what the machine is worth at that time. */
  readonly quiet: Latencies;
  readonly honest: Latencies;
  /** Calls to a service that is not attacked, made by the same client between the others. */
  readonly control: Latencies;
  readonly peakMiB: number;
  readonly after: { readonly residentMiB: number; readonly descriptors: number; readonly recoveredMs: number };
  readonly violations: readonly string[];
}

/** One of our programs, compiled beside this one, in a process of its own. */
function companion(name: string, ...args: readonly string[]): Program {
  const [program, ...line] = [process.execPath, fileURLToPath(new URL(`${name}.js`, import.meta.url)), ...args];
  if (!values.realtime) return new Program(program, line);
  // The client is woken for a moment at a time. Threads of the daemon, such as V8's, run longer.
  const priority = name === "attacker" ? "1" : "3";
  return new Program("chrt", ["--rr", priority, program, ...line]);
}

/** Gives this process, and those that it starts from now on, a real-time priority above the attacker's. */
function takeRealtime(): void {
  const { error, status, stderr } = spawnSync("chrt", ["--rr", "--pid", "2", String(process.pid)], {
    encoding: "utf8",
  });
  if (status === 0) return;
  console.error(`storm: --realtime is not to be had: ${error?.message ?? stderr.trim()}`);
  process.exit(2);
}

async function attackOn(service: Service, attack: string): Promise<Outcome> {
  const { pid, reader, socket, tableBytes } = service;
  const folder = mkdtempSync(join(tmpdir(), "scard-storm-control-"));
  const controlSocket = join(folder, "control");
  const control = companion("control", controlSocket, String(tableBytes));
  await control.line();
  const bystander = companion("bystander", socket, controlSocket, String(tableBytes));
  const calls = async (forMs: number): Promise<Account> => {
    bystander.write(`${forMs}\n`);
    return JSON.parse(await bystander.line()) as Account;
  };
  let attacker: Program | undefined;
  try {
    const { service: quiet } = await calls(QUIET_MS);
    const before = usageOf(pid);
    let peakMiB = 0;
    const sampling = setInterval(() => {
      peakMiB = Math.max(peakMiB, residentMiB(pid));
    }, 50);
    const about = [socket, reader, String(number("sessions")), String(tableBytes), values.nice, values.uid];
    // What it costs to load a program is not the attack's.
    attacker = companion("attacker", attack, ...about);
    await attacker.line();
    attacker.write("begin\n");
    const { service: honest, control: unattacked } = await calls(number("seconds") * 1000);
    const { stderr } = await attacker.end();
    if (stderr !== "") console.error(stderr);
    const left = nodeClock.now();
    let after = usageOf(pid);
    const isBack = (): boolean =>
      after.descriptors <= before.descriptors && after.residentMiB <= before.residentMiB + KEPT_MIB;
    while (service.isAlive() && !isBack() && nodeClock.now() - left < RECOVERY_MS) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      after = usageOf(pid);
    }
    const recoveredMs = Math.round(nodeClock.now() - left);
    clearInterval(sampling);
    const violations: string[] = [];
    const latency = values.latency === undefined ? Number.POSITIVE_INFINITY : Number(values.latency);
    if (!service.isAlive()) violations.push("the service has ended");
    if (peakMiB > number("ceiling")) violations.push(`it had ${peakMiB.toFixed(0)} MiB of memory`);
    if (!isBack())
      violations.push(
        `it has ${after.residentMiB.toFixed(0)} MiB and ${after.descriptors} descriptors, ${before.residentMiB.toFixed(0)} and ${before.descriptors} before`,
      );
    if (honest.failed > 0) violations.push(`${honest.failed} calls of the other user failed`);
    if (honest.p99 > latency) violations.push(`calls of the other user took ${honest.p99.toFixed(1)} ms`);
    return {
      service: service.name,
      attack,
      quiet,
      honest,
      control: unattacked,
      peakMiB,
      after: { ...after, recoveredMs },
      violations,
    };
  } finally {
    await Promise.all([attacker, bystander, control].map((program) => program?.end()));
    rmSync(folder, { recursive: true });
  }
}

function textOf({ after, attack, control, honest, quiet, peakMiB, service, violations }: Outcome): string {
  const ms = (value: number): string => value.toFixed(1).padStart(8);
  const figures = [
    ms(quiet.p99),
    ms(honest.p50),
    ms(honest.p99),
    ms(honest.max),
    ms(control.p99),
    peakMiB.toFixed(0).padStart(6),
  ];
  const rest = [
    after.residentMiB.toFixed(0).padStart(6),
    String(after.descriptors).padStart(5),
    String(after.recoveredMs).padStart(7),
  ];
  return [
    `${service.padEnd(13)}${attack.padEnd(10)}${String(honest.calls).padStart(6)}${figures.join("")}${rest.join("")}`,
    ...violations.map((what) => `  VIOLATED: ${what}`),
  ].join("\n");
}

const HEADING = "service      attack     calls quiet99  p50 ms  p99 ms  max ms control99 peak after fds back ms";

function number(name: "seconds" | "sessions" | "ceiling" | "per-user"): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value > 0 && value <= 100_000) return value;
  console.error(`storm: --${name} is a whole number from 1 to 100000, not ${values[name]}`);
  process.exit(2);
}

if (values.help || values.list) {
  const list = Object.entries(attacks).map(([name, { does }]) => `  ${name.padEnd(16)}${does}`);
  console.log([...(values.help ? [HELP, ""] : []), ...list].join("\n"));
  process.exit(0);
}
const unknown = values.attack.find((name) => attacks[name] === undefined);
if (unknown !== undefined) {
  console.error(`storm: there is no attack ${unknown}; --list has them`);
  process.exit(2);
}
for (const name of ["seconds", "sessions", "ceiling"] as const) number(name);
if (values.realtime) takeRealtime();
const chosen = values.attack.length > 0 ? values.attack : Object.keys(attacks);
/** Beside a crowd of the same user the well-behaved client would be one too many. */
const roomForBoth = values.uid === "" ? number("sessions") + 100 : undefined;
const perUser = values["per-user"] === undefined ? roomForBoth : number("per-user");
const starts: (() => Promise<Service>)[] = [() => startScard(values.program, perUser)];
if (values.pcscd) {
  const why = whyNoPcscd();
  if (why === undefined) starts.push(startPcscd);
  else console.error(`storm: pcscd is left out: ${why}`);
}
const outcomes: Outcome[] = [];
if (!values.json) console.log(HEADING);
for (const attack of chosen) {
  for (const start of starts) {
    const service = await start();
    try {
      const outcome = await attackOn(service, attack);
      outcomes.push(outcome);
      if (!values.json) console.log(textOf(outcome));
    } finally {
      await service.stop();
    }
  }
}
const failed = outcomes.some(({ service, violations }) => service !== "pcscd" && violations.length > 0);
if (values.json) console.log(JSON.stringify({ ok: !failed, outcomes }));
process.exit(failed ? 1 : 0);
