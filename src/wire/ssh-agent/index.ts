// SPDX-License-Identifier: MIT

export { MAX_AGENT_MESSAGE_BYTES } from "./limits.ts";
export { MessageSplitter } from "./message-splitter.ts";
export {
  type AgentIdentity,
  type AgentRequest,
  decodeAgentRequest,
  encodeAgentFailure,
  encodeAgentSuccess,
  encodeExtensionNames,
  encodeIdentities,
  encodeSignResponse,
} from "./messages.ts";
export {
  encodeSshSignature,
  type SshSignatureAlgorithm,
  sshPublicKey,
  sshSignatureAlgorithm,
} from "./public-key.ts";
