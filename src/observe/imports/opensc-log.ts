// SPDX-License-Identifier: MIT

import { decodeHex } from "../../base/binary/index.ts";
import { MAX_APDU_BYTES } from "../recordings/index.ts";
import { LineError, type LogBuilder, type LogFormat } from "./log-lines.ts";

const BYTES_A_LINE = 16;
const beginning = /^(Outgoing|Incoming) APDU(?: data)? [([] *(\d{1,6}) bytes[)\]]/;
const time =
  /^(?:P:\d+; T:)?0x[0-9a-f]+ (?:\d{4}-\d\d-\d\d )?(\d\d):(\d\d):(\d\d)\.(\d{3})|^P:\d+; T:\d+ \d{4}-\d\d-\d\d (\d\d):(\d\d):(\d\d)\.(\d{3})/;
const cardAtr = /match_atr_table: ATR {5}: ([0-9a-fA-F:]{5,98})$/;
const readerName = /_transmit: reader '([^']{1,200})'/;

/**
 * The debug log of OpenSC (`OPENSC_DEBUG=3` or more, `opensc-tool -vvv`): a line with the direction and the count, and the bytes in
 * rows of 16 with their characters behind them.
 */
export const openScLog: LogFormat = {
  name: "OpenSC",
  isTypical: (line) => beginning.test(line),
  read(log) {
    let dump: Dump | undefined;
    return (line) => {
      const [, direction, count] = beginning.exec(line) ?? [];
      if (direction !== undefined) {
        dump = new Dump(log, direction === "Outgoing", Number(count));
        dump.endIfWhole();
      } else if (dump !== undefined && !dump.take(line)) {
        dump = undefined;
        readOther(log, line);
      } else if (dump === undefined) readOther(log, line);
      if (dump?.isWhole === true) dump = undefined;
    };
  },
};

/** Lines between the bytes. */
function readOther(log: LogBuilder, line: string): void {
  const found = time.exec(line);
  if (found === null) return;
  const [hours, minutes, seconds, fraction] = found.slice(found[1] === undefined ? 5 : 1).map(Number);
  log.timeOfDay(hours ?? 0, minutes ?? 0, (seconds ?? 0) + (fraction ?? 0) / 1000);
  const [, name] = readerName.exec(line) ?? [];
  if (name !== undefined) log.facts.reader ??= name;
  const [, digits] = cardAtr.exec(line) ?? [];
  const atr = digits === undefined ? undefined : decodeHex(digits);
  if (atr?.ok === true && atr.value.length >= 2 && atr.value.length <= 33) log.facts.atr ??= atr.value;
}

/** Bytes in rows. */
class Dump {
  readonly #log: LogBuilder;
  readonly #isCommand: boolean;
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(log: LogBuilder, isCommand: boolean, count: number) {
    if (count > MAX_APDU_BYTES)
      throw new LineError(`tells of ${count} bytes; a command or response has ${MAX_APDU_BYTES} at most`);
    this.#log = log;
    this.#isCommand = isCommand;
    this.#bytes = new Uint8Array(count);
  }

  get isWhole(): boolean {
    return this.#length === this.#bytes.length;
  }

  /** Takes a row. False where it is none: the log lacks bytes, and the dump is left out. */
  take(line: string): boolean {
    const wanted = Math.min(BYTES_A_LINE, this.#bytes.length - this.#length);
    const digits = line.slice(0, wanted * 3 - 1);
    const row = decodeHex(digits);
    if (!row.ok || row.value.length !== wanted || !/^[0-9A-F]{2}(?: |$)/i.test(digits)) return false;
    this.#bytes.set(row.value, this.#length);
    this.#length += wanted;
    this.endIfWhole();
    return true;
  }

  endIfWhole(): void {
    if (!this.isWhole) return;
    if (this.#isCommand) this.#log.command(this.#bytes);
    else this.#log.response(this.#bytes);
  }
}
