// SPDX-License-Identifier: MIT

import { type CommandApdu, type FileControlTemplate, selectReturns } from "../../base/iso7816/index.ts";
import { type Answer, status, sw } from "../software-card/index.ts";
import { answerWhole, type Channel, selectFile } from "./card-state.ts";
import { encodeControlInformation } from "./control-information.ts";
import { findFile } from "./file-reference.ts";
import type { CardFile } from "./file-system.ts";

const BITS_RETURNED = 0x0c;
const templates: readonly FileControlTemplate[] = ["fci", "fcp", "fmd"];

/**
 * SELECT: ISO/IEC 7816-4:2005, 7.1.1. A SELECT that fails leaves everything as it was. A deactivated file can be selected,
 * with a warning, so that it can be activated.
 */
export function select(channel: Channel, command: CommandApdu): Answer {
  const { p1, p2, data } = command;
  const occurrence = p2 & 0x03;
  if ((p2 & 0xf0) !== 0) return status(sw.wrongP1P2);
  const found = findFile(channel, p1, data, occurrence);
  if (!found.ok) return found.error;
  const file = found.value;
  if (file === undefined) return status(sw.fileNotFound);
  const isStep = p1 <= 0x02 && data.length === 0 && (p1 > 0 || occurrence > 0);
  const directory = channel.walk?.directory ?? channel.currentDf;
  channel.walk = isStep ? { directory, last: file } : undefined;
  selectFile(channel, file);
  const word = statusOf(file);
  const template = templates.find((name) => selectReturns[name] === (p2 & BITS_RETURNED));
  if (template === undefined || command.le === undefined) return status(word);
  return answerWhole(command, encodeControlInformation(template, file, command.le), word);
}

function statusOf({ lifeCycle }: CardFile): number {
  if (lifeCycle === "deactivated") return sw.deactivated;
  return lifeCycle === "terminated" ? sw.terminated : sw.success;
}
