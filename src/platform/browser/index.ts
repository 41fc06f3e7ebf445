// SPDX-License-Identifier: MIT

export { openSocket } from "./bridge-socket.ts";
export { PageStore } from "./page-store.ts";
export { browserRuntime } from "./runtime.ts";
