// SPDX-License-Identifier: MIT

import { type Answer, status, sw } from "../software-card/index.ts";
import { decodeRuleRecord } from "./access-rules.ts";
import type { Channel } from "./card-state.ts";
import { type CardFile, childById, directoriesAround } from "./file-system.ts";
import type { Access, AccessMode, Conditions } from "./file-system-image.ts";

/** Whether a condition is fulfilled by the security status of a channel. */
export function isFulfilled(channel: Channel, access: Access): boolean {
  if (access === "always") return true;
  if (access === "never") return false;
  if ("pin" in access) return isProved(channel, access.pin);
  if ("key" in access) return channel.provedKeys.has(access.key);
  if ("all" in access) return access.all.every((condition) => isFulfilled(channel, condition));
  return access.any.some((condition) => isFulfilled(channel, condition));
}

/** A disabled PIN counts as verified. ISO/IEC 7816-4:2005, 7.5.9. */
function isProved({ card, provedPins }: Channel, reference: number): boolean {
  return provedPins.has(reference) || card.pins.get(reference)?.enabled === false;
}

/** The access rules of a file as they are now; an EF.ARR that is missing or malformed allows nothing. */
export function conditionsOf(file: CardFile): Conditions {
  const { access } = file;
  if (access.kind === "own") return access.conditions;
  const around = directoriesAround(file);
  const rulesFile = (around.length > 0 || file.type !== "df" ? around : [file])
    .map((directory) => childById(directory, access.fileId))
    .find((found) => found !== undefined);
  if (rulesFile?.type !== "linear-fixed" && rulesFile?.type !== "linear-variable") return {};
  const record = rulesFile.records[access.record - 1];
  // An EF.ARR in the making could still be written by any terminal, so its rules do not count.
  if (record === undefined || isBeingCreated(rulesFile) || isDeactivatedOrTerminated(rulesFile)) return {};
  return decodeRuleRecord(file.type === "df" ? "df" : "ef", record) ?? {};
}

/** Whether a file is deactivated or terminated, or a directory around it is. */
export function isDeactivatedOrTerminated(file: CardFile): boolean {
  return [file, ...directoriesAround(file)].some(
    ({ lifeCycle }) => lifeCycle === "deactivated" || lifeCycle === "terminated",
  );
}

/** Whether a file was not activated yet, so that no rules apply to it. ISO/IEC 7816-4:2005, 5.3.3.2. */
export function isBeingCreated({ lifeCycle }: CardFile): boolean {
  return lifeCycle === "creation" || lifeCycle === "initialisation";
}

/** Why an operation on a file is refused now; undefined where it is allowed. */
export function refusal(channel: Channel, file: CardFile, mode: AccessMode): Answer | undefined {
  if (isDeactivatedOrTerminated(file)) return status(sw.conditionsNotSatisfied);
  return isBeingCreated(file) ? undefined : refusalByRules(channel, file, mode);
}

/** As `refusal`, for commands that also work on a deactivated or terminated file: those that change its life cycle. */
export function refusalOfLifeCycle(channel: Channel, file: CardFile, mode: AccessMode): Answer | undefined {
  const { parent } = file;
  if (parent !== undefined && isDeactivatedOrTerminated(parent)) return status(sw.conditionsNotSatisfied);
  return isBeingCreated(file) ? undefined : refusalByRules(channel, file, mode);
}

function refusalByRules(channel: Channel, file: CardFile, mode: AccessMode): Answer | undefined {
  return isFulfilled(channel, conditionsOf(file)[mode] ?? "never") ? undefined : status(sw.securityNotSatisfied);
}
