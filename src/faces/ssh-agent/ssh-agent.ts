// SPDX-License-Identifier: MIT

import type { Clock } from "../../port/index.ts";
import { AgentLock } from "./agent-lock.ts";
import type { AgentPipe, SshAgentKeys } from "./agent-ports.ts";
import { SshAgentSession } from "./agent-session.ts";

/** What an agent is made with. */
export interface SshAgentOptions {
  readonly clock: Clock;
  readonly keys: SshAgentKeys;
  /** Told what a client asked for and was not given, in words for a log: no data and no PIN is in them. */
  readonly refused?: (reason: string) => void;
}

/**
 * An SSH agent whose keys stay on cards: what OpenSSH asks through `SSH_AUTH_SOCK`. Sockets are the platform's: each
 * connection is handed to {@link SshAgent.accept}.
 *
 * @see the SSH agent protocol (draft-ietf-sshm-ssh-agent)
 */
export class SshAgent {
  readonly #options: SshAgentOptions;
  readonly #lock: AgentLock;

  constructor(options: SshAgentOptions) {
    this.#options = options;
    this.#lock = new AgentLock(options.clock);
  }

  /** Begins to serve a client. Hand the session what arrives, and tell it when the connection has ended. */
  accept(pipe: AgentPipe): SshAgentSession {
    const { keys, refused = () => {} } = this.#options;
    return new SshAgentSession({ pipe, keys, lock: this.#lock, refused });
  }
}
