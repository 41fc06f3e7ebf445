// SPDX-License-Identifier: MIT

import { koffiPackages, koffiRemedy } from "../../platform/node/koffi/index.ts";
import { BrokenPackage } from "../../platform/node/runtime/index.ts";
import { conflictFindings, permissionFindings } from "./doctor-conflicts.ts";
import { readerFindings } from "./doctor-readers.ts";
import type { Diagnosis, Finding } from "./doctor-report.ts";
import { serviceFindings } from "./doctor-service.ts";
import { hasOwnSubsystem, type Survey } from "./doctor-survey.ts";
import { isRemoteSession, remoteSession, rsaCards, serviceProblems } from "./doctor-windows.ts";
import { visible } from "./text.ts";

/** Makes findings of what was seen, the gravest first. */
export function findingsOf(survey: Survey): readonly Finding[] {
  const found = [
    ...runtimeFindings(survey),
    ...managerFindings(survey),
    ...serviceFindings(survey),
    ...readerFindings(survey),
    ...permissionFindings(survey),
    ...conflictFindings(survey),
    ...windowsFindings(survey),
  ];
  if (managerOf(survey).kind === "none" && !found.some(({ level }) => level === "problem")) found.push(noManager);
  const levels = ["problem", "warning", "note"];
  return found.sort((a, b) => levels.indexOf(a.level) - levels.indexOf(b.level));
}

/** The least that is said where programs find no manager. */
const noManager: Finding = {
  id: "no-manager",
  level: "problem",
  message: "Programs that name no manager find none.",
  remedies: ["name one: SCARD_MANAGER=embedded:virtual+demo has a software card"],
};

/** What programs use that name no manager. */
export function managerOf({ machine, sockets, spec, specError, systemError }: Survey): Diagnosis["manager"] {
  const { SCARD_MANAGER: text } = machine.environment;
  const said = text ? { spec: text } : {};
  if (specError !== undefined) return { kind: "none", ...said };
  if (spec?.kind === "embedded") return { kind: "embedded", ...said };
  const used = sockets.find((socket) => socket.used);
  if (used !== undefined) return { kind: "pcscd", socket: used.path, ...said };
  return { kind: usesSystem(spec, machine.platform) && systemError === undefined ? "system" : "none", ...said };
}

function usesSystem(spec: Survey["spec"], platform: NodeJS.Platform): boolean {
  return spec?.kind === "system" || (spec === undefined && hasOwnSubsystem(platform));
}

function* windowsFindings(survey: Survey): Generator<Finding> {
  const { machine, readers, sockets, spec, systemError, unlisted, windows } = survey;
  const isUsed = usesSystem(spec, machine.platform) && !sockets.some(({ used }) => used);
  if (machine.platform !== "win32" || !isUsed) return;
  const isRemote = isRemoteSession(machine);
  if (isRemote) yield remoteSession();
  const ours = readers.filter(({ socket }) => socket === undefined);
  const failed = systemError !== undefined || unlisted.some(({ socket }) => socket === undefined);
  if (failed && !isRemote) yield* serviceProblems(windows);
  if (ours.some(({ state }) => state.includes("card present"))) yield rsaCards(windows);
}

/** The oldest Node that runs it. */
const oldestNode = [20, 19] as const;

/** Whether a version of Node is new enough. */
export function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

function* runtimeFindings({ machine, packages, spec, sqliteError }: Survey): Generator<Finding> {
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
  const newer = "use Node 22.13 or later, which has it";
  if (sqliteError?.cause instanceof BrokenPackage) {
    const message = `Cards have no names, and the database functions fail: ${visible(sqliteError.cause.message)}`;
    yield { id: "sqlite-broken", level: "warning", message, remedies: [newer] };
  } else if (sqliteError !== undefined) {
    yield {
      id: "sqlite-missing",
      level: "note",
      message: "There is no SQLite: cards have no names, and the database functions fail.",
      remedies: ["npm install libsql", newer],
    };
  }
}

function* managerFindings({ machine, packages, spec, specError, systemError }: Survey): Generator<Finding> {
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
  if (systemError !== undefined && packages.get("koffi") !== undefined) {
    const start: Partial<Record<NodeJS.Platform, readonly string[]>> = {
      win32: ['plug a reader in: Windows starts its service "Smart Card" then', "sc query SCardSvr"],
      darwin: ["plug a reader in: macOS starts its service then", "system_profiler SPSmartCardsDataType"],
    };
    const message = `The system's smart card subsystem cannot be used: ${visible(systemError.reason)}`;
    yield { id: "subsystem-failed", level: "problem", message, remedies: start[machine.platform] ?? [] };
  }
}
