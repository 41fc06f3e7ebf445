// SPDX-License-Identifier: MIT

export { FarmAgent } from "./farm-agent.ts";
export type { FarmClientGrant } from "./grants.ts";
