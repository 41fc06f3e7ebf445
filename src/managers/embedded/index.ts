// SPDX-License-Identifier: MIT

export { EmbeddedManager, type EmbeddedManagerOptions, type ManagerClient } from "./embedded-manager.ts";
export { defaultLimits, type ManagerLimits } from "./limits.ts";
export { type Profile, type ProfileName, profiles } from "./profile.ts";
