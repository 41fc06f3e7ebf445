// SPDX-License-Identifier: MIT

export { BRIDGE_HOST, listenBridge } from "./listen-bridge.ts";
export { OriginsFile } from "./origins-file.ts";
