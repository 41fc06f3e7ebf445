// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { type ManagerSpec, parseManagerSpec } from "../../entry/machine.ts";
import { controlPathsOf } from "../../entry/service-sockets.ts";
import { koffiPackages } from "../../platform/node/koffi/index.ts";
import { type Clock, type ReaderStateReport, type ResourceManager, SmartCardError, within } from "../../port/index.ts";
import { AGREE_ON_VERSION, socketPathProblem } from "../../wire/pcsclite/index.ts";
import type { ReportedReader } from "../daemon/index.ts";
import { summarizeAtr } from "../reports/index.ts";
import type {
  ClientLibrary,
  FileFacts,
  Machine,
  ProcessFacts,
  SocketPlace,
  UsbReader,
  WindowsFacts,
} from "./doctor-machine.ts";
import type { ReaderReport, SocketReport, SocketState } from "./doctor-report.ts";
import { errorForPrograms } from "./failure.ts";
import { statesOf, statesOfReaders } from "./readers.ts";

/** How long each probe may take, in milliseconds. Those of different places run side by side. */
const limits = { fileMs: 2_000, packagesMs: 10_000, serviceMs: 5_000, readersMs: 5_000, windowsMs: 12_000 } as const;

/** The names of cards by their ATR, the most specific first. */
export type NameCard = (atr: Uint8Array) => readonly string[];

/** All that was seen of a machine, before anything is made of it. */
export interface Survey {
  readonly machine: Machine;
  /** What `SCARD_MANAGER` says; undefined where it says nothing, or nothing that is known. */
  readonly spec: ManagerSpec | undefined;
  readonly specError: SmartCardError | undefined;
  readonly systemName: string;
  /** Short names of the distribution and of those that it is made from: `debian`. */
  readonly distribution: readonly string[];
  readonly packages: ReadonlyMap<string, string | undefined>;
  readonly sockets: readonly SocketReport[];
  readonly readers: readonly ReaderReport[];
  /** Services that answer and whose readers could not be listed, and why; the system's own has no socket. */
  readonly unlisted: readonly { readonly socket?: string; readonly error: SmartCardError }[];
  /** Why the operating system's own subsystem cannot be used; undefined where it can, or is not asked. */
  readonly systemError: SmartCardError | undefined;
  readonly processes: readonly ProcessFacts[];
  readonly libraryUsers: readonly ProcessFacts[];
  /** The programs that are connected to a service which does not tell who uses its readers. */
  readonly connectedPrograms: readonly ProcessFacts[];
  readonly clientLibrary: ClientLibrary | undefined;
  readonly usbReaders: readonly UsbReader[];
  readonly serialPorts: readonly string[];
  /** Files that say what is installed, by path; those that are there. */
  readonly files: ReadonlyMap<string, FileFacts>;
  /** The configuration of GnuPG's smart card daemon; empty without one. */
  readonly scdaemonConfig: string;
  /** Why the database cannot be used; undefined where it can. */
  readonly sqliteError: SmartCardError | undefined;
  readonly windows: WindowsFacts;
}

/** The packages that are optional, and what for. */
export const optionalPackages = {
  koffi: "the operating system's own subsystem (system), and the names of the daemon's clients",
  libsql: "the smart card database, where Node has no SQLite of its own",
  usb: "USB readers, outside Linux or without koffi",
} as const;

/** What the existence of a file shows: a program, its unit, its build options. */
type Landmark = "pcscd" | "systemd" | "polkit" | "ccidDriver" | "container";

/** Where to look for each. */
const landmarks: Readonly<Record<Landmark, readonly string[]>> = {
  pcscd: ["/usr/sbin/pcscd", "/usr/local/sbin/pcscd", "/usr/bin/pcscd"],
  systemd: ["/run/systemd/system"],
  // pcscd was built to ask polkit.
  polkit: ["/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy"],
  ccidDriver: [
    "/usr/lib/pcsc/drivers/ifd-ccid.bundle",
    "/usr/lib64/pcsc/drivers/ifd-ccid.bundle",
    "/usr/lib64/readers/usb/ifd-ccid.bundle",
    "/usr/local/lib/pcsc/drivers/ifd-ccid.bundle",
  ],
  container: ["/.dockerenv", "/run/.containerenv"],
};

/** Whether one of the files of a kind is there. */
export function has(survey: Pick<Survey, "files">, landmark: Landmark): boolean {
  return landmarks[landmark].some((path) => survey.files.has(path));
}

/** Examines a machine. It never fails: what cannot be determined in time is left out, or reported with the reason. */
export async function survey(machine: Machine, nameCard: NameCard): Promise<Survey> {
  const { clock, environment } = machine;
  const { error: specError, spec } = managerMeant(environment.SCARD_MANAGER);
  const [
    packages,
    sockets,
    system,
    processes,
    clientLibrary,
    usbReaders,
    serialPorts,
    files,
    osRelease,
    scdaemonConfig,
    sqliteError,
    windows,
  ] = await Promise.all([
    versionsOf(machine),
    surveySockets(machine, nameCard),
    surveySystem(machine, spec, nameCard),
    soon(clock, machine.processes(), []),
    soon(clock, machine.clientLibrary(), undefined),
    soon(clock, machine.usbReaders(), []),
    soon(clock, machine.serialPorts(), []),
    filesOf(machine),
    soon(clock, machine.readText("/etc/os-release"), undefined),
    soon(clock, scdaemonConfigOf(machine), ""),
    soon(clock, machine.sqlite(), undefined),
    soon(clock, machine.windows(), {}, limits.windowsMs),
  ]);
  const readers = [...sockets.flatMap((one) => one.readers), ...system.readers];
  // Who has the library is looked up where a service does not tell who uses its readers.
  const isUnknown = readers.some(({ connections, state }) => connections === undefined && isUsed(state));
  return {
    machine,
    spec,
    specError,
    ...systemNameOf(machine, osRelease),
    packages,
    sockets: sockets.map(({ report }) => report),
    readers,
    unlisted: [...sockets, system].flatMap(({ unlisted }) => unlisted ?? []),
    systemError: system.error,
    processes,
    libraryUsers: isUnknown ? await soon(clock, machine.libraryUsers(), []) : [],
    connectedPrograms: isUnknown ? await connectedTo(machine, readers) : [],
    clientLibrary,
    usbReaders,
    serialPorts,
    files,
    scdaemonConfig,
    sqliteError,
    windows,
  };
}

async function connectedTo(machine: Machine, readers: readonly ReaderReport[]): Promise<readonly ProcessFacts[]> {
  const unknown = readers.filter(({ connections }) => connections === undefined);
  const sockets = new Set(unknown.flatMap(({ socket }) => socket ?? []));
  const uses = [...sockets].map((socket) => soon(machine.clock, machine.socketUse(socket), undefined));
  const programs = (await Promise.all(uses)).flatMap((use) => use?.programs ?? []);
  return programs.filter(({ name }) => name !== "pcscd");
}

/** Whether programs use a reader. */
export function isUsed(state: readonly string[]): boolean {
  return state.includes("in use") || state.includes("exclusive");
}

function managerMeant(text: string | undefined): { spec?: ManagerSpec; error?: SmartCardError } {
  if (!text) return {};
  try {
    return { spec: parseManagerSpec(text) };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return { error };
  }
}

async function versionsOf(machine: Machine): Promise<ReadonlyMap<string, string | undefined>> {
  const names = Object.keys(optionalPackages);
  const versions = names.map(async (name) => {
    // koffi comes as a package for each machine.
    const candidates = name === "koffi" ? koffiPackages(machine.platform, machine.architecture) : [name];
    for (const candidate of candidates) {
      const version = await soon(machine.clock, machine.packageVersion(candidate), undefined, limits.packagesMs);
      if (version !== undefined) return [name, version] as const;
    }
    return [name, undefined] as const;
  });
  return new Map(await Promise.all(versions));
}

async function filesOf(machine: Machine): Promise<ReadonlyMap<string, FileFacts>> {
  const found = new Map<string, FileFacts>();
  const look = async (path: string): Promise<void> => {
    const facts = await soon(machine.clock, machine.file(path), undefined);
    if (facts !== undefined && facts !== "denied") found.set(path, facts);
  };
  await Promise.all(Object.values(landmarks).flat().map(look));
  return found;
}

async function scdaemonConfigOf(machine: Machine): Promise<string> {
  const { GNUPGHOME, HOME } = machine.environment;
  const home = GNUPGHOME || (HOME ? `${HOME}/.gnupg` : undefined);
  const paths = ["/etc/gnupg/scdaemon.conf", ...(home === undefined ? [] : [`${home}/scdaemon.conf`])];
  const texts = await Promise.all(paths.map((path) => machine.readText(path)));
  return texts.map((text) => text ?? "").join("\n");
}

function systemNameOf(machine: Machine, osRelease = ""): { systemName: string; distribution: readonly string[] } {
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}=(["']?)(.*)\\1\\s*$`, "m").exec(osRelease)?.[2] || undefined;
  const known: Partial<Record<NodeJS.Platform, string>> = { win32: "Windows", darwin: "macOS", linux: "Linux" };
  return {
    systemName: value("PRETTY_NAME") ?? known[machine.platform] ?? machine.platform,
    distribution: [value("ID"), ...(value("ID_LIKE") ?? "").split(" ")].filter((id): id is string => Boolean(id)),
  };
}

interface SocketSurvey {
  readonly report: SocketReport;
  readonly readers: readonly ReaderReport[];
  readonly unlisted?: Survey["unlisted"];
}

async function surveySockets(machine: Machine, nameCard: NameCard): Promise<readonly SocketSurvey[]> {
  const { clock } = machine;
  const facts = await Promise.all(
    machine.sockets.map(({ path }) => soon(clock, machine.file(path), "denied" as const)),
  );
  // Two paths may lead to one socket: /var/run is /run on most systems.
  const seen = new Set<string>();
  const different: { readonly place: SocketPlace; readonly file: FileFacts | "denied" | undefined }[] = [];
  for (const [index, place] of machine.sockets.entries()) {
    const file = facts[index];
    const identity = typeof file === "object" ? file.identity : place.path;
    if (!seen.has(identity)) different.push({ place, file });
    seen.add(identity);
  }
  const all = await Promise.all(different.map(({ file, place }) => surveySocket(machine, place, file, nameCard)));
  // As openManager chooses: the first one with a listener.
  const isAlive = ({ state }: SocketReport): boolean =>
    state !== "missing" && state !== "no-socket" && state !== "path-too-long" && !isSilent(state);
  const used = all.find(({ report }) => isAlive(report) && report.used);
  return all.map((one) => ({ ...one, report: { ...one.report, used: one === used } }));
}

function isSilent(state: SocketState): boolean {
  return state === "no-listener" || state === "access-denied";
}

async function surveySocket(
  machine: Machine,
  { considered, origin, path }: SocketPlace,
  file: FileFacts | "denied" | undefined,
  nameCard: NameCard,
): Promise<SocketSurvey> {
  const isFile = typeof file === "object";
  const mode = isFile ? (file.mode & 0o7777).toString(8).padStart(4, "0") : "";
  const about = isFile ? { file: { owner: file.owner, group: file.group, mode } } : {};
  // Whether it is in use is known when all have been looked at; until then this says whether it could be.
  const base = { path, origin, used: considered, ...about };
  if (socketPathProblem(path, machine.platform) !== undefined) {
    return { report: { ...base, state: "path-too-long" }, readers: [] };
  }
  if (file === undefined) return { report: { ...base, state: "missing" }, readers: [] };
  if (isFile && file.kind !== "socket") return { report: { ...base, state: "no-socket" }, readers: [] };
  const service = machine.service(path);
  try {
    const info = await inTime(
      machine.clock,
      limits.serviceMs,
      `${path} to answer`,
      service.probe({ measureTable: true }),
    );
    const known = await holdersAt(machine, path);
    const kind = known === undefined ? "pcscd" : "scard daemon";
    const { releases, tableEntries, version } = info;
    const table = tableEntries === undefined ? {} : { tableEntries };
    const report = { ...base, state: "answers", service: kind, protocol: version, releases, ...table } as const;
    return { report, ...(await surveyReaders(machine, service, nameCard, { socket: path, known: known?.readers })) };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return { report: { ...base, state: stateOf(error), error: errorForPrograms(error) }, readers: [] };
  }
}

function stateOf(error: SmartCardError): SocketState {
  if (error.details.operation === AGREE_ON_VERSION) return "other-version";
  switch (error.code) {
    case "no-service":
      return "no-listener";
    case "no-access":
      return "access-denied";
    case "security-violation":
      return "refused";
    case "server-too-busy":
    case "no-memory":
      return "busy";
    default:
      return "no-answer";
  }
}

/** Who uses the readers of the daemon on a socket; undefined where it is no daemon, without readers where it keeps quiet. */
async function holdersAt(
  machine: Machine,
  socket: string,
): Promise<{ readonly readers: readonly ReportedReader[] | undefined } | undefined> {
  for (const control of controlPathsOf(socket)) {
    try {
      return await inTime(machine.clock, limits.serviceMs, `${control} to answer`, machine.who(control));
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
      if (error.code !== "no-service") return { readers: undefined };
    }
  }
  return undefined;
}

async function surveySystem(
  machine: Machine,
  spec: ManagerSpec | undefined,
  nameCard: NameCard,
): Promise<{ readers: readonly ReaderReport[]; unlisted?: Survey["unlisted"]; error: SmartCardError | undefined }> {
  const { clock, environment, platform } = machine;
  const isUsual = hasOwnSubsystem(platform) && !environment.PCSCLITE_CSOCK_NAME;
  if (spec === undefined ? !isUsual : spec.kind !== "system") return { readers: [], error: undefined };
  const library = spec?.kind === "system" ? spec.library : undefined;
  try {
    const manager = await inTime(clock, limits.serviceMs, "the system's library", machine.system(library));
    return { ...(await surveyReaders(machine, manager, nameCard)), error: undefined };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return { readers: [], error };
  }
}

/** Lists the readers of a service. It asks for their states and nothing else, so that no card is touched. */
async function surveyReaders(
  machine: Machine,
  manager: ResourceManager,
  nameCard: NameCard,
  where?: { readonly socket: string; readonly known: readonly ReportedReader[] | undefined },
): Promise<{ readers: readonly ReaderReport[]; unlisted?: Survey["unlisted"] }> {
  const ofSocket = where === undefined ? {} : { socket: where.socket };
  try {
    const states = await inTime(machine.clock, limits.readersMs, "the readers", listStates(manager));
    const readers = states.map((state) => {
      const known = where?.known?.find(({ name }) => name === state.reader);
      return { ...ofSocket, ...readerReport(state, nameCard), ...(known === undefined ? {} : holdersOf(known)) };
    });
    return { readers };
  } catch (error) {
    if (!(error instanceof SmartCardError)) throw error;
    return { readers: [], unlisted: [{ ...ofSocket, error }] };
  }
}

/** The readers of a manager and their states; no card is touched. */
export async function listStates(manager: ResourceManager): Promise<readonly ReaderStateReport[]> {
  const context = await manager.establishContext();
  try {
    return await statesOfReaders(context);
  } finally {
    await context.release();
  }
}

function readerReport(state: ReaderStateReport, nameCard: NameCard): ReaderReport {
  const base = { name: state.reader, state: statesOf(state) };
  const { atr } = state;
  if (atr.length === 0) return base;
  const cards = nameCard(atr);
  return { ...base, atr, summary: summarizeAtr(atr), ...(cards.length > 0 && { cards }) };
}

function holdersOf({ card, connections, door, lock, queue }: ReportedReader): Partial<ReaderReport> {
  const atr = card === undefined ? undefined : decodeHex(card.atr);
  // A card that was not powered yet has an ATR all the same, once it was asked for it.
  const seen = atr?.ok && atr.value.length > 0 ? { atr: atr.value } : {};
  return { ...seen, connections, ...(lock !== undefined && { lock }), queue, ...(door !== undefined && { door }) };
}

/** The result if it comes in time; otherwise a fallback. */
async function soon<T>(clock: Clock, work: Promise<T>, otherwise: T, ms: number = limits.fileMs): Promise<T> {
  return inTime(clock, ms, "the machine", work).catch(() => otherwise);
}

/** Waits for something, but not for longer than `ms`. @throws timeout, and what it fails with itself */
function inTime<T>(clock: Clock, ms: number, what: string, work: Promise<T>): Promise<T> {
  return within(clock, ms, "a probe of the machine", work, () => {
    throw new SmartCardError("timeout", `waited ${ms / 1000} s for ${what}`, { operation: "diagnose" });
  });
}

/** Whether a system has a smart card subsystem of its own, which is not pcscd. */
export function hasOwnSubsystem(platform: NodeJS.Platform): boolean {
  return platform === "win32" || platform === "darwin";
}
