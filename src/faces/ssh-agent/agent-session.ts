// SPDX-License-Identifier: MIT

import { zeroBytes } from "../../base/binary/index.ts";
import {
  type AgentRequest,
  decodeAgentRequest,
  encodeAgentFailure,
  encodeAgentSuccess,
  encodeExtensionNames,
  encodeIdentities,
  encodeSignResponse,
  encodeSshSignature,
  MAX_AGENT_MESSAGE_BYTES,
  MessageSplitter,
  sshSignatureAlgorithm,
} from "../../wire/ssh-agent/index.ts";
import type { AgentLock } from "./agent-lock.ts";
import type { AgentPipe, SshAgentKeys } from "./agent-ports.ts";

/** What a session is made with. */
export interface SshAgentSessionOptions {
  readonly pipe: AgentPipe;
  readonly keys: SshAgentKeys;
  readonly lock: AgentLock;
  readonly refused: (reason: string) => void;
}

/** More than the longest message has not to wait here: a client that goes on although it is not read from is sent away. */
const MAX_WAITING_BYTES = 2 * MAX_AGENT_MESSAGE_BYTES;

/** The extensions that are known. The agent protocol, 3.8.1. */
const extensions = ["query"] as const;

/**
 * One client of an agent. Its requests are answered one after the other, in their order; while one is being answered
 * nothing more is read from the client.
 */
export class SshAgentSession {
  readonly #options: SshAgentSessionOptions;
  readonly #input = new MessageSplitter();
  readonly #ended = new AbortController();
  #isBusy = false;

  constructor(options: SshAgentSessionOptions) {
    this.#options = options;
  }

  /** Takes what arrived. It is copied. */
  received(bytes: Uint8Array): void {
    if (this.#ended.signal.aborted) return;
    this.#input.push(bytes);
    if (this.#input.length > MAX_WAITING_BYTES) this.#end("more was sent than a message can have");
    else if (!this.#isBusy) void this.#serve();
  }

  /** The connection has ended: what is under way for it is given up. */
  closed(): void {
    this.#ended.abort();
    this.#input.clear();
  }

  async #serve(): Promise<void> {
    this.#isBusy = true;
    this.#options.pipe.pause();
    for (let next = this.#input.next(); next !== undefined; next = this.#input.next()) {
      if (next === "broken") {
        this.#end("the length of a message is 0 or too large");
        return;
      }
      const answer = await this.#answer(next);
      if (this.#ended.signal.aborted) return;
      this.#options.pipe.send(answer);
    }
    this.#isBusy = false;
    this.#options.pipe.resume();
  }

  /** Never rejects: what fails is answered as a failure, which is all that the protocol has. */
  async #answer(message: Uint8Array): Promise<Uint8Array> {
    const request = decodeAgentRequest(message);
    zeroBytes(message);
    try {
      if (request.ok) return await this.#perform(request.value);
      return this.#refuse(request.error.message);
    } catch (error) {
      return this.#refuse(error instanceof Error ? error.message : String(error));
    } finally {
      if (request.ok) clear(request.value);
    }
  }

  async #perform(request: AgentRequest): Promise<Uint8Array> {
    const { keys, lock } = this.#options;
    switch (request.kind) {
      case "identities":
        return encodeIdentities(lock.isLocked ? [] : await keys.identities(this.#ended.signal));
      case "sign":
        return lock.isLocked ? this.#refuse("the agent is locked") : this.#sign(request);
      case "lock":
        if (!lock.lock(request.passphrase)) return this.#refuse("the agent is locked already");
        keys.lock?.();
        return encodeAgentSuccess();
      case "unlock":
        if (await lock.unlock(request.passphrase, this.#ended.signal)) return encodeAgentSuccess();
        return this.#refuse("the agent stays locked: the passphrase is another one, or it was not locked");
      case "extension":
        if (request.name === "query") return encodeExtensionNames(extensions);
        // OpenSSH asks with this one first, and goes on without it.
        return encodeAgentFailure();
      case "unsupported":
        return this.#refuse("keys cannot be added or removed: they are on the cards");
    }
  }

  async #sign({ data, flags, key }: Extract<AgentRequest, { kind: "sign" }>): Promise<Uint8Array> {
    const { keys } = this.#options;
    const identity = await keys.find(key, this.#ended.signal);
    if (identity === undefined) return this.#refuse("the key is on no card that is there");
    const algorithm = sshSignatureAlgorithm(identity.key, flags);
    const signature = await keys.sign({ identity, algorithm, data }, this.#ended.signal);
    return encodeSignResponse(encodeSshSignature(identity.key, algorithm.name, signature));
  }

  #refuse(reason: string): Uint8Array {
    this.#options.refused(reason);
    return encodeAgentFailure();
  }

  #end(reason: string): void {
    this.closed();
    this.#options.pipe.close(reason);
  }
}

/** Overwrites what a person typed, and what was signed. */
function clear(request: AgentRequest): void {
  if (request.kind === "lock" || request.kind === "unlock") zeroBytes(request.passphrase);
  if (request.kind === "sign") zeroBytes(request.data);
}
