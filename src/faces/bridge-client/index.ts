// SPDX-License-Identifier: MIT

export type { BridgeTokens, PairingRequest } from "./ports.ts";
export { BridgedSmartCard } from "./smart-card.ts";
