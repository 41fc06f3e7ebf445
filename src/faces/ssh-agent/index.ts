// SPDX-License-Identifier: MIT

export { type AgentCards, CardKeys } from "./card-keys.ts";
export { SshAgent } from "./ssh-agent.ts";
