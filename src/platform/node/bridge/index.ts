// SPDX-License-Identifier: MIT

export { bridgeCrypto } from "./bridge-crypto.ts";
export { listenBridge } from "./listen-bridge.ts";
export { OriginsFile } from "./origins-file.ts";
