// SPDX-License-Identifier: MIT

export { defaultServerLimits, type FixedTableSizes, MAX_FIXED_READERS, type ServerLimits } from "./limits.ts";
export type { ServerReaderTable } from "./reader-table.ts";
export {
  PcscliteServer,
  type PcscliteServerOptions,
  type ServerClient,
  type ServerLogEntry,
  type ServerManager,
  type ServerPeer,
} from "./server.ts";
export type { Served, ServingOrder } from "./serving-order.ts";
export type { ServerSession, ServerSessionSetting } from "./session.ts";
export type { Holding, Shares } from "./shares.ts";
