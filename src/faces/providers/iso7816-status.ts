// SPDX-License-Identifier: MIT

import { encodeHex } from "../../base/binary/index.ts";
import {
  describeStatusWord,
  instructions,
  type ResponseApdu,
  statusWordFamilies,
  statusWords,
} from "../../base/iso7816/index.ts";
import { type ErrorCode, SmartCardError } from "../../port/index.ts";
import { ComError } from "./com-error.ts";

/** What a command was for: some status words mean another failure for each. */
export type Purpose = "file" | "directory" | "read" | "write" | "code" | "key";

/** An instruction that compares, for what is presented to be compared: to those 63Cx tells the tries that are left. */
const comparing: Readonly<Partial<Record<Purpose, number>>> = {
  code: instructions.VERIFY,
  key: instructions.EXTERNAL_AUTHENTICATE,
};

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
  { sw: statusWordFamilies.counter, mask: 0xfff0, for: ["code"], code: "wrong-chv" },
  { sw: statusWords.warningMemoryChanged, for: ["code"], code: "wrong-chv" },
  { sw: statusWords.warningMemoryChanged, mask: 0xff00, for: ["key"], code: "security-violation" },
  { sw: statusWords.methodBlocked, for: ["code"], code: "chv-blocked" },
  { sw: statusWords.methodBlocked, code: "security-violation" },
  { sw: statusWords.securityNotSatisfied, code: "security-violation" },
  { sw: statusWords.secureMessagingIncorrect, for: ["key"], code: "security-violation" },
  // A code whose length cannot be right was not even compared.
  { sw: statusWords.wrongLength, for: ["code"], code: "invalid-chv" },
  { sw: statusWords.wrongData, for: ["code"], code: "invalid-chv" },
  { sw: statusWords.fileNotFound, for: ["directory"], code: "dir-not-found" },
  { sw: statusWords.fileNotFound, code: "file-not-found" },
  { sw: statusWords.noCurrentFile, code: "no-file" },
  { sw: statusWords.referenceDataNotUsable, code: "no-access" },
  { sw: statusWords.conditionsNotSatisfied, code: "no-access" },
  { sw: statusWords.endOfFile, for: ["read"], code: "eof" },
  { sw: statusWords.recordNotFound, for: ["read"], code: "eof" },
  { sw: statusWords.wrongOffset, for: ["read"], code: "eof" },
  { sw: statusWords.recordNotFound, code: "bad-seek" },
  { sw: statusWords.wrongOffset, for: ["write"], code: "write-too-many" },
  { sw: statusWords.wrongOffset, code: "bad-seek" },
  { sw: statusWords.notEnoughMemory, code: "write-too-many" },
  { sw: statusWords.wrongLength, code: "invalid-parameter" },
  { sw: statusWords.wrongData, code: "invalid-parameter" },
  { sw: statusWords.wrongLcForTlv, code: "invalid-parameter" },
  { sw: statusWords.wrongLcForP1P2, code: "invalid-parameter" },
  { sw: statusWords.referenceNotFound, code: "invalid-parameter" },
  { sw: statusWords.fileExists, code: "invalid-value" },
  { sw: statusWords.dfNameExists, code: "invalid-value" },
  { sw: statusWords.classFunctionNotSupported, mask: 0xff00, code: "unsupported-feature" },
  { sw: statusWords.incompatibleFile, code: "unsupported-feature" },
  { sw: statusWords.functionNotSupported, code: "unsupported-feature" },
  { sw: statusWords.wrongP1P2, code: "unsupported-feature" },
  { sw: statusWords.wrongInstruction, code: "unsupported-feature" },
  { sw: statusWords.wrongClass, code: "unsupported-feature" },
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
  return sw === statusWords.success || (isWarning && purpose !== "code" && purpose !== "key");
}

/** Whether the card does not know a command, or one of its parameters. */
export function isUnknownToCard({ sw }: Pick<ResponseApdu, "sw">): boolean {
  return (
    sw === statusWords.functionNotSupported ||
    sw === statusWords.wrongP1P2 ||
    sw === statusWords.wrongOffset ||
    sw === statusWords.wrongInstruction ||
    sw === statusWords.wrongClass
  );
}
