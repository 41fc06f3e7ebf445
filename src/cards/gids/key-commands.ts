// SPDX-License-Identifier: MIT

import { equalBytes, hexBytes, zeroBytes } from "../../base/binary/index.ts";
import { gidsTemplates } from "../../base/card-applications/index.ts";
import type { DataObject } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, onlyObject, readDataObjects, status, sw, valueIn } from "../software-card/index.ts";
import { keyModes } from "./access-rules.ts";
import { byteIn, usages } from "./file-control.ts";
import type { KeyFile } from "./gids-file.ts";
import { clearKey, type GidsKey, generateKey, importKey, keyTypeOf, publicTemplate } from "./gids-key.ts";
import { type GidsSession, keyFileOf, mayUse } from "./gids-session.ts";
import { tags } from "./identifiers.ts";
import { mechanismOf } from "./mechanisms.ts";

/** The template in the data of GENERATE ASYMMETRIC KEY PAIR. GIDS 2.0, table 42. */
const TAG_GENERATE = 0xac;
const TAG_MECHANISM = 0x80;
/** Reference of a secret key, or of a key pair. */
const TAG_SECRET_KEY = 0x83;
/** What asks for a public key: an empty template 7F49, whose length is written as 80 or 00. GIDS 2.0, table 52. */
const emptyTemplates = [hexBytes("7F4980"), hexBytes("7F4900")];
/** The template around it: A3 in the specification, 70 in all clients. */
const TAG_PUBLIC_KEY_REQUEST = 0xa3;
/** Parts of a key value template. GIDS 2.0, table 65; the check value (88) is not looked at: tools send the same for any key. */
const valueTags = { type: 0x83, transportKey: 0x84, value: 0x87, check: 0x88 } as const;
/** P1 of MANAGE SECURITY ENVIRONMENT: SET, in the lower half. GIDS 2.0, table 56. */
const SET = 0x01;

/** GENERATE ASYMMETRIC KEY PAIR: the public key is returned. GIDS 2.0, 13.5. */
export async function generateKeyPair(session: GidsSession, command: ApplicationCommand): Promise<Answer> {
  const { p1, p2, data } = command;
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongP1P2);
  const objects = readDataObjects(onlyObject(data, TAG_GENERATE) ?? new Uint8Array(0)) ?? [];
  const id = byteIn(objects, TAG_MECHANISM);
  const reference = byteIn(objects, TAG_SECRET_KEY);
  if (id === undefined || reference === undefined) return status(sw.wrongData);
  const mechanism = mechanismOf(id);
  if (mechanism?.id !== id || mechanism.kind === "symmetric") return status(sw.functionNotSupported);
  const file = keyFileOf(session, reference);
  if (file === undefined) return status(sw.referenceNotFound);
  if (!mayUse(session, file, keyModes.generate, command)) return status(sw.securityNotSatisfied);
  if (file.control.mechanism !== mechanism) return status(sw.wrongP1P2);
  const key = await generateKey(session.crypto, mechanism);
  if (key === undefined || command.abandoned) return status(sw.noDiagnosis);
  store(session, file, key);
  return publicAnswer(session, key);
}

/** GET PUBLIC KEY, a form of GET DATA. GIDS 2.0, 13.8. */
export function getPublicKey(session: GidsSession, command: ApplicationCommand): Answer {
  const request = onlyObject(command.data, tags.keyUsage) ?? onlyObject(command.data, TAG_PUBLIC_KEY_REQUEST);
  const objects = (request && readDataObjects(request)) ?? [];
  const reference = byteIn(objects, tags.keyReference);
  const asked = valueIn(objects, tags.keyValue);
  const isRequest = asked !== undefined && emptyTemplates.some((empty) => equalBytes(asked, empty));
  if (reference === undefined || !isRequest) return status(sw.wrongData);
  const file = keyFileOf(session, reference);
  if (file === undefined) return status(sw.referenceNotFound);
  if (!mayUse(session, file, keyModes.getPublic, command)) return status(sw.securityNotSatisfied);
  return file.key === undefined ? status(sw.referenceNotFound) : publicAnswer(session, file.key);
}

function publicAnswer({ crypto }: GidsSession, key: GidsKey): Answer {
  const template = publicTemplate(crypto, key);
  return template === undefined ? status(sw.conditionsNotSatisfied) : { status: sw.success, data: template };
}

/** PUT KEY, a form of PUT DATA: imports a key, or removes the one that is there. GIDS 2.0, 13.13. */
export function putKey(session: GidsSession, command: ApplicationCommand): Answer {
  const objects = readDataObjects(onlyObject(command.data, tags.keyUsage) ?? new Uint8Array(0)) ?? [];
  const reference = byteIn(objects, tags.keyReference);
  const template = valueIn(objects, tags.keyValue);
  if (reference === undefined || template === undefined) return status(sw.wrongData);
  const file = keyFileOf(session, reference);
  if (file === undefined) return status(sw.referenceNotFound);
  if (!mayUse(session, file, keyModes.put, command)) return status(sw.securityNotSatisfied);
  if (template.length === 0) {
    store(session, file, undefined);
    return status(sw.success);
  }
  return putValue(session, file, readDataObjects(template) ?? []);
}

function putValue(session: GidsSession, file: KeyFile, objects: readonly DataObject[]): Answer {
  const { mechanism } = file.control;
  const transportKey = valueIn(objects, valueTags.transportKey);
  if (transportKey?.some((byte) => byte !== 0)) return status(sw.functionNotSupported);
  const type = valueIn(objects, valueTags.type) === undefined ? 1 : byteIn(objects, valueTags.type);
  const value = valueIn(objects, valueTags.value);
  if (value === undefined || type !== keyTypeOf(mechanism)) return status(sw.wrongData);
  const key = importKey(session.crypto, mechanism, value);
  zeroBytes(value);
  if (key === undefined) return status(sw.wrongData);
  store(session, file, key);
  return status(sw.success);
}

/** What was proved with the key of before is not proved any more. */
function store(session: GidsSession, file: KeyFile, key: GidsKey | undefined): void {
  if (file.key !== undefined) clearKey(file.key);
  file.key = key;
  session.security.forgetChallenge();
  session.changed();
}

/** MANAGE SECURITY ENVIRONMENT: the key for the commands that follow, and what it shall do. GIDS 2.0, 13.10. */
export function manageSecurityEnvironment(session: GidsSession, command: ApplicationCommand): Answer {
  const { p1, p2, data } = command;
  const usage = p1 & (usages.external | usages.internal);
  const isTemplate = Object.values(gidsTemplates).some((tag) => tag === p2);
  if (p1 !== (usage | SET) || usage === 0 || !isTemplate) return status(sw.wrongP1P2);
  const objects = readDataObjects(data);
  const reference = objects && (byteIn(objects, tags.keyReference) ?? byteIn(objects, TAG_SECRET_KEY));
  if (objects === undefined || reference === undefined) return status(sw.wrongData);
  const isWithMechanism = valueIn(objects, TAG_MECHANISM) !== undefined;
  const wanted = byteIn(objects, TAG_MECHANISM);
  if (isWithMechanism && wanted === undefined) return status(sw.wrongData);
  const file = keyFileOf(session, reference);
  if (file === undefined) return status(sw.referenceNotFound);
  if (session.image.lifeCycle !== "operational" || !file.activated) return status(sw.conditionsNotSatisfied);
  // Without a mechanism, it is the one of the key: there is one for authentication.
  const template = file.control.templates.find((known) => {
    const isWanted = wanted === undefined ? p2 === gidsTemplates.authentication : known.reference === wanted;
    return known.tag === p2 && isWanted && (known.usage & usage) === usage;
  });
  if (template === undefined) return status(sw.wrongData);
  if (!mayUse(session, file, keyModes.manageSecurity, command)) return status(sw.securityNotSatisfied);
  session.environment.set(p2, { file, template, usage });
  return status(sw.success);
}
