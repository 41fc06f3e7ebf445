// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { type OpenPgpKeyUse, openPgpKeys, openPgpTags as tags } from "../../base/card-applications/index.ts";
import { decodeBerTlv, findBerTlv } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, type BlockCipher, decryptCbc, encryptCbc, status, sw } from "../software-card/index.ts";
import type { CardKey } from "./card-key.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";

/** P1 and P2 of PERFORM SECURITY OPERATION. */
const SIGN = 0x9e9a;
const DECIPHER = 0x8086;
const ENCIPHER = 0x8680;
/** First byte of what is deciphered: RSA, AES, or a cipher object for ECDH. OpenPGP card 3.4.1, 7.2.11. */
const PADDING_RSA = 0x00;
const PADDING_AES = 0x02;
const TAG_CIPHER = 0xa6;
const TAG_PUBLIC_KEY = 0x7f49;
const TAG_POINT = 0x86;
const AES_BLOCK_BYTES = 16;

/** PERFORM SECURITY OPERATION. OpenPGP card 3.4.1, 7.2.10 to 7.2.12. */
export function performSecurityOperation(
  session: OpenPgpSession,
  command: ApplicationCommand,
): Answer | Promise<Answer> {
  switch (command.p1 * 256 + command.p2) {
    case SIGN:
      return computeSignature(session, command);
    case DECIPHER:
      return decipher(session, command);
    case ENCIPHER:
      return encipher(session, command.data);
    default:
      return status(sw.wrongOffset);
  }
}

/** VERIFY of PW1 is good for one signature, unless the PW status bytes say otherwise. */
async function computeSignature(session: OpenPgpSession, command: ApplicationCommand): Promise<Answer> {
  const { state, verified } = session;
  if (!verified.signature) return status(sw.securityNotSatisfied);
  const key = await keyFor(session, "signature", command);
  if ("status" in key) return key;
  if (state.signatures >= limits.signatures) return status(sw.conditionsNotSatisfied);
  const signature = key.sign(command.data);
  if (signature === undefined) return status(sw.wrongData);
  if (!state.severalSignatures) verified.signature = false;
  state.signatures++;
  session.changed();
  return { status: sw.success, data: signature };
}

/** INTERNAL AUTHENTICATE: a signature for a server. OpenPGP card 3.4.1, 7.2.13. */
export async function internalAuthenticate(session: OpenPgpSession, command: ApplicationCommand): Promise<Answer> {
  const { p1, p2, data } = command;
  if (p1 !== 0x00 || p2 !== 0x00) return status(sw.wrongOffset);
  if (!session.verified.other) return status(sw.securityNotSatisfied);
  const key = await keyFor(session, session.chosen.authentication, command);
  if ("status" in key) return key;
  const signature = key.sign(data);
  return signature === undefined ? status(sw.wrongData) : { status: sw.success, data: signature };
}

async function decipher(session: OpenPgpSession, command: ApplicationCommand): Promise<Answer> {
  const { data } = command;
  if (!session.verified.other) return status(sw.securityNotSatisfied);
  if (data.length === 0) return status(sw.wrongData);
  if (data[0] === PADDING_AES) return decipherAes(session, data.subarray(1));
  const key = await keyFor(session, session.chosen.decryption, command);
  if ("status" in key) return key;
  const input = data[0] === PADDING_RSA ? data.subarray(1) : cipherPoint(data);
  const plain = input && (data[0] === PADDING_RSA ? key.decipher(input) : key.agree(input));
  return plain === undefined ? status(sw.wrongData) : { status: sw.success, data: plain };
}

/** The other side's public key, in a cipher object: A6, 7F49, 86. */
function cipherPoint(data: Uint8Array): Uint8Array | undefined {
  const decoded = decodeBerTlv(data);
  return decoded.ok ? findBerTlv(decoded.value, TAG_CIPHER, TAG_PUBLIC_KEY, TAG_POINT)?.value : undefined;
}

/**
 * The key of this use, or the answer where it cannot be used: there is none, or it asks for a touch and gets none (6600).
 *
 * @see OpenPGP card 3.4.1, 4.4.3.6
 */
export async function keyFor(
  session: OpenPgpSession,
  use: OpenPgpKeyUse,
  command: ApplicationCommand,
): Promise<CardKey | Answer> {
  const key = session.state.keys[use]?.key;
  if (key === undefined) return status(sw.referenceNotFound);
  const [flag = 0] = session.state.object(openPgpKeys[use].userInteraction);
  if (flag !== 0 && !(await session.touched(use))) return status(sw.securityIssue);
  return command.abandoned ? status(sw.noDiagnosis) : key;
}

/** AES in CBC mode, chained with zeros first. OpenPGP card 3.4.1, 7.2.11. */
function decipherAes(session: OpenPgpSession, data: Uint8Array): Answer {
  return withAes(session, data, (cipher) => decryptCbc(cipher, data));
}

/** PSO: ENCIPHER with the AES key. OpenPGP card 3.4.1, 7.2.12. */
function encipher(session: OpenPgpSession, data: Uint8Array): Answer {
  if (!session.verified.other) return status(sw.securityNotSatisfied);
  return withAes(session, data, (cipher) => concatBytes(Uint8Array.of(PADDING_AES), encryptCbc(cipher, data)));
}

function withAes(session: OpenPgpSession, data: Uint8Array, work: (cipher: BlockCipher) => Uint8Array): Answer {
  const key = session.state.object(tags.aesKey);
  if (key.length === 0) return status(sw.referenceNotFound);
  if (data.length === 0 || data.length % AES_BLOCK_BYTES !== 0) return status(sw.wrongData);
  return { status: sw.success, data: work(session.crypto.blockCipher("aes", key)) };
}
