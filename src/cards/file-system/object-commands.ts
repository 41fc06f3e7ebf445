// SPDX-License-Identifier: MIT

import { copyBytes } from "../../base/binary/index.ts";
import type { CommandApdu } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { isBeingCreated, isDeactivatedOrTerminated, isFulfilled, refusal } from "./access-control.ts";
import { cardLimits } from "./card-limits.ts";
import { answerWhole, type Channel } from "./card-state.ts";
import { bytesInUse } from "./file-commands.ts";
import { type Access, isObjectTag } from "./file-system-image.ts";

/** GET DATA, even instruction CA: ISO/IEC 7816-4:2005, 7.4.2. Answers the value field of an object of the current DF. */
export function getData(channel: Channel, command: CommandApdu): Answer {
  if (command.data.length > 0 || command.le === undefined) return status(sw.wrongLength);
  const object = channel.currentDf.objects.get((command.p1 << 8) | command.p2);
  if (object === undefined) return status(sw.referenceNotFound);
  const refused = refusalOfObject(channel, object.read);
  return refused ?? answerWhole(command, object.value);
}

/**
 * PUT DATA, even instruction DA: ISO/IEC 7816-4:2005, 7.4.3. Sets the value field of an object of the current DF; a
 * missing one is added, with the same condition for updates, and readable by all.
 */
export function putData(channel: Channel, command: CommandApdu): Answer {
  const { currentDf, card } = channel;
  const { objects, access } = currentDf;
  const tag = (command.p1 << 8) | command.p2;
  if (!isObjectTag(tag)) return status(sw.wrongP1P2);
  const known = objects.get(tag);
  const refused = known === undefined ? refusal(channel, currentDf, "putData") : refusalOfObject(channel, known.update);
  if (refused !== undefined) return refused;
  const { length } = command.data;
  const isFull =
    length > cardLimits.objectBytes ||
    (known === undefined && objects.size >= cardLimits.objectsPerDirectory) ||
    bytesInUse(card) - (known?.value.length ?? 0) + length > cardLimits.contentBytes;
  if (isFull) return status(sw.notEnoughMemory);
  const update = known?.update ?? (access.kind === "own" ? access.conditions.putData : undefined) ?? "never";
  objects.set(tag, { tag, value: copyBytes(command.data), read: known?.read ?? "always", update });
  return status(sw.success);
}

/** The objects of a deactivated directory cannot be used; before its activation no rules apply to them. */
function refusalOfObject(channel: Channel, access: Access): Answer | undefined {
  const { currentDf } = channel;
  if (isDeactivatedOrTerminated(currentDf)) return status(sw.conditionsNotSatisfied);
  return isBeingCreated(currentDf) || isFulfilled(channel, access) ? undefined : status(sw.securityNotSatisfied);
}
