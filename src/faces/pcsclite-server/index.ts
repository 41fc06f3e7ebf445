// SPDX-License-Identifier: MIT

export type { ClientQuotas, Holding } from "./client-quotas.ts";
export { defaultServerLimits, type FixedTableSizes, MAX_FIXED_READERS, type ServerLimits } from "./limits.ts";
export type { ServerClient, ServerLogEntry, ServerManager, ServerPeer } from "./ports.ts";
export type { ServerReaderTable } from "./reader-table.ts";
export { PcscliteServer, type PcscliteServerOptions } from "./server.ts";
export type { Served, ServingOrder } from "./serving-order.ts";
export type { ServerSession, ServerSessionSetting } from "./session.ts";
