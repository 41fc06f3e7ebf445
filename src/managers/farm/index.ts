// SPDX-License-Identifier: MIT

export type { FarmHostState } from "./farm-host-state.ts";
export { FarmManager, type FarmManagerOptions } from "./farm-manager.ts";
