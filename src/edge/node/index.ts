// SPDX-License-Identifier: MIT

export { nodeClock, nodeRuntime } from "./runtime.ts";
