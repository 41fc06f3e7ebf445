// SPDX-License-Identifier: MIT

export type { BridgeServiceOptions } from "./options.ts";
export type { BridgeNotice, BridgeOrigin, BridgePairing, BridgePipe } from "./ports.ts";
export { BridgeService } from "./service.ts";
