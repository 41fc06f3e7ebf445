// SPDX-License-Identifier: MIT

import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { concatBytes, zeroBytes } from "../../base/binary/index.ts";
import { SmartCardError } from "../../port/index.ts";
import { UsageError } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What a card signs is read whole: it is hashed here. */
const MOST_DATA_BYTES = 268_435_456;
const OWNER_ONLY = 0o600;
const FOR_ALL = 0o666;
const PEM_COLUMNS = 64;

/** The option for the form of keys and certificates in files. */
export const formatOption = {
  format: {
    type: "string",
    short: "F",
    value: "FORM",
    choices: ["pem", "der"],
    help: "how it is written; default pem",
  },
} as const;

/**
 * Reads a file, or standard input for `-` and where none is named.
 *
 * @param others where PINs come from: standard input has one thing
 * @throws UsageError, invalid-value (it cannot be read, or is too long)
 */
export async function readData(
  path: string | undefined,
  terminal: Terminal,
  others: readonly ({ readonly from: string } | undefined)[] = [],
  mostBytes: number = MOST_DATA_BYTES,
): Promise<Uint8Array> {
  if (path === undefined || path === "-") {
    if (others.some((source) => source?.from === "stdin"))
      throw new UsageError("standard input cannot bring the data and a PIN: name a file, or give the PIN as env:NAME");
    return terminal.readBytes(mostBytes);
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      const piece = chunk as Uint8Array;
      length += piece.length;
      if (length > mostBytes) throw new SmartCardError("invalid-value", `${path} has more than ${mostBytes} bytes`);
      pieces.push(piece);
    }
  } catch (cause) {
    throw cause instanceof SmartCardError ? cause : fileFailure(path, "read", cause);
  }
  const whole = concatBytes(...pieces);
  pieces.forEach(zeroBytes);
  return whole;
}

/**
 * Writes a file, or to standard output for `-` and where none is named.
 *
 * @param secret true for what only its owner shall read
 * @throws invalid-value (it cannot be written)
 */
export async function writeData(
  path: string | undefined,
  data: Uint8Array | string,
  terminal: Terminal,
  secret = false,
): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  if (path === undefined || path === "-") return terminal.write(bytes);
  try {
    await writeFile(path, bytes, { mode: secret ? OWNER_ONLY : FOR_ALL });
  } catch (cause) {
    throw fileFailure(path, "written", cause);
  }
}

function fileFailure(path: string, what: "read" | "written", cause: unknown): SmartCardError {
  const code = (cause as NodeJS.ErrnoException).code ?? "an error";
  return new SmartCardError("invalid-value", `${path} cannot be ${what} (${code})`, {}, { cause });
}

/** DER in the form that was asked for. */
export function inForm(
  der: Uint8Array,
  label: "CERTIFICATE" | "PUBLIC KEY" | "CERTIFICATE REQUEST",
  form: "pem" | "der" = "pem",
): Uint8Array | string {
  if (form === "der") return der;
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(new RegExp(`.{1,${PEM_COLUMNS}}`, "g")) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g;

/** The first block of PEM with one of these labels; other bytes are taken for DER. Undefined where there is no such block. */
export function derIn(data: Uint8Array, labels: readonly string[]): Uint8Array | undefined {
  const text = new TextDecoder("latin1").decode(data);
  if (!text.includes("-----BEGIN ")) return data;
  const found = [...text.matchAll(pemBlock)].find(([, label = ""]) => labels.includes(label));
  return found && new Uint8Array(Buffer.from(found[2] ?? "", "base64"));
}
