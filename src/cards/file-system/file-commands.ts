// SPDX-License-Identifier: MIT

import { equalBytes, type Result, success } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { conditionsOf, isBeingCreated, refusal, refusalOfLifeCycle } from "./access-control.ts";
import { uniformConditions } from "./access-rules.ts";
import { cardLimits } from "./card-limits.ts";
import { type CardState, type Channel, selectFile } from "./card-state.ts";
import { decodeFileParameters, type NewFile } from "./file-parameters.ts";
import { findFile } from "./file-reference.ts";
import {
  allFiles,
  bytesOf,
  type CardFile,
  childById,
  childBySfi,
  type DedicatedFile,
  directoriesAround,
  createFile as makeFile,
} from "./file-system.ts";
import type { Access, AccessRules } from "./file-system-image.ts";

/**
 * CREATE FILE: ISO/IEC 7816-9:2000, 6.1. The new file lies under the current DF, and is the current one then. Without its
 * own access rules, the condition for creating such a file applies to all operations on it.
 */
export function createFile(channel: Channel, command: CommandApdu): Answer {
  const { currentDf, card } = channel;
  if (command.p1 !== 0 || command.p2 !== 0) return status(sw.wrongP1P2);
  if (command.data.length === 0) return status(sw.wrongLength);
  const read = decodeFileParameters(command.data);
  if (!read.ok) return read.error;
  const mode = read.value.type === "df" ? "createDf" : "createEf";
  const refused = refusal(channel, currentDf, mode) ?? whyNot(card, currentDf, read.value);
  if (refused !== undefined) return refused;
  const { givenAccess, ...image } = read.value;
  const condition = conditionsOf(currentDf)[mode] ?? "never";
  const uniform = uniformConditions(image.type === "df" ? "df" : "ef", condition);
  const file = makeFile({ ...image, access: givenAccess ?? { kind: "own", conditions: uniform } }, currentDf);
  currentDf.files.push(file);
  endWalks(card);
  selectFile(channel, file);
  return status(sw.success);
}

/** Why a directory cannot take the file. */
function whyNot(card: CardState, directory: DedicatedFile, file: NewFile): Answer | undefined {
  if (file.id === directory.id || childById(directory, file.id) !== undefined) return status(sw.fileExists);
  const everything = allFiles(card.masterFile);
  if (file.type === "df") {
    const { name } = file;
    const isTaken = (other: CardFile): boolean => other.type === "df" && equalName(other.name, name);
    if (name !== undefined && everything.some(isTaken)) return status(sw.dfNameExists);
  } else if (file.sfi !== undefined && childBySfi(directory, file.sfi) !== undefined) {
    return status(sw.fileExists);
  }
  if (!knowsReferences(card, file.givenAccess)) return status(sw.referenceNotFound);
  const depth = directoriesAround(directory).length + 1;
  const isFull =
    directory.files.length >= cardLimits.filesPerDirectory ||
    everything.length > cardLimits.files ||
    (file.type === "df" && depth > cardLimits.depth) ||
    bytesInUse(card) + bytesOf(file) > cardLimits.contentBytes;
  return isFull ? status(sw.notEnoughMemory) : undefined;
}

function equalName(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  return one !== undefined && other !== undefined && equalBytes(one, other);
}

/** Bytes that all files and data objects of a card take. */
export function bytesInUse(card: CardState): number {
  return allFiles(card.masterFile).reduce((sum, file) => sum + bytesOf(file), 0);
}

/** Whether all PINs and keys in the rules exist. */
function knowsReferences(card: CardState, access: AccessRules | undefined): boolean {
  const knows = (condition: Access): boolean => {
    if (typeof condition === "string") return true;
    if ("pin" in condition) return card.pins.has(condition.pin);
    if ("key" in condition) return card.keys.has(condition.key);
    return ("all" in condition ? condition.all : condition.any).every(knows);
  };
  return access?.kind !== "own" || Object.values(access.conditions).every(knows);
}

/**
 * DELETE FILE: ISO/IEC 7816-9:2000, 6.2. A directory goes with all that is in it. Either the file's own rules allow it,
 * or those of the directory that it is in.
 */
export function deleteFile(channel: Channel, command: CommandApdu): Answer {
  const target = targetOf(channel, command);
  if (!target.ok) return target.error;
  const file = target.value;
  const { parent } = file;
  // The master file cannot be deleted.
  if (parent === undefined) return status(sw.conditionsNotSatisfied);
  const refused = refusalOfLifeCycle(channel, file, "delete");
  if (refused !== undefined && refusal(channel, parent, "deleteChild") !== undefined) return refused;
  parent.files.splice(parent.files.indexOf(file), 1);
  for (const other of channel.card.channels.values()) leaveDeleted(other, file, parent);
  endWalks(channel.card);
  return status(sw.success);
}

/** A channel that has the file, or something in it, as its current one goes to the directory above. */
function leaveDeleted(channel: Channel, file: CardFile, parent: DedicatedFile): void {
  const { currentDf, currentEf } = channel;
  if (currentEf === file) selectFile(channel, parent);
  const isInside = currentDf === file || directoriesAround(currentDf).some((directory) => directory === file);
  if (isInside) selectFile(channel, parent);
}

/** Positions in listings are no longer valid. */
function endWalks(card: CardState): void {
  for (const channel of card.channels.values()) channel.walk = undefined;
}

/** DEACTIVATE FILE: ISO/IEC 7816-9:2000, 6.3. The file can only be activated, terminated or deleted then. */
export function deactivateFile(channel: Channel, command: CommandApdu): Answer {
  const target = targetOf(channel, command);
  if (!target.ok) return target.error;
  const file = target.value;
  const refused = refusalOfLifeCycle(channel, file, "deactivate");
  if (refused !== undefined) return refused;
  if (file.lifeCycle === "terminated" || isBeingCreated(file)) return status(sw.conditionsNotSatisfied);
  file.lifeCycle = "deactivated";
  return status(sw.success);
}

/** ACTIVATE FILE: ISO/IEC 7816-9:2000, 6.4. From now on the access rules apply. */
export function activateFile(channel: Channel, command: CommandApdu): Answer {
  const target = targetOf(channel, command);
  if (!target.ok) return target.error;
  const file = target.value;
  const refused = refusalOfLifeCycle(channel, file, "activate");
  if (refused !== undefined) return refused;
  if (file.lifeCycle === "terminated") return status(sw.conditionsNotSatisfied);
  file.lifeCycle = "activated";
  return status(sw.success);
}

/** TERMINATE DF: ISO/IEC 7816-9:2000, 6.5. There is no way back. */
export function terminateDf(channel: Channel, command: CommandApdu): Answer {
  return terminate(channel, targetOf(channel, command), "df");
}

/** TERMINATE EF: ISO/IEC 7816-9:2000, 6.6. There is no way back. */
export function terminateEf(channel: Channel, command: CommandApdu): Answer {
  return terminate(channel, targetOf(channel, command), "ef");
}

/** TERMINATE CARD USAGE: ISO/IEC 7816-9:2000, 6.7. Nothing can be done with any file then. There is no way back. */
export function terminateCardUsage(channel: Channel, command: CommandApdu): Answer {
  if (command.p1 !== 0 || command.p2 !== 0) return status(sw.wrongP1P2);
  if (command.data.length > 0) return status(sw.wrongLength);
  return terminate(channel, success(channel.card.masterFile), "df");
}

function terminate(channel: Channel, target: Result<CardFile, Answer>, kind: "df" | "ef"): Answer {
  if (!target.ok) return target.error;
  const file = target.value;
  if ((file.type === "df") !== (kind === "df")) return status(sw.incompatibleFile);
  const refused = refusalOfLifeCycle(channel, file, "terminate");
  if (refused !== undefined) return refused;
  file.lifeCycle = "terminated";
  return status(sw.success);
}

/** The file that a command means: as for SELECT; with neither P1 nor data, the current EF or else the current DF. */
function targetOf(channel: Channel, { p1, p2, data }: CommandApdu): Result<CardFile, Answer> {
  if (p2 !== 0) return { ok: false, error: status(sw.wrongP1P2) };
  if (data.length === 0 && p1 === 0) return success(channel.currentEf ?? channel.currentDf);
  if (data.length === 0 && p1 <= 0x02) return { ok: false, error: status(sw.wrongLcForP1P2) };
  const found = findFile(channel, p1, data, 0);
  if (!found.ok) return found;
  return found.value === undefined ? { ok: false, error: status(sw.fileNotFound) } : success(found.value);
}
