// SPDX-License-Identifier: MIT

export { nodeBlockCipher } from "./block-cipher.ts";
export { readRegularFile } from "./read-regular-file.ts";
export { nodeClock, nodeRuntime } from "./runtime.ts";
export { Wakefulness } from "./wakefulness.ts";
