// SPDX-License-Identifier: MIT

export { makeHostCrypto } from "./host-crypto.ts";
export { makeCardCrypto } from "./node-card-crypto.ts";
export { nodeNoiseCrypto } from "./noise-crypto.ts";
