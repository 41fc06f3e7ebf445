// SPDX-License-Identifier: MIT

/**
 * `scard/machine`: the resource manager of this machine: the operating system's own, pcscd, `scard daemon`, or an
 * embedded one.
 */

import type { PcscdManager } from "../managers/pcscd/index.ts";
import { nodeRuntime } from "../platform/node/runtime/index.ts";
import type { SystemManager, SystemManagerOptions } from "../platform/node/system/index.ts";
import { SYSTEM_SOCKET_PATH } from "../platform/node/unix/index.ts";
import {
  type Check,
  callback,
  optional,
  optionsOf,
  partsOf,
  type ResourceManager,
  SmartCardError,
  text,
  wholeNumber,
} from "../port/index.ts";
import { type OpenedEmbeddedManager, openEmbeddedManager } from "./embedded.ts";
import type { OpenedFarm } from "./farm.ts";
import { parseManagerSpec } from "./manager-spec.ts";
import { pcscdManager } from "./pcscd.ts";
import { daemonSockets, firstListening, isDaemon, type SilentSocket, serviceSockets } from "./service-sockets.ts";
import { processSurroundings, type Surroundings } from "./surroundings.ts";

export type { SystemLimits, SystemManagerOptions } from "../platform/node/system/index.ts";
export type { OpenedEmbeddedManager } from "./embedded.ts";
export type { OpenedFarm } from "./farm.ts";
export { type ManagerSpec, parseManagerSpec, type ReaderSpec } from "./manager-spec.ts";
export type { Surroundings } from "./surroundings.ts";

/** A service that speaks pcscd's protocol: pcscd, or `scard daemon`. */
export interface OpenedService extends AsyncDisposable {
  readonly kind: "pcscd";
  /** What it is, for people. */
  readonly description: string;
  readonly manager: PcscdManager;
  /** Where it listens; undefined for the usual places: the first that answers when a context is opened. */
  readonly socket: string | undefined;
  /** Does nothing: contexts end when they are released. */
  close(): Promise<void>;
}

/** The operating system's own subsystem. */
export interface OpenedSystemManager extends AsyncDisposable {
  readonly kind: "system";
  /** What it is, for people. */
  readonly description: string;
  readonly manager: ResourceManager;
  /** Does nothing: contexts end when they are released. */
  close(): Promise<void>;
}

/** An open manager; `kind` says which further members it has. */
export type OpenedManager = OpenedEmbeddedManager | OpenedService | OpenedSystemManager | OpenedFarm;

/** What determines the manager if the caller does not name one. */
export interface OpenManagerOptions {
  /** Instead of this process' own. */
  readonly surroundings?: Partial<Surroundings>;
  /** Loads the system's own subsystem; `koffi` does it without this. */
  readonly openSystem?: (options: SystemManagerOptions) => Promise<ResourceManager>;
}

const managerOptions = optionsOf<OpenManagerOptions>({
  surroundings: optional(
    optionsOf<Partial<Surroundings>>({
      environment: optional(partsOf<Surroundings["environment"]>({}, "an object of environment variables")),
      platform: optional(text("a platform") as Check<NodeJS.Platform>),
      uid: optional(wholeNumber(0, 0xffff_ffff)),
    }),
  ),
  openSystem: optional(callback<NonNullable<OpenManagerOptions["openSystem"]>>("a function that opens it")),
});

/**
 * Opens the resource manager that `spec` describes, or else `SCARD_MANAGER`, or else the one that this machine has: on
 * Windows and macOS the system's own; elsewhere the service on the socket that `PCSCLITE_CSOCK_NAME` names, or else on the
 * first usual one that has a listener: pcscd's, then that of the user's own `scard daemon`.
 *
 * | spec | the manager |
 * | --- | --- |
 * | `embedded:virtual+demo`, `embedded:vpcd`, `embedded:usb`, … | one in this process, with these readers |
 * | `pcscd`, `pcscd:SOCKET` | a service that speaks pcscd's protocol; it need not run yet |
 * | `daemon`, `daemon:SOCKET` | a `scard daemon`: the user's own, or the system's |
 * | `system`, `system:LIBRARY` | winscard.dll, PCSC.framework, libpcsclite |
 * | `farm:FILE` | readers on many machines: the farm that a client's file describes |
 *
 * @throws invalid-value (invalid description), no-service (nothing listens: the message says what was tried, and how to get a
 * service), no-access (a socket exists, but not for this user), unsupported-feature (`system` needs the
 * optional package of koffi for this machine), and what opening an embedded manager fails with
 */
export async function openManager(spec?: string, options: OpenManagerOptions = {}): Promise<OpenedManager> {
  const checked = managerOptions(options, { operation: "openManager", path: "options" });
  const surroundings = { ...processSurroundings(), ...checked.surroundings };
  if (spec !== undefined) text("a description of a manager")(spec, { operation: "openManager", path: "spec" });
  const description = spec ?? surroundings.environment.SCARD_MANAGER;
  if (!description) return openUsual(surroundings, checked);
  const meant = parseManagerSpec(description);
  switch (meant.kind) {
    case "embedded":
      return openEmbeddedManager(description);
    case "system":
      return openSystem(checked, meant.library);
    case "pcscd":
      return openService("the smart card service", meant.socket);
    case "daemon":
      return openService("scard daemon", meant.socket ?? (await findDaemon(surroundings)));
    case "farm":
      return (await import("./farm.ts")).openFarm(meant.file);
  }
}

async function openUsual(surroundings: Surroundings, options: OpenManagerOptions): Promise<OpenedManager> {
  const { environment, platform } = surroundings;
  const hasOwnSubsystem = platform === "win32" || platform === "darwin";
  if (hasOwnSubsystem && !environment.PCSCLITE_CSOCK_NAME) return openSystem(options);
  const found = await firstListening(serviceSockets(surroundings));
  if (typeof found === "string") return openService("the smart card service", found);
  const how =
    "start pcscd (systemctl enable --now pcscd.socket) or scard daemon (npx scard daemon), or do without: " +
    'SCARD_MANAGER=embedded:virtual+demo has a software card. "npx scard doctor" looks into it';
  throw noService("no smart card service answers", found, how);
}

async function findDaemon(surroundings: Surroundings): Promise<string> {
  // In pcscd's place it may be pcscd.
  const isMeant = async (path: string): Promise<boolean> => path !== SYSTEM_SOCKET_PATH || isDaemon(path);
  const found = await firstListening(daemonSockets(surroundings), isMeant);
  if (typeof found === "string") return found;
  throw noService("no scard daemon answers", found, "start one (npx scard daemon), or name its socket: daemon:SOCKET");
}

function noService(what: string, silent: readonly SilentSocket[], how: string): SmartCardError {
  // A service exists, and the cause is known.
  const other = silent.find(({ error }) => error.code !== "no-service");
  if (other !== undefined) return other.error;
  const tried = silent.map(({ error, path }) => `${path} (${reasonOf(error)})`).join(", ");
  return new SmartCardError("no-service", `${what} on ${tried}; ${how}`, { operation: "open the manager" });
}

function reasonOf({ cause, message }: SmartCardError): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT") return "not there";
  return code === "ECONNREFUSED" ? "nothing listens" : String(code ?? message);
}

function openService(name: string, socket: string | undefined): OpenedService {
  const manager = pcscdManager(socket === undefined ? {} : { socket });
  const description = socket === undefined ? name : `${name} at ${socket}`;
  return { kind: "pcscd", description, manager, socket, close: nothingToClose, [Symbol.asyncDispose]: nothingToClose };
}

async function openSystem(options: OpenManagerOptions, library?: string): Promise<OpenedSystemManager> {
  const open = options.openSystem ?? openThroughKoffi;
  const manager = await open({ runtime: nodeRuntime(), ...(library !== undefined && { library }) });
  const description = library === undefined ? "the system's smart card subsystem" : `the smart card library ${library}`;
  return { kind: "system", description, manager, close: nothingToClose, [Symbol.asyncDispose]: nothingToClose };
}

/** Loaded on demand, as most programs do not need it. */
async function openThroughKoffi(options: SystemManagerOptions): Promise<SystemManager> {
  const { openSystemManager } = await import("../platform/node/system/index.ts");
  return openSystemManager(options);
}

async function nothingToClose(): Promise<void> {}

/** The manager of this process, opened on first use. */
let shared: Promise<OpenedManager> | undefined;

/**
 * The default manager: what {@link openManager} opens without a description. One for the whole
 * process; where opening fails, the next call tries again.
 *
 * @throws as {@link openManager}
 */
export async function defaultManager(): Promise<ResourceManager> {
  shared ??= openManager();
  try {
    return (await shared).manager;
  } catch (error) {
    shared = undefined;
    throw error;
  }
}
