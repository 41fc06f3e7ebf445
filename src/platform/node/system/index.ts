// SPDX-License-Identifier: MIT

export type { SystemLimits } from "./limits.ts";
export { openSystemManager, type SystemManager, type SystemManagerOptions } from "./manager.ts";
