// SPDX-License-Identifier: MIT

import { concatBytes } from "../../base/binary/index.ts";
import { openPgpTags as tags } from "../../base/card-applications/index.ts";
import { decodeBerTlv, findBerTlv } from "../../base/iso7816/index.ts";
import type { ApplicationCommand } from "../applications/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { readObject } from "./data-objects.ts";
import { openPgpLimits as limits } from "./openpgp-limits.ts";
import type { OpenPgpSession } from "./openpgp-session.ts";
import { CERTIFICATES } from "./openpgp-state.ts";

/** The general reference and the tag list of SELECT DATA. ISO/IEC 7816-4:2013, 11.5.1. */
const TAG_GENERAL_REFERENCE = 0x60;
const TAG_TAG_LIST = 0x5c;
/** P2 of SELECT DATA: no answer is wanted. */
const SELECT_DATA_P2 = 0x04;

/** GET DATA with INS CA. OpenPGP card 3.4.1, 7.2.6. */
export function getData(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (data.length > 0) return status(sw.wrongData);
  return read(session, p1 * 256 + p2);
}

/** GET NEXT DATA: the next certificate. OpenPGP card 3.4.1, 7.2.7. */
export function getNextData(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  const tag = p1 * 256 + p2;
  if (data.length > 0) return status(sw.wrongData);
  if (readObject(session, tag) === undefined) return status(sw.referenceNotFound);
  if (session.current !== tag) return status(sw.conditionsNotSatisfied);
  if (tag !== tags.certificate || session.certificate + 1 >= CERTIFICATES) {
    // Programs that were written for Yubico's keys take nothing else for the end.
    return status(session.identity.yubico === undefined ? sw.referenceNotFound : sw.wrongData);
  }
  session.certificate++;
  return read(session, tag);
}

/**
 * SELECT DATA: which of the three certificates is meant. OpenPGP card 3.4.1, 7.2.5. Tools send Yubico's keys of firmware
 * 5.2 to 5.4 the length of the data a second time.
 */
export function selectData(session: OpenPgpSession, { p1, p2, data }: ApplicationCommand): Answer {
  if (p2 !== SELECT_DATA_P2 || p1 >= CERTIFICATES) return status(sw.wrongOffset);
  const twice = session.identity.yubico !== undefined && data[0] === data.length - 1;
  const decoded = decodeBerTlv(data.subarray(twice ? 1 : 0));
  if (!decoded.ok) return status(sw.wrongData);
  const list = findBerTlv(decoded.value, TAG_GENERAL_REFERENCE, TAG_TAG_LIST)?.value;
  if (list === undefined || list.length < 1 || list.length > 2) return status(sw.wrongData);
  const tag = list.reduce((all, byte) => all * 256 + byte, 0);
  const isThere = tag === tags.certificate || (p1 === 0 && readObject(session, tag) !== undefined);
  if (!isThere) return status(sw.referenceNotFound);
  choose(session, tag);
  session.certificate = tag === tags.certificate ? p1 : 0;
  return status(sw.success);
}

/** GET CHALLENGE. OpenPGP card 3.4.1, 7.2.15. */
export function getChallenge(session: OpenPgpSession, { p1, p2, data, le }: ApplicationCommand): Answer {
  if (p1 !== 0 || p2 !== 0) return status(sw.wrongOffset);
  if (data.length > 0) return status(sw.wrongData);
  if (le === undefined) return status(sw.wrongLength);
  // Without a number the client takes as much as there is.
  return { status: sw.success, data: session.crypto.randomBytes(Math.min(le, limits.challengeBytes)) };
}

/** Another object than the one that was read before: its first occurrence. */
export function choose(session: OpenPgpSession, tag: number): void {
  if (session.current !== tag) session.certificate = 0;
  session.current = tag;
}

function read(session: OpenPgpSession, tag: number): Answer {
  const { verified } = session;
  if (tag === tags.privateUse3 && !verified.other) return status(sw.securityNotSatisfied);
  if (tag === tags.privateUse4 && !verified.admin) return status(sw.securityNotSatisfied);
  choose(session, tag);
  const value = readObject(session, tag);
  return value === undefined ? status(sw.referenceNotFound) : { status: sw.success, data: concatBytes(value) };
}
