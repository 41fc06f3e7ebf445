// SPDX-License-Identifier: MIT

import type { Answer } from "../../client/index.ts";
import type { Abi } from "./abi.ts";
import { SUCCESS } from "./calls.ts";

const VARIABLE = "PCSCLITE_NO_BLOCKING";

let underWay = 0;
let hasTakenEffect = false;

/**
 * Has libpcsclite refuse what stands behind another program's transaction. Left to itself it asks the service again every
 * tenth of a second, for as long as it takes, and nothing can end that. It looks for the variable once in a process, when
 * it opens its first context: so the variable is set while that is done and taken away again, so that programs which are
 * started from here do not have it. A library that somebody else in this process has used before keeps asking.
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
