// SPDX-License-Identifier: MIT

import type { CommandApdu } from "../iso7816/index.ts";
import type { CardState } from "./card-state.ts";
import { type ControlTemplate, encodeControlInformation } from "./control-information.ts";
import { type CardFile, childById, directoriesByName, fileByPath, fileFromHere } from "./file-system.ts";
import { masterFileId } from "./file-system-image.ts";
import { type Answer, status, sw } from "./status.ts";

type Selection = { readonly found: CardFile | undefined } | { readonly refused: Answer };

/** P2, bits 4 and 3: what to return. ISO/IEC 7816-4:2005, table 40. */
const templates: readonly (ControlTemplate | undefined)[] = ["fci", "fcp", "fmd", undefined];

const occurrenceFirst = 0;
const occurrenceLast = 1;
const occurrenceNext = 2;

/** SELECT: ISO/IEC 7816-4:2005, 7.1.1. A SELECT that fails leaves everything as it was. */
export function select(card: CardState, command: CommandApdu): Answer {
  const { p1, p2 } = command;
  const occurrence = p2 & 0x03;
  if ((p2 & 0xf0) !== 0 || (p1 !== 0x04 && occurrence !== occurrenceFirst)) return status(sw.wrongP1P2);
  const selection = find(card, p1, command.data, occurrence);
  if ("refused" in selection) return selection.refused;
  const file = selection.found;
  if (file === undefined) return status(sw.fileNotFound);
  if (file.type === "df") {
    card.currentDf = file;
    card.currentEf = undefined;
  } else {
    card.currentDf = file.parent;
    card.currentEf = file;
  }
  card.currentRecord = undefined;
  const template = templates[(p2 >> 2) & 0x03];
  if (template === undefined || command.le === undefined) return status(sw.success);
  const data = encodeControlInformation(template, file);
  return data.length > command.le ? status(sw.wrongLe | data.length) : { data, status: sw.success };
}

/** P1: how the data names the file. Table 39. */
function find(card: CardState, p1: number, data: Uint8Array, occurrence: number): Selection {
  switch (p1) {
    case 0x00:
      if (data.length === 0) return { found: card.masterFile };
      return byId(data, (id) => (id === masterFileId ? card.masterFile : fileFromHere(card.currentDf, id)));
    case 0x01:
      return byId(data, (id) => only("df", childById(card.currentDf, id)));
    case 0x02:
      return byId(data, (id) => only("ef", childById(card.currentDf, id)));
    case 0x03:
      return data.length > 0 ? wrongLc : { found: card.currentDf.parent };
    case 0x04:
      return data.length < 1 || data.length > 16 ? wrongLc : { found: byName(card, data, occurrence) };
    case 0x08:
      // The standard leaves the master file's identifier out of a path; many terminals write it all the same.
      return byPath(data, (path) => fileByPath(card.masterFile, path[0] === masterFileId ? path.slice(1) : path));
    case 0x09:
      return byPath(data, (path) => fileByPath(card.currentDf, path));
    default:
      return { refused: status(sw.wrongP1P2) };
  }
}

const wrongLc: Selection = { refused: status(sw.wrongLcForP1P2) };

function byId(data: Uint8Array, lookUp: (id: number) => CardFile | undefined): Selection {
  const ids = readIds(data);
  const [id] = ids;
  return id === undefined || ids.length > 1 || data.length !== 2 ? wrongLc : { found: lookUp(id) };
}

function byPath(data: Uint8Array, lookUp: (path: readonly number[]) => CardFile | undefined): Selection {
  if (data.length === 0 || data.length % 2 !== 0) return wrongLc;
  return { found: lookUp(readIds(data)) };
}

function byName(card: CardState, start: Uint8Array, occurrence: number): CardFile | undefined {
  const found = directoriesByName(card.masterFile, start);
  if (occurrence === occurrenceFirst) return found[0];
  if (occurrence === occurrenceLast) return found.at(-1);
  const here = found.indexOf(card.currentDf);
  if (occurrence === occurrenceNext) return found[here + 1];
  // Previous: from a DF that is none of them, the last one. From the first of them there is none.
  return here < 0 ? found.at(-1) : found[here - 1];
}

function readIds(data: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 0; at + 1 < data.length; at += 2) ids.push(((data[at] ?? 0) << 8) | (data[at + 1] ?? 0));
  return ids;
}

function only(kind: "df" | "ef", file: CardFile | undefined): CardFile | undefined {
  return file !== undefined && (file.type === "df") === (kind === "df") ? file : undefined;
}
