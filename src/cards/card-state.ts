// SPDX-License-Identifier: MIT

import { type Result, success } from "../binary/index.ts";
import { type CommandApdu, maxExtendedLe, maxShortLe } from "../iso7816/index.ts";
import type { Random } from "../pcsc/index.ts";
import { childBySfi, type DedicatedFile, type ElementaryFile } from "./file-system.ts";
import type { PinStore } from "./pin-store.ts";
import { type Answer, status, sw } from "./status.ts";

/** Everything that a command of a file-system card can see and change. */
export interface CardState {
  readonly masterFile: DedicatedFile;
  readonly pins: PinStore;
  readonly random: Random;
  /** Most bytes in one challenge. */
  readonly challengeBytes: number;
  currentDf: DedicatedFile;
  currentEf: ElementaryFile | undefined;
  /** Index of the current record, 0 for record 1; undefined where there is none. */
  currentRecord: number | undefined;
}

/** One command of a card: never throws, whatever the command holds, and keeps no reference to its data. */
export type Instruction = (card: CardState, command: CommandApdu) => Answer;

/** The elementary file that a command means: by its short identifier, or 0 for the current one. */
export function targetFile(card: CardState, sfi: number): Result<ElementaryFile, Answer> {
  if (sfi === 0) {
    return card.currentEf === undefined ? { ok: false, error: status(sw.noCurrentFile) } : success(card.currentEf);
  }
  if (sfi > 30) return { ok: false, error: status(sw.wrongP1P2) };
  const file = childBySfi(card.currentDf, sfi);
  return file === undefined ? { ok: false, error: status(sw.fileNotFound) } : success(file);
}

/** Makes a file the current one, as a command with its short identifier does. ISO/IEC 7816-4:2005, 7.2.2 and 7.3.2. */
export function makeCurrent(card: CardState, file: ElementaryFile): void {
  if (card.currentEf === file) return;
  card.currentDf = file.parent;
  card.currentEf = file;
  card.currentRecord = undefined;
}

/** Whether Le holds only zeros: everything up to the end is wanted, as much as fits. ISO/IEC 7816-4:2005, 5.1. */
export function wantsAll(command: CommandApdu): boolean {
  return command.le === (command.extended ? maxExtendedLe : maxShortLe);
}
