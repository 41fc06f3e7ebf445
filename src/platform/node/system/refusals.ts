// SPDX-License-Identifier: MIT

import type { Answer } from "../../../managers/client/index.ts";
import type { Abi } from "./abi.ts";
import { SUCCESS } from "./winscard-calls.ts";

const VARIABLE = "PCSCLITE_NO_BLOCKING";

let underWay = 0;
let hasTakenEffect = false;

/**
 * Makes libpcsclite refuse calls during another program's transaction. By default it retries every tenth of a second without
 * a limit, and cannot be interrupted. It reads the variable once per process, when it opens its first context: so the
 * variable is set during that call and removed again, so that child processes do not inherit it. If other code in this
 * process has used the library before, it keeps retrying.
 */
export async function withRefusals<T extends Answer>(abi: Abi, establish: () => Promise<T>): Promise<T> {
  if (!abi.refuses || hasTakenEffect || (underWay === 0 && process.env[VARIABLE] !== undefined)) return establish();
  underWay++;
  process.env[VARIABLE] = "1";
  try {
    const answer = await establish();
    if (answer.rv === SUCCESS) hasTakenEffect = true;
    return answer;
  } finally {
    underWay--;
    if (underWay === 0) delete process.env[VARIABLE];
  }
}
