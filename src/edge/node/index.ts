// SPDX-License-Identifier: MIT

export { nodeClock, nodeRuntime } from "./runtime.ts";
export { Wakefulness } from "./wakefulness.ts";
