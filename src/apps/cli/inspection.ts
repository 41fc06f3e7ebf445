// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import type { OpenedManager } from "../../entry/machine.ts";
import { controlPathsOf } from "../../entry/service-sockets.ts";
import { nodeClock } from "../../platform/node/runtime/index.ts";
import { type CardInspection, type ReaderInspection, SmartCardError } from "../../port/index.ts";
import { askDaemon, type ReportedReader } from "../daemon/index.ts";

/**
 * The holders of readers, where the manager knows them: one in this process, and `scard daemon` on its control socket.
 * Undefined for the others, and for a daemon that does not answer us.
 */
export async function inspectionOf(
  opened: OpenedManager,
): Promise<{ readonly readers: readonly ReaderInspection[] } | undefined> {
  if (opened.kind === "embedded") return opened.manager.inspect();
  if (opened.kind !== "pcscd" || opened.socket === undefined) return undefined;
  for (const path of controlPathsOf(opened.socket)) {
    try {
      const report = await askDaemon(path, { command: "who" }, nodeClock);
      return { readers: report.readers.map(inspectionOfReader) };
    } catch (error) {
      if (!(error instanceof SmartCardError)) throw error;
    }
  }
  return undefined;
}

function inspectionOfReader(reader: ReportedReader): ReaderInspection {
  return { ...reader, card: reader.card && cardOf(reader.card), lock: reader.lock };
}

function cardOf(card: NonNullable<ReportedReader["card"]>): CardInspection {
  const atr = decodeHex(card.atr);
  return { ...card, atr: atr.ok ? atr.value : new Uint8Array() };
}
