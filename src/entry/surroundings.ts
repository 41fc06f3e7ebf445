// SPDX-License-Identifier: MIT

/** Properties of this process and its machine that determine the manager. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  /** Number of the user; 0 where there are no such numbers. */
  readonly uid: number;
}

/** Those of this process. */
export function processSurroundings(): Surroundings {
  return { environment: process.env, platform: process.platform, uid: process.getuid?.() ?? 0 };
}
