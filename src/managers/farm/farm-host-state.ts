// SPDX-License-Identifier: MIT

import type { SmartCardError } from "../../port/index.ts";

/** A host, as a client of the farm finds it. */
export interface FarmHostState {
  readonly name: string;
  /** Why it cannot be used; undefined where it can. */
  readonly away: SmartCardError | undefined;
  /** Its readers that this client may use, as they are called in the farm. */
  readonly readers: readonly string[];
}
