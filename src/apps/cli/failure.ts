// SPDX-License-Identifier: MIT

import { type ErrorCode, errorName, type SmartCardError } from "../../port/index.ts";

/** A failure as JSON has it. */
export interface FailureForPrograms {
  /** What failed, as the Web Smart Card API spells it. */
  readonly code: ErrorCode;
  /** The SCARD_ name, and the number that goes with it. */
  readonly name: string;
  readonly rv: number;
  readonly message: string;
}

/** A failure as JSON has it. */
export function errorForPrograms(error: SmartCardError): FailureForPrograms {
  const { code, rv, message } = error;
  return { code, name: errorName(code), rv, message };
}
