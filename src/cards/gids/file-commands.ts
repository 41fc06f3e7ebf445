// SPDX-License-Identifier: MIT

import { bigEndianNumber, copyBytes, hexBytes } from "../../base/binary/index.ts";
import { gidsFileIds } from "../../base/card-applications/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { applicationModes } from "./access-rules.ts";
import { decodeFileControl, isAdministratorKey } from "./file-control.ts";
import { type GidsFile, newFile, shownParameters } from "./gids-file.ts";
import type { ApplicationLifeCycle, GidsImage } from "./gids-image.ts";
import { clearKey } from "./gids-key.ts";
import { gidsLimits as limits } from "./gids-limits.ts";
import { APPLICATION_RULES, forget, type GidsSession, mayUseApplication } from "./gids-session.ts";
import { gidsAid } from "./identifiers.ts";

/** P2 of SELECT: what is returned, and which occurrence. GIDS 2.0, table 70. */
const RETURN = 0x0c;
const RETURN_FCI = 0x00;
const RETURN_FCP = 0x04;
const RETURN_FMD = 0x08;
const OCCURRENCE = 0x03;
const FIRST = 0x00;
const NEXT = 0x02;

const TAG_APPLICATION = 0x61;
const TAG_AID = 0x4f;
const TAG_DISCRETIONARY = 0x73;
const TAG_PROTOCOLS = 0x40;
/** Mutual and external authentication with a symmetric key. GIDS 2.0, table 9. */
const PROTOCOLS = 0xc0;
const TAG_FCP = 0x62;
const TAG_FMD = 0x64;
/** Tags of the application's parameters. GIDS 2.0, table 10. */
const applicationTags = { descriptor: 0x82, lifeCycle: 0x8a, name: 0x84, rules: 0x8c } as const;
const NOT_SHAREABLE_DF = 0x38;
const lifeCycles: Readonly<Record<ApplicationLifeCycle, number>> = {
  initialization: 0x03,
  operational: 0x05,
  terminated: 0x0c,
};
const TAG_PIN_POLICY = 0x5f2f;
/** The application's PIN, which serves as the global one too. GIDS 2.0, table 19. */
const PIN_POLICY = 0x60;
const TAG_MEMORY = 0x7f65;
const TAG_RESERVED_MEMORY = 0x80;

/** The application template: what EF.DIR has of the application, and the answer to SELECT. GIDS 2.0, 2.6.1. */
export function applicationTemplate(): Uint8Array {
  return encodeDataObject(
    TAG_APPLICATION,
    encodeDataObject(TAG_AID, gidsAid),
    encodeDataObject(TAG_DISCRETIONARY, encodeDataObject(TAG_PROTOCOLS, Uint8Array.of(PROTOCOLS))),
  );
}

/** The answer to a SELECT of the application. One that is terminated is selected with a warning. GIDS 2.0, 13.15. */
export function applicationAnswer({ lifeCycle }: GidsImage, p2: number): Answer {
  if ((p2 & OCCURRENCE) !== FIRST && (p2 & OCCURRENCE) !== NEXT) return status(sw.wrongP1P2);
  const word = lifeCycle === "terminated" ? sw.terminated : sw.success;
  switch (p2 & RETURN) {
    case RETURN_FCI:
      return { status: word, data: applicationTemplate() };
    case RETURN_FCP:
      return { status: word, data: applicationParameters(lifeCycle) };
    case RETURN_FMD:
      return { status: word, data: applicationManagement() };
    default:
      return status(word);
  }
}

function applicationParameters(lifeCycle: ApplicationLifeCycle): Uint8Array {
  const { descriptor, lifeCycle: life, name, rules } = applicationTags;
  return encodeDataObject(
    TAG_FCP,
    encodeDataObject(descriptor, Uint8Array.of(NOT_SHAREABLE_DF)),
    encodeDataObject(life, Uint8Array.of(lifeCycles[lifeCycle])),
    encodeDataObject(name, gidsAid),
    encodeDataObject(rules, hexBytes(APPLICATION_RULES)),
  );
}

function applicationManagement(): Uint8Array {
  return encodeDataObject(
    TAG_FMD,
    encodeDataObject(TAG_PIN_POLICY, Uint8Array.of(PIN_POLICY)),
    encodeDataObject(TAG_MEMORY, encodeDataObject(TAG_RESERVED_MEMORY)),
  );
}

/** SELECT by file identifier; without one, the first file or the next. GIDS 2.0, 13.15 and 7.4. */
export function selectFile(session: GidsSession, { p1, p2, data }: ApplicationCommand): Answer {
  const occurrence = p2 & OCCURRENCE;
  if (p1 !== 0x00 || (p2 & 0xf0) !== 0 || (occurrence !== FIRST && occurrence !== NEXT)) return status(sw.wrongP1P2);
  if (data.length === 0) return chosen(session, occurrence === FIRST ? first(session) : next(session), p2);
  if (data.length !== 2) return status(sw.wrongLcForP1P2);
  const id = bigEndianNumber(data);
  if (id === gidsFileIds.application) {
    session.current = undefined;
    return applicationAnswer(session.image, p2);
  }
  return chosen(session, id === gidsFileIds.current ? session.current : session.image.files.get(id), p2);
}

function first({ image }: GidsSession): GidsFile | undefined {
  return image.files.values().next().value;
}

function next({ current, image }: GidsSession): GidsFile | undefined {
  const files = [...image.files.values()];
  return current === undefined ? files[0] : files[files.indexOf(current) + 1];
}

/** One that is not there leaves everything as it was. */
function chosen(session: GidsSession, file: GidsFile | undefined, p2: number): Answer {
  if (file === undefined) return status(sw.fileNotFound);
  session.current = file;
  switch (p2 & RETURN) {
    case RETURN_FCI:
    case RETURN_FCP:
      return { status: sw.success, data: shownParameters(file) };
    case RETURN_FMD:
      return { status: sw.success, data: encodeDataObject(TAG_FMD) };
    default:
      return status(sw.success);
  }
}

/** CREATE FILE. A key that proves the administrator is made by the administrator. GIDS 2.0, 13.2 and 2.5.2.3. */
export function createFile(session: GidsSession, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  const { image, security } = session;
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongP1P2);
  if (data.length === 0) return status(sw.wrongLength);
  if (!mayUseApplication(session, applicationModes.createFile, command)) return status(sw.securityNotSatisfied);
  const control = data.length > limits.controlBytes ? undefined : decodeFileControl(data);
  if (control === undefined) return status(sw.wrongData);
  const isOperational = image.lifeCycle === "operational";
  if (isOperational && isAdministratorKey(control) && !security.administrator) return status(sw.securityNotSatisfied);
  if (image.files.has(control.id)) return status(sw.fileExists);
  if (image.files.size >= limits.files) return status(sw.notEnoughMemory);
  const file = newFile(control, copyBytes(data), isOperational);
  image.files.set(control.id, file);
  session.current = file;
  session.changed();
  return status(sw.success);
}

/** DELETE FILE: the current one, with its key. GIDS 2.0, 13.4. */
export function deleteFile(session: GidsSession, command: ApplicationCommand): Answer {
  const refused = refusedForm(command);
  if (refused !== undefined) return refused;
  const { current: file, environment, image } = session;
  if (file === undefined) return status(sw.conditionsNotSatisfied);
  if (!mayUseApplication(session, applicationModes.deleteFile, command)) return status(sw.securityNotSatisfied);
  image.files.delete(file.control.id);
  for (const [tag, chosenKey] of environment) if (chosenKey.file === file) environment.delete(tag);
  if (file.kind === "key" && file.key !== undefined) clearKey(file.key);
  session.security.forgetChallenge();
  session.current = undefined;
  session.changed();
  return status(sw.success);
}

/** ACTIVATE FILE: the current one, or the application, whose rules hold from then on. GIDS 2.0, 13.1. */
export function activateFile(session: GidsSession, command: ApplicationCommand): Answer {
  const refused = refusedForm(command);
  if (refused !== undefined) return refused;
  const { current: file, image } = session;
  if (file !== undefined) {
    if (!file.activated) {
      file.activated = true;
      session.changed();
    }
    return status(sw.success);
  }
  if (image.lifeCycle === "initialization") {
    image.lifeCycle = "operational";
    session.security.clear();
    session.changed();
  }
  return status(sw.success);
}

/** TERMINATE DF: for good. GIDS 2.0, 13.16. */
export function terminate(session: GidsSession, command: ApplicationCommand): Answer {
  const refused = refusedForm(command);
  if (refused !== undefined) return refused;
  if (!mayUseApplication(session, applicationModes.terminate, command)) return status(sw.securityNotSatisfied);
  session.image.lifeCycle = "terminated";
  forget(session);
  session.changed();
  return status(sw.success);
}

function refusedForm({ p1, p2, data }: ApplicationCommand): Answer | undefined {
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongP1P2);
  return data.length > 0 ? status(sw.wrongLength) : undefined;
}
