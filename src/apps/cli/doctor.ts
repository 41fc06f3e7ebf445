// SPDX-License-Identifier: MIT

import { fileURLToPath } from "node:url";
import { readTextFile } from "../../platform/node/runtime/index.ts";
import { command, exitCodes } from "./command.ts";
import { withKnownCards } from "./database-option.ts";
import { findingsOf, isSupported, managerOf } from "./doctor-advice.ts";
import type { Machine } from "./doctor-machine.ts";
import { thisMachine } from "./doctor-probes.ts";
import type { Diagnosis } from "./doctor-report.ts";
import { type NameCard, optionalPackages, survey } from "./doctor-survey.ts";
import { describeDiagnosis } from "./doctor-text.ts";
import type { OptionTable, ParsedLine } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { jsonText } from "./text.ts";

/** The rule for udev, in this package and where it goes. */
const UDEV_RULE = fileURLToPath(new URL("../../../udev/70-scard.rules", import.meta.url));
const UDEV_RULE_PLACE = "/etc/udev/rules.d/70-scard.rules";
const MAX_RULE_BYTES = 65_536;

const doctorOptions = {
  "fix-udev": {
    type: "boolean",
    help: "only print the rule of udev that opens USB readers for the user at the screen",
  },
} as const satisfies OptionTable;

/** `scard doctor`: why cards cannot be used here, and what to do about it. */
export const doctor = command({
  name: "doctor",
  summary: "find out why cards cannot be used on this machine, and what to do about it",
  usage: ["[OPTION…]"],
  description: [
    "Examines the system, Node, the optional packages, the sockets of pcscd and scard daemon and their permissions, readers, cards, the programs that hold them, and programs known to interfere. For each problem it says what to do. It changes nothing and uses no card; where systemd owns the socket of pcscd, the query starts pcscd. It ends within seconds, even if a service does not answer. The exit code is 0 without problems and warnings, else 1.",
  ],
  options: doctorOptions,
  run: async (line, terminal) => {
    if (!line.values["fix-udev"]) return runDoctor(line, terminal, thisMachine(terminal.environment));
    const rule = await readTextFile(UDEV_RULE, { mostBytes: MAX_RULE_BYTES });
    terminal.print(line.values.json ? jsonText({ path: UDEV_RULE_PLACE, rule }) : rule.trimEnd());
    return exitCodes.ok;
  },
});

/** Examines a machine, and tells what was found; the command for any machine. @returns the exit code */
export async function runDoctor(
  { values }: ParsedLine<typeof doctorOptions>,
  terminal: Terminal,
  machine: Machine,
): Promise<number> {
  const diagnosis = await withKnownCards(terminal, (cards) => {
    return diagnose(machine, (atr) => cards.find(atr).map(({ name }) => name));
  });
  if (values.json) terminal.print(jsonText(diagnosis));
  else for (const line of describeDiagnosis(diagnosis, terminal.paint)) terminal.print(line);
  return diagnosis.healthy ? exitCodes.ok : exitCodes.failed;
}

/** Examines a machine. It never fails: what cannot be found out is left out, or is a finding. */
export async function diagnose(machine: Machine, nameCard: NameCard): Promise<Diagnosis> {
  const seen = await survey(machine, nameCard);
  const findings = findingsOf(seen);
  const { architecture, nodeVersion, platform, release, user } = machine;
  return {
    version: 1,
    healthy: findings.every(({ level }) => level === "note"),
    platform: { system: platform, name: seen.systemName, release, architecture },
    runtime: { name: "node", version: nodeVersion, supported: isSupported(nodeVersion) },
    packages: Object.entries(optionalPackages).map(([name, purpose]) => {
      const version = seen.packages.get(name);
      return { name, ...(version !== undefined && { version }), purpose };
    }),
    ...(user !== undefined && { user }),
    manager: managerOf(seen),
    sockets: seen.sockets,
    usbReaders: seen.usbReaders,
    readers: seen.readers,
    findings,
  };
}
