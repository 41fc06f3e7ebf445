// SPDX-License-Identifier: MIT

export { browserRuntime } from "./runtime.ts";
