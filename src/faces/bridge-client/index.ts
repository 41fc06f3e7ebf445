// SPDX-License-Identifier: MIT

export { exchangeWithCode } from "./code-exchange.ts";
export { extendProxies } from "./extensions.ts";
export type { AgreedSecret, BridgeTokens, PairingRequest } from "./ports.ts";
export { BridgedConnection, BridgedContext, BridgedSmartCard } from "./smart-card.ts";
