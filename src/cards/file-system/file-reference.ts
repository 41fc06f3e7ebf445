// SPDX-License-Identifier: MIT

import { type Result, success } from "../../base/binary/index.ts";
import { decodeFileIds, MASTER_FILE_ID } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import type { Channel } from "./card-state.ts";
import { type CardFile, childById, directoriesByName, fileByPath, fileFromHere } from "./file-system.ts";

/** P2, bits 2 and 1: which one of several matches. ISO/IEC 7816-4:2005, table 40. */
const OCCURRENCE_FIRST = 0;
const OCCURRENCE_LAST = 1;
const OCCURRENCE_NEXT = 2;

/** The file that was found; undefined where there is none. Refused where P1, P2 or the length are invalid. */
type Found = Result<CardFile | undefined, Answer>;

/**
 * Finds the file that P1 and the data name, as SELECT and the commands of ISO/IEC 7816-9 have it. ISO/IEC 7816-4:2005,
 * table 39.
 *
 * @param occurrence bits 2 and 1 of P2
 */
export function findFile(channel: Channel, p1: number, data: Uint8Array, occurrence: number): Found {
  const { card, currentDf } = channel;
  if (p1 <= 0x02 && data.length === 0 && (p1 > 0 || occurrence !== OCCURRENCE_FIRST)) {
    return success(walkOn(channel, p1, occurrence));
  }
  if (p1 !== 0x04 && occurrence !== OCCURRENCE_FIRST) return { ok: false, error: status(sw.wrongP1P2) };
  switch (p1) {
    case 0x00:
      if (data.length === 0) return success(card.masterFile);
      return byId(data, (id) => (id === MASTER_FILE_ID ? card.masterFile : fileFromHere(currentDf, id)));
    case 0x01:
      return byId(data, (id) => only("df", childById(currentDf, id)));
    case 0x02:
      return byId(data, (id) => only("ef", childById(currentDf, id)));
    case 0x03:
      return data.length > 0 ? wrongLc : success(currentDf.parent);
    case 0x04:
      return data.length < 1 || data.length > 16 ? wrongLc : success(byName(channel, data, occurrence));
    case 0x08:
      // The standard leaves the master file's identifier out of a path; many terminals write it all the same.
      return byPath(data, (path) => fileByPath(card.masterFile, path[0] === MASTER_FILE_ID ? path.slice(1) : path));
    case 0x09:
      return byPath(data, (path) => fileByPath(currentDf, path));
    default:
      return { ok: false, error: status(sw.wrongP1P2) };
  }
}

const wrongLc: Found = { ok: false, error: status(sw.wrongLcForP1P2) };

function byId(data: Uint8Array, lookUp: (id: number) => CardFile | undefined): Found {
  const ids = decodeFileIds(data);
  const [id] = ids;
  return id === undefined || ids.length > 1 || data.length !== 2 ? wrongLc : success(lookUp(id));
}

function byPath(data: Uint8Array, lookUp: (path: readonly number[]) => CardFile | undefined): Found {
  if (data.length === 0 || data.length % 2 !== 0) return wrongLc;
  return success(lookUp(decodeFileIds(data)));
}

function byName({ card, currentDf }: Channel, start: Uint8Array, occurrence: number): CardFile | undefined {
  const found = directoriesByName(card.masterFile, start);
  return occurrenceIn(found, found.indexOf(currentDf), occurrence, () => true);
}

/**
 * With no data, the occurrences are the children of a directory: all of them, or for P1 = 01 the directories, for P1 =
 * 02 the elementary files. This is how a terminal lists a directory; the standard leaves the case open. The listing
 * continues in the directory where it began, also when the last one found was a directory and so is the current DF now.
 */
function walkOn(channel: Channel, p1: number, occurrence: number): CardFile | undefined {
  const { directory, last } = channel.walk ?? { directory: channel.currentDf, last: undefined };
  const here = last === undefined ? -1 : directory.files.indexOf(last);
  return occurrenceIn(directory.files, here, occurrence, (file) => p1 === 0 || (file.type === "df") === (p1 === 1));
}

/** The first, last, next or previous match, relative to index `here`; -1 is before the first and after the last. */
function occurrenceIn(
  files: readonly CardFile[],
  here: number,
  occurrence: number,
  fits: (file: CardFile) => boolean,
): CardFile | undefined {
  if (occurrence === OCCURRENCE_FIRST) return files.find(fits);
  if (occurrence === OCCURRENCE_LAST) return files.findLast(fits);
  if (occurrence === OCCURRENCE_NEXT) return files.slice(here + 1).find(fits);
  return files.slice(0, here < 0 ? files.length : here).findLast(fits);
}

function only(kind: "df" | "ef", file: CardFile | undefined): CardFile | undefined {
  return file !== undefined && (file.type === "df") === (kind === "df") ? file : undefined;
}
