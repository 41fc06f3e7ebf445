// SPDX-License-Identifier: MIT

export { openSocket, type SocketEvents } from "./bridge-socket.ts";
export { pageCrypto } from "./page-crypto.ts";
export { pageExchange } from "./page-exchange.ts";
export { PageStore } from "./page-store.ts";
export { startTimer } from "./page-timer.ts";
export { browserRuntime } from "./runtime.ts";
