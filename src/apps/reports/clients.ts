// SPDX-License-Identifier: MIT

import type { ClientIdentity } from "../../port/index.ts";
import { visible } from "./text.ts";

/** A program as it is shown: its name, and its process where that is known. */
export function clientName({ name, pid }: ClientIdentity): string {
  return pid === undefined ? visible(name) : `${visible(name)} (pid ${pid})`;
}
