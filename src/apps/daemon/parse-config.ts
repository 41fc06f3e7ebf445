// SPDX-License-Identifier: MIT

import { resolve } from "node:path";
import { type Result, success } from "../../base/binary/index.ts";
import { JsonPlace, type JsonProblem } from "../../base/json/index.ts";
import { onlyUsers } from "../../entry/vpcd-listener.ts";
import { defaultServerLimits, MAX_FIXED_READERS } from "../../faces/pcsclite-server/index.ts";
import { defaultLimits, type Profile, profiles } from "../../managers/embedded/index.ts";
import { findGroup, findUser } from "../../platform/node/unix/index.ts";
import { type AccessRule, LONGEST_READER_NAME, type PeerRule, readerKey, readerNameProblem } from "../../port/index.ts";
import { DEFAULT_VPCD_PORT, MAX_SLOTS } from "../../readers/vpcd/index.ts";
import { socketPathProblem } from "../../wire/pcsclite/index.ts";
import type { AccessRules, ConfiguredReader, DaemonConfig } from "./config.ts";
import { logLevels } from "./log.ts";

const MAX_READERS = 1024;
const MAX_RULES = 1024;
const MAX_TEXT = 4096;
const MAX_NUMBER = 2 ** 31 - 1;
/** The largest 32-bit number means no account. */
const MAX_ACCOUNT = 2 ** 32 - 2;

/** The names of all limits; each belongs to one part of the daemon. */
const limitNames = [...Object.keys(defaultLimits), ...Object.keys(defaultServerLimits), "unsentBytes", "awakeUs"];

/**
 * Checks and reads a configuration. All problems are found at once; each names its place and the remedy.
 *
 * @param json what `JSON.parse` returned
 * @param folder where the file is: paths of card images begin there
 */
export function parseConfig(json: unknown, folder: string): Result<DaemonConfig, readonly JsonProblem[]> {
  const problems: JsonProblem[] = [];
  const root = new JsonPlace(json, "$", problems);
  const members = [
    "readers",
    "profile",
    "semantics",
    "limits",
    "maxReadersContexts",
    "socket",
    "control",
    "access",
    "log",
  ];
  if (!root.object(members)) return { ok: false, error: problems };
  const profile = root.member("profile");
  const config: DaemonConfig = {
    readers: readReaders(root.member("readers"), folder),
    ...(profile.present && { profile: profile.oneOf(["pcsclite", "windows"]) }),
    semantics: readSemantics(root.member("semantics")),
    limits: readLimits(root.member("limits")),
    ...readTableSizes(root.member("maxReadersContexts")),
    socket: readSocket(root.member("socket")),
    control: readControl(root.member("control")),
    access: readAccess(root.member("access")),
    log: readLog(root.member("log")),
  };
  return problems.length > 0 ? { ok: false, error: problems } : success(config);
}

function readReaders(place: JsonPlace, folder: string): ConfiguredReader[] {
  const names = new Set<string>();
  const ports = new Set<string>();
  return place.elements(MAX_READERS).map((element): ConfiguredReader => {
    const kind = element.member("type").oneOf(["virtual", "vpcd"]);
    return kind === "virtual" ? readVirtual(element, folder, names) : readVpcd(element, ports, names);
  });
}

/** The name of a reader, where it has one; the same check as that of the readers themselves. */
function readName(place: JsonPlace, names: Set<string>): { readonly name?: string } {
  if (!place.present) return {};
  const name = place.isString ? place.text(MAX_TEXT) : place.text(LONGEST_READER_NAME);
  const problem = name === "" ? undefined : readerNameProblem(name);
  if (problem !== undefined) place.problem(problem);
  if (names.has(readerKey(name))) place.problem("is that of another reader: give each its own, or none");
  if (name !== "") names.add(readerKey(name));
  return { name };
}

function readVirtual(place: JsonPlace, folder: string, names: Set<string>): ConfiguredReader {
  place.object(["type", "name", "card"]);
  const named = readName(place.member("name"), names);
  const cardPlace = place.member("card");
  const card = cardPlace.present ? cardPlace.text(MAX_TEXT) : undefined;
  return {
    kind: "virtual",
    ...named,
    ...(card !== undefined && { card: cardSource(card, folder) }),
  };
}

/** The card of a virtual reader: a card type by its name, or else a file. */
export function cardSource(text: string, folder: string): string {
  return text === "demo" ? text : resolve(folder, text);
}

function readVpcd(place: JsonPlace, places: Set<string>, names: Set<string>): ConfiguredReader {
  place.object(["type", "name", "host", "port", "path", "mode", "group", "slots", "access"]);
  const named = readName(place.member("name"), names);
  const slots = place.member("slots").integer(1, MAX_SLOTS, 1);
  const accessPlace = place.member("access");
  const isUnix = place.member("path").present;
  const access = accessPlace.present ? { access: readCardAccess(accessPlace, isUnix) } : {};
  const where = isUnix ? readUnixDoor(place, slots) : readTcpDoor(place, slots);
  const { at } = where;
  for (let slot = 0; slot < slots; slot++) {
    const address = "path" in at ? `${at.path}${slot === 0 ? "" : `.${slot}`}` : `${at.host}:${at.port + slot}`;
    const choose = "path" in at ? "path" : "port";
    const isTaken = address !== "" && places.has(address);
    if (isTaken) where.place.problem(`leads to ${address}, as another reader does: choose another ${choose}`);
    places.add(address);
    // The first slot has the reader's name, and the others a number behind it.
    if (slot > 0 && named.name !== undefined) checkSlotName(place.member("name"), `${named.name} ${slot}`, names);
  }
  return { kind: "vpcd", ...named, ...at, slots, ...access };
}

/** Where a vpcd reader listens by TCP. */
function readTcpDoor(place: JsonPlace, slots: number) {
  for (const member of ["mode", "group"]) {
    const given = place.member(member);
    if (given.present) given.problem('is that of a Unix socket: give its "path", or leave it out');
  }
  const host = place.member("host");
  const port = place.member("port");
  return {
    at: { host: host.present ? host.text(255) : "127.0.0.1", port: port.integer(1, 65_536 - slots, DEFAULT_VPCD_PORT) },
    place: port,
  };
}

/** Where a vpcd reader listens on Unix sockets. */
function readUnixDoor(place: JsonPlace, slots: number) {
  for (const member of ["host", "port"]) {
    const given = place.member(member);
    if (given.present) given.problem('stands beside "path": give the path of a Unix socket, or host and port');
  }
  const path = place.member("path");
  const at = { path: readPath(path, slots === 1 ? 0 : `.${slots - 1}`.length), ...readSocketRights(place) };
  return { at, place: path };
}

function readCardAccess(place: JsonPlace, isUnix: boolean): PeerRule[] {
  return place.elements(MAX_RULES).map((rule) => {
    const { reader: _, ...read } = readRule(rule, ["effect", "uid", "gid", "program"]);
    for (const member of isUnix ? [] : ["gid", "program"]) {
      const given = rule.member(member);
      if (given.present) given.problem(`cannot be met by TCP: ${onlyUsers}`);
    }
    return read;
  });
}

function checkSlotName(place: JsonPlace, name: string, names: Set<string>): void {
  if (names.has(readerKey(name)))
    place.problem(`gives a slot the name "${name}", which another reader has: choose another`);
  names.add(readerKey(name));
}

/** Every point on which the profiles differ can be set by itself, to the values that they have between them. */
function readSemantics(place: JsonPlace): DaemonConfig["semantics"] {
  if (!place.present) return {};
  const { name: _, ...points } = profiles.pcsclite;
  if (!place.object(Object.keys(points))) return {};
  const semantics: Record<string, unknown> = {};
  for (const key of Object.keys(points) as (keyof typeof points)[]) {
    const point = place.member(key);
    if (point.present) semantics[key] = readPoint(point, key);
  }
  return semantics as Partial<Profile>;
}

function readPoint(place: JsonPlace, key: Exclude<keyof Profile, "name">): unknown {
  if (key.endsWith("Ms")) return place.isNull ? undefined : place.integer(1, MAX_NUMBER);
  const value = profiles.pcsclite[key];
  if (typeof value !== "string") return place.boolean();
  const other = profiles.windows[key];
  return place.oneOf(typeof other === "string" ? [value, other] : [value]);
}

function readLimits(place: JsonPlace): DaemonConfig["limits"] {
  if (!place.present || !place.object(limitNames)) return {};
  const given = limitNames.filter((name) => place.member(name).present);
  const least = (name: string): number => (name === "awakeUs" ? 0 : 1);
  return Object.fromEntries(given.map((name) => [name, place.member(name).integer(least(name), MAX_NUMBER)]));
}

/** One size for all older clients, or one for each version of their protocol. */
function readTableSizes(place: JsonPlace): Pick<DaemonConfig, "maxReadersContexts"> {
  if (!place.present) return {};
  if (!place.isObject) return { maxReadersContexts: place.integer(1, MAX_FIXED_READERS) };
  const known = ["4:4", "4:5"] as const;
  place.object(known);
  const given = known.filter((version) => place.member(version).present);
  const sizes = given.map((version) => [version, place.member(version).integer(1, MAX_FIXED_READERS)]);
  return { maxReadersContexts: Object.fromEntries(sizes) };
}

function readSocket(place: JsonPlace): DaemonConfig["socket"] {
  if (!place.present || !place.object(["path", "mode", "group"])) return {};
  const path = place.member("path");
  return { ...(path.present && { path: readPath(path) }), ...readSocketRights(place) };
}

/** Permissions and group of a socket. */
function readSocketRights(place: JsonPlace): { readonly mode?: number; readonly group?: number } {
  const [mode, group] = [place.member("mode"), place.member("group")];
  return {
    ...(mode.present && { mode: readMode(mode) }),
    ...(group.present && { group: readAccount(group, "group", findGroup) }),
  };
}

function readControl(place: JsonPlace): DaemonConfig["control"] {
  if (!place.present || !place.object(["path"])) return {};
  const path = place.member("path");
  return path.present ? { path: readPath(path) } : {};
}

/** @param more bytes that are put behind it */
function readPath(place: JsonPlace, more = 0): string {
  const path = place.text(MAX_TEXT);
  if (path !== "" && !path.startsWith("/")) place.problem("should be an absolute path, one that begins with /");
  const problem = socketPathProblem(path + ".".repeat(more), process.platform);
  if (problem !== undefined) place.problem(problem);
  return path;
}

function readMode(place: JsonPlace): number {
  const mode = place.isString ? place.text(4) : "";
  if (/^0?[0-7]{3}$/.test(mode)) return Number.parseInt(mode, 8);
  place.problem('should be permissions in octal digits, as text: "0666" or "0660"');
  return 0;
}

function readAccess(place: JsonPlace): AccessRules {
  if (!place.present || !place.object(["daemon", "readers"])) return { daemon: [], readers: [] };
  const read = (list: JsonPlace, members: readonly string[]): AccessRule[] =>
    list.elements(MAX_RULES).map((rule) => readRule(rule, members));
  return {
    daemon: read(place.member("daemon"), ["effect", "uid", "gid", "program"]),
    readers: read(place.member("readers"), ["effect", "uid", "gid", "program", "reader"]),
  };
}

function readRule(place: JsonPlace, members: readonly string[]): AccessRule {
  place.object(members);
  const [uid, gid, program, reader] = ["uid", "gid", "program", "reader"].map((key) => place.member(key));
  return {
    effect: place.member("effect").oneOf(["allow", "deny"]),
    ...(uid?.present && { uid: readAccount(uid, "user", findUser) }),
    ...(gid?.present && { gid: readAccount(gid, "group", findGroup) }),
    ...(program?.present && { program: program.text(MAX_TEXT) }),
    ...(reader?.present && members.includes("reader") && { reader: reader.text(MAX_TEXT) }),
  };
}

/** A user or a group: its number, or its name. */
function readAccount(place: JsonPlace, what: "user" | "group", find: (name: string) => number | undefined): number {
  if (!place.isString) return place.integer(0, MAX_ACCOUNT);
  const found = find(place.text(256));
  if (found !== undefined) return found;
  place.problem(`is no ${what} in this machine's own list: write the number, or make the ${what} first`);
  return MAX_ACCOUNT;
}

function readLog(place: JsonPlace): DaemonConfig["log"] {
  if (!place.present || !place.object(["level"])) return {};
  const level = place.member("level");
  return level.present ? { level: level.oneOf(logLevels) } : {};
}
