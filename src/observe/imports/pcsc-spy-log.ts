// SPDX-License-Identifier: MIT

import { concatBytes, decodeHex } from "../../base/binary/index.ts";
import { errorFromNumber } from "../../port/index.ts";
import { MAX_APDU_BYTES } from "../recordings/index.ts";
import { LineError, type LogBuilder, type LogFormat } from "./log-lines.ts";

const BYTES_A_LINE = 16;
const call = /^\s*(SCard\w+)$/;
const field = /^\s*([io]) {1,3}(\w+):? ?(.*)$/;
const row = /^\s*[io] {2}[0-9A-F]{4} ((?:[0-9A-F]{2}[ ]){1,16})/;
const result = /^\s*=> .*\[0x([0-9A-Fa-f]{8})\]\)\s+\[(?:(\d{1,6}\.\d{1,9})|\?\?\.\?\?)\]/;

/**
 * What pcsc-spy of pcsc-lite prints: each call with what goes in (`i`) and what comes out (`o`), buffers in rows of 16 with their
 * offset in front and their characters behind, and the result with the time that it took.
 */
export const pcscSpyLog: LogFormat = {
  name: "pcsc-spy",
  isTypical: (line) => /^\s*SCard(?:Transmit|EstablishContext|Connect)$/.test(line) || result.test(line),
  read(log) {
    let current: Call | undefined;
    return (line) => {
      const [, name] = call.exec(line) ?? [];
      if (name !== undefined) {
        current = new Call(name);
        return;
      }
      if (current === undefined) return;
      const [, code, seconds] = result.exec(line) ?? [];
      if (code === undefined) {
        current.take(line);
        return;
      }
      current.end(log, Number.parseInt(code, 16), Number(seconds ?? 0) * 1000);
      current = undefined;
    };
  },
};

/** A call, as far as it was read. */
class Call {
  readonly #name: string;
  readonly #fields = new Map<string, string>();
  readonly #buffers = new Map<string, Uint8Array[]>();
  #buffer = "";
  #bytes = 0;

  constructor(name: string) {
    this.#name = name;
  }

  take(line: string): void {
    const [, digits] = row.exec(line) ?? [];
    if (digits !== undefined) {
      // The rest of the row are characters, which may look like digits: the last row says itself how long it is by its blanks.
      const bytes = decodeHex(digits.slice(0, BYTES_A_LINE * 3));
      if (!bytes.ok) return;
      this.#bytes += bytes.value.length;
      if (this.#bytes > 2 * MAX_APDU_BYTES)
        throw new LineError("is in a call with more bytes than a command and a response have");
      const rows = this.#buffers.get(this.#buffer) ?? [];
      rows.push(bytes.value);
      this.#buffers.set(this.#buffer, rows);
      return;
    }
    const [, direction, name = "", value = ""] = field.exec(line) ?? [];
    if (direction === undefined) return;
    this.#buffer = `${direction}:${name}`;
    if (this.#fields.size < MAX_FIELDS) this.#fields.set(this.#buffer, value.trim());
  }

  end(log: LogBuilder, code: number, tookMs: number): void {
    if (this.#name === "SCardTransmit") {
      const command = this.#bufferOf("i:bSendBuffer", "i:bSendLength");
      if (command.length > 0) log.command(command);
      log.passed(tookMs);
      if (code === 0) log.response(this.#bufferOf("o:bRecvBuffer", "o:bRecvLength"));
      else log.failed(errorFromNumber(code, "pcsclite") ?? "unknown-error");
      return;
    }
    log.passed(tookMs);
    if (code !== 0) return;
    const reader = this.#fields.get("i:szReader");
    if (this.#name === "SCardConnect" && reader !== undefined && reader !== "" && reader.length <= MAX_NAME)
      log.facts.reader ??= reader;
    const atr = decodeHex(this.#fields.get("o:bAtr") ?? "");
    if (atr.ok && atr.value.length >= 2 && atr.value.length <= 33) log.facts.atr ??= atr.value;
    const ending = this.#fields.get("i:dwDisposition") ?? this.#fields.get("i:dwInitialization") ?? "";
    if (/SCARD_(?:RESET|UNPOWER)_CARD/.test(ending) || (this.#name === "SCardReconnect" && /0x0*[12]\b/.test(ending)))
      log.reset();
  }

  /** Characters behind the bytes may look like bytes, so the length that the log tells counts. */
  #bufferOf(name: string, lengthName: string): Uint8Array {
    const bytes = concatBytes(...(this.#buffers.get(name) ?? []));
    const [, hexadecimal] = /^0x([0-9A-Fa-f]{1,8})/.exec(this.#fields.get(lengthName) ?? "") ?? [];
    return hexadecimal === undefined ? bytes : bytes.subarray(0, Number.parseInt(hexadecimal, 16));
  }
}

const MAX_FIELDS = 64;
const MAX_NAME = 256;
