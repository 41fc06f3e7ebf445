// SPDX-License-Identifier: MIT

import type { GidsFile } from "./gids-file.ts";
import type { GidsPin } from "./gids-pin.ts";

/**
 * Where the application is in its life: without rules until it was set up; in use; or ended for good, with what is free to
 * read. GIDS 2.0, 8.
 */
export type ApplicationLifeCycle = "initialization" | "operational" | "terminated";

/** All that a GIDS card keeps without power. The application changes it, and reports each change. */
export interface GidsImage {
  lifeCycle: ApplicationLifeCycle;
  /** The user's PIN; a card that was not set up has none. */
  pin: GidsPin | undefined;
  /** The resetting code. A card has it, or the administrator's key resets the PIN. GIDS 2.0, 9.5.3. */
  puk: GidsPin | undefined;
  /** Elementary files by identifier, in the order in which they were made. */
  readonly files: Map<number, GidsFile>;
}
