// SPDX-License-Identifier: MIT

import { koffiPackages, koffiRemedy } from "../../platform/node/koffi/index.ts";
import { conflictFindings } from "./doctor-conflicts.ts";
import { readerFindings } from "./doctor-readers.ts";
import type { Finding } from "./doctor-report.ts";
import { serviceFindings } from "./doctor-service.ts";
import { hasOwnSubsystem, type Survey } from "./doctor-survey.ts";
import { visible } from "./text.ts";

/** Makes findings of what was seen, the gravest first. */
export function findingsOf(survey: Survey): readonly Finding[] {
  const found = [
    ...runtimeFindings(survey),
    ...managerFindings(survey),
    ...serviceFindings(survey),
    ...readerFindings(survey),
    ...conflictFindings(survey),
  ];
  const levels = ["problem", "warning", "note"];
  return found.sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

/** The oldest Node that runs it. */
const oldestNode = [20, 19] as const;

/** Whether a version of Node is new enough. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

function* runtimeFindings({ machine, packages, spec }: Survey): Generator<Finding> {
  if (!isSupported(machine.nodeVersion)) {
    const message = `Node ${machine.nodeVersion} is too old: scard needs ${oldestNode.join(".")} or later.`;
    yield { id: "runtime-too-old", level: "problem", message, remedies: ["install a newer Node: https://nodejs.org"] };
  }
  if (packages.get("koffi") === undefined) {
    const { architecture, platform } = machine;
    const isNeeded = spec === undefined ? hasOwnSubsystem(machine.platform) : spec.kind === "system";
    const why = isNeeded
      ? "Without it the system's smart card subsystem cannot be called."
      : "SCARD_MANAGER=system needs it, and scard daemon needs it to identify its clients; pcscd does not.";
    yield {
      id: "koffi-missing",
      level: isNeeded ? "problem" : "note",
      message: `The optional package ${koffiPackages(platform, architecture)[0]} is not installed. ${why}`,
      remedies: [koffiRemedy(platform, architecture)],
    };
  }
  if (!machine.hasSqlite && packages.get("libsql") === undefined) {
    yield {
      id: "sqlite-missing",
      level: "note",
      message: "There is no SQLite: cards have no names, and the database functions fail.",
      remedies: ["npm install libsql", "use Node 22.13 or later, which has it"],
    };
  }
}

function* managerFindings({ machine, spec, specError, systemError }: Survey): Generator<Finding> {
  const text = machine.environment.SCARD_MANAGER ?? "";
  if (specError !== undefined) {
    const message = `SCARD_MANAGER is invalid: ${visible(specError.reason)}`;
    yield { id: "manager-senseless", level: "problem", message, remedies: ["correct it, or: unset SCARD_MANAGER"] };
  }
  if (spec?.kind === "embedded") {
    const message = `SCARD_MANAGER says ${visible(text)}: programs use that manager, and no reader of this machine.`;
    yield { id: "manager-embedded", level: "note", message, remedies: ["to use them: unset SCARD_MANAGER"] };
  }
  // A missing package is reported already.
  if (systemError !== undefined && systemError.code !== "unsupported-feature") {
    const start: Partial<Record<NodeJS.Platform, readonly string[]>> = {
      win32: ['plug a reader in: Windows starts its service "Smart Card" then', "sc query SCardSvr"],
      darwin: ["plug a reader in: macOS starts its service then", "system_profiler SPSmartCardsDataType"],
    };
    const message = `The system's smart card subsystem cannot be used: ${visible(systemError.reason)}`;
    yield { id: "subsystem-failed", level: "problem", message, remedies: start[machine.platform] ?? [] };
  }
}
