// SPDX-License-Identifier: MIT

import { ComError } from "../../src/faces/providers/index.ts";
import { recorder } from "./world.ts";

/** The name of the HRESULT that a call fails with. */
export function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ComError)) throw error;
    recorder.write(error);
    return error.hresultName;
  }
  throw new Error("the call succeeded where an error was expected");
}
