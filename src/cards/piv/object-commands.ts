// SPDX-License-Identifier: MIT

import { bigEndianNumber, copyBytes } from "../../base/binary/index.ts";
import { pivObjects } from "../../base/card-applications/index.ts";
import { encodeDataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, onlyObject, readDataObjects, status, sw, valueIn } from "../software-card/index.ts";
import { type Container, containerOf } from "./containers.ts";
import { pivLimits } from "./limits.ts";
import { isYubico, type PivContext } from "./piv-context.ts";

const TAG_LIST = 0x5c;
const TAG_DATA = 0x53;
/** P1 and P2 of GET DATA and PUT DATA: the current DF. */
const P1_DATA = 0x3f;
const P2_DATA = 0xff;

/** GET DATA. NIST SP 800-73-4 part 2, 3.1.2. */
export function getData(card: PivContext, command: ApplicationCommand): Answer {
  if (command.p1 !== P1_DATA || command.p2 !== P2_DATA) return status(sw.wrongP1P2);
  const list = onlyObject(command.data, TAG_LIST);
  if (list === undefined || list.length < 1 || list.length > 3) return status(sw.wrongData);
  const container = containerOf(bigEndianNumber(list), { ownTags: isYubico(card) });
  if (container === undefined) return status(sw.fileNotFound);
  if (!mayRead(card, container, command)) return status(sw.securityNotSatisfied);
  const object = card.image.objects.get(container.tag);
  if (object === undefined) return status(sw.fileNotFound);
  const tag = hasOwnTemplate(container.tag) ? container.tag : TAG_DATA;
  return { status: sw.success, data: encodeDataObject(tag, object) };
}

/** PUT DATA. An empty object deletes the one that there is. NIST SP 800-73-4 part 2, 3.3.2. */
export function putData(card: PivContext, command: ApplicationCommand): Answer {
  if (command.p1 !== P1_DATA || command.p2 !== P2_DATA) return status(sw.wrongP1P2);
  if (!card.security.managementKeyShown) return status(sw.securityNotSatisfied);
  const request = readPutData(command.data);
  if (request === undefined) return status(sw.wrongData);
  const container = containerOf(request.tag, { ownTags: isYubico(card) });
  if (container === undefined) return status(sw.fileNotFound);
  const { objects } = card.image;
  if (request.value.length === 0) objects.delete(container.tag);
  else if (!hasRoom(objects, container.tag, request.value.length)) return status(sw.notEnoughMemory);
  else objects.set(container.tag, copyBytes(request.value));
  card.changed();
  return status(sw.success);
}

/** The discovery object and the biometric group come as they are, all others with a tag list before them. */
function readPutData(data: Uint8Array): { readonly tag: number; readonly value: Uint8Array } | undefined {
  const objects = readDataObjects(data);
  if (objects === undefined) return undefined;
  const [first, second] = objects;
  if (objects.length === 1 && first !== undefined && hasOwnTemplate(first.tag)) return first;
  if (objects.length !== 2 || first?.tag !== TAG_LIST || second === undefined) return undefined;
  if (first.value.length < 1 || first.value.length > 3) return undefined;
  const tag = bigEndianNumber(first.value);
  if (second.tag !== TAG_DATA && !(hasOwnTemplate(tag) && second.tag === tag)) return undefined;
  return { tag, value: valueIn(objects, second.tag) ?? second.value };
}

function hasOwnTemplate(tag: number): boolean {
  return tag === pivObjects.discovery || tag === pivObjects.biometricGroup;
}

function mayRead(card: PivContext, container: Container, command: ApplicationCommand): boolean {
  if (command.interface === "contactless" && !isYubico(card) && !container.contactless) return false;
  return container.read === "always" || card.security.anyPinVerified;
}

function hasRoom(objects: ReadonlyMap<number, Uint8Array>, tag: number, bytes: number): boolean {
  if (bytes > pivLimits.objectBytes) return false;
  if (!objects.has(tag) && objects.size >= pivLimits.objects) return false;
  let total = bytes;
  for (const [other, value] of objects) if (other !== tag) total += value.length;
  return total <= pivLimits.totalBytes;
}
