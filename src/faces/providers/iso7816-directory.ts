// SPDX-License-Identifier: MIT

import { hexWord } from "../../base/binary/index.ts";
import { instructions as ins, MAX_SHORT_LE, statusWords } from "../../base/iso7816/index.ts";
import { ComError } from "./com-error.ts";
import { FILETYPE } from "./enumerations.ts";
import type { Iso7816Card } from "./iso7816-card.ts";
import { type FileKind, fileViewOf } from "./iso7816-file-control.ts";
import { isDone, statusFailure } from "./iso7816-status.ts";

/** P2 of SELECT: the next one, and its file control parameters. ISO/IEC 7816-4:2013, table 63. */
const NEXT_WITH_PARAMETERS = 0x06;
/** Files in one directory, after which a card is assumed to answer in a loop. */
const MAX_FILES = 1024;

/** P1 of SELECT, and what kinds of files are wanted; undefined for all that P1 finds. */
interface Search {
  readonly p1: number;
  readonly kind?: FileKind;
}

const directories: Search = { p1: 0x01 };
const files: Search = { p1: 0x02 };
const searches: Readonly<Record<FILETYPE, Search>> = {
  [FILETYPE.SC_TYPE_DIRECTORIES]: directories,
  [FILETYPE.SC_TYPE_FILES]: files,
  [FILETYPE.SC_TYPE_ALL_FILES]: { p1: 0x00 },
  [FILETYPE.SC_TYPE_DIRECTORY_FILE]: directories,
  [FILETYPE.SC_TYPE_TRANSPARENT_EF]: { ...files, kind: "transparent" },
  [FILETYPE.SC_TYPE_FIXED_EF]: { ...files, kind: "linear-fixed" },
  [FILETYPE.SC_TYPE_CYCLIC_EF]: { ...files, kind: "cyclic" },
  [FILETYPE.SC_TYPE_VARIABLE_EF]: { ...files, kind: "linear-variable" },
};

/**
 * Identifiers of what is in the current directory. The standard has no command that lists; many cards answer SELECT
 * without data and "next occurrence" with one file after the other.
 *
 * @throws E_NOTIMPL where the card does something else
 */
export async function listFiles(card: Iso7816Card, fileType: FILETYPE): Promise<string[]> {
  const search = searches[fileType];
  if (!card.asksAboutFiles) throw notListed();
  // The walk begins where the directory was selected just now, and nothing else since.
  card.forgetSelection();
  await card.select(card.directory, "directory");
  card.forgetSelection();
  const found = new Map<number, FileKind>();
  for (;;) {
    const response = await card.send({ ins: ins.SELECT, p1: search.p1, p2: NEXT_WITH_PARAMETERS, le: MAX_SHORT_LE });
    if (response.sw === statusWords.fileNotFound) break;
    if (!isDone(response)) {
      // A card that refuses the first step does not support listing; a later refusal is a failure.
      if (found.size > 0) throw statusFailure(response, "directory", "list the directory");
      throw notListed();
    }
    const { id, kind } = fileViewOf(response.data);
    if (id === undefined || found.has(id) || found.size >= MAX_FILES) throw notListed();
    found.set(id, kind);
  }
  const { kind: wanted } = search;
  return [...found].filter(([, kind]) => wanted === undefined || kind === wanted).map(([id]) => hexWord(id));
}

function notListed(): ComError {
  return new ComError("E_NOTIMPL", "this card does not list its directories");
}
