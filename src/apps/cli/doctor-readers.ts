// SPDX-License-Identifier: MIT

import type { SmartCardError } from "../../port/index.ts";
import { clientName } from "../reports/index.ts";
import type { Finding, SocketReport } from "./doctor-report.ts";
import { installCommand } from "./doctor-service.ts";
import { has, hasOwnSubsystem, isUsed, type Survey } from "./doctor-survey.ts";
import { ALLOW_REDIRECTION, isRemoteSession, missingWindowsReaders, serviceProblems } from "./doctor-windows.ts";
import { duration, visible } from "./text.ts";

/** A program that has sent nothing for so long in its transaction is reported. */
const LONG_LOCK_MS = 30_000;

/** Problems with readers and cards, and their holders. */
export function* readerFindings(survey: Survey): Generator<Finding> {
  const { readers, sockets, spec, systemError, unlisted } = survey;
  for (const { error, socket } of unlisted) {
    const isExplained = socket === undefined && serviceProblems(survey.windows).next().done === false;
    if (isExplained && !isRemoteSession(survey.machine)) continue;
    const where = socket === undefined ? "The system's subsystem" : visible(socket);
    const message = `${where} does not list its readers: ${visible(error.reason)}`;
    yield { id: "readers-unknown", level: "problem", message, remedies: remediesFor(error, survey) };
  }
  const used = sockets.find((socket) => socket.used);
  const usesSystem = spec?.kind === "system" || (spec === undefined && hasOwnSubsystem(survey.machine.platform));
  const answers = used?.state === "answers" || (usesSystem && used === undefined && systemError === undefined);
  const mine = readers.filter(({ socket }) => socket === used?.path);
  if (answers && unlisted.length === 0) {
    if (mine.length === 0) yield* missingReaders(survey, used);
    else if (!mine.some(({ state }) => state.includes("card present"))) {
      const message = "There is no card in any reader.";
      yield {
        id: "no-card",
        level: "note",
        message,
        remedies: ['insert one; "scard watch" reports when it is detected'],
      };
    }
  }
  for (const { door, name, lock, state } of readers) {
    if (door?.open) yield doorOpen(name, door.at);
    if (state.includes("mute")) yield mute(name);
    if (lock !== undefined && (lock.lastExchangeMs ?? lock.heldMs) >= LONG_LOCK_MS) {
      const who = clientName(lock.client);
      const message = `${who} has locked "${visible(name)}" for ${duration(lock.heldMs)} without sending anything.`;
      const remedies = [
        `close ${who}, or end its transaction`,
        "semantics.transactionIdleMs of the daemon's configuration",
      ];
      yield { id: "card-locked", level: "warning", message, remedies };
    }
  }
  yield* holderFindings(survey);
  const unnamed = readers.filter(({ atr, cards }) => atr !== undefined && cards === undefined);
  if (unnamed.length > 0) {
    const message = `The database has no name for the card in ${unnamed.map(({ name }) => `"${visible(name)}"`).join(", ")}.`;
    yield { id: "cards-unnamed", level: "note", message, remedies: ["scard types import", "scard types introduce"] };
  }
}

function remediesFor({ code }: SmartCardError, { machine }: Survey): readonly string[] {
  // SCardEstablishContext of Windows has ERROR_BROKEN_PIPE for this alone.
  const isNotShared = code === "broken-pipe" || (code === "no-service" && isRemoteSession(machine));
  return isNotShared ? [ALLOW_REDIRECTION] : ["restart the service"];
}

function doorOpen(name: string, at: string): Finding {
  return {
    id: "card-door-open",
    level: "warning",
    message: `Any program that reaches ${visible(at)} can be the card in "${visible(name)}", and see the PINs that are sent to it.`,
    remedies: [
      'name users in "access" of the reader, in the place of {"effect":"allow"}: {"effect":"allow","uid":1000}',
      'or let the card plug into a Unix socket of the daemon\'s user: "path" of the reader',
    ],
  };
}

function mute(name: string): Finding {
  return {
    id: "card-mute",
    level: "warning",
    message: `The card in "${visible(name)}" does not answer.`,
    remedies: [
      "put it in the other way round, and clean its contacts",
      "try it in another reader, and another card here",
    ],
  };
}

function* missingReaders(survey: Survey, used: SocketReport | undefined): Generator<Finding> {
  const { machine, usbReaders } = survey;
  const isOurs = used?.service === "scard daemon";
  if (used === undefined && machine.platform === "win32") {
    yield* missingWindowsReaders(survey.windows, isRemoteSession(machine));
    return;
  }
  if (usbReaders.length === 0) {
    const more = isOurs
      ? ["give the daemon one: scard daemon --reader virtual --card demo, or readers in its configuration"]
      : [
          "plug one in",
          `see whether the machine knows it: ${machine.platform === "darwin" ? "system_profiler SPUSBDataType" : "lsusb"}`,
        ];
    yield {
      id: "no-reader",
      level: "warning",
      message: `The service runs, but has no reader${isOurs || machine.platform === "darwin" ? "" : "; none is plugged in by USB either"}.`,
      remedies: more,
    };
    return;
  }
  const names = usbReaders.map(({ id, name }) => `${visible(name)} (${id})`).join(", ");
  if (isOurs) {
    yield {
      id: "reader-unseen",
      level: "warning",
      message: `${names}: plugged in, but scard daemon has no reader.`,
      remedies: [
        "see why: scard readers --usb",
        'where its configuration has readers: add { "type": "usb" } to them, or --reader usb',
      ],
    };
    return;
  }
  const driver = has(survey, "ccidDriver")
    ? []
    : [`install the driver for CCID readers, and restart pcscd: ${installCommand(survey.distribution, "driver")}`];
  yield {
    id: "reader-unseen",
    level: "warning",
    message: `${names}: plugged in, but the service has no reader.`,
    remedies: [
      ...driver,
      "see whether another program has it (below), then: systemctl restart pcscd",
      "read the reader's messages: journalctl -u pcscd, or pcscd --foreground --debug",
    ],
  };
}

function* holderFindings({ connectedPrograms, libraryUsers, machine, readers }: Survey): Generator<Finding> {
  const unknown = readers.filter(({ connections, state }) => connections === undefined && isUsed(state));
  if (unknown.length === 0) return;
  const names = unknown.map(({ name }) => `"${visible(name)}"`).join(", ");
  const list = (programs: Survey["libraryUsers"]): string =>
    programs.map(({ name, pid }) => `${visible(name)} (pid ${pid})`).join(", ");
  const known = new Set(connectedPrograms.map(({ pid }) => pid));
  const loaded = libraryUsers.filter(({ pid }) => !known.has(pid));
  const suspects = [
    ...(connectedPrograms.length > 0 ? [` These are connected to it: ${list(connectedPrograms)}.`] : []),
    ...(loaded.length > 0 ? [` These have pcscd's library loaded: ${list(loaded)}.`] : []),
  ].join("");
  const lsof = machine.platform === "linux" ? ["as root: lsof -U +E -a -c pcscd"] : [];
  yield {
    id: "holders-unknown",
    level: "note",
    message: `A program uses ${names}, and the service does not report which one.${suspects}`,
    remedies: [...lsof, "run scard daemon instead, which reports them: scard who"],
  };
}
