// SPDX-License-Identifier: MIT

import { encodeHex } from "../binary/index.ts";
import { describeStatusWord, type ResponseApdu } from "../iso7816/index.ts";
import { type ErrorCode, SmartCardError } from "../pcsc/index.ts";
import { ComError } from "./com-error.ts";

/** What a command was for: some status words mean another failure for each. */
export type Purpose = "file" | "directory" | "read" | "write" | "code" | "key";

/** An instruction that compares, for what is presented to be compared: to those 63Cx tells the tries that are left. */
const comparing: Readonly<Partial<Record<Purpose, number>>> = { code: 0x20, key: 0x82 };

interface StatusRow {
  readonly sw: number;
  /** Bits that count. @default all 16 */
  readonly mask?: number;
  /** @default every purpose */
  readonly for?: readonly Purpose[];
  readonly code: ErrorCode;
}

/**
 * A card's refusal in the terms of the service providers: the first matching row counts. The default is
 * SCARD_E_UNEXPECTED. ISO/IEC 7816-4:2013, 5.6; SCARD_ codes as in "Smart Card Return Values", Microsoft.
 */
const statusRows: readonly StatusRow[] = [
  { sw: 0x63c0, mask: 0xfff0, for: ["code"], code: "wrong-chv" },
  { sw: 0x6300, for: ["code"], code: "wrong-chv" },
  { sw: 0x6300, mask: 0xff00, for: ["key"], code: "security-violation" },
  { sw: 0x6983, for: ["code"], code: "chv-blocked" },
  { sw: 0x6983, code: "security-violation" },
  { sw: 0x6982, code: "security-violation" },
  { sw: 0x6988, for: ["key"], code: "security-violation" },
  // A code whose length cannot be right was not even compared.
  { sw: 0x6700, for: ["code"], code: "invalid-chv" },
  { sw: 0x6a80, for: ["code"], code: "invalid-chv" },
  { sw: 0x6a82, for: ["directory"], code: "dir-not-found" },
  { sw: 0x6a82, code: "file-not-found" },
  { sw: 0x6986, code: "no-file" },
  { sw: 0x6984, code: "no-access" },
  { sw: 0x6985, code: "no-access" },
  { sw: 0x6282, for: ["read"], code: "eof" },
  { sw: 0x6a83, for: ["read"], code: "eof" },
  { sw: 0x6b00, for: ["read"], code: "eof" },
  { sw: 0x6a83, code: "bad-seek" },
  { sw: 0x6b00, for: ["write"], code: "write-too-many" },
  { sw: 0x6b00, code: "bad-seek" },
  { sw: 0x6a84, code: "write-too-many" },
  { sw: 0x6700, code: "invalid-parameter" },
  { sw: 0x6a80, code: "invalid-parameter" },
  { sw: 0x6a85, code: "invalid-parameter" },
  { sw: 0x6a87, code: "invalid-parameter" },
  { sw: 0x6a88, code: "invalid-parameter" },
  { sw: 0x6a89, code: "invalid-value" },
  { sw: 0x6a8a, code: "invalid-value" },
  { sw: 0x6800, mask: 0xff00, code: "unsupported-feature" },
  { sw: 0x6981, code: "unsupported-feature" },
  { sw: 0x6a81, code: "unsupported-feature" },
  { sw: 0x6a86, code: "unsupported-feature" },
  { sw: 0x6d00, code: "unsupported-feature" },
  { sw: 0x6e00, code: "unsupported-feature" },
];

/** The failure for a status word. It contains the status word, and never a byte of the command. */
export function statusFailure({ sw }: Pick<ResponseApdu, "sw">, purpose: Purpose, operation: string): ComError {
  const row = statusRows.find(
    ({ for: purposes, mask = 0xffff, sw: known }) =>
      (sw & mask) === known && (purposes === undefined || purposes.includes(purpose)),
  );
  const answered = encodeHex(Uint8Array.of(sw >> 8, sw & 0xff));
  const answer = `${operation}: the card answers ${answered}, ${describeStatusWord(sw, comparing[purpose]).meaning}`;
  return new ComError(new SmartCardError(row?.code ?? "unexpected", answer));
}

/** Whether a command was carried out, perhaps with a warning. A code or a key that is not right is warned of, too. */
export function isDone({ sw }: Pick<ResponseApdu, "sw">, purpose: Purpose = "file"): boolean {
  const sw1 = sw >> 8;
  const isWarning = sw1 === 0x62 || sw1 === 0x63;
  return sw === 0x9000 || (isWarning && purpose !== "code" && purpose !== "key");
}

/** Whether the card does not know a command, or one of its parameters. */
export function isUnknownToCard({ sw }: Pick<ResponseApdu, "sw">): boolean {
  return sw === 0x6a81 || sw === 0x6a86 || sw === 0x6b00 || sw === 0x6d00 || sw === 0x6e00;
}
