// SPDX-License-Identifier: MIT

import { type OpenPgpKeyUse, openPgpTemplates } from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { CardKey } from "./card-key.ts";
import { decodeAttributes, keyUses } from "./key-attributes.ts";
import { readKeyTemplate } from "./key-import.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";

const P1_GENERATE = 0x80;
const P1_READ = 0x81;
const P1_SET = 0x41;
const TAG_KEY_REFERENCE = 0x83;

/** GENERATE ASYMMETRIC KEY PAIR: a new key, or the public key of the one that is there. OpenPGP card 3.4.1, 7.2.14. */
export async function generateKeyPair(session: OpenPgpSession, command: ApplicationCommand): Promise<Answer> {
  const { p1, p2, data } = command;
  if (p2 !== 0x00 || (p1 !== P1_GENERATE && p1 !== P1_READ)) return status(sw.wrongOffset);
  const use = readKeyTemplate(session, data);
  if (use === undefined) return status(sw.wrongData);
  const { state } = session;
  if (p1 === P1_READ) {
    const key = state.keys[use]?.key;
    return key === undefined ? status(sw.referenceNotFound) : { status: sw.success, data: key.publicTemplate() };
  }
  if (!session.verified.admin) return status(sw.securityNotSatisfied);
  const algorithm = decodeAttributes(use, state.attributes[use]);
  if (algorithm === undefined) return status(sw.conditionsNotSatisfied);
  const key = await CardKey.generate(session.crypto, algorithm);
  if (command.abandoned) {
    key.clear();
    return status(sw.noDiagnosis);
  }
  state.setKey(use, { origin: "generated", key });
  session.changed();
  return { status: sw.success, data: key.publicTemplate() };
}

/**
 * MANAGE SECURITY ENVIRONMENT: which of the two keys PSO: DECIPHER or INTERNAL AUTHENTICATE uses, until the application is
 * selected again. OpenPGP card 3.4.1, 7.2.18.
 */
export function manageSecurityEnvironment({ chosen }: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p1 !== P1_SET || (p2 !== openPgpTemplates.authentication && p2 !== openPgpTemplates.decryption))
    return status(sw.wrongOffset);
  const [tag, length, reference = 0] = data;
  if (data.length !== 3 || tag !== TAG_KEY_REFERENCE || length !== 1) return status(sw.wrongData);
  const use: OpenPgpKeyUse | undefined = keyUses[reference - 1];
  if (use === undefined || use === "signature") return status(sw.wrongData);
  if (p2 === openPgpTemplates.decryption) chosen.decryption = use;
  else chosen.authentication = use;
  return status(sw.success);
}
