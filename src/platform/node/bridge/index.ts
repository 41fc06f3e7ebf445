// SPDX-License-Identifier: MIT

export { bridgeCrypto } from "./bridge-crypto.ts";
export { BRIDGE_HOST, listenBridge } from "./listen-bridge.ts";
export { OriginsFile } from "./origins-file.ts";
