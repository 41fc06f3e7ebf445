// SPDX-License-Identifier: MIT

import { readFileSync, realpathSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { release, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { anyText, object, parseShape, words } from "../../base/json/index.ts";
import { parseManagerSpec } from "../../entry/machine.ts";
import { pcscdManager } from "../../entry/pcscd.ts";
import { daemonSockets, serviceSockets } from "../../entry/service-sockets.ts";
import { processSurroundings, type Surroundings } from "../../entry/surroundings.ts";
import { pcscdSockets } from "../../platform/node/pcscd/index.ts";
import { nodeClock, nodeRuntime } from "../../platform/node/runtime/index.ts";
import { findDriver } from "../../platform/node/sqlite/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { askDaemon } from "../daemon/index.ts";
import type { Machine, SocketOrigin, SocketPlace, UserFacts } from "./doctor-machine.ts";
import { accountNames, runProgram, surfacesOf } from "./doctor-surfaces.ts";
import { windowsFacts } from "./doctor-windows.ts";

/** How long a service may take for its answers, in milliseconds. On a busy machine a good one takes seconds. */
const serviceLimits = { answerMs: 10_000, admissionMs: 10_000 } as const;

/** This machine. */
export function thisMachine(environment: Machine["environment"]): Machine {
  const surroundings = { ...processSurroundings(), environment };
  return {
    platform: process.platform,
    architecture: process.arch,
    release: release(),
    nodeVersion: process.versions.node,
    environment,
    user: currentUser(),
    clock: nodeClock,
    sockets: socketPlaces(surroundings),
    sqlite: sqliteProblem,
    windows: async () => (process.platform === "win32" ? windowsFacts(runProgram, environment.SystemRoot) : {}),
    packageVersion,
    ...surfacesOf("/"),
    service: (socket) => pcscdManager({ socket, limits: serviceLimits }),
    who: (control) => askDaemon(control, { command: "who" }, nodeClock),
    system: async (library) => {
      const { openSystemManager } = await import("../../platform/node/system/index.ts");
      return openSystemManager({ runtime: nodeRuntime(), ...(library !== undefined && { library }) });
    },
  };
}

async function sqliteProblem(): Promise<SmartCardError | undefined> {
  try {
    await findDriver();
    return undefined;
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return error;
  }
}

/** The sockets where programs look, and those where they could. */
export function socketPlaces(surroundings: Surroundings): readonly SocketPlace[] {
  const { environment, platform } = surroundings;
  const usual = serviceSockets({ ...surroundings, environment: { ...environment, PCSCLITE_CSOCK_NAME: undefined } });
  const system = new Set(pcscdSockets({ environment: {}, platform }));
  const meant = meantSockets(surroundings);
  const places: SocketPlace[] = meant.paths.map((path) => ({
    path,
    origin: meant.origin ?? (system.has(path) ? "system" : "own"),
    considered: true,
  }));
  for (const path of usual) {
    if (meant.paths.includes(path)) continue;
    places.push({ path, origin: system.has(path) ? "system" : "own", considered: false });
  }
  return places.filter(({ path }) => !isSecondName(path));
}

function meantSockets(surroundings: Surroundings): { paths: readonly string[]; origin?: SocketOrigin } {
  const { environment, platform } = surroundings;
  const named = environment.PCSCLITE_CSOCK_NAME ? { origin: "PCSCLITE_CSOCK_NAME" as const } : {};
  const hasOwnSubsystem = platform === "win32" || platform === "darwin";
  const usual = hasOwnSubsystem && !environment.PCSCLITE_CSOCK_NAME ? [] : serviceSockets(surroundings);
  if (!environment.SCARD_MANAGER) return { paths: usual, ...named };
  try {
    const spec = parseManagerSpec(environment.SCARD_MANAGER);
    if (spec.kind !== "pcscd" && spec.kind !== "daemon") return { paths: [] };
    if (spec.socket !== undefined) return { paths: [spec.socket], origin: "SCARD_MANAGER" };
    return {
      paths: spec.kind === "daemon" ? daemonSockets(surroundings) : pcscdSockets({ environment, platform }),
      ...named,
    };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return { paths: usual, ...named };
  }
}

/** Where /var/run is /run, the one is not named beside the other. */
function isSecondName(path: string): boolean {
  if (!path.startsWith("/var/run/")) return false;
  try {
    return realpathSync("/var/run") === "/run";
  } catch {
    return false;
  }
}

function currentUser(): UserFacts | undefined {
  const uid = process.getuid?.();
  if (uid === undefined) return undefined;
  const groups = [...new Set([process.getegid?.() ?? 0, ...(process.getgroups?.() ?? [])])];
  const names = accountNames(readText("/etc/group"));
  return { uid, name: userName(uid), groups: groups.map((gid) => names.get(gid) ?? String(gid)) };
}

function userName(uid: number): string {
  try {
    return userInfo().username;
  } catch {
    // A number that no account has, as in many containers.
    return String(uid);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Version of an installed package, wherever the runtime would find it; it is not loaded. */
async function packageVersion(name: string): Promise<string | undefined> {
  let folder: string;
  try {
    folder = dirname(createRequire(import.meta.url).resolve(name));
  } catch {
    return undefined;
  }
  // What a package exports need not be beside its description.
  for (let parent = dirname(folder); ; folder = parent, parent = dirname(folder)) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
    const version = text === undefined ? undefined : versionIn(text, name);
    if (version !== undefined || parent === folder) return version;
  }
}

function versionIn(text: string, name: string): string | undefined {
  const description = object({ name: words(name), version: anyText }, { ignored: true });
  const parsed = parseShape(description, JSON.parse(text));
  return parsed.ok ? parsed.value.version : undefined;
}
