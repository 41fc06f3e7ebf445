// SPDX-License-Identifier: MIT

/** The longest message that an agent takes: OpenSSH's agent has the same limit. */
export const MAX_AGENT_MESSAGE_BYTES = 256 * 1024;
