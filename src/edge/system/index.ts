// SPDX-License-Identifier: MIT

export { openSystemManager, type SystemManager, type SystemManagerOptions } from "./manager.ts";
