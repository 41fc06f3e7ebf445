// SPDX-License-Identifier: MIT

// The soak: real processes, real sockets, for minutes. See docs/reliability/soak.md; `npm run soak -- --help`.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Dice } from "../../simulation/dice.ts";
import { CalmClock } from "./calm-clock.ts";
import { Crowd, kinds, type Violated } from "./crowd.ts";
import { Director } from "./director.ts";
import { allLeave, allRevive, memoryIsBounded, nothingRemains } from "./ending.ts";
import { type Report, reportOf, textOf } from "./report.ts";
import { freePorts, type Place, SoakDaemon } from "./service.ts";

const HELP = `usage: npm run soak -- [OPTION…]

Runs the daemon with many real client processes while clients are killed and stopped, cards come and go, and the daemon
is restarted; then looks for what is left. Exit code 1 where a check fails. Linux; scripts/setup-peers.sh installs what
it needs.

  --seconds N     how long things go wrong; 300
  --clients N     how many clients there are at a time; 50
  --seed N        what the director does follows from it; without it one is drawn
  --program PATH  dist/bundle/entry/main.js of another build of scard, to be judged in place of this one
  --json          the report as JSON on standard output; without it as text`;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    clients: { type: "string", default: "50" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    program: { type: "string", default: fileURLToPath(new URL("../../src/apps/cli/main.js", import.meta.url)) },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const VPCD_READERS = 3;
const DESK = "Desk";
/** Visitors come before anything is measured, so that what the daemon loads once is there. */
const VISIT_MS = 2_000;

/** The card of the virtual reader: bytes that tell where they come from, and a place for a token. */
const deskCard = {
  name: "soak card",
  files: [
    {
      type: "transparent",
      id: "0001",
      sfi: 1,
      content: Buffer.from(Array.from({ length: 255 }, (_, index) => index * 73 + 19)).toString("hex"),
    },
    { type: "transparent", id: "0002", sfi: 2, size: 16, access: { read: "always", update: "always" } },
  ],
};

async function placeIn(folder: string, dice: Dice): Promise<Place> {
  const card = join(folder, "desk.json");
  writeFileSync(card, JSON.stringify(deskCard));
  const ports = await freePorts(VPCD_READERS, (limit) => dice.below(limit));
  const [socket, control] = [join(folder, "comm"), join(folder, "control")];
  return { program: values.program, socket, control, ports, desk: { name: DESK, card } };
}

async function soak(folder: string, seed: number, seconds: number, clients: number): Promise<Report> {
  const began = performance.now();
  const dice = new Dice(seed);
  const violations: { check: string; what: string }[] = [];
  const isOver = (): boolean => violations.length > 0;
  const violated: Violated = (check, what) => {
    console.error(`soak: ${check}: ${what}`);
    violations.push({ check, what });
  };
  const calm = new CalmClock(() => performance.now());
  const place = await placeIn(folder, dice);
  const readers = [...place.ports.map((_, index) => (index === 0 ? "Virtual PCD" : `Virtual PCD ${index}`)), DESK];
  const daemon = await SoakDaemon.start(place);
  let director: Director | undefined;
  const restarting = (): boolean => director?.isRestarting() === true;
  const crowd = new Crowd({ socket: place.socket, readers, dice, calm, violated, restarting });
  director = new Director({ place, dice, calm, violated, isOver, began }, daemon, crowd);
  for (const card of director.cards) card.insert();

  for (const kind of kinds) crowd.start(kind);
  await pause(VISIT_MS);
  await allLeave(crowd);
  await nothingRemains(director, Number.POSITIVE_INFINITY, violated);
  const start = director.daemon.usage().fds;

  for (let index = 0; index < clients; index++) crowd.start(kinds[index % kinds.length] ?? "ours");
  let finished = false;
  const supervised = director.supervise(() => finished);
  await director.disturb(performance.now() + seconds * 1000);
  await allRevive(crowd, violated, isOver);
  finished = true;
  await supervised;
  await allLeave(crowd);
  // Where something was violated, the rest is no news.
  if (!isOver()) await nothingRemains(director, start, violated);
  const trends = memoryIsBounded(director, violated);
  const end = director.daemon.usage().fds;
  await director.endDaemon("SIGTERM");
  for (const card of director.cards) card.pull();
  return reportOf({ seed, seconds, clients, violations, fds: { start, end }, crowd, director, trends });
}

function wholeNumber(name: "seconds" | "clients" | "seed", least: number): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= least) return number;
  console.error(`soak: --${name} is a whole number from ${least} on, not ${values[name]}`);
  process.exit(2);
}

if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [seed, seconds, clients] = [wholeNumber("seed", 0), wholeNumber("seconds", 1), wholeNumber("clients", 1)];
console.error(`soak: seed ${seed}, ${seconds} s, ${clients} clients`);
const folder = mkdtempSync(join(tmpdir(), "scard-soak-"));
// Our processes end with us, and we end with our parent process.
const starter = process.ppid;
setInterval(() => {
  if (process.ppid === starter) return;
  rmSync(folder, { recursive: true });
  process.exit(1);
}, 1000).unref();
let status = 1;
try {
  const report = await soak(folder, seed, seconds, clients);
  console.log(values.json ? JSON.stringify(report) : textOf(report));
  status = report.violations.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}
process.exit(status);
