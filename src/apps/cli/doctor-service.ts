// SPDX-License-Identifier: MIT

import { reasonIn } from "../../port/index.ts";
import { socketPathProblem, FIXED_READERS as USUAL_ENTRIES, versions } from "../../wire/pcsclite/index.ts";
import type { Finding, SocketReport } from "./doctor-report.ts";
import { has, type Survey } from "./doctor-survey.ts";
import { visible } from "./text.ts";

/** What is wrong with the services on this machine's sockets. */
export function* serviceFindings(survey: Survey): Generator<Finding> {
  const { sockets, spec } = survey;
  if (spec?.kind === "embedded" || spec?.kind === "system") return;
  const considered = consideredSockets(survey);
  if (considered.length === 0) return;
  const used = sockets.find((socket) => socket.used);
  for (const socket of considered) {
    if (socket.state === "path-too-long") yield pathTooLong(survey, socket, considered);
    if (socket.state === "access-denied") yield accessDenied(survey, socket, used === undefined);
    if (socket.state === "refused") yield refuses(survey, socket);
    if (socket.state === "busy") yield busy(socket);
    if (socket.state === "other-version") yield otherVersion(socket);
    if (socket.state === "no-answer") yield stuck(socket);
    if (socket.state === "no-listener" && used !== undefined) yield stale(socket);
  }
  if (used !== undefined) yield* tableSize(survey, used);
  const isExplained = considered.some(({ state }) => state === "access-denied" || state === "path-too-long");
  if (used !== undefined || isExplained) return;
  const elsewhere = sockets.find((socket) => socket.state === "answers" && !considered.includes(socket));
  if (elsewhere !== undefined) yield listensElsewhere(considered, elsewhere);
  else yield noListener(survey, considered);
}

function pathTooLong({ machine }: Survey, { path }: SocketReport, considered: readonly SocketReport[]): Finding {
  const variable = variableOf(considered);
  return {
    id: "socket-path",
    level: "problem",
    message: `${visible(path)} ${socketPathProblem(path, machine.platform)}.`,
    remedies: [
      ...(variable === undefined ? [] : [`look in the usual places: unset ${variable}`]),
      "give the socket a place with a short path, such as /run/scard/comm, and name that to the service and to its programs",
    ],
  };
}

/** The sockets that programs here look at. */
function consideredSockets({ machine, sockets }: Survey): readonly SocketReport[] {
  const paths = new Set(machine.sockets.filter(({ considered }) => considered).map(({ path }) => path));
  return sockets.filter(({ path }) => paths.has(path));
}

/** What installs pcscd, or the driver for most readers. */
export function installCommand(distribution: readonly string[], what: "service" | "driver"): string {
  const known = distribution.map((id) => packages[id]).find((one) => one !== undefined);
  if (known !== undefined) return known[what];
  return what === "service" ? "install the package pcscd, or pcsc-lite" : "install the package libccid, or ccid";
}

const fedora = { service: "dnf install pcsc-lite pcsc-lite-ccid", driver: "dnf install pcsc-lite-ccid" };
const suse = { service: "zypper install pcsc-lite pcsc-ccid", driver: "zypper install pcsc-ccid" };
const packages: Readonly<Record<string, Readonly<Record<"service" | "driver", string>>>> = {
  debian: { service: "apt install pcscd", driver: "apt install libccid" },
  fedora,
  rhel: fedora,
  arch: { service: "pacman -S pcsclite ccid", driver: "pacman -S ccid" },
  alpine: { service: "apk add pcsc-lite ccid", driver: "apk add ccid" },
  suse,
  opensuse: suse,
};

const ENABLE = "systemctl enable --now pcscd.socket";

/** How to have pcscd run, on this machine. */
function startCommands(survey: Survey): readonly string[] {
  const install = has(survey, "pcscd") ? [] : [installCommand(survey.distribution, "service")];
  if (has(survey, "systemd")) return [...install, ENABLE];
  return [...install, "start pcscd as root: pcscd; or in a container: pcscd --foreground"];
}

/** No service listens on any socket. */
function noListener(survey: Survey, considered: readonly SocketReport[]): Finding {
  const isInstalled = has(survey, "pcscd");
  const left = considered.filter(({ state }) => state === "no-listener").map(({ path }) => visible(path));
  const nothing = considered.filter(({ state }) => state === "no-socket").map(({ path }) => visible(path));
  const where = considered.map(({ path }) => visible(path)).join(", ");
  const what =
    left.length > 0
      ? `The smart card service does not run: ${left.join(", ")} is there, but nothing listens on it.`
      : nothing.length > 0
        ? `${nothing.join(", ")} is no socket, so nothing can listen there.`
        : isInstalled
          ? `pcscd is installed and does not run: there is no ${where}.`
          : `There is no smart card service: pcscd is not installed, and there is no ${where}.`;
  const inContainer = has(survey, "container")
    ? ["in this container, use the service of its host: docker run --volume /run/pcscd:/run/pcscd …"]
    : [];
  const removal = left.length > 0 ? [removeStale(left)] : [];
  const variable = variableOf(considered);
  const correction =
    variable === undefined
      ? []
      : [`${variable} names that path: correct it, or look in the usual places: unset ${variable}`];
  return {
    id: left.length > 0 || isInstalled ? "service-stopped" : "service-missing",
    level: "problem",
    message: what,
    remedies: [
      // Where there is no socket, the path is the first suspect.
      ...(left.length === 0 ? correction : []),
      ...inContainer,
      ...startCommands(survey),
      ...removal,
      ...(left.length === 0 ? [] : correction),
      "without a reader: npx scard daemon --reader virtual --card demo",
      "for this program alone: SCARD_MANAGER=embedded:virtual+demo",
    ],
  };
}

/** The environment variable that says where to look, if one does. */
function variableOf([first]: readonly SocketReport[]): "SCARD_MANAGER" | "PCSCLITE_CSOCK_NAME" | undefined {
  return first?.origin === "SCARD_MANAGER" || first?.origin === "PCSCLITE_CSOCK_NAME" ? first.origin : undefined;
}

function removeStale(paths: readonly string[]): string {
  return `if pcscd says that the file exists already: rm ${paths.join(" ")}`;
}

function stale({ path }: SocketReport): Finding {
  const name = visible(path);
  return {
    id: "socket-stale",
    level: "warning",
    message: `${name} was left behind: nothing listens there. Programs on libpcsclite that use it find no service.`,
    remedies: [`rm ${name}`, `or start its service: ${ENABLE}`],
  };
}

function listensElsewhere(considered: readonly SocketReport[], elsewhere: SocketReport): Finding {
  const variable = variableOf(considered) ?? "PCSCLITE_CSOCK_NAME";
  const names = considered.map(({ path }) => visible(path)).join(", ");
  return {
    id: "socket-elsewhere",
    level: "problem",
    message: `${variable} names ${names}, where nothing listens; but ${visible(elsewhere.path)} answers.`,
    remedies: [`to use that one: unset ${variable}`, "or start the service for that socket"],
  };
}

/** The permissions of a socket keep the user out. */
function accessDenied({ machine }: Survey, { file, path }: SocketReport, isProblem: boolean): Finding {
  const { user } = machine;
  const who = user?.name ?? "this user";
  const level = isProblem ? "problem" : "warning";
  if (file === undefined) {
    const message = `${who} has no access to the folder of ${visible(path)}.`;
    const remedies = [`list the permissions: namei -l ${visible(path)}`, "run as that user, or in that group"];
    return { id: "socket-denied", level, message, remedies };
  }
  const { group, mode, owner } = file;
  const isForGroup = (Number.parseInt(mode, 8) & 0o020) !== 0;
  const isMember = user?.groups.includes(group) === true;
  const message =
    `${visible(path)} is not open to ${visible(who)}: it belongs to ${visible(owner)}, group ${visible(group)}, with ` +
    `permissions ${mode}.`;
  const join = [`join the group: usermod -aG ${visible(group)} ${visible(who)}; then log in again`];
  const widen = [
    "open it to all, who then are up to polkit: systemctl edit pcscd.socket, with the lines below; then systemctl restart pcscd.socket",
    "with scard daemon: socket.mode and socket.group of its configuration",
  ];
  const container = isForGroup && isMember ? ["see whether a container or a security module forbids it"] : [];
  return {
    id: "socket-denied",
    level,
    message,
    remedies: [...container, ...(isForGroup && !isMember ? join : []), ...widen],
    example: { path: "/etc/systemd/system/pcscd.socket.d/override.conf", text: "[Socket]\nSocketMode=0666\n" },
  };
}

/** What polkit is asked for: to use the service, and to use a reader. */
const actions = ["org.debian.pcsc-lite.access_pcsc", "org.debian.pcsc-lite.access_card"] as const;

function polkitRule(condition: string): string {
  return `polkit.addRule(function (action, subject) {
  if (action.id === "${actions[0]}" || action.id === "${actions[1]}") {
    if (${condition}) return polkit.Result.YES;
  }
});
`;
}

/** The service lets us connect, and hangs up. */
function refuses(survey: Survey, { path }: SocketReport): Finding {
  const { environment, user } = survey.machine;
  const isRemote = Boolean(environment.SSH_CONNECTION);
  const asked = has(survey, "polkit")
    ? "It asks polkit about every client"
    : "Its configuration may refuse you, or it asks polkit about every client";
  const how = isRemote
    ? "you came in by ssh, and by default only those may use cards who sit at the machine"
    : "by default only users at the machine may use cards: no service, no cron job, no login by ssh";
  // The name stands between quotation marks: nothing but a plain one is put there.
  const name = user !== undefined && /^[\w.-]+$/.test(user.name) ? user.name : "USER";
  return {
    id: "service-refuses",
    level: "problem",
    message: `The service on ${visible(path)} refuses ${visible(user?.name ?? "this user")}. ${asked}; ${how}.`,
    remedies: [
      "allow it by the rule below; it counts at once",
      `try it: pkcheck --action-id ${actions[0]} --process $$`,
      "see whether it has reached its limit of clients, 200: pcscd --max-thread sets another",
      "with scard daemon: its log names the rule of its configuration that refused",
    ],
    example: { path: "/etc/polkit-1/rules.d/50-pcscd.rules", text: polkitRule(`subject.user === "${name}"`) },
  };
}

function busy({ path }: SocketReport): Finding {
  return {
    id: "service-busy",
    level: "problem",
    message: `The service on ${visible(path)} has reached its limit of clients.`,
    remedies: [
      "end programs that keep contexts open",
      "allow more: pcscd --max-thread, limits.sessions of scard daemon",
    ],
  };
}

function stuck({ error, path }: SocketReport): Finding {
  const why = error === undefined ? "it does not answer" : reasonIn(error.message, error.code);
  return {
    id: "service-stuck",
    level: "problem",
    message: `The program that listens on ${visible(path)} does not answer like a smart card service: ${visible(why)}`,
    remedies: [
      "restart it: systemctl restart pcscd",
      "if it is something else, name the right socket: PCSCLITE_CSOCK_NAME",
    ],
  };
}

/** The two have no version of the protocol in common. */
function otherVersion({ error, path }: SocketReport): Finding {
  const [, theirs = "another version"] = /speaks protocol (\S+), /.exec(error?.message ?? "") ?? [];
  const ours = Object.keys(versions);
  const releases = Object.values(versions).map((row) => row.releases);
  const message =
    `The service on ${visible(path)} speaks protocol ${visible(theirs)}. scard speaks ${ours.join(", ")}, which is pcsc-lite ` +
    `${releases.join(", ")}.`;
  return {
    id: "version-mismatch",
    level: "problem",
    message,
    remedies: [
      "update pcsc-lite, service and library together, to a release of that list",
      "4:3 is what xrdp answers: in its session name the socket of this machine's pcscd in PCSCLITE_CSOCK_NAME",
      "in a container: use an image whose pcsc-lite is about as old as the host's",
    ],
  };
}

/**
 * Up to 2.4 the table of readers is as long as service and library were compiled for, and they must agree: one that expects
 * more waits for ever, one that expects less takes the rest for the next answer.
 */
function* tableSize({ clientLibrary }: Survey, { path, service, tableEntries }: SocketReport): Generator<Finding> {
  if (tableEntries === undefined) return;
  const isOurs = service === "scard daemon";
  const where = `${service} on ${visible(path)}`;
  const expected = clientLibrary?.tableEntries;
  if (clientLibrary !== undefined && expected !== undefined && expected !== tableEntries) {
    const message =
      `${visible(clientLibrary.path)} was built for ${expected} readers, and ${where} sends a table of ${tableEntries}. ` +
      "Programs on that library hang, or fail with SCARD_F_COMM_ERROR. scard is not affected.";
    const remedies = isOurs
      ? [`maxReadersContexts of the daemon's configuration: ${expected}`]
      : ["install pcscd and libpcsclite from the same source: the same distribution, in the same release"];
    yield { id: "reader-table-size", level: "warning", message, remedies };
  } else if (tableEntries !== USUAL_ENTRIES) {
    const message =
      `${where} sends a table of ${tableEntries} readers. Programs that bring a libpcsclite of their own (Flatpak, Snap, containers, Go), ` +
      `which most often is built for ${USUAL_ENTRIES}, hang or fail with SCARD_F_COMM_ERROR.`;
    const remedies = [`have such a program use a libpcsclite that was built for ${tableEntries}, or is 2.5 or later`];
    yield { id: "reader-table-size", level: "note", message, remedies };
  }
}
