// SPDX-License-Identifier: MIT

export { defaultServerLimits, type FixedTableSizes, MAX_FIXED_READERS, type ServerLimits } from "./limits.ts";
export {
  PcscliteServer,
  type PcscliteServerOptions,
  type ServerClient,
  type ServerLogEntry,
  type ServerManager,
  type ServerPeer,
} from "./server.ts";
export type { ServerSession } from "./session.ts";
