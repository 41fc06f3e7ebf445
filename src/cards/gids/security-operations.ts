// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import { gidsPaddings, gidsTemplates } from "../../base/card-applications/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { padForSignature, type RsaKey, unpadDeciphered, unpadOaep } from "../crypto/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { keyModes, needsUser } from "./access-rules.ts";
import { usages } from "./file-control.ts";
import type { KeyFile } from "./gids-file.ts";
import { gidsLimits as limits } from "./gids-limits.ts";
import { type GidsSession, mayUse } from "./gids-session.ts";

/** P1 and P2 of PERFORM SECURITY OPERATION. GIDS 2.0, table 60. */
const SIGN = 0x9e9a;
const DECIPHER = 0x8086;
/** The byte before a cryptogram that says nothing of its padding. Clients leave it out. */
const NO_INDICATION = 0x00;

/** A key that can be used now. */
interface UsableKey {
  readonly file: KeyFile;
  /** The cryptographic mechanism reference. */
  readonly reference: number;
  /** Counts the use; an answer where VERIFY has to come first. */
  use(): Answer | undefined;
}

/**
 * The key that MANAGE SECURITY ENVIRONMENT chose. Whether it may be used is asked again: what was verified then may have been
 * forgotten since.
 */
export function chosenKey(
  session: GidsSession,
  tag: number,
  usage: number,
  command: ApplicationCommand,
): UsableKey | Answer {
  const chosen = session.environment.get(tag);
  if (chosen === undefined || (chosen.usage & usage) === 0) return status(sw.conditionsNotSatisfied);
  const { file, template } = chosen;
  if (!mayUse(session, file, keyModes.manageSecurity, command)) return status(sw.securityNotSatisfied);
  if (file.key === undefined) return status(sw.referenceNotFound);
  const isCounted = template.usesPerPin > 0 && needsUser(file.control.rules, keyModes.manageSecurity);
  return {
    file,
    reference: template.reference,
    use() {
      if (!isCounted || session.security.countUse(file, template.usesPerPin)) return undefined;
      return status(sw.securityNotSatisfied);
    },
  };
}

/** PERFORM SECURITY OPERATION: signs and deciphers. GIDS 2.0, 13.11. */
export function performSecurityOperation(session: GidsSession, command: ApplicationCommand): Answer {
  const { data, p1, p2 } = command;
  const operation = p1 * 256 + p2;
  if (operation !== SIGN && operation !== DECIPHER) return status(sw.wrongP1P2);
  const tag = operation === SIGN ? gidsTemplates.signature : gidsTemplates.confidentiality;
  const chosen = chosenKey(session, tag, usages.internal, command);
  if ("status" in chosen) return chosen;
  const refused = chosen.use();
  if (refused !== undefined) return refused;
  const result = operation === SIGN ? sign(session, chosen, data) : decipher(session, chosen, data);
  return result === undefined ? status(sw.wrongData) : { status: sw.success, data: result };
}

/** A DigestInfo, or a whole block, with RSA; a digest with ECDSA, r and s without further coding. */
function sign(
  { crypto: library }: GidsSession,
  { file: { key }, reference }: UsableKey,
  data: Uint8Array,
): Uint8Array | undefined {
  if (key?.kind === "curve") {
    if (data.length === 0 || data.length > limits.challengeBytes) return undefined;
    return library.curve(key.curve).sign(key.secret, data);
  }
  if (key?.kind !== "rsa" || data.length === 0) return undefined;
  const isPadded = (reference & 0xf0) === gidsPaddings.pkcs1Digest;
  const block = isPadded ? padForSignature(data, key.rsa.n.length) : data;
  return block && library.rsaPrivate(key.rsa, block);
}

/** One answer for everything that cannot be deciphered: an answer that told why would decipher other messages. */
function decipher(
  { crypto: library }: GidsSession,
  { file: { key }, reference }: UsableKey,
  data: Uint8Array,
): Uint8Array | undefined {
  if (key?.kind !== "rsa") return undefined;
  const block = library.rsaPrivate(key.rsa, cryptogramIn(data, key.rsa));
  if (block === undefined) return undefined;
  try {
    switch (reference & 0xf0) {
      case gidsPaddings.pkcs1:
        return unpadDeciphered(block);
      case gidsPaddings.oaep:
        return unpadOaep((bytes) => library.hash("sha1", bytes), block);
      default:
        return block.slice();
    }
  } finally {
    zeroBytes(block);
  }
}

function cryptogramIn(data: Uint8Array, { n }: RsaKey): Uint8Array {
  return data.length === n.length + 1 && data[0] === NO_INDICATION ? data.subarray(1) : data;
}
