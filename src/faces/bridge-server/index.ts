// SPDX-License-Identifier: MIT

export type { BridgeServiceOptions } from "./options.ts";
export type { BridgeNotice, BridgeOrigin, BridgePipe } from "./ports.ts";
export { BridgeService } from "./service.ts";
