// SPDX-License-Identifier: MIT

export { exchangeWithCode } from "./code-exchange.ts";
export type { AgreedSecret, BridgeTokens, PairingRequest } from "./ports.ts";
export { BridgedSmartCard } from "./smart-card.ts";
