// SPDX-License-Identifier: MIT

import type { AgentIdentity, SshSignatureAlgorithm } from "../../wire/ssh-agent/index.ts";

/** Where an agent has its keys. */
export interface SshAgentKeys {
  /** The keys that can sign now. The order is the one in which a client tries them. */
  identities(signal: AbortSignal): Promise<readonly AgentIdentity[]>;
  /** The key whose blob this is, among those that were listed last or are there now; undefined where it is not there. */
  find(blob: Uint8Array, signal: AbortSignal): Promise<AgentIdentity | undefined>;
  /**
   * Signs, and may ask a person for a PIN.
   *
   * @returns the bytes of RSA and Ed25519; of ECDSA, r and s after one another, of the same length
   */
  sign(request: AgentSigning, signal: AbortSignal): Promise<Uint8Array>;
  /** The agent was locked: nothing that a PIN has opened stays open. */
  lock?(): void;
}

/** What is to be signed. */
export interface AgentSigning {
  readonly identity: AgentIdentity;
  readonly algorithm: SshSignatureAlgorithm;
  /** The message itself. It is cleared when the signature is there. */
  readonly data: Uint8Array;
}

/** The connection of a client, at the agent's end. */
export interface AgentPipe {
  send(bytes: Uint8Array): void;
  /** Nothing more is read from the client until `resume`. */
  pause(): void;
  resume(): void;
  /** Ends the connection. */
  close(reason: string): void;
}
